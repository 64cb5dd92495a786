use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

/// Characters kept of a service's words.
const MAX_WORDS: usize = 300;

/// What a token service gave.
pub struct Tokens {
    /// The access token.
    pub access: SecretString,
    /// How long it is good for, from when it was asked for.
    pub lifetime: Duration,
    /// The refresh token that is good from now on, if another one than before.
    pub refresh: Option<SecretString>,
}

/// A number of seconds, which some services write as a string.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Seconds {
    Number(u64),
    Text(String),
}

impl Seconds {
    pub(super) fn value(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// What a service says, for people and logs.
pub(super) fn words(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect()
}

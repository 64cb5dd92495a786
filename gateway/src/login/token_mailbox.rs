use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::config::{ConfigError, OAuthConfig};
use crate::line::error::UpstreamError;
use crate::oauth::TokenSource;

/// A mailbox to which the gateway itself signs in with access tokens.
#[derive(Debug)]
pub struct TokenMailbox {
    pub(super) address: String,
    pub(super) source: TokenSource,
    /// Whether somebody renews the token of the open account.
    pub(super) kept: AtomicBool,
    /// A fresh token was refused, and until when that is the answer.
    pub(super) refused: Mutex<Option<(UpstreamError, Instant)>>,
}

impl TokenMailbox {
    /// The mailbox of `address` with tokens as configured at `key`. Nothing is asked yet.
    ///
    /// # Errors
    /// As [`TokenSource::new`].
    pub fn new(key: &str, address: &str, config: &OAuthConfig) -> Result<Self, ConfigError> {
        let source = TokenSource::new(&format!("{key}.oauth"), config)?;
        Ok(Self { address: address.to_owned(), source, kept: AtomicBool::new(false), refused: Mutex::default() })
    }

    /// Where the tokens come from.
    pub fn source(&self) -> &TokenSource {
        &self.source
    }
}

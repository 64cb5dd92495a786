use std::time::Duration;

use mail_core::{Accepts, sasl};

use crate::frame::FrameLimits;

/// How a session behaves.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Whether STARTTLS is possible.
    pub starttls: bool,
    /// Whether passwords are accepted on a connection that is not encrypted.
    pub allow_plaintext_auth: bool,
    /// Whether AUTHENTICATE takes LOGIN, too, which is no standard.
    pub auth_login: bool,
    /// What users can log in with.
    pub accepts: Accepts,
    /// What ID answers: names and values (RFC 2971).
    pub identity: Vec<(String, String)>,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a client may take to log in.
    pub login_timeout: Duration,
    /// How long a client that logged in may say nothing; RFC 9051 5.4 asks for at least 30 minutes.
    pub idle_timeout: Duration,
    /// How often something is said to a client in IDLE, so that routers on the way keep the connection.
    pub keepalive: Duration,
    /// How often something is said to a client that waits for a command to be done, so that it does not give up.
    pub patience: Duration,
    /// How many commands may be malformed, with none that succeeds between them, before the connection ends; before
    /// login, how many in all.
    pub max_bad_commands: u32,
    /// How many logins may fail before the connection ends.
    pub max_login_failures: u32,
    /// How long the answer to a failed login is held back.
    pub login_failure_delay: Duration,
    /// How many keys a SEARCH may have.
    pub search_keys: usize,
    /// Sizes before login.
    pub before_login: FrameLimits,
    /// Sizes after login.
    pub after_login: FrameLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            login_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30 * 60),
            keepalive: Duration::from_secs(4 * 60),
            patience: Duration::from_secs(15),
            max_bad_commands: 20,
            max_login_failures: 3,
            login_failure_delay: Duration::from_secs(1),
            search_keys: 1000,
            before_login: FrameLimits {
                line: sasl::MAX_RESPONSE,
                literals: 8 << 10,
                append: 8 << 10,
                discard: 64 << 10,
            },
            after_login: FrameLimits { line: 64 << 10, literals: 64 << 10, append: 35 << 20, discard: 1 << 20 },
        }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            starttls: false,
            allow_plaintext_auth: false,
            auth_login: false,
            accepts: Accepts::default(),
            identity: vec![("name".to_owned(), env!("CARGO_PKG_NAME").to_owned())],
            limits: Limits::default(),
        }
    }
}

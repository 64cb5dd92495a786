use secrecy::SecretString;

/// Who wants to log in.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The login name as the client sent it.
    pub user: String,
    /// What proves it.
    pub secret: Secret,
}

/// What proves who somebody is. `Debug` shows nothing of it.
#[derive(Debug, Clone)]
pub enum Secret {
    /// A password (LOGIN, PLAIN).
    Password(SecretString),
    /// An OAuth 2.0 bearer token (XOAUTH2, OAUTHBEARER; RFC 6750).
    Bearer(SecretString),
}

/// What users can log in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepts {
    /// Passwords.
    pub passwords: bool,
    /// OAuth 2.0 bearer tokens.
    pub tokens: bool,
}

impl Default for Accepts {
    /// Passwords only.
    fn default() -> Self {
        Self { passwords: true, tokens: false }
    }
}

use std::time::Duration;

/// What a session offers, demands and bounds.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The server's name in the greeting and in the answer to EHLO.
    pub hostname: String,
    /// Whether STARTTLS is offered on unencrypted connections.
    pub starttls: bool,
    /// Whether passwords are taken over unencrypted connections. Anybody on the way can read them.
    pub allow_plaintext_auth: bool,
    /// The largest message in bytes.
    pub max_message: usize,
    /// The most recipients of a message.
    pub max_recipients: usize,
    /// After this many refused commands the connection is closed.
    pub max_errors: u32,
    /// After this many failed logins the connection is closed.
    pub max_auth_failures: u32,
    /// How long a client may take until it is logged in, not counting what the backend takes.
    pub login_time: Duration,
    /// How long a client may be silent.
    pub idle_time: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            starttls: false,
            allow_plaintext_auth: false,
            max_message: 50 * 1024 * 1024,
            max_recipients: 500,
            max_errors: 10,
            max_auth_failures: 3,
            login_time: Duration::from_secs(30),
            // RFC 5321 4.5.3.2.7.
            idle_time: Duration::from_secs(300),
        }
    }
}

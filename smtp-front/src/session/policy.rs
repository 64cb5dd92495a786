use std::time::Duration;

use mail_core::sasl::Mechanism;

/// Whether clients must log in before they submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// They must.
    Required,
    /// The backend may let them in without ([`crate::submit::Submit::guest`]).
    Optional,
}

/// What a session offers, demands and bounds.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The server's name in the greeting and in the answer to EHLO.
    pub hostname: String,
    /// Whether STARTTLS is offered on unencrypted connections.
    pub starttls: bool,
    /// Whether passwords are taken over unencrypted connections. Anybody on the way can read them.
    pub allow_plaintext_auth: bool,
    /// Whether clients must log in.
    pub authentication: Authentication,
    /// How they can.
    pub mechanisms: Vec<Mechanism>,
    /// Whether addresses outside ASCII are taken (RFC 6531).
    pub smtputf8: bool,
    /// The largest message in bytes.
    pub max_message: usize,
    /// The most recipients of a message.
    pub max_recipients: usize,
    /// The most MAIL commands of a connection.
    pub max_transactions: u32,
    /// After this many refused commands the connection is closed.
    pub max_errors: u32,
    /// After this many failed logins the connection is closed.
    pub max_auth_failures: u32,
    /// How long a client may take until it is let in, not counting what the backend takes.
    pub login_time: Duration,
    /// How long the answer to a failed login is held back, so that guessing takes time.
    pub login_failure_delay: Duration,
    /// How long a client may be silent.
    pub idle_time: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            starttls: false,
            allow_plaintext_auth: false,
            authentication: Authentication::Required,
            mechanisms: vec![Mechanism::Plain, Mechanism::Login],
            smtputf8: true,
            max_message: 50 * 1024 * 1024,
            max_recipients: 500,
            max_transactions: 1000,
            max_errors: 10,
            max_auth_failures: 3,
            login_time: Duration::from_secs(30),
            login_failure_delay: Duration::from_secs(1),
            // RFC 5321 4.5.3.2.7.
            idle_time: Duration::from_secs(300),
        }
    }
}

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;

use super::SubmitError;

/// Who wants to log in.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The login name as the client sent it.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The client's address.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
}

/// A mailbox address `local@domain` without angle brackets, checked against RFC 5321 4.1.2.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// Wraps an address that the command parser has checked.
    pub fn new_checked(address: String) -> Self {
        Self(address)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The envelope of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// MAIL FROM; `None` is the null sender `<>`.
    pub sender: Option<Address>,
    /// RCPT TO, in order, at least one.
    pub recipients: Vec<Address>,
}

/// A backend that takes messages from many users.
#[async_trait]
pub trait Submit: Send + Sync + 'static {
    /// Logs a user in.
    ///
    /// # Errors
    /// [`SubmitError::AuthenticationFailed`], [`SubmitError::Unavailable`].
    async fn login(&self, credentials: Credentials, peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError>;
}

/// A logged-in user who sends.
#[async_trait]
pub trait Submitter: Send + Sync + 'static {
    /// Sends a message (lines end with CRLF, dot-stuffing undone). Returns only when the upstream has taken it.
    async fn submit(&self, envelope: Envelope, message: Bytes) -> Result<(), SubmitError>;
}

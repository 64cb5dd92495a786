use std::fmt;

use secrecy::SecretString;

/// The connection that is being authenticated.
#[derive(Debug, Clone, Copy)]
pub struct AuthChannel<'a> {
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// DER of the server's certificate, of which schemes derive the `tls-server-end-point` binding (RFC 5929 4.1). `None`
    /// on plain connections.
    pub server_certificate: Option<&'a [u8]>,
}

/// What is to be done next.
#[derive(Debug)]
pub enum AuthStep {
    /// Send the request with this value of the Authorization header.
    Send(SecretString),
    /// Send the request as it is: the connection is authenticated.
    Done,
    /// The credentials cannot be used, or were refused.
    Failed(AuthError),
}

/// Why authentication ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthError {
    /// The server refused the credentials.
    Refused,
    /// The scheme does not go over an unencrypted connection.
    PlainHttp,
    /// The server offers other schemes; its WWW-Authenticate values.
    NotOffered(Vec<String>),
}

/// The state of a scheme on one connection.
///
/// A request calls [`AuthScheme::start`]; every 401 that follows on the same connection calls [`AuthScheme::step`], and the
/// request is sent again as long as that says so.
pub trait AuthScheme: Send {
    /// Before a request goes out.
    fn start(&mut self, channel: AuthChannel<'_>) -> AuthStep;

    /// After a 401 with the WWW-Authenticate values `challenges`.
    fn step(&mut self, challenges: &[String], channel: AuthChannel<'_>) -> AuthStep;
}

/// An identity that can authenticate connections.
pub trait Credentials: Send + Sync + fmt::Debug {
    /// The scheme for a new connection.
    fn scheme(&self) -> Box<dyn AuthScheme>;
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => write!(f, "the server refused the credentials"),
            Self::PlainHttp => write!(f, "the credentials must not go over plain HTTP"),
            Self::NotOffered(offered) => write!(f, "the server offers other schemes only: {}", offered.join(", ")),
        }
    }
}

impl std::error::Error for AuthError {}

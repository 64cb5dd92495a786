use std::fmt;
use std::time::SystemTime;

use futures::future::BoxFuture;
use secrecy::SecretString;

use super::kerberos::Refusal;

/// The connection that is being authenticated.
#[derive(Debug, Clone, Copy)]
pub struct AuthChannel<'a> {
    /// Host name or address, as in the URL: what a service principal name is made of.
    pub host: &'a str,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// DER of the server's certificate, of which schemes derive the `tls-server-end-point` binding (RFC 5929 4.1). `None`
    /// on plain connections.
    pub server_certificate: Option<&'a [u8]>,
    /// The time.
    pub now: SystemTime,
}

/// What is to be done next.
#[derive(Debug)]
pub enum AuthStep {
    /// Send the request with this value of the Authorization header.
    Send(SecretString),
    /// Send the request with an empty body, and with this value of the Authorization header if there is one: the server
    /// cannot serve it yet, only tell how to go on. Nothing runs twice that way, and no large body travels in vain.
    Ask(Option<SecretString>),
    /// Send the request as it is: the connection is authenticated.
    Done,
    /// Something must be fetched from elsewhere before the request can go out: [`AuthScheme::fetch`] does that, and says what
    /// is to be done then.
    Fetch,
    /// The server forgot who speaks on this connection: begin anew on another one.
    Reconnect,
    /// The credentials cannot be used, or were refused.
    Failed(AuthError),
}

/// Why authentication ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthError {
    /// The server refused the credentials.
    Refused,
    /// The server refused the access token; what it says about it.
    TokenRefused(String),
    /// The server refused credentials that were bound to its TLS certificate; the SHA-256 fingerprint of the latter. The
    /// password may be wrong, or the certificate another than the one that the server knows as its own.
    RefusedWithBinding(String),
    /// The KDC refused the user.
    RefusedByKdc(Refusal),
    /// There is no Kerberos ticket, and why.
    NoTicket(String),
    /// The scheme does not go over an unencrypted connection.
    PlainHttp,
    /// The server offers other schemes; its WWW-Authenticate values.
    NotOffered(Vec<String>),
    /// The server's part of the exchange cannot be understood.
    Malformed(String),
    /// The server, or a proxy before it, closes the connection in the middle of an exchange that binds to it.
    ConnectionClosed,
}

impl AuthError {
    /// Whether the server said no to the user, in contrast to an exchange that could not take place.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused | Self::TokenRefused(_) | Self::RefusedWithBinding(_) | Self::RefusedByKdc(_))
    }
}

/// The state of a scheme on one connection.
///
/// A request calls [`AuthScheme::start`]; every 401 that follows on the same connection calls [`AuthScheme::step`], and the
/// request is sent again as long as that says so; any other answer to it calls [`AuthScheme::served`]. Calling
/// [`AuthScheme::start`] again says that the request before it was served.
pub trait AuthScheme: Send {
    /// Before a request goes out.
    fn start(&mut self, channel: AuthChannel<'_>) -> AuthStep;

    /// After a 401 with the WWW-Authenticate values `challenges`.
    fn step(&mut self, challenges: &[String], channel: AuthChannel<'_>) -> AuthStep;

    /// After [`AuthStep::Fetch`]: fetches what is needed, within bounds of size and time. Says what is to be done next, never
    /// again [`AuthStep::Fetch`]. Only schemes that ask for it need this.
    fn fetch<'a>(&'a mut self, channel: AuthChannel<'a>) -> BoxFuture<'a, AuthStep> {
        let _ = channel;
        let nothing = AuthError::Malformed("nothing is to be fetched".to_owned());
        Box::pin(std::future::ready(AuthStep::Failed(nothing)))
    }

    /// After an answer that is no 401, with its WWW-Authenticate values `answers`: with mutual authentication the server's
    /// proof is among them.
    ///
    /// # Errors
    /// The server's proof is wrong or missing: its answer must not be believed.
    fn served(&mut self, answers: &[String], channel: AuthChannel<'_>) -> Result<(), AuthError> {
        let _ = (answers, channel);
        Ok(())
    }
}

/// An identity that can authenticate connections.
pub trait Credentials: Send + Sync + fmt::Debug {
    /// The scheme for a new connection.
    fn scheme(&self) -> Box<dyn AuthScheme>;

    /// For people: which schemes signed in at which host, and why stronger ones did not. Nothing secret.
    fn choices(&self) -> Vec<String> {
        Vec::new()
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => write!(f, "the server refused the credentials"),
            Self::TokenRefused(reason) => write!(f, "the server refused the access token ({reason})"),
            Self::RefusedWithBinding(fingerprint) => write!(
                f,
                "the server refused the credentials, which were bound to the TLS certificate with SHA-256 fingerprint \
                 {fingerprint}. If the password is right, compare this fingerprint with the certificate of Exchange: where \
                 they differ, TLS ends at a proxy, and Extended Protection refuses that. Let the proxy pass TLS through, \
                 give both the same certificate, or name Exchange itself in the gateway's upstream URLs"
            ),
            Self::RefusedByKdc(refusal) => write!(f, "the KDC refuses the user: {refusal}"),
            Self::NoTicket(why) => write!(f, "no Kerberos ticket: {why}"),
            Self::PlainHttp => write!(f, "the credentials must not go over plain HTTP"),
            Self::NotOffered(offered) if offered.is_empty() => {
                write!(f, "the server asks for authentication and offers no scheme")
            }
            Self::NotOffered(offered) => write!(f, "the server offers other schemes only: {}", offered.join(", ")),
            Self::Malformed(why) => write!(f, "the server's part of the authentication cannot be used: {why}"),
            Self::ConnectionClosed => write!(
                f,
                "the connection is closed in the middle of the authentication: NTLM and Negotiate need connections that \
                 stay open, also through proxies"
            ),
        }
    }
}

impl std::error::Error for AuthError {}

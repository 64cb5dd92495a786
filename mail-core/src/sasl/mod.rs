//! SASL (RFC 4422) as IMAP (RFC 9051 6.2.2) and SMTP (RFC 4954) speak it: lines in base64 go in, and out come challenges
//! and at last the [`Credentials`](crate::Credentials) that somebody has to check. Nothing here knows a protocol's words.

mod error;
mod exchange;
mod mechanism;
mod message;

pub use error::SaslError;
pub use exchange::{Exchange, MAX_RESPONSE, Step};
pub use mechanism::Mechanism;

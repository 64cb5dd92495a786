//! Kerberos 5 (RFC 4120) as far as a client of HTTP services needs it: tickets by password or key, and the tokens that show
//! them to a service (RFC 4121).
//!
//! Bytes, the time and randomness go in, bytes come out. Keys are zeroized when dropped and never shown by `Debug`.
//! Encryption types are aes128-cts-hmac-sha1-96 and aes256-cts-hmac-sha1-96 (RFC 3962); DES and RC4 are not spoken.

mod ap;
mod asn1;
mod credential_cache;
mod crypto;
mod error;
mod kdc;
mod kdc_error;
mod keytab;
mod principal;
mod service;
mod ticket;
mod time;
mod token;

pub use ap::{Accepted, ApOptions, Proof, prove};
pub use credential_cache::CredentialCache;
pub use crypto::{CryptoError, EncryptionType, Key, Usage};
pub use error::{KerberosError, Refusal};
pub use kdc::{InitialExchange, Progress, Secret, ServiceExchange};
pub use kdc_error::{KdcError, error_code};
pub use keytab::Keytab;
pub use principal::{NameType, Principal};
pub use service::{ServiceRefusal, accept};
pub use ticket::Ticket;
pub use token::{Token, TokenKind};

/// Largest message of a KDC that is read, in bytes. Tickets of users in many groups are large; Windows stops at 48,000.
pub const MAX_MESSAGE: usize = 128 * 1024;

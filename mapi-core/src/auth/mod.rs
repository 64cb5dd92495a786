//! HTTP authentication: a trait into which schemes of several steps that are bound to their connection fit, Basic, Bearer,
//! NTLM (plain and inside Negotiate), Kerberos, and the choice between them.
//!
//! Secrets are zeroized when dropped and never shown by `Debug`.

mod basic;
mod bearer;
mod challenge;
mod channel_binding;
mod der;
mod integrated;
pub mod kerberos;
mod kerberos_scheme;
pub mod ntlm;
mod password;
mod scheme;
mod sign_in_name;
pub mod spnego;

pub use basic::BasicCredentials;
pub use bearer::BearerCredentials;
pub use channel_binding::{hash_of_bindings, tls_server_end_point};
pub use kerberos_scheme::{KerberosCredentials, TicketSource};
pub use password::{PasswordCredentials, PasswordMethod};
pub use scheme::{AuthChannel, AuthError, AuthScheme, AuthStep, Credentials};
pub use sign_in_name::SignInName;

/// Whether something may go over plain HTTP, unencrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// https only.
    #[default]
    Refuse,
    /// Also http. For laboratories and loopback.
    Allow,
}

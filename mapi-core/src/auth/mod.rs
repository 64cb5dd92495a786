//! HTTP authentication: a trait into which schemes of several steps that are bound to their connection fit, and Basic.
//!
//! Secrets are zeroized when dropped and never shown by `Debug`.

mod basic;
mod scheme;

pub use basic::BasicCredentials;
pub use scheme::{AuthChannel, AuthError, AuthScheme, AuthStep, Credentials};

/// Whether something may go over plain HTTP, unencrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// https only.
    #[default]
    Refuse,
    /// Also http. For laboratories and loopback.
    Allow,
}

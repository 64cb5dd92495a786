//! Access tokens that the gateway gets for itself (OAuth 2.0): by client credentials or a refresh token, whose first one comes
//! from a device code.
//!
//! # Rules
//! * Secrets go to the configured URLs only; redirects are not followed.
//! * Access tokens are kept in memory only, refresh tokens in a file that nobody else can read.
//! * Nothing secret is in an error or a log line. An error says what the administrator has to do.

mod answer;
mod device_code;
mod endpoint;
mod error;
mod form;
mod refresh_file;
mod source;

pub use answer::Tokens;
pub use device_code::{DeviceCode, Poll};
pub use endpoint::{Grant, TokenEndpoint};
pub use error::OAuthError;
pub use refresh_file::RefreshFile;
pub use source::TokenSource;

//! The bridge: the accounts as the store that the IMAP server serves and as the backend that the SMTP server submits to.

mod error;
mod imap;
mod log;
mod smtp;

pub use imap::ImapBridge;
pub use smtp::SmtpBridge;

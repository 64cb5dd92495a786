//! MAPI/HTTP, the protocol Outlook speaks to Exchange: wire codec in both directions, remote operations (ROPs),
//! FastTransfer/ICS streams, the HTTP envelope, sessions, and a typed mailbox client.
//!
//! Everything but the shells around sockets (`client`, `mailbox`) does no input or output and reads no clock. This crate
//! knows no IMAP and no SMTP, keeps no files and reads no configuration.

pub mod auth;
pub mod autodiscover;
pub mod client;
mod error_code;
pub mod fasttransfer;
pub mod http;
pub mod id;
pub mod mailbox;
pub mod message;
pub mod nspi;
pub mod property;
pub mod rop;
pub mod rtf;
pub mod session;
pub mod wire;

pub use error_code::ErrorCode;

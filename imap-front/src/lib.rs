//! An IMAP server that serves a [`store::MailStore`]: framing, grammar, the session state machine, message sections.
//!
//! Everything but `server` does no input or output and reads no clock. This crate knows nothing of where mail lives.

pub mod store;

//! An IMAP server that serves a [`store::MailStore`]: framing, grammar, the session state machine, message sections.
//!
//! Bytes become commands in [`frame`] and [`proto`], [`session`] decides what to do about them, [`message`] knows what
//! FETCH shows of a message, and [`server`] does the input and output. Everything but `server` does no input or output
//! and reads no clock. This crate knows nothing of where mail lives.

pub mod frame;
pub mod message;
pub mod proto;
pub mod server;
pub mod session;
pub mod store;

//! An SMTP submission server (RFC 6409) that serves a [`submit::Submit`]: framing, commands, DATA and BDAT, policy.
//!
//! Everything but [`server`] reads no clock and does no input or output, except that a [`mail_core::spool::SpooledMessage`] reads the
//! spool file in which it lies. This crate knows nothing of where mail goes:
//! it relays nothing, looks nothing up, keeps no queue, and answers `250` to a message only after the backend has
//! taken it.

pub mod command;
pub mod data;
pub mod rate;
pub mod server;
pub mod session;
pub mod submit;

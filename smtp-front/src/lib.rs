//! An SMTP submission server (RFC 6409) that serves a [`submit::Submit`]: framing, commands, DATA and BDAT, policy.
//!
//! Everything but [`server`] does no input or output and reads no clock. This crate knows nothing of where mail goes:
//! it relays nothing, looks nothing up, keeps no queue, and answers `250` to a message only after the backend has
//! taken it.

pub mod command;
pub mod data;
pub mod network;
pub mod proxy;
pub mod rate;
pub mod server;
pub mod session;
pub mod submit;

//! An SMTP submission server (RFC 6409) that serves a [`submit::Submit`]: framing, commands, DATA, policy.
//!
//! Everything but `server` does no input or output and reads no clock. This crate knows nothing of where mail goes.

pub mod submit;

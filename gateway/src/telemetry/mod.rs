//! Structured logs. Passwords and message content are never logged, at any level.

mod log;
mod recent;

pub use log::{Logging, filter, init};
pub use recent::{Incident, Recent};

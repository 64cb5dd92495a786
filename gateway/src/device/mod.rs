//! Devices: scanners, printers and jobs that submit through a mailbox without knowing its password.
//!
//! # Rules
//! * Without a login nobody submits but from a device's networks, and never other than as its mailbox.
//! * The gateway does not start with networks so wide, or so placed, that strangers could be in them (`guard`).
//! * A device's passwords are read from files or the environment at the start, the mailbox's again when its file has changed,
//!   and never shown.

mod guard;
mod header;
mod password;
mod profile;
mod registry;
mod route;

pub use guard::problems;
pub use header::{HeaderRule, complete};
pub use password::DevicePassword;
pub use profile::{Device, Proof, Sent};
pub use registry::Devices;
pub use route::default_gateways;

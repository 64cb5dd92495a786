//! Messages on their way in: small ones in memory, large ones in files without a name.

mod config;
mod incoming;
mod message;

pub use self::config::SpoolConfig;
pub use self::incoming::{Disk, Spool};
pub use self::message::{SpooledMessage, SpooledReader};

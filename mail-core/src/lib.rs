//! The Internet side of mail, as `mapi-core` is the Exchange side: what both servers and the gateway share.
//!
//! Flags, keywords and snapshots are what a folder shows; credentials and peers are who asks. This crate knows neither of
//! the commands of a protocol nor of where mail lives.

mod credentials;
mod flag;
mod flag_change;
mod folder;
mod keyword;
mod peer;
mod snapshot;

pub use credentials::{Accepts, Credentials, Secret};
pub use flag::FlagSet;
pub use flag_change::{FlagChange, FlagChangeMode};
pub use folder::{FolderEntry, FolderKey, FolderStatus, SpecialUse, StatusItems};
pub use keyword::Keywords;
pub use peer::Peer;
pub use snapshot::{Change, Changes, MessageCounts, MessageRow, Row, Rows, Snapshot};

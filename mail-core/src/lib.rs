//! The Internet side of mail, as `mapi-core` is the Exchange side: what both servers and the gateway share.
//!
//! [`message`] reads messages. Flags, keywords and snapshots are what a folder shows; credentials and peers are who asks, and [`sasl`] is how they say
//! so. [`listener`] holds what everything that listens needs, [`work`] what bounds it. This crate knows neither of the commands of a protocol nor of
//! where mail lives.

mod content_key;
mod credentials;
mod expunged;
mod feed;
mod fetched;
mod flag;
mod flag_change;
mod folder;
mod keyword;
pub mod listener;
pub mod message;
mod metadata;
mod peer;
mod quota;
mod recent;
pub mod sasl;
mod snapshot;
pub mod spool;
mod stored;
pub mod utf7;
pub mod work;

pub use content_key::{AddressField, ContentKey, Sifted};
pub use credentials::{Accepts, Credentials, Secret};
pub use expunged::Expunged;
pub use feed::{ChangeFeed, ChangeWatch, StoreChanges};
pub use fetched::{FetchNeed, FetchedContent, FetchedMessage};
pub use flag::FlagSet;
pub use flag_change::{FlagChange, FlagChangeMode};
pub use folder::{FolderEntry, FolderKey, FolderList, FolderStatus, SpecialUse, StatusItems};
pub use keyword::Keywords;
pub use metadata::Metadata;
pub use peer::Peer;
pub use quota::Quota;
pub use recent::RecentMark;
pub use snapshot::{Change, Changes, MessageCounts, MessageRow, Row, Rows, Snapshot};
pub use stored::{AppendUid, CopyUid, NewMessage};

//! What the IMAP server serves: the traits a mail store implements, and the values that cross them.

mod error;
mod flags;
mod folder;
mod snapshot;
mod traits;
mod write;

pub use error::StoreError;
pub use flags::{FlagSet, Keywords};
pub use folder::{FolderEntry, FolderId, FolderStatus, SpecialUse, StatusItems};
pub use snapshot::{MessageRow, Snapshot};
pub use traits::{
    Accepts, Credentials, FetchNeed, FetchedMessage, FlagChange, FlagChangeMode, FolderStore, MailStore, Peer, Secret,
    UserStore,
};
pub use write::{AppendUid, CopyUid, NewMessage};

//! What the IMAP server serves: the traits a mail store implements, and the values that cross them.

mod error;
mod traits;
mod write;

pub use error::StoreError;
pub use traits::{FetchNeed, FetchedMessage, FolderStore, MailStore, UserStore};
pub use write::{AppendUid, CopyUid, NewMessage};

//! What the IMAP server serves: the traits a mail store implements, and the values that cross them.

mod error;
mod traits;

pub use error::StoreError;
pub use traits::{FolderStore, MailStore, UserStore};

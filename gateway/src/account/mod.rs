//! Accounts: one mailbox owner each, shared by all of that user's connections. An account owns the upstream session,
//! the ledger of the mailbox, the folder tree and the opened folders.

mod addresses;
mod append;
mod background;
mod blind_copies;
mod cache;
mod connect;
mod context;
mod copy;
mod credential;
mod directory;
mod discovered;
mod epochs;
mod error;
mod events;
mod fixed;
mod folder;
mod folders;
mod guard;
mod login_name;
mod mark;
mod pool;
mod registry;
mod sent_copy;
mod submit;
mod sweep;
mod tree;
mod unchecked;
mod upstream;

use std::sync::{Arc, Mutex, PoisonError};

use imap_front::store::FolderId as FrontFolderId;
use mapi_core::id::Gid;

pub use cache::RenderingCache;
pub(crate) use connect::Target;
pub use connect::{Connector, Login, TicketFile, UpstreamSettings};
pub use context::AccountContext;
pub(crate) use context::RENDER_DOMAIN;
pub use error::UpstreamError;
pub use fixed::TokenMailbox;
pub use folder::{FetchedItem, Folder};
pub use registry::Accounts;
pub use submit::Sending;
pub use tree::FolderTree;

/// A user's mailbox with everything that is shared between the connections of that user.
pub struct Account {
    context: Arc<AccountContext>,
    folders: Mutex<std::collections::HashMap<Gid, Folder>>,
    tree: tree::TreeCache,
    directory: directory::Directory,
    submissions: sent_copy::Submissions,
    /// Goes away with the account, which ends the task that listens for its notifications.
    _open: tokio::sync::watch::Sender<()>,
}

impl Account {
    /// What its parts share.
    pub fn context(&self) -> &Arc<AccountContext> {
        &self.context
    }

    /// The folder tree; asked for anew if a notification said that it changed. Its counts may be old.
    pub async fn tree(&self) -> Result<Arc<FolderTree>, UpstreamError> {
        self.tree.get(&self.context, false).await
    }

    /// The folder tree with the counts as they are now.
    pub async fn tree_with_counts(&self) -> Result<Arc<FolderTree>, UpstreamError> {
        self.tree.get(&self.context, true).await
    }

    /// Opens a folder, or returns it if it is open.
    ///
    /// # Errors
    /// [`UpstreamError::Refused`] with ecNotFound if there is none, and whatever keeps its first round from succeeding.
    pub async fn folder(&self, id: &FrontFolderId) -> Result<Folder, UpstreamError> {
        let gid = Gid::from_slice(&id.0).ok_or_else(not_found)?;
        if let Some(folder) = self.open_folder(&gid) {
            folder.refresh().await?;
            return Ok(folder);
        }
        let tree = self.tree().await?;
        let node = tree.get(&gid).ok_or_else(not_found)?;
        let folder = Folder::open(Arc::clone(&self.context), gid, node.read_only).await?;
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        // Two sessions may have opened it at the same time: the first one's task stays, the other ends with its handle.
        let kept = folders.entry(gid).and_modify(|known| {
            if !known.is_alive() {
                *known = folder.clone();
            }
        });
        Ok(kept.or_insert(folder).clone())
    }

    /// Makes known what an operation did to a folder. One that is not open is opened, which shows it, too.
    async fn settle(&self, id: &FrontFolderId, settling: folder::Settling) -> Result<folder::Settled, UpstreamError> {
        let open = Gid::from_slice(&id.0).and_then(|gid| self.open_folder(&gid));
        let folder = match open {
            Some(folder) => folder,
            None => self.folder(id).await?,
        };
        folder.settle(settling).await
    }

    /// The folder, if it is open.
    pub fn open_folder(&self, gid: &Gid) -> Option<Folder> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.get(gid).filter(|folder| folder.is_alive()).cloned()
    }

    /// All open folders.
    fn open_folders(&self) -> Vec<Folder> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.values().cloned().collect()
    }
}

fn not_found() -> UpstreamError {
    UpstreamError::Refused { operation: "RopOpenFolder".into(), code: mapi_core::ErrorCode::NOT_FOUND }
}

/// Runs blocking work (the ledger's, conversions) off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, UpstreamError> {
    let ended = |error| UpstreamError::Internal(format!("a blocking task ended: {error}"));
    tokio::task::spawn_blocking(work).await.map_err(ended)
}

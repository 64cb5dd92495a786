//! Accounts: one mailbox owner each, shared by all of that user's connections. An account owns the upstream session,
//! the ledger of the mailbox, the folder tree and the opened folders.

mod append;
pub(crate) mod background;
mod copy;
mod folders;
pub(crate) mod recipient_limit;
pub(crate) mod sending;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use mail_core::FolderKey;
use mapi_core::id::Gid;

use self::recipient_limit::RecipientLimit;
use self::sending::sent_copy::Submissions;
use crate::line::directory::Directory;
use crate::line::error::UpstreamError;
use crate::mailbox::context::AccountContext;
use crate::mailbox::folder::{Folder, Settled, Settling};
use crate::mailbox::tree::{FolderTree, TreeCache};

/// A folder that is open, or being opened: whoever needs it meanwhile waits for the same attempt.
pub(crate) type Opening = Shared<BoxFuture<'static, Result<Folder, UpstreamError>>>;

/// A user's mailbox with everything that is shared between the connections of that user.
pub struct Account {
    pub(crate) context: Arc<AccountContext>,
    pub(crate) folders: Mutex<HashMap<Gid, Opening>>,
    pub(crate) tree: TreeCache,
    pub(crate) directory: Directory,
    pub(crate) submissions: Submissions,
    pub(crate) recipient_limit: RecipientLimit,
    /// Goes away with the account, which ends the task that listens for its notifications.
    pub(crate) _open: tokio::sync::watch::Sender<()>,
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
    pub async fn folder(&self, id: &FolderKey) -> Result<Folder, UpstreamError> {
        let gid = Gid::from_slice(&id.0).ok_or_else(not_found)?;
        let (opening, is_new) = match self.opening(&gid) {
            Some(opening) => (opening, false),
            None => {
                let read_only = self.tree().await?.get(&gid).ok_or_else(not_found)?.read_only;
                let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
                match folders.get(&gid).filter(|opening| is_of_use(opening)) {
                    // Somebody was faster.
                    Some(opening) => (opening.clone(), false),
                    None => {
                        let opening = Folder::open(Arc::clone(&self.context), gid, read_only).boxed().shared();
                        folders.insert(gid, opening.clone());
                        (opening, true)
                    }
                }
            }
        };
        let opened = opening.await;
        if opened.is_err() {
            let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
            if folders.get(&gid).is_some_and(|opening| !is_of_use(opening)) {
                folders.remove(&gid);
            }
        }
        let folder = opened?;
        if !is_new {
            // Its first round may have begun before this was asked for.
            folder.refresh().await?;
        }
        Ok(folder)
    }

    /// Makes known what an operation did to a folder. One that is not open is opened, which shows it, too.
    pub(crate) async fn settle(&self, id: &FolderKey, settling: Settling) -> Result<Settled, UpstreamError> {
        let open = Gid::from_slice(&id.0).and_then(|gid| self.open_folder(&gid));
        let folder = match open {
            Some(folder) => folder,
            None => self.folder(id).await?,
        };
        folder.settle(settling).await
    }

    /// The folder, if it is open.
    pub fn open_folder(&self, gid: &Gid) -> Option<Folder> {
        opened(&self.opening(gid)?)
    }

    /// The folder, if it is open or being opened.
    fn opening(&self, gid: &Gid) -> Option<Opening> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.get(gid).filter(|opening| is_of_use(opening)).cloned()
    }

    /// All open folders.
    pub(crate) fn open_folders(&self) -> Vec<Folder> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.values().filter_map(opened).collect()
    }
}

/// A folder that is open and whose task runs.
fn opened(opening: &Opening) -> Option<Folder> {
    opening.peek()?.as_ref().ok().filter(|folder| folder.is_alive()).cloned()
}

/// Whether a folder is open, or is going to be as far as is known.
fn is_of_use(opening: &Opening) -> bool {
    opening.peek().is_none() || opened(opening).is_some()
}

pub(crate) fn not_found() -> UpstreamError {
    UpstreamError::Refused { operation: "RopOpenFolder".into(), code: mapi_core::ErrorCode::NOT_FOUND }
}

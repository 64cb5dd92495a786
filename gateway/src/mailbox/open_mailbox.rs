use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use mail_core::{ChangeFeed, ChangeWatch, FolderKey, FolderStatus, StatusItems, StoreChanges};
use mapi_core::id::Gid;
use tokio::sync::watch;

use super::context::MailboxContext;
use super::folder::{Folder, Settled, Settling};
use super::tree::{FolderTree, TreeCache};
use super::unopened;
use crate::convert::folders::FolderFilter;
use crate::line::error::UpstreamError;

/// A folder that is open, or being opened: whoever needs it meanwhile waits for the same attempt.
type Opening = Shared<BoxFuture<'static, Result<Folder, UpstreamError>>>;

/// A mailbox that was opened, shared by all connections to it: what notifications say of it, its folder tree and its open
/// folders.
pub struct OpenMailbox {
    context: Arc<MailboxContext>,
    folders: Mutex<HashMap<Gid, Opening>>,
    tree: TreeCache,
    /// What is told to those who watch the whole mailbox.
    feed: ChangeFeed,
    /// Goes away with the mailbox, which ends the tasks that wait for it.
    closing: watch::Sender<()>,
}

impl OpenMailbox {
    /// The mailbox that `context` leads to, with the folders that `filter` shows. Nothing is asked yet.
    pub(crate) fn new(context: MailboxContext, filter: FolderFilter) -> Self {
        let (context, tree, closing) = (Arc::new(context), TreeCache::new(filter), watch::Sender::new(()));
        Self { context, folders: Mutex::default(), tree, feed: ChangeFeed::default(), closing }
    }

    /// Fails (with the sender gone) once the mailbox is closed.
    pub(crate) fn watch_closing(&self) -> watch::Receiver<()> {
        self.closing.subscribe()
    }

    /// The folder tree as it was read last, however old.
    pub(crate) fn newest_tree(&self) -> Option<Arc<FolderTree>> {
        self.tree.newest()
    }

    /// Folders came, went or have other names: the tree is read anew when somebody asks for it.
    pub(crate) fn shape_changed(&self) {
        self.tree.shape_changed();
        self.feed.tell(&StoreChanges { names: true, ..StoreChanges::default() });
    }

    /// Anything may have changed.
    pub(crate) fn everything_changed(&self) {
        self.tree.shape_changed();
        self.open_folders().iter().for_each(Folder::changed);
        self.feed.tell(&StoreChanges { everything: true, ..StoreChanges::default() });
    }

    /// What changes in the whole mailbox from now on.
    pub(crate) fn watch_changes(&self) -> ChangeWatch {
        self.feed.watch()
    }

    /// Messages of these folders came, went or changed: folders have other counts.
    pub(crate) fn counts_changed(&self, folders: impl Iterator<Item = Gid>) {
        self.tree.counts_changed();
        if self.feed.is_watched() {
            let folders = folders.map(|gid| FolderKey(gid.to_bytes().to_vec())).collect();
            self.feed.tell(&StoreChanges { folders, ..StoreChanges::default() });
        }
    }

    /// The metadata of these folders, or of the server, may be other.
    pub(crate) fn metadata_changed(&self, folders: impl IntoIterator<Item = FolderKey>, server_metadata: bool) {
        if self.feed.is_watched() {
            let metadata = folders.into_iter().collect();
            self.feed.tell(&StoreChanges { metadata, server_metadata, ..StoreChanges::default() });
        }
    }

    /// What its parts share.
    pub fn context(&self) -> &Arc<MailboxContext> {
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

    /// The status of a folder without opening it: of HIGHESTMODSEQ and SIZE nothing is told. Nothing at all if there is no such
    /// folder, or if it has to be read for what is asked.
    ///
    /// The number of `\Recent` messages is a lower bound: of what the ledger has, messages count as there that went since. It is 0
    /// if the ledger can't be read, which is no reason to keep the others back.
    pub(crate) async fn status_unopened(
        &self,
        gid: &Gid,
        items: StatusItems,
    ) -> Result<Option<FolderStatus>, UpstreamError> {
        let tree = self.tree_with_counts().await?;
        let Some(node) = tree.get(gid) else { return Ok(None) };
        let mut status = node.counts;
        if items.recent && status.messages > 0 {
            match self.context.told(*gid).await {
                Ok(told) => status.recent = status.messages.saturating_sub(told),
                Err(error) => tracing::debug!(%error, folder = %gid, "what is recent could not be read"),
            }
        }
        if items.uid_next || items.uid_validity {
            let Some(numbers) = unopened::numbers(&self.context, *gid, node).await? else { return Ok(None) };
            (status.uid_validity, status.uid_next) = numbers;
        }
        Ok(Some(status))
    }

    /// Opens a folder, or returns it if it is open.
    ///
    /// # Errors
    /// [`UpstreamError::Refused`] with ecNotFound if there is none, and whatever keeps its first round from succeeding.
    pub async fn folder(&self, id: &FolderKey) -> Result<Folder, UpstreamError> {
        let gid = Gid::from_slice(&id.0).ok_or_else(UpstreamError::no_such_folder)?;
        let (opening, is_new) = match self.opening(&gid) {
            Some(opening) => (opening, false),
            None => {
                let read_only = self.tree().await?.get(&gid).ok_or_else(UpstreamError::no_such_folder)?.read_only;
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

    /// Sees to it that the ledger will find room for what an operation does to so many messages of a folder: with those that are
    /// there, if it is not open, since it is opened then.
    ///
    /// # Errors
    /// [`UpstreamError::Ledger`]; nothing is to be done.
    pub(crate) async fn reserve(&self, folder: &Gid, messages: usize) -> Result<(), UpstreamError> {
        let there = match self.open_folder(folder) {
            Some(_) => 0,
            None => self.newest_tree().and_then(|tree| Some(tree.get(folder)?.counts.messages)).unwrap_or(0),
        };
        let there = usize::try_from(there).unwrap_or(usize::MAX);
        self.context.reserve(messages.saturating_add(there)).await
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

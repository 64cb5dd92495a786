use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use imap_front::store::{FolderStore, MailStore, StoreError, UserStore};
use mail_core::work::Owner;
use mail_core::{
    Accepts, AppendUid, ChangeWatch, ContentKey, CopyUid, Credentials, Expunged, FetchNeed, FetchedMessage, FlagChange,
    FolderKey, FolderList, FolderStatus, Metadata, NewMessage, Peer, Quota, RecentMark, Secret, Sifted, Snapshot,
    StatusItems,
};
use mapi_core::id::Gid;
use tokio::sync::{mpsc, watch};

use super::error::login_failed;
use super::log;
use crate::account::Account;
use crate::line::error::UpstreamError;
use crate::login::accounts::Accounts;
use crate::mailbox::folder::{FetchedItem, Reader};

/// The accounts as an IMAP store.
pub struct ImapBridge {
    accounts: Arc<Accounts>,
}

impl ImapBridge {
    /// Serves `accounts`.
    pub fn new(accounts: Arc<Accounts>) -> Self {
        Self { accounts }
    }
}

#[async_trait]
impl MailStore for ImapBridge {
    async fn login(&self, credentials: Credentials, peer: Peer) -> Result<Arc<dyn UserStore>, StoreError> {
        let result = match &credentials.secret {
            Secret::Password(password) => self.accounts.login(&credentials.user, password, peer.address.ip()).await,
            Secret::Bearer(token) => self.accounts.login_with_token(&credentials.user, token).await,
        };
        log::login("imap", log::outcome(&result));
        match result {
            Ok(account) => Ok(Arc::new(UserBridge { account })),
            Err(error) => {
                log::failed_login(&credentials.user, peer, &error);
                Err(login_failed(error))
            }
        }
    }

    fn accepts(&self) -> Accepts {
        let (passwords, tokens) = self.accounts.accepts();
        Accepts { passwords, tokens }
    }
}

struct UserBridge {
    account: Arc<Account>,
}

impl Drop for FolderBridge {
    fn drop(&mut self) {
        self.reader.folder().unselect();
    }
}

impl Drop for UserBridge {
    fn drop(&mut self) {
        self.account.context().touch();
    }
}

#[async_trait]
impl UserStore for UserBridge {
    fn owner(&self) -> Owner {
        self.account.context().share().owner().clone()
    }

    fn signed_out(&self) -> Option<watch::Receiver<bool>> {
        Some(self.account.context().upstream.signed_out())
    }

    async fn folders(&self) -> Result<Arc<FolderList>, StoreError> {
        let tree = self.account.mailbox().tree().await.map_err(log::failed("list of folders"))?;
        Ok(Arc::clone(tree.list()))
    }

    async fn status(
        &self,
        folders: &[FolderKey],
        items: StatusItems,
    ) -> Result<Vec<Result<FolderStatus, StoreError>>, StoreError> {
        let mut out = Vec::with_capacity(folders.len());
        for folder in folders {
            out.push(self.folder_status(folder, items).await.map_err(log::failed("STATUS")));
        }
        Ok(out)
    }

    async fn open(&self, folder: &FolderKey) -> Result<Arc<dyn FolderStore>, StoreError> {
        let folder = self.account.mailbox().folder(folder).await.map_err(log::failed("SELECT"))?;
        folder.select();
        Ok(Arc::new(FolderBridge { account: Arc::clone(&self.account), reader: Reader::new(folder) }))
    }

    async fn append(&self, folder: &FolderKey, message: NewMessage) -> Result<Option<AppendUid>, StoreError> {
        self.account.append(folder, message).await.map_err(log::failed("APPEND"))
    }

    async fn create(&self, name: &str) -> Result<(), StoreError> {
        self.account.create_folder(name).await.map_err(log::failed("CREATE"))
    }

    async fn delete(&self, folder: &FolderKey) -> Result<(), StoreError> {
        self.account.delete_folder(folder).await.map_err(log::failed("DELETE"))
    }

    async fn rename(&self, folder: &FolderKey, name: &str) -> Result<(), StoreError> {
        self.account.rename_folder(folder, name).await.map_err(log::failed("RENAME"))
    }

    async fn subscribe(&self, name: &str, subscribed: bool) -> Result<(), StoreError> {
        let command = if subscribed { "SUBSCRIBE" } else { "UNSUBSCRIBE" };
        self.account.subscribe(name, subscribed).await.map_err(log::failed(command))
    }

    async fn metadata(&self, folder: Option<&FolderKey>) -> Result<Metadata, StoreError> {
        self.account.metadata(folder).await.map_err(log::failed("GETMETADATA"))
    }

    async fn set_metadata(
        &self,
        folder: Option<&FolderKey>,
        entries: Vec<(String, Option<Bytes>)>,
    ) -> Result<(), StoreError> {
        self.account.set_metadata(folder, entries).await.map_err(log::failed("SETMETADATA"))
    }

    fn changes(&self) -> Option<ChangeWatch> {
        Some(self.account.mailbox().watch_changes())
    }

    async fn quota(&self) -> Result<Option<Quota>, StoreError> {
        self.account.context().quota().await.map_err(log::failed("GETQUOTA"))
    }
}

impl UserBridge {
    /// What is told comes from the folder tree and the ledger unless the folder is open or something is asked that only a round
    /// tells.
    async fn folder_status(&self, id: &FolderKey, items: StatusItems) -> Result<FolderStatus, UpstreamError> {
        let simple = !(items.highest_modseq || items.size || items.deleted || items.deleted_storage);
        let mailbox = self.account.mailbox();
        if simple
            && let Some(gid) = Gid::from_slice(&id.0)
            && mailbox.open_folder(&gid).is_none()
            && let Some(status) = mailbox.status_unopened(&gid, items).await?
        {
            return Ok(status);
        }
        let folder = mailbox.folder(id).await?;
        let view = folder.view();
        let mut status = status_of(&view.snapshot, &folder.recent());
        if items.size {
            status.size = status.size.saturating_add(folder.unknown_sizes(&view).await?);
        }
        Ok(status)
    }
}

fn status_of(snapshot: &Snapshot, recent: &RecentMark) -> FolderStatus {
    let (rows, counts) = (snapshot.rows(), snapshot.rows().counts());
    let deleted = || rows.counting(|counts| counts.deleted > 0);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    FolderStatus {
        messages: count(rows.len()),
        recent: count(rows.len() - rows.rank(recent.first(snapshot.uid_validity()))),
        unseen: counts.unseen,
        uid_next: snapshot.uid_next(),
        uid_validity: snapshot.uid_validity(),
        highest_modseq: snapshot.highest_modseq(),
        size: counts.size,
        deleted: counts.deleted,
        deleted_storage: deleted().filter_map(|(_, row)| row.size).map(u64::from).sum(),
    }
}

struct FolderBridge {
    /// Keeps the account open while a session has the folder selected.
    account: Arc<Account>,
    reader: Reader,
}

#[async_trait]
impl FolderStore for FolderBridge {
    fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.reader.folder().watch()
    }

    fn read_only(&self) -> bool {
        self.reader.folder().read_only()
    }

    fn recent(&self) -> Arc<RecentMark> {
        self.reader.folder().recent()
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.account.context().touch();
        self.reader.folder().refresh().await.map_err(log::failed("NOOP"))
    }

    async fn fetch(
        &self,
        uids: Vec<u32>,
        need: FetchNeed,
    ) -> Result<BoxStream<'static, (u32, Result<FetchedMessage, StoreError>)>, StoreError> {
        if need == FetchNeed::AtHand {
            let folder = self.reader.folder().clone();
            let item = move |uid| (uid, folder.at_hand(uid).map_err(StoreError::from));
            return Ok(futures::stream::iter(uids).map(item).boxed());
        }
        let items = self.reader.fetch(uids, need);
        let next = |(mut items, logged): (mpsc::Receiver<FetchedItem>, bool)| async move {
            let (uid, item) = items.recv().await?;
            // What fails for one message fails for many.
            let is_news = !logged && item.as_ref().is_err_and(|error| !matches!(error, UpstreamError::Expunged));
            let item = item.map_err(|error| if is_news { log::failed("FETCH")(error) } else { error.into() });
            Some(((uid, item), (items, logged || is_news)))
        };
        Ok(futures::stream::unfold((items, false), next).boxed())
    }

    async fn sift(&self, uids: &[u32], keys: &[ContentKey]) -> Result<Vec<Option<Sifted>>, StoreError> {
        self.reader.folder().sift(uids, keys).await.map_err(log::failed("SEARCH"))
    }

    async fn store(
        &self,
        uids: Vec<u32>,
        change: FlagChange,
        unchanged_since: Option<u64>,
    ) -> Result<Vec<u32>, StoreError> {
        self.reader.folder().store(uids, change, unchanged_since).await.map_err(log::failed("STORE"))
    }

    async fn copy(&self, uids: Vec<u32>, target: &FolderKey, remove: bool) -> Result<Option<CopyUid>, StoreError> {
        self.account.copy(self.reader.folder(), &uids, target, remove).await.map_err(log::failed(if remove {
            "MOVE"
        } else {
            "COPY"
        }))
    }

    async fn expunged(&self, after: u64) -> Result<Expunged, StoreError> {
        self.reader.folder().expunged(after).await.map_err(log::failed("QRESYNC"))
    }

    async fn expunge(&self, uids: Vec<u32>) -> Result<(), StoreError> {
        self.reader.folder().expunge(uids).await.map_err(log::failed("EXPUNGE"))
    }
}

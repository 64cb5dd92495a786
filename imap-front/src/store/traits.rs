use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use mail_core::work::Owner;
use mail_core::{
    Accepts, AppendUid, ChangeWatch, ContentKey, CopyUid, Credentials, Expunged, FetchNeed, FetchedMessage, FlagChange,
    FolderKey, FolderList, FolderStatus, Metadata, NewMessage, Peer, Quota, RecentMark, Sifted, Snapshot, StatusItems,
};
use tokio::sync::watch;

use super::StoreError;

/// A store of mail for many users.
#[async_trait]
pub trait MailStore: Send + Sync + 'static {
    /// Logs a user in.
    ///
    /// # Errors
    /// [`StoreError::AuthenticationFailed`], [`StoreError::Unavailable`].
    async fn login(&self, credentials: Credentials, peer: Peer) -> Result<Arc<dyn UserStore>, StoreError>;

    /// What users can log in with, asked for every connection. By default passwords only.
    fn accepts(&self) -> Accepts {
        Accepts::default()
    }
}

/// One user's mail.
#[async_trait]
pub trait UserStore: Send + Sync + 'static {
    /// For whom work is done: the user, however often and by whatever names they logged in.
    fn owner(&self) -> Owner;

    /// Holds `true` while what the user logged in with is not valid any more: a token expired, a password was changed.
    /// The session ends then, so that the user logs in again. By default that never happens.
    fn signed_out(&self) -> Option<watch::Receiver<bool>> {
        None
    }

    /// All folders, and names that are subscribed and gone.
    async fn folders(&self) -> Result<Arc<FolderList>, StoreError>;

    /// Counts of several folders, answered together because stores can ask for them together. One entry per asked folder.
    async fn status(
        &self,
        folders: &[FolderKey],
        items: StatusItems,
    ) -> Result<Vec<Result<FolderStatus, StoreError>>, StoreError>;

    /// Opens a folder; returns once its newest state is known.
    async fn open(&self, folder: &FolderKey) -> Result<Arc<dyn FolderStore>, StoreError>;

    /// Stores a message in a folder, published there before this returns. Absent if it is not known which UID it got.
    async fn append(&self, folder: &FolderKey, message: NewMessage) -> Result<Option<AppendUid>, StoreError>;

    /// Makes a folder, and those above it that are missing. `name` is a whole name as in
    /// [`FolderEntry::name`](mail_core::FolderEntry::name). What is made is not subscribed, unless its name is already.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`]
    async fn create(&self, name: &str) -> Result<(), StoreError>;

    /// Removes a folder with the messages in it.
    ///
    /// # Errors
    /// [`StoreError::HasChildren`] if there are folders in it, [`StoreError::Cannot`] for folders that must stay.
    async fn delete(&self, folder: &FolderKey) -> Result<(), StoreError>;

    /// Gives a folder another whole name; missing folders above it are made. Of the inbox only the messages go there
    /// (RFC 9051 6.3.6). It is subscribed under its new name if it was under the old one.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`]; [`StoreError::Cannot`] for folders that must stay.
    async fn rename(&self, folder: &FolderKey, name: &str) -> Result<(), StoreError>;

    /// Subscribes a name, or takes the subscription back; either may have been so before. The name stays subscribed when its
    /// folder goes (RFC 9051 6.3.7). One that is neither of a folder nor subscribed can be unsubscribed all the same.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`] for a name to be subscribed that is of no folder and not subscribed yet;
    /// [`StoreError::NoPermission`], [`StoreError::Limit`] where the store can't keep it.
    async fn subscribe(&self, name: &str, subscribed: bool) -> Result<(), StoreError>;

    /// The user's private metadata of a folder, or of the server: names of entries in lower case, beginning with `/private/`, and
    /// their values.
    async fn metadata(&self, folder: Option<&FolderKey>) -> Result<Metadata, StoreError>;

    /// Sets entries of that, or removes those that get no value: all of them or none. Entries belong to the folder: they go where
    /// it goes, and go with it.
    ///
    /// # Errors
    /// [`StoreError::TooManyEntries`], [`StoreError::NoPrivateEntries`], [`StoreError::NoPermission`] where the store can't keep them.
    async fn set_metadata(
        &self,
        folder: Option<&FolderKey>,
        entries: Vec<(String, Option<Bytes>)>,
    ) -> Result<(), StoreError>;

    /// What changes in the whole mailbox from now on, in folders that nobody opened, too (RFC 5465): hints of where to look, as
    /// soon as the store knows. By default nothing is known.
    fn changes(&self) -> Option<ChangeWatch> {
        None
    }

    /// How full the user's mailbox is, about; nothing if no limit is known. By default there is none.
    async fn quota(&self) -> Result<Option<Quota>, StoreError> {
        Ok(None)
    }
}

/// An opened folder, shared by the sessions that have it selected.
#[async_trait]
pub trait FolderStore: Send + Sync + 'static {
    /// The newest published view, and a way to wait for the next. Snapshots are published only once they are durable.
    /// The sender goes away when the folder is gone or its UIDVALIDITY changed.
    fn watch(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// Whether the user may not change anything here.
    fn read_only(&self) -> bool;

    /// Which messages are `\Recent`: the same for all sessions of the folder. A store that keeps it over restarts looks at it
    /// when a session lets go of the folder.
    fn recent(&self) -> Arc<RecentMark>;

    /// Makes sure that everything that happened before the call is published (NOOP, CHECK).
    async fn refresh(&self) -> Result<(), StoreError>;

    /// The content of messages, in the order of `uids`. Messages that are gone or can't be had give an error item in
    /// their place: [`StoreError::ExpungeIssued`], [`StoreError::Unavailable`]. For a large one the store has taken room in
    /// memory until its bytes are dropped, for two more copies of it too unless it is [`FetchNeed::Full`]. Dropping the stream
    /// stops the work.
    async fn fetch(
        &self,
        uids: Vec<u32>,
        need: FetchNeed,
    ) -> Result<BoxStream<'static, (u32, Result<FetchedMessage, StoreError>)>, StoreError>;

    /// Asks which of these messages match, as far as that can be told without reading them: one entry for each key, and
    /// nothing for those of which reading is the better way to know. Reads only: dropping the future does no harm. By default
    /// all are read.
    async fn sift(&self, uids: &[u32], keys: &[ContentKey]) -> Result<Vec<Option<Sifted>>, StoreError> {
        let _ = uids;
        Ok(vec![None; keys.len()])
    }

    /// Changes flags. The result is published before this returns. UIDs that are gone are passed over. Messages with a MODSEQ
    /// above `unchanged_since` are left alone, and their UIDs returned, ascending; nothing that sessions are told of comes between
    /// this look at a message and its change (RFC 7162 3.1.3).
    async fn store(
        &self,
        uids: Vec<u32>,
        change: FlagChange,
        unchanged_since: Option<u64>,
    ) -> Result<Vec<u32>, StoreError>;

    /// Copies messages to another folder, or moves them there if `remove`. What came of it is published in both folders
    /// before this returns. Absent unless every message is known to have got exactly one new UID. UIDs that are gone are
    /// passed over. `\Deleted` is not copied.
    async fn copy(&self, uids: Vec<u32>, target: &FolderKey, remove: bool) -> Result<Option<CopyUid>, StoreError>;

    /// Which messages went with a MODSEQ above `after`: at least those that are gone in the snapshot that was published last.
    async fn expunged(&self, after: u64) -> Result<Expunged, StoreError>;

    /// Removes the messages of `uids` that are marked `\Deleted`. The result is published before this returns.
    async fn expunge(&self, uids: Vec<u32>) -> Result<(), StoreError>;
}

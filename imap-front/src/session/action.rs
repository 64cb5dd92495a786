use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mail_core::{
    AppendUid, ContentKey, CopyUid, Credentials, Expunged, FetchNeed, FetchedMessage, FlagChange, FolderKey,
    FolderList, FolderStatus, Metadata, NewMessage, Quota, RecentMark, Sifted, Snapshot, StatusItems,
};

use super::work::{Work, Worked};
use crate::store::StoreError;

/// What a session wants done, in order.
#[derive(Debug)]
pub enum Action {
    /// Send these bytes.
    Send(Bytes),
    /// Do this and give the answer to [`super::Session::reply`]. There is never more than one call at a time.
    Call(Call),
    /// Do this where it keeps nobody else waiting and give what comes of it to [`super::Session::reply`]. Of a call that
    /// is under way nothing is to be given meanwhile.
    Work(Work),
    /// Watch the whole mailbox from now on and tell [`super::Session::mailbox_changed`], or watch it no more.
    Watch(bool),
    /// Once everything is sent, negotiate TLS and tell [`super::Session::encrypted`].
    StartTls,
    /// Once everything is sent, compress what comes in and goes out.
    Compress,
    /// Once everything is sent, close the connection.
    Close,
}

/// A call to the store. Those on a folder mean the one of the last [`Reply::Opened`].
#[allow(missing_docs, reason = "each is the method of that name of the traits in `store`")]
#[derive(Debug)]
pub enum Call {
    Login(Credentials),
    Folders,
    Status {
        folders: Vec<FolderKey>,
        items: StatusItems,
    },
    Open(FolderKey),
    Refresh,
    /// Answered by one [`Reply::Fetched`] for each message, then by [`Reply::FetchEnd`].
    Fetch {
        uids: Vec<u32>,
        need: FetchNeed,
    },
    Store {
        uids: Vec<u32>,
        change: FlagChange,
        unchanged_since: Option<u64>,
    },
    Expunge(Vec<u32>),
    Expunged(u64),
    Sift {
        uids: Vec<u32>,
        keys: Vec<ContentKey>,
    },
    Copy {
        uids: Vec<u32>,
        target: FolderKey,
        remove: bool,
    },
    Append {
        folder: FolderKey,
        message: Box<NewMessage>,
    },
    /// The content of a message that came apart from its command, by its place among these.
    Take(usize),
    /// A message of any folder, of which the UIDVALIDITY may be given; [`StoreError::ExpungeIssued`] if there is none.
    Read {
        folder: FolderKey,
        uid_validity: Option<u32>,
        uid: u32,
        need: FetchNeed,
    },
    /// Removes messages again that [`Call::Append`] stored.
    TakeBack {
        folder: FolderKey,
        uid_validity: u32,
        uids: Vec<u32>,
    },
    Create(String),
    Delete(FolderKey),
    Rename {
        folder: FolderKey,
        name: String,
    },
    Subscribe {
        name: String,
        subscribed: bool,
    },
    Quota,
    Metadata(Option<FolderKey>),
    SetMetadata {
        folder: Option<FolderKey>,
        entries: Vec<(String, Option<Bytes>)>,
    },
    /// Nothing, for this long; answered by `Done(Ok)`.
    Pause(Duration),
}

/// The answer to a [`Call`]. Before it, the session must have been told the newest snapshot of its folder.
#[derive(Debug)]
pub enum Reply {
    /// To `Login`, `Refresh`, `Expunge`, `TakeBack`, `Create`, `Delete`, `Rename`, `Subscribe`, `SetMetadata`, `Pause`.
    Done(Result<(), StoreError>),
    /// To `Store`: the messages that were left alone.
    Stored(Result<Vec<u32>, StoreError>),
    /// To `Sift`.
    Sifted(Result<Vec<Option<Sifted>>, StoreError>),
    /// To `Expunged`.
    Expunged(Result<Expunged, StoreError>),
    /// To `Folders`.
    Folders(Result<Arc<FolderList>, StoreError>),
    /// To `Status`.
    Status(Result<Vec<Result<FolderStatus, StoreError>>, StoreError>),
    /// To `Quota`.
    Quota(Result<Option<Quota>, StoreError>),
    /// To `Metadata`.
    Metadata(Result<Metadata, StoreError>),
    /// To `Open`.
    Opened(Result<Opened, StoreError>),
    /// To `Copy`.
    Copied(Result<Option<CopyUid>, StoreError>),
    /// To `Append`.
    Appended(Result<Option<AppendUid>, StoreError>),
    /// To `Read`.
    Read(Result<FetchedMessage, StoreError>),
    /// To `Take`.
    Taken(Result<Bytes, StoreError>),
    /// To `Fetch`, for one message.
    Fetched(u32, Result<FetchedMessage, StoreError>),
    /// To `Fetch`, at its end.
    FetchEnd(Result<(), StoreError>),
    /// To [`Action::Work`].
    Worked(Result<Worked, StoreError>),
}

/// What is known of a message that came apart from its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apart {
    /// Whether there is NUL in it.
    pub has_nul: bool,
}

/// A folder that was opened.
#[derive(Debug)]
pub struct Opened {
    /// Its newest state.
    pub snapshot: Arc<Snapshot>,
    /// Whether the user may not change anything there.
    pub read_only: bool,
    /// What its sessions were told of.
    pub recent: Arc<RecentMark>,
}

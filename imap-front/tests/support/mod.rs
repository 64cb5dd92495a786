//! A mail store in memory, with what tests need to reach into it.

#![allow(dead_code, missing_docs, clippy::unwrap_used, reason = "test support, shared by several tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use imap_front::store::*;
use mail_core::message::{Message, Outline};
use mail_core::work::Owner;
use mail_core::*;
use secrecy::ExposeSecret;
use tokio::sync::watch;

pub const USER: &str = "alice";
pub const PASSWORD: &str = "secret";

/// What is in a folder, as tests change it.
pub struct Content {
    pub uid_next: u32,
    pub highest_modseq: u64,
    /// Ascending by UID.
    pub messages: Vec<MessageRow>,
}

/// One user's mail.
#[derive(Default)]
pub struct Memory {
    folders: Mutex<Vec<(FolderEntry, Arc<MemoryFolder>)>>,
    /// Subscribed names that outlive their folders.
    pub subscriptions: Mutex<BTreeSet<String>>,
    /// What the store was asked, in order.
    pub calls: Mutex<Vec<String>>,
    /// What the next deletion of a folder answers instead of being done.
    pub fail_delete: Mutex<Option<StoreError>>,
    /// What the next change of a subscription answers instead of being done.
    pub fail_subscribe: Mutex<Option<StoreError>>,
    /// Metadata of folders, and of the server.
    pub metadata: Mutex<BTreeMap<Option<FolderKey>, Metadata>>,
    /// What the next change of metadata answers instead of being done.
    pub fail_metadata: Mutex<Option<StoreError>>,
    /// What the next look at metadata answers instead.
    pub fail_read_metadata: Mutex<Option<StoreError>>,
    /// How full the mailbox is.
    pub quota: Mutex<Option<Quota>>,
    /// Who watches all of it.
    pub feed: ChangeFeed,
    /// How many messages were taken from the streams of FETCH.
    pub pulled: Arc<AtomicUsize>,
}

pub struct MemoryFolder {
    id: FolderKey,
    sender: Mutex<Option<watch::Sender<Arc<Snapshot>>>>,
    content: Mutex<BTreeMap<u32, Bytes>>,
    store: std::sync::Weak<Memory>,
    /// Whether messages are at hand.
    pub at_hand: AtomicBool,
    /// Whether rows tell sizes.
    pub sizes: bool,
    pub read_only: bool,
    pub recent: Arc<RecentMark>,
    /// Whether it can tell the UIDs of copies.
    pub exact: bool,
    /// What the next change answers instead of being done.
    pub fail: Mutex<Option<StoreError>>,
    /// After how many more messages APPEND fails, and how.
    pub fail_append_after: Mutex<Option<(usize, StoreError)>>,
    /// What the next removal answers instead of being done.
    pub fail_expunge: Mutex<Option<StoreError>>,
    /// What the next FETCH fails with.
    pub fail_fetch: Mutex<Option<StoreError>>,
    /// UIDs of messages that went, with the MODSEQ of that.
    pub tombstones: Mutex<BTreeMap<u32, u64>>,
    /// See [`Expunged`].
    pub complete_after: AtomicU64,
}

pub struct Users(pub Arc<Memory>);

impl Memory {
    pub fn new() -> Arc<Self> {
        let memory = Arc::new(Self::default());
        memory.add("INBOX", None);
        memory
    }

    pub fn add(self: &Arc<Self>, name: &str, special_use: Option<SpecialUse>) -> Arc<MemoryFolder> {
        self.add_with(name, special_use, true, true, false)
    }

    pub fn add_with(
        self: &Arc<Self>,
        name: &str,
        special_use: Option<SpecialUse>,
        selectable: bool,
        subscribed: bool,
        read_only: bool,
    ) -> Arc<MemoryFolder> {
        let snapshot = Snapshot::new(7, 1, 1, Rows::default());
        let id = FolderKey(name.as_bytes().to_vec());
        let folder = Arc::new(MemoryFolder {
            id: id.clone(),
            sender: Mutex::new(Some(watch::channel(Arc::new(snapshot)).0)),
            content: Mutex::default(),
            store: Arc::downgrade(self),
            at_hand: AtomicBool::new(true),
            sizes: true,
            read_only,
            recent: Arc::default(),
            exact: !name.contains("vague"),
            fail: Mutex::default(),
            fail_append_after: Mutex::default(),
            fail_expunge: Mutex::default(),
            fail_fetch: Mutex::default(),
            tombstones: Mutex::default(),
            complete_after: AtomicU64::default(),
        });
        let entry = FolderEntry { id, name: name.to_owned(), special_use, selectable, subscribed };
        self.folders.lock().unwrap().push((entry, folder.clone()));
        self.names_changed();
        folder
    }

    pub fn folder(&self, name: &str) -> Arc<MemoryFolder> {
        let folders = self.folders.lock().unwrap();
        folders.iter().find(|(entry, _)| entry.name == name).unwrap().1.clone()
    }

    fn names_changed(&self) {
        self.feed.tell(&StoreChanges { names: true, ..StoreChanges::default() });
    }

    fn by_id(&self, id: &FolderKey) -> Result<Arc<MemoryFolder>, StoreError> {
        let folders = self.folders.lock().unwrap();
        let found = folders.iter().find(|(entry, _)| entry.id == *id);
        found.map(|(_, folder)| folder.clone()).ok_or(StoreError::NoSuchFolder)
    }

    fn log(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }
}

impl MemoryFolder {
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.sender.lock().unwrap().as_ref().unwrap().borrow().clone()
    }

    /// The messages, ascending by UID.
    pub fn messages(&self) -> Vec<MessageRow> {
        self.snapshot().rows().iter().cloned().collect()
    }

    /// Publishes what `change` makes of the folder. What stays as it was is shared with the snapshot before.
    pub fn change(&self, change: impl FnOnce(&mut Content)) {
        self.sender.lock().unwrap().as_ref().unwrap().send_modify(|snapshot| {
            let messages = snapshot.rows().iter().cloned().collect();
            let highest_modseq = snapshot.highest_modseq() + 1;
            let mut next = Content { uid_next: snapshot.uid_next(), highest_modseq, messages };
            change(&mut next);
            let mut rows = snapshot.rows().clone();
            for row in snapshot.rows().iter().filter(|row| !next.messages.iter().any(|left| left.uid == row.uid)) {
                rows.remove(row.uid);
                self.tombstones.lock().unwrap().insert(row.uid, next.highest_modseq);
            }
            for mut row in next.messages {
                let before = rows.get(row.uid);
                if before.is_none_or(|before| before.flags != row.flags || before.keywords != row.keywords) {
                    row.modseq = next.highest_modseq;
                }
                if before != Some(&row) {
                    rows.put(row);
                }
            }
            *snapshot = Arc::new(Snapshot::new(snapshot.uid_validity(), next.uid_next, next.highest_modseq, rows));
        });
        if let Some(store) = self.store.upgrade() {
            store.feed.tell(&StoreChanges { folders: BTreeSet::from([self.id.clone()]), ..StoreChanges::default() });
        }
    }

    /// Adds a message and gives its UID.
    pub fn deliver(&self, content: impl Into<Bytes>) -> u32 {
        let content = content.into();
        let uid = self.snapshot().uid_next();
        self.content.lock().unwrap().insert(uid, content.clone());
        let size = self.sizes.then_some(content.len() as u32);
        self.change(|snapshot| {
            snapshot.uid_next += 1;
            snapshot.messages.push(MessageRow {
                uid,
                flags: FlagSet::EMPTY,
                keywords: Keywords::EMPTY,
                modseq: snapshot.highest_modseq,
                internal_date: 837_596_665 + i64::from(uid) * 86_400,
                size,
            });
        });
        uid
    }

    /// Adds many messages at once.
    pub fn deliver_all(&self, messages: impl IntoIterator<Item = String>) {
        let first = self.snapshot().uid_next();
        let messages: Vec<(u32, Bytes)> = (first..).zip(messages.into_iter().map(Bytes::from)).collect();
        self.content.lock().unwrap().extend(messages.iter().cloned());
        self.change(|snapshot| {
            for (uid, content) in messages {
                snapshot.uid_next = uid + 1;
                snapshot.messages.push(MessageRow {
                    uid,
                    flags: FlagSet::EMPTY,
                    keywords: Keywords::EMPTY,
                    modseq: snapshot.highest_modseq,
                    internal_date: 837_596_665 + i64::from(uid) * 86_400,
                    size: self.sizes.then_some(content.len() as u32),
                });
            }
        });
    }

    pub fn remove(&self, uid: u32) {
        self.change(|snapshot| snapshot.messages.retain(|row| row.uid != uid));
    }

    /// As if the folder was deleted.
    pub fn vanish(&self) {
        *self.sender.lock().unwrap() = None;
    }

    fn log(&self, call: String) {
        if let Some(store) = self.store.upgrade() {
            store.log(call);
        }
    }

    fn failure(&self) -> Result<(), StoreError> {
        self.fail.lock().unwrap().take().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl MailStore for Users {
    async fn login(&self, credentials: Credentials, _: Peer) -> Result<Arc<dyn UserStore>, StoreError> {
        let (Secret::Password(secret) | Secret::Bearer(secret)) = &credentials.secret;
        match (credentials.user.as_str(), secret.expose_secret()) {
            (USER, PASSWORD) => Ok(self.0.clone()),
            ("down", _) => Err(StoreError::Unavailable("upstream is down".to_owned())),
            _ => Err(StoreError::AuthenticationFailed),
        }
    }
}

#[async_trait]
impl UserStore for Memory {
    fn owner(&self) -> Owner {
        Owner::new(USER)
    }

    async fn folders(&self) -> Result<Arc<FolderList>, StoreError> {
        let folders: Vec<_> = self.folders.lock().unwrap().iter().map(|(entry, _)| entry.clone()).collect();
        let there: BTreeSet<_> = folders.iter().map(|entry| entry.name.clone()).collect();
        let subscribed_without_folder = self.subscriptions.lock().unwrap().difference(&there).cloned().collect();
        Ok(Arc::new(FolderList { folders, subscribed_without_folder }))
    }

    async fn status(
        &self,
        folders: &[FolderKey],
        items: StatusItems,
    ) -> Result<Vec<Result<FolderStatus, StoreError>>, StoreError> {
        self.log(format!("status {} {items:?}", folders.len()));
        let known = self.folders.lock().unwrap();
        let status = |id: &FolderKey| {
            let (_, folder) = known.iter().find(|(entry, _)| entry.id == *id).ok_or(StoreError::NoSuchFolder)?;
            let snapshot = folder.snapshot();
            Ok(FolderStatus {
                messages: snapshot.rows().len() as u32,
                recent: snapshot.rows().iter_from(snapshot.rows().rank(folder.recent.first(7))).count() as u32,
                unseen: snapshot.rows().counts().unseen,
                uid_next: snapshot.uid_next(),
                uid_validity: snapshot.uid_validity(),
                highest_modseq: snapshot.highest_modseq(),
                deleted: snapshot.rows().counts().deleted,
                deleted_storage: snapshot
                    .rows()
                    .counting(|counts| counts.deleted > 0)
                    .filter_map(|(_, row)| row.size)
                    .map(u64::from)
                    .sum(),
                size: folder.content.lock().unwrap().values().map(|content| content.len() as u64).sum(),
            })
        };
        Ok(folders.iter().map(status).collect())
    }

    async fn open(&self, folder: &FolderKey) -> Result<Arc<dyn FolderStore>, StoreError> {
        let known = self.folders.lock().unwrap();
        let (_, folder) = known.iter().find(|(entry, _)| entry.id == *folder).ok_or(StoreError::NoSuchFolder)?;
        Ok(folder.clone())
    }

    async fn append(&self, folder: &FolderKey, message: NewMessage) -> Result<Option<AppendUid>, StoreError> {
        let folder = self.by_id(folder)?;
        folder.log(format!("append {} {:?} {:?}", message.content.len(), message.flags, message.internal_date));
        folder.failure()?;
        let mut fails = folder.fail_append_after.lock().unwrap();
        if let Some((0, error)) = fails.take_if(|(left, _)| *left == 0) {
            return Err(error);
        }
        if let Some((left, _)) = &mut *fails {
            *left -= 1;
        }
        drop(fails);
        let uid = folder.deliver(message.content);
        folder.change(|snapshot| {
            let row = snapshot.messages.last_mut().unwrap();
            (row.flags, row.keywords) = (message.flags, message.keywords.clone());
        });
        Ok(Some(AppendUid { uid_validity: 7, uid, made: true }))
    }

    async fn create(&self, name: &str) -> Result<(), StoreError> {
        self.log(format!("create {name}"));
        if self.folders.lock().unwrap().iter().any(|(entry, _)| entry.name == name) {
            return Err(StoreError::AlreadyExists);
        }
        let store = self.folder("INBOX").store.upgrade().unwrap();
        store.add_with(name, None, true, self.subscriptions.lock().unwrap().contains(name), false);
        Ok(())
    }

    async fn delete(&self, folder: &FolderKey) -> Result<(), StoreError> {
        self.by_id(folder)?;
        self.fail_delete.lock().unwrap().take().map_or(Ok(()), Err)?;
        self.folders.lock().unwrap().retain(|(entry, _)| entry.id != *folder);
        self.names_changed();
        Ok(())
    }

    async fn rename(&self, folder: &FolderKey, name: &str) -> Result<(), StoreError> {
        let mut folders = self.folders.lock().unwrap();
        let (entry, _) = folders.iter_mut().find(|(entry, _)| entry.id == *folder).ok_or(StoreError::NoSuchFolder)?;
        entry.name = name.to_owned();
        self.names_changed();
        Ok(())
    }

    async fn subscribe(&self, name: &str, subscribed: bool) -> Result<(), StoreError> {
        let mut folders = self.folders.lock().unwrap();
        let mut subscriptions = self.subscriptions.lock().unwrap();
        self.fail_subscribe.lock().unwrap().take().map_or(Ok(()), Err)?;
        let entry = folders.iter_mut().find(|(entry, _)| entry.name == name);
        if entry.is_none() && subscribed && !subscriptions.contains(name) {
            return Err(StoreError::NoSuchFolder);
        }
        if let Some((entry, _)) = entry {
            entry.subscribed = subscribed;
        }
        if subscribed {
            subscriptions.insert(name.to_owned());
        } else {
            subscriptions.remove(name);
        }
        self.names_changed();
        Ok(())
    }

    async fn metadata(&self, folder: Option<&FolderKey>) -> Result<Metadata, StoreError> {
        self.log("metadata".to_owned());
        folder.map_or(Ok(()), |folder| self.by_id(folder).map(drop))?;
        self.fail_read_metadata.lock().unwrap().take().map_or(Ok(()), Err)?;
        Ok(self.metadata.lock().unwrap().get(&folder.cloned()).cloned().unwrap_or_default())
    }

    async fn set_metadata(
        &self,
        folder: Option<&FolderKey>,
        entries: Vec<(String, Option<Bytes>)>,
    ) -> Result<(), StoreError> {
        self.fail_metadata.lock().unwrap().take().map_or(Ok(()), Err)?;
        let mut all = self.metadata.lock().unwrap();
        self.feed.tell(&StoreChanges {
            metadata: folder.cloned().into_iter().collect(),
            server_metadata: folder.is_none(),
            ..StoreChanges::default()
        });
        let kept = all.entry(folder.cloned()).or_default();
        for (name, value) in entries {
            match value {
                Some(value) => drop(kept.insert(name, value)),
                None => drop(kept.remove(&name)),
            }
        }
        Ok(())
    }

    fn changes(&self) -> Option<ChangeWatch> {
        Some(self.feed.watch())
    }

    async fn quota(&self) -> Result<Option<Quota>, StoreError> {
        self.log("quota".to_owned());
        Ok(*self.quota.lock().unwrap())
    }
}

#[async_trait]
impl FolderStore for MemoryFolder {
    fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.sender.lock().unwrap().as_ref().unwrap().subscribe()
    }

    fn read_only(&self) -> bool {
        self.read_only
    }

    fn recent(&self) -> Arc<RecentMark> {
        self.recent.clone()
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.failure()
    }

    async fn fetch(
        &self,
        uids: Vec<u32>,
        need: FetchNeed,
    ) -> Result<BoxStream<'static, (u32, Result<FetchedMessage, StoreError>)>, StoreError> {
        self.log(format!("fetch {uids:?} {need:?}"));
        self.fail_fetch.lock().unwrap().take().map_or(Ok(()), Err)?;
        let snapshot = self.snapshot();
        let content = self.content.lock().unwrap().clone();
        let at_hand = self.at_hand.load(Ordering::Relaxed);
        let pulled = self.store.upgrade().unwrap().pulled.clone();
        Ok(stream::iter(uids)
            .map(move |uid| {
                pulled.fetch_add(1, Ordering::Relaxed);
                let found = snapshot.rows().get(uid).and_then(|_| content.get(&uid)).ok_or(StoreError::ExpungeIssued);
                let fetched = found.map(|bytes| FetchedMessage {
                    uid,
                    size: bytes.len() as u32,
                    digest: Some(digest(bytes)),
                    content: match need {
                        FetchNeed::AtHand if at_hand => FetchedContent::Whole(Box::new(Message::new(bytes.clone()))),
                        FetchNeed::Size | FetchNeed::AtHand => FetchedContent::Nothing,
                        FetchNeed::Outline => {
                            let outline = Outline::of(Message::new(bytes.clone()).root(), usize::MAX);
                            FetchedContent::Outline(outline.expect("no limit"))
                        }
                        FetchNeed::Full | FetchNeed::Parts => {
                            FetchedContent::Whole(Box::new(Message::new(bytes.clone())))
                        }
                    },
                });
                (uid, fetched)
            })
            .boxed())
    }

    async fn store(
        &self,
        uids: Vec<u32>,
        change: FlagChange,
        unchanged_since: Option<u64>,
    ) -> Result<Vec<u32>, StoreError> {
        self.log(format!("store {uids:?} {:?} {:?}", change.mode, change.flags));
        self.failure()?;
        let (modified, uids): (Vec<u32>, Vec<u32>) = uids.into_iter().partition(|uid| {
            let modseq = self.snapshot().rows().get(*uid).map(|row| row.modseq);
            unchanged_since.is_some_and(|since| modseq.is_some_and(|modseq| modseq > since))
        });
        self.change(|snapshot| {
            for row in snapshot.messages.iter_mut().filter(|row| uids.contains(&row.uid)) {
                let keywords = change.keywords.clone();
                (row.flags, row.keywords) = match change.mode {
                    FlagChangeMode::Replace => (change.flags, keywords),
                    FlagChangeMode::Add => {
                        (row.flags.union(change.flags), row.keywords.iter().chain(keywords.iter()).collect())
                    }
                    FlagChangeMode::Remove => (
                        row.flags.difference(change.flags),
                        row.keywords.iter().filter(|keyword| !keywords.contains(keyword)).collect(),
                    ),
                };
            }
        });
        Ok(modified)
    }

    async fn copy(&self, uids: Vec<u32>, target: &FolderKey, remove: bool) -> Result<Option<CopyUid>, StoreError> {
        self.log(format!("copy {uids:?} {remove}"));
        self.failure()?;
        let target = self.store.upgrade().unwrap().by_id(target)?;
        let content = self.content.lock().unwrap().clone();
        let mut pairs = Vec::new();
        for uid in uids {
            let Some(row) = self.snapshot().rows().get(uid).cloned() else { continue };
            let new = target.deliver(content[&uid].clone());
            target.change(|snapshot| {
                snapshot.messages.last_mut().unwrap().flags = row.flags.difference(FlagSet::DELETED);
            });
            pairs.push((uid, new));
            if remove {
                self.remove(uid);
            }
        }
        Ok(target.exact.then_some(CopyUid { uid_validity: 7, pairs }))
    }

    async fn expunged(&self, after: u64) -> Result<Expunged, StoreError> {
        self.log(format!("expunged {after}"));
        self.failure()?;
        let complete_after = self.complete_after.load(Ordering::Relaxed);
        let tombstones = self.tombstones.lock().unwrap();
        let uids = tombstones.iter().filter(|(_, modseq)| **modseq > after).map(|(uid, _)| *uid).collect();
        Ok(Expunged { complete_after, lost_before: 0, uids })
    }

    async fn expunge(&self, uids: Vec<u32>) -> Result<(), StoreError> {
        self.log(format!("expunge {uids:?}"));
        self.failure()?;
        self.fail_expunge.lock().unwrap().take().map_or(Ok(()), Err)?;
        self.change(|snapshot| {
            let gone = |row: &MessageRow| uids.contains(&row.uid) && row.flags.contains(FlagSet::DELETED);
            snapshot.messages.retain(|row| !gone(row));
        });
        Ok(())
    }
}

/// Stands in for a digest: other bytes give another one.
fn digest(bytes: &[u8]) -> [u8; 32] {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&hasher.finish().to_be_bytes());
    digest
}

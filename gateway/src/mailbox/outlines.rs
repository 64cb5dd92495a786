use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mail_core::message::Outline;
use mapi_core::id::{Gid, Guid};
use tokio::sync::Semaphore;

use super::cache::MessageCaches;
use crate::ledger::RenderingRecord;
use crate::ledger::envelopes::{Entry, EnvelopeStore};

/// For so long the disk is waited for; then the upstream is asked instead.
const PATIENCE: Duration = Duration::from_secs(2);
/// And for so long it is not tried again: a list is many reads.
const PAUSE: Duration = Duration::from_secs(30);

/// What lists of messages need of a mailbox's messages: in memory, and on disk where that is wanted.
pub struct Outlines {
    mailbox: Guid,
    caches: Arc<MessageCaches>,
    disk: Option<Disk>,
}

/// Outlines that were found on disk, by message.
#[derive(Default)]
pub(crate) struct FoundOutlines(HashMap<Gid, ([u8; 32], Bytes)>);

struct Disk {
    store: Arc<EnvelopeStore>,
    /// One reads at a time, so that a disk that hangs takes one thread.
    turn: Arc<Semaphore>,
    /// Until then nobody reads: somebody waited in vain.
    left_alone: Mutex<Option<Instant>>,
}

impl Outlines {
    /// Those of a mailbox; with a store they are kept there, too.
    pub(crate) fn new(mailbox: Guid, caches: Arc<MessageCaches>, store: Option<Arc<EnvelopeStore>>) -> Self {
        let disk = store.map(|store| Disk { store, turn: Arc::new(Semaphore::new(1)), left_alone: Mutex::default() });
        Self { mailbox, caches, disk }
    }

    /// The outline of a message, if it is in memory and of this rendering.
    pub fn get(&self, message: Gid, rendering: &RenderingRecord) -> Option<Outline> {
        self.in_memory(message, &rendering.digest).and_then(|bytes| Outline::from_bytes(&bytes))
    }

    /// Whether there may be outlines that are not in memory.
    pub(crate) fn are_on_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Whether the outline of a message is in memory. Nothing is decoded.
    pub(crate) fn has(&self, message: Gid, rendering: &RenderingRecord) -> bool {
        self.in_memory(message, &rendering.digest).is_some()
    }

    /// Keeps the outline of a rendering.
    pub fn keep(&self, message: Gid, rendering: &RenderingRecord, outline: &Outline) {
        let (digest, bytes) = (rendering.digest, outline.to_bytes());
        self.caches.outlines.insert(self.mailbox, message, digest, bytes.clone());
        if let Some(disk) = &self.disk {
            disk.write_if(disk.store.keep(Entry { gid: message, digest, bytes }));
        }
    }

    /// Messages are gone: what is on disk of them goes, in a while.
    pub(crate) fn forget(&self, messages: impl IntoIterator<Item = Gid>) {
        if let Some(disk) = &self.disk {
            disk.write_if(disk.store.forget(messages));
        }
    }

    /// Looks on disk for the outlines of these messages and renderings. What is found is in memory from now on, if there is
    /// room. A disk that fails or takes long has none. If the future is dropped, what was begun comes to its end.
    pub(crate) async fn find(&self, wanted: Vec<(Gid, [u8; 32])>) -> FoundOutlines {
        let is_asked = |disk: &&Disk| !wanted.is_empty() && !disk.is_left_alone();
        let Some(disk) = self.disk.as_ref().filter(is_asked) else { return FoundOutlines::default() };
        let (store, turn) = (Arc::clone(&disk.store), Arc::clone(&disk.turn));
        let reading = async move {
            let turn = turn.acquire_owned().await.ok()?;
            let read = move || {
                let found = store.find(&wanted);
                drop(turn);
                found
            };
            tokio::task::spawn_blocking(read).await.ok()
        };
        let found = match tokio::time::timeout(PATIENCE, reading).await {
            Ok(found) => found.unwrap_or_default(),
            Err(_) => {
                disk.leave_alone();
                Vec::new()
            }
        };
        let mut outlines = HashMap::with_capacity(found.len());
        for Entry { gid, digest, bytes } in found {
            self.caches.outlines.insert(self.mailbox, gid, digest, bytes.clone());
            outlines.insert(gid, (digest, bytes));
        }
        FoundOutlines(outlines)
    }

    fn in_memory(&self, message: Gid, digest: &[u8; 32]) -> Option<Bytes> {
        self.caches.outlines.get(self.mailbox, message, digest)
    }
}

impl FoundOutlines {
    /// Whether something was found of a message.
    pub fn has(&self, message: &Gid) -> bool {
        self.0.contains_key(message)
    }

    /// The outline of a message, if it was found and is of this rendering.
    pub fn get(&self, message: Gid, rendering: &RenderingRecord) -> Option<Outline> {
        let (_, bytes) = self.0.get(&message).filter(|(digest, _)| *digest == rendering.digest)?;
        Outline::from_bytes(bytes)
    }
}

impl Disk {
    fn is_left_alone(&self) -> bool {
        self.left_alone.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }

    fn leave_alone(&self) {
        *self.left_alone.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + PAUSE);
    }

    /// Writes in the background, if that is to be done now.
    fn write_if(&self, is_full: bool) {
        if is_full {
            let store = Arc::clone(&self.store);
            tokio::task::spawn_blocking(move || store.write());
        }
    }
}

//! Where the epochs of folders are kept: what is remembered of ledgers outside of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use mapi_core::id::Gid;
use mapi_core::mailbox::{FolderRow, Mailbox};
use mapi_core::property::{PropertyType, PropertyValue};

use crate::ledger::{Epoch, EpochEntry};
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::{Lane, Upstream};
use crate::own_property;

/// For how long a notification of a folder's properties may be the echo of an own write.
const OWN_WRITE_ECHO: Duration = Duration::from_secs(3);

/// How often an epoch is written anew because another gateway wrote in between.
const MAX_TRIES: u32 = 4;

/// Keeps the epochs of a mailbox's folders. It must not be restored together with a ledger, or an old copy of both could not
/// be told from the newest.
#[async_trait]
pub trait Epochs: Send + Sync {
    /// A folder's epoch, as it was read or noted last; read now if it never was.
    async fn epoch(&self, folder: Gid) -> Result<Epoch, UpstreamError>;

    /// Remembers `entry`, durably, beside what other ledgers have there. Where nothing may be written nothing is remembered,
    /// and nothing can be proved later; that is no error.
    async fn note(&self, folder: Gid, entry: EpochEntry) -> Result<(), UpstreamError>;

    /// The highest UIDVALIDITY in any epoch of the mailbox, as far as they are known; 0 if there is none.
    fn highest_uid_validity(&self) -> u32;
}

/// Epochs in the mailbox itself: a named property of each folder.
pub struct MailboxEpochs {
    upstream: Arc<Upstream>,
    /// As the hierarchy table told them, so that opening a folder need not ask.
    known: Mutex<HashMap<Gid, Epoch>>,
    /// When properties of folders were written.
    writes: Mutex<HashMap<Gid, Instant>>,
}

impl MailboxEpochs {
    /// Those of the mailbox that `upstream` leads to.
    pub fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream, known: Mutex::default(), writes: Mutex::default() }
    }

    /// Remembers what rows of the hierarchy table, read with [`own_property::EPOCH`], tell.
    pub fn learn(&self, mailbox: &Mailbox, rows: &[FolderRow]) {
        let mut known = self.known();
        for row in rows {
            let Some(gid) = mailbox.gid_of(row.id) else { continue };
            known.insert(gid, decode(row.extra.get_named(&own_property::EPOCH.name(), PropertyType::BINARY)));
        }
    }

    /// A property of a folder is going to be written.
    fn writing(&self, folder: Gid) {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).insert(folder, Instant::now());
    }

    /// Whether a property of a folder was written a moment ago, so that a notification of it is no news. (A rename by somebody
    /// else at that very moment shows when the tree is read next, within a minute.)
    pub fn wrote(&self, folder: Gid) -> bool {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.retain(|_, at| at.elapsed() < OWN_WRITE_ECHO);
        writes.contains_key(&folder)
    }

    /// A folder's epoch as it is now.
    async fn read(&self, folder: Gid) -> Result<Epoch, UpstreamError> {
        let read = |mailbox: Mailbox| async move {
            let folder = mailbox.resolve(folder).await?;
            mailbox.folder_properties(folder, &[own_property::EPOCH.key()]).await
        };
        let bag = self.upstream.ask(Kind::ReadEpoch, Lane::Interactive, read).await?;
        let epoch = decode(bag.get_named(&own_property::EPOCH.name(), PropertyType::BINARY));
        self.known().insert(folder, epoch.clone());
        Ok(epoch)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Gid, Epoch>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Epochs for MailboxEpochs {
    async fn epoch(&self, folder: Gid) -> Result<Epoch, UpstreamError> {
        let known = self.known().get(&folder).cloned();
        match known {
            Some(epoch) => Ok(epoch),
            None => self.read(folder).await,
        }
    }

    async fn note(&self, folder: Gid, entry: EpochEntry) -> Result<(), UpstreamError> {
        // What to write beside our own, and what the write is expected to replace. Read now: what is known may be as old as
        // this opening, and a write that leaves out what others noted since would take it from them.
        let mut base = self.read(folder).await?;
        let mut expected = base.clone();
        for _ in 0..MAX_TRIES {
            let mut epoch = base.clone();
            epoch.set(entry);
            let value = &PropertyValue::Binary(epoch.encode());
            self.writing(folder);
            let replace = |mailbox: Mailbox| async move {
                let folder = mailbox.resolve(folder).await?;
                mailbox.replace_folder_property(folder, &own_property::EPOCH.key(), value.clone()).await
            };
            let before = match self.upstream.ask(Kind::NoteEpoch, Lane::Interactive, replace).await {
                Ok(before) => decode(before.as_ref()),
                Err(UpstreamError::Refused { code, .. }) if code.is_denied() => {
                    tracing::info!(%folder, "no right to note in this folder which UIDs are used");
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            // The request may have been repeated, and then finds what it wrote itself.
            let as_expected = before == expected || before == epoch;
            self.known().insert(folder, epoch.clone());
            if as_expected {
                return Ok(());
            }
            // Another gateway wrote in between: what it wrote belongs beside ours.
            (base, expected) = (before, epoch);
        }
        Err(UpstreamError::Internal("other gateways keep writing this folder's epoch".into()))
    }

    fn highest_uid_validity(&self) -> u32 {
        self.known().values().map(Epoch::highest_uid_validity).max().unwrap_or(0)
    }
}

fn decode(value: Option<&PropertyValue>) -> Epoch {
    value.and_then(PropertyValue::as_bytes).map(Epoch::decode).unwrap_or_default()
}

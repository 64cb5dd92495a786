//! A mailbox as the rest of the world wants it: typed operations, each in as few Execute requests as the protocol allows.
//!
//! [`Mailbox::open`] logs on; the handle is cheap to clone and safe to use from many tasks. Every operation is a script of
//! ROPs that one place packs into Execute requests, sends, and whose answers it tells apart (notifications, back-off and
//! answers that did not fit included). Server objects are released with the next request that is sent anyway.
//!
//! Nothing here is retried that sends or creates. A lost answer is reported as an unknown outcome, after which the mailbox
//! has to be opened again.

mod amend;
mod backlog;
mod contents_sync;
mod create;
mod download;
mod error;
mod fetch;
mod folder;
mod folder_change;
mod folder_properties;
mod handle;
mod hub;
mod info;
mod link;
mod listing;
mod move_copy;
mod names;
mod open;
mod opening;
mod properties;
mod recipient;
mod resolve_names;
mod script;
mod store_properties;
mod stream_content;
mod submit;
mod sync;
mod table;
mod touched;
mod transport;
mod update;
mod updates;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

pub use contents_sync::ContentsSync;
pub use create::{ComposedMessage, CreatedMessage};
pub use error::MailboxError;
pub use fetch::{FetchOptions, Fetched, MessageFetch};
pub use folder::{FolderCounters, FolderRow, FoldersWithTop};
pub use hub::{FolderNews, MailboxChanges};
pub use info::{MailboxInfo, SpecialFolders};
pub use move_copy::{MOVE_COPY_LIMIT, MoveCopyOutcome};
pub use open::OpenOptions;
pub use opening::OpenPlan;
pub use submit::NotSubmitted;
pub use sync::{ContentsDelta, HierarchyDelta, SyncOutcome};
pub use table::ContentsQuery;
pub use transport::{ExecuteChannel, ExecuteOptions};
pub use updates::{GidUpdate, MessageUpdate, MessageUpdates, Updated};

use crate::id::{Gid, Guid, ObjectId};
use crate::rop::{IdFromLongTermIdRequest, LongTermIdFromIdRequest, RequestBody, ResponseBody, RopId};

/// A logon to a mailbox. Cheap to clone.
#[derive(Clone)]
pub struct Mailbox {
    inner: Arc<Inner>,
}

struct Inner {
    link: link::Link,
    logon: handle::Handle,
    subscription: Option<handle::Handle>,
    info: MailboxInfo,
    names: names::Names,
    /// REPLGUID of each replica id met.
    replicas: Mutex<HashMap<u16, Guid>>,
    /// The server sends several payloads of rows without EnablePackedBuffers only.
    plain_query_rows: AtomicBool,
    /// Messages are fetched at so many places at a time.
    fetching: Arc<Semaphore>,
}

/// FastTransfer sources open at a time for [`Mailbox::fetch_messages`]. Exchange ends sessions that have more than 50, and others
/// need some, too.
const MAX_SOURCES: usize = 32;

/// Replica ids kept; a mailbox has a handful.
const REPLICA_LIMIT: usize = 4096;

impl Mailbox {
    /// What is known of the mailbox.
    pub fn info(&self) -> &MailboxInfo {
        &self.inner.info
    }

    /// The global id of an object; `None` if its replica was not met yet (synchronising a folder meets those of its
    /// messages).
    pub fn gid_of(&self, id: ObjectId) -> Option<Gid> {
        Some(Gid { replica_guid: self.inner.replica_guid(id.replica_id)?, counter: id.counter })
    }

    /// The id that an object has in this logon; `None` if its replica was not met yet.
    pub fn id_of(&self, gid: Gid) -> Option<ObjectId> {
        self.inner.id_of(gid)
    }

    /// Execute requests sent so far.
    pub fn executes(&self) -> u64 {
        self.inner.link.executes()
    }

    /// Sees to it that [`Mailbox::id_of`] knows the replicas of `gids`. No request if all were met in this logon; those that
    /// the server doesn't know stay unknown.
    pub async fn meet(&self, gids: &[Gid]) -> Result<(), MailboxError> {
        let mut unknown: Vec<Gid> = gids.iter().filter(|gid| self.id_of(**gid).is_none()).copied().collect();
        unknown.sort_unstable_by_key(|gid| gid.replica_guid);
        unknown.dedup_by_key(|gid| gid.replica_guid);
        if unknown.is_empty() {
            return Ok(());
        }
        let mut script = self.inner.link.script();
        let store = script.known(&self.inner.logon);
        let mut asked = Vec::with_capacity(unknown.len());
        for gid in unknown {
            let request = IdFromLongTermIdRequest { long_term_id: gid.into() };
            asked.push((gid, script.rop(store, RequestBody::IdFromLongTermId(request))));
        }
        let answers = self.inner.link.run(&mut script, link::OnFailure::GoOn).await?;
        for (gid, ticket) in asked {
            if let Ok(ResponseBody::IdFromLongTermId(found)) = answers.body(ticket) {
                self.inner.learn_replica(found.object_id.replica_id, gid.replica_guid);
            }
        }
        Ok(())
    }

    /// The id that an object has in this logon. No request if its replica was met.
    ///
    /// # Errors
    /// ecNotFound if the server does not know the replica.
    pub async fn resolve(&self, gid: Gid) -> Result<ObjectId, MailboxError> {
        if let Some(id) = self.id_of(gid) {
            return Ok(id);
        }
        let mut script = self.inner.link.script();
        let store = script.known(&self.inner.logon);
        let request = IdFromLongTermIdRequest { long_term_id: gid.into() };
        let ticket = script.rop(store, RequestBody::IdFromLongTermId(request));
        let answers = self.inner.link.run(&mut script, link::OnFailure::Stop).await?;
        match answers.body(ticket)? {
            ResponseBody::IdFromLongTermId(found) => {
                self.inner.learn_replica(found.object_id.replica_id, gid.replica_guid);
                Ok(found.object_id)
            }
            _ => Err(link::odd_answer(RopId::ID_FROM_LONG_TERM_ID)),
        }
    }

    /// The global id of an object. No request if its replica was met.
    ///
    /// # Errors
    /// ecNotFound if the server does not know the object.
    pub async fn identify(&self, id: ObjectId) -> Result<Gid, MailboxError> {
        if let Some(gid) = self.gid_of(id) {
            return Ok(gid);
        }
        let mut script = self.inner.link.script();
        let store = script.known(&self.inner.logon);
        let request = LongTermIdFromIdRequest { object_id: id };
        let ticket = script.rop(store, RequestBody::LongTermIdFromId(request));
        let answers = self.inner.link.run(&mut script, link::OnFailure::Stop).await?;
        match answers.body(ticket)? {
            ResponseBody::LongTermIdFromId(long) => {
                self.inner.learn_replica(id.replica_id, long.long_term_id.gid.replica_guid);
                Ok(long.long_term_id.gid)
            }
            _ => Err(link::odd_answer(RopId::LONG_TERM_ID_FROM_ID)),
        }
    }

    /// Whether notifications are known to flow: there is a subscription, and a NotificationWait is outstanding or was
    /// answered a moment ago.
    pub fn is_listening(&self) -> bool {
        self.inner.subscription.is_some() && self.inner.link.hub.is_alive()
    }

    /// Closes the session context under the mailbox; whatever is under way fails. Without it the server keeps the context
    /// until it expires. Says whether the server has ended the context, and with it whatever it still did in it.
    pub async fn close(&self) -> bool {
        self.inner.link.close().await
    }

    /// What changed since this was asked last, if anything; no request unless the server said that it has more to tell.
    /// For one caller at a time.
    pub async fn changes_so_far(&self) -> Result<MailboxChanges, MailboxError> {
        self.inner.link.drain().await?;
        Ok(self.inner.link.hub.take())
    }

    /// Waits until something changes in the mailbox (it must have been opened with a subscription), or until it is time to
    /// look around: then what is returned is empty. Own changes are among those reported. Folders that were touched are
    /// named at most once a second. For one caller at a time; safe to cancel.
    pub async fn changes(&self) -> Result<MailboxChanges, MailboxError> {
        let link = &self.inner.link;
        let hub = &link.hub;
        let mut fruitless = 0;
        loop {
            let held = hub.backlog.held_for();
            if held.is_none() {
                link.drain().await?;
            }
            let changes = hub.take();
            if !changes.is_empty() {
                return Ok(changes);
            }
            // Waiting anew while an operation fetches what there is would end at once.
            if held.is_none() && !hub.backlog.is_waiting() {
                match hub.take_waited() {
                    Some(Ok(true)) => {
                        // Somebody else fetched what there was; or the server calls without having anything to tell.
                        fruitless += 1;
                        tokio::time::sleep(pause_after(fruitless)).await;
                        continue;
                    }
                    Some(Ok(false)) => return Ok(changes),
                    Some(Err(error)) => return Err(error.into()),
                    None => link.keep_waiting(),
                }
            }
            match [held, hub.due_in()].into_iter().flatten().min() {
                Some(left) => drop(tokio::time::timeout(left, hub.arrived.notified()).await),
                None => hub.arrived.notified().await,
            }
        }
    }

    /// Says that an operation is under way which sends requests anyway: until the returned guard is dropped, or for some
    /// seconds, [`Mailbox::changes`] leaves it to these to fetch notifications.
    pub fn hold_polls(&self) -> PollHold {
        self.inner.link.hub.backlog.hold();
        PollHold { inner: Arc::clone(&self.inner) }
    }

    /// Fetches notifications that the server could not send with its last answer, if it said so.
    pub async fn fetch_pending(&self) -> Result<(), MailboxError> {
        match self.inner.link.hub.backlog.is_pending() {
            true => self.inner.link.drain().await,
            false => Ok(()),
        }
    }
}

/// See [`Mailbox::hold_polls`].
#[must_use = "the hold ends when it is dropped"]
pub struct PollHold {
    inner: Arc<Inner>,
}

impl Drop for PollHold {
    fn drop(&mut self) {
        let hub = &self.inner.link.hub;
        hub.backlog.release();
        hub.arrived.notify_one();
    }
}

/// Before waiting again after waits that ended without anything new, so many in a row.
fn pause_after(fruitless: u32) -> Duration {
    match fruitless {
        0..=2 => Duration::ZERO,
        more => Duration::from_millis(50 << more.min(9)),
    }
}

impl Inner {
    fn replica_guid(&self, replica_id: u16) -> Option<Guid> {
        self.replicas.lock().unwrap_or_else(PoisonError::into_inner).get(&replica_id).copied()
    }

    fn learn_replica(&self, replica_id: u16, guid: Guid) {
        let mut replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        if replicas.len() < REPLICA_LIMIT {
            replicas.insert(replica_id, guid);
        }
    }

    fn id_of(&self, gid: Gid) -> Option<ObjectId> {
        let replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        let (replica_id, _) = replicas.iter().find(|(_, guid)| **guid == gid.replica_guid)?;
        Some(ObjectId { replica_id: *replica_id, counter: gid.counter })
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("mailbox_guid", &self.inner.info.mailbox_guid).finish_non_exhaustive()
    }
}

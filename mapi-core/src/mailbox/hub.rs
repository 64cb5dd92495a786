use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::backlog::Backlog;
use super::touched::Touched;
use crate::client::ClientError;
use crate::id::{FolderId, MessageId};
use crate::rop::{NotificationData, NotifyResponse, ObjectNotification, notification_flags as bits};

/// What changed in a mailbox since it was asked last. Hints: look at the folders to learn what happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailboxChanges {
    /// Folders whose messages or counters changed.
    pub folders: BTreeMap<FolderId, FolderNews>,
    /// Folders were made, removed or moved.
    pub hierarchy: bool,
    /// Folders whose own properties changed: they may have other names.
    pub altered: BTreeSet<FolderId>,
    /// Folders that may have other names, too, although their notifications speak of counts, as Gromox's always do: nothing
    /// happened to their messages at the same time. Ask [`super::Mailbox::folder_names`]. Named at most once a second,
    /// whatever happens; those of a second together.
    pub touched: BTreeSet<FolderId>,
    /// More folders changed than are listed: look at all.
    pub everything: bool,
}

impl MailboxChanges {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
            && self.altered.is_empty()
            && self.touched.is_empty()
            && !self.hierarchy
            && !self.everything
    }
}

/// What notifications said of a folder's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderNews {
    /// When the last of them arrived: who asked the server later has seen what they speak of.
    pub at: Instant,
    /// Messages of which something changed.
    pub modified: BTreeSet<MessageId>,
    /// Something changed of more messages than are listed.
    pub overflow: bool,
}

impl FolderNews {
    fn new(at: Instant) -> Self {
        Self { at, modified: BTreeSet::new(), overflow: false }
    }
}

/// Until then the next wait is begun, unless operations keep the session busy.
const MOMENT: Duration = Duration::from_secs(2);
/// Folders listed before the list becomes "everything".
const FOLDER_LIMIT: usize = 4096;
/// Modified messages listed, of all folders.
const MODIFIED_LIMIT: usize = 8192;

/// Takes notifications as they come with any answer, and keeps what they say until somebody asks.
#[derive(Debug, Default)]
pub(super) struct Hub {
    changes: Mutex<MailboxChanges>,
    touched: Mutex<Touched>,
    pub(super) arrived: tokio::sync::Notify,
    pub(super) backlog: Backlog,
    pairings: Mutex<Vec<Arc<Pairing>>>,
    waiting: AtomicBool,
    waited: Mutex<Option<Result<bool, ClientError>>>,
    /// When the last wait ended, if not with an error.
    answered: Mutex<Option<Instant>>,
}

impl Hub {
    /// Takes a notification in. Whoever waits is to be told when all of the answer have been.
    pub(super) fn notify(&self, notify: &NotifyResponse) {
        let NotificationData::Object(object) = &notify.data else { return };
        let event = notify.notification_flags & bits::EVENT;
        if matches!(event, bits::OBJECT_MOVED | bits::OBJECT_COPIED) {
            for pairing in lock(&self.pairings).iter() {
                pairing.notify(event == bits::OBJECT_COPIED, object);
            }
        }
        let counts = notify.notification_flags & (bits::TOTAL_COUNT | bits::UNREAD_COUNT) != 0;
        let folder_event = object.message_id.is_none();
        let mut changes = lock(&self.changes);
        let mut touched = lock(&self.touched);
        match event {
            bits::OBJECT_MODIFIED if folder_event && counts => touched.modified(object),
            bits::SEARCH_COMPLETE => {}
            _ if !folder_event || event == bits::NEW_MAIL => {
                [Some(object.folder_id), object.old_folder_id].into_iter().flatten().for_each(|f| touched.spoken_of(f));
            }
            _ => {}
        }
        if folder_event && event == bits::OBJECT_MODIFIED && !counts {
            // It has other properties, not other messages: what happens to messages is told with them.
            changes.altered.insert(object.folder_id);
        } else {
            changes.hierarchy |= folder_event && event != bits::OBJECT_MODIFIED && event != bits::SEARCH_COMPLETE;
            // A folder that something was copied from is as it was.
            let left = object.old_folder_id.filter(|_| event != bits::OBJECT_COPIED);
            let now = Instant::now();
            let listed = match event {
                bits::OBJECT_MODIFIED => changes.folders.values().map(|news| news.modified.len()).sum(),
                _ => 0,
            };
            for folder in [Some(object.folder_id), left].into_iter().flatten() {
                changes.folders.entry(folder).or_insert_with(|| FolderNews::new(now)).at = now;
            }
            if let (bits::OBJECT_MODIFIED, Some(message), Some(news)) =
                (event, object.message_id, changes.folders.get_mut(&object.folder_id))
            {
                news.overflow |= listed >= MODIFIED_LIMIT;
                if !news.overflow {
                    news.modified.insert(message);
                }
            }
        }
        if changes.folders.len() + changes.altered.len() > FOLDER_LIMIT || touched.len() > 2 * FOLDER_LIMIT {
            changes.folders.clear();
            changes.altered.clear();
            touched.clear();
            changes.everything = true;
        }
    }

    /// Whether a wait for notifications is to be begun: none is under way, and the last one's end is known.
    pub(super) fn begin_wait(&self) -> bool {
        lock(&self.waited).is_none() && !self.waiting.swap(true, Ordering::AcqRel)
    }

    /// A wait came to its end.
    pub(super) fn end_wait(&self, result: Result<bool, ClientError>) {
        if let Ok(true) = result {
            self.backlog.announce();
        }
        *lock(&self.answered) = result.is_ok().then(Instant::now);
        *lock(&self.waited) = Some(result);
        self.waiting.store(false, Ordering::Release);
        self.arrived.notify_one();
    }

    /// Whether the server is being waited for, or answered a moment ago.
    pub(super) fn is_alive(&self) -> bool {
        let answered = lock(&self.answered).is_some_and(|at| at.elapsed() < MOMENT);
        (answered && !self.backlog.is_waiting())
            || (self.waiting.load(Ordering::Acquire) && lock(&self.waited).is_none())
    }

    /// The end of the last wait, told once.
    pub(super) fn take_waited(&self) -> Option<Result<bool, ClientError>> {
        lock(&self.waited).take()
    }

    pub(super) fn take(&self) -> MailboxChanges {
        let mut changes = std::mem::take(&mut *lock(&self.changes));
        changes.touched = lock(&self.touched).take(Instant::now());
        changes
    }

    /// When folders that were touched can be taken, if there are any.
    pub(super) fn due_in(&self) -> Option<Duration> {
        lock(&self.touched).due_in(Instant::now())
    }

    /// Follows a move or copy until the returned guard is dropped.
    pub(super) fn follow(&self, pairing: Pairing) -> Following<'_> {
        let pairing = Arc::new(pairing);
        lock(&self.pairings).push(Arc::clone(&pairing));
        Following { hub: self, pairing }
    }
}

/// Learns the new ids of moved or copied messages from notifications.
#[derive(Debug)]
pub(super) struct Pairing {
    source: FolderId,
    target: FolderId,
    copy: bool,
    state: Mutex<PairingState>,
}

#[derive(Debug)]
struct PairingState {
    new_ids: HashMap<MessageId, Option<MessageId>>,
    left: usize,
    ambiguous: bool,
    /// Messages with two new ids, of which one is somebody else's doing.
    unsure: BTreeSet<MessageId>,
}

impl Pairing {
    pub(super) fn new(source: FolderId, target: FolderId, copy: bool, messages: &[MessageId]) -> Self {
        let new_ids: HashMap<_, _> = messages.iter().map(|id| (*id, None)).collect();
        let ambiguous = new_ids.len() != messages.len();
        Self {
            source,
            target,
            copy,
            state: Mutex::new(PairingState { left: new_ids.len(), new_ids, ambiguous, unsure: BTreeSet::new() }),
        }
    }

    /// Messages whose new id was not told yet.
    pub(super) fn left(&self) -> usize {
        lock(&self.state).left
    }

    /// Old and new ids in the order of `messages`, and whether each has exactly one.
    pub(super) fn pairs(&self, messages: &[MessageId]) -> (Vec<(MessageId, MessageId)>, bool) {
        let state = lock(&self.state);
        let pair = |old: &MessageId| Some((*old, (*state.new_ids.get(old)?)?));
        let sure = messages.iter().filter(|old| !state.unsure.contains(old));
        (sure.filter_map(pair).collect(), state.left == 0 && !state.ambiguous)
    }

    fn notify(&self, copy: bool, object: &ObjectNotification) {
        let (Some(new), Some(old)) = (object.message_id, object.old_message_id) else { return };
        if copy != self.copy || object.folder_id != self.target || object.old_folder_id != Some(self.source) {
            return;
        }
        let mut state = lock(&self.state);
        match state.new_ids.get_mut(&old) {
            Some(known @ None) => {
                *known = Some(new);
                state.left -= 1;
            }
            // Somebody else copied the same message to the same place at the same time.
            Some(Some(known)) if *known != new => {
                state.ambiguous = true;
                state.unsure.insert(old);
            }
            _ => {}
        }
    }
}

/// A pairing that is fed while this lives.
pub(super) struct Following<'a> {
    hub: &'a Hub,
    pub(super) pairing: Arc<Pairing>,
}

impl Drop for Following<'_> {
    fn drop(&mut self) {
        lock(&self.hub.pairings).retain(|other| !Arc::ptr_eq(other, &self.pairing));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(old: u64, new: u64) -> NotifyResponse {
        NotifyResponse {
            notification_handle: 1,
            logon_id: 0,
            notification_flags: bits::MESSAGE | bits::OBJECT_MOVED,
            data: NotificationData::Object(ObjectNotification {
                folder_id: FolderId::new(1, 0x20),
                message_id: Some(MessageId::new(1, new)),
                old_folder_id: Some(FolderId::new(1, 0x10)),
                old_message_id: Some(MessageId::new(1, old)),
                ..ObjectNotification::default()
            }),
        }
    }

    #[test]
    fn pairs_come_from_matching_events_only() {
        let hub = Hub::default();
        let ids = [MessageId::new(1, 1), MessageId::new(1, 2)];
        let (source, target) = (FolderId::new(1, 0x10), FolderId::new(1, 0x20));
        let moving = hub.follow(Pairing::new(source, target, false, &ids));
        let copying = hub.follow(Pairing::new(source, target, true, &ids));
        hub.notify(&moved(2, 12));
        hub.notify(&moved(9, 19));
        assert!(moving.pairing.left() != 0);
        hub.notify(&moved(1, 11));
        let pairs = vec![(ids[0], MessageId::new(1, 11)), (ids[1], MessageId::new(1, 12))];
        assert_eq!(moving.pairing.pairs(&ids), (pairs.clone(), true));
        assert_eq!(copying.pairing.pairs(&ids), (Vec::new(), false));
        hub.notify(&moved(1, 13));
        let (sure, complete) = moving.pairing.pairs(&ids);
        assert_eq!((&sure[..], complete), (&pairs[1..], false), "two new ids for one message");
        drop((moving, copying));
        assert!(lock(&hub.pairings).is_empty());
        let changes = hub.take();
        assert_eq!(changes.folders.into_keys().collect::<Vec<_>>(), [source, target]);
        assert!(!changes.hierarchy && changes.touched.is_empty() && hub.take().is_empty());
    }

    #[test]
    fn folder_events_and_counters() {
        let hub = Hub::default();
        let event = |flags: u16| NotifyResponse {
            notification_handle: 1,
            logon_id: 0,
            notification_flags: flags,
            data: NotificationData::Object(ObjectNotification {
                folder_id: FolderId::new(1, 5),
                ..ObjectNotification::default()
            }),
        };
        hub.notify(&event(bits::OBJECT_MODIFIED | bits::TOTAL_COUNT | bits::UNREAD_COUNT));
        let changes = hub.take();
        assert!(!changes.hierarchy && changes.touched.contains(&FolderId::new(1, 5)), "it may have another name");
        hub.notify(&event(bits::OBJECT_CREATED));
        assert!(hub.take().hierarchy);
        for counter in 0..=FOLDER_LIMIT as u64 {
            let mut many = event(bits::OBJECT_CREATED);
            if let NotificationData::Object(object) = &mut many.data {
                object.folder_id = FolderId::new(1, counter);
            }
            hub.notify(&many);
        }
        let changes = hub.take();
        assert!(changes.everything && changes.folders.is_empty());
    }
}

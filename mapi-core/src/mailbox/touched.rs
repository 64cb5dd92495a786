use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::id::FolderId;
use crate::rop::ObjectNotification;

/// Folders are named for a look at most so often.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Folders whose counts are remembered.
const COUNTS_LIMIT: usize = 4096;

/// Finds out which folders may have another name although no notification says so.
///
/// A folder that was modified never has tags that tell what of it ([MS-OXCNOTIF] R199), and Gromox adds its counts to every
/// modification, also to that by a new name. But what happens to messages is told with the messages, in the same answer or
/// nearly so. A modification that comes without any, or that leaves the counts as they were, is about the folder itself.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Folders modified since the last judgement, and whether one of the modifications left the counts as they were.
    modified: BTreeMap<FolderId, bool>,
    /// Folders that something happened in since then.
    spoken_of: BTreeSet<FolderId>,
    /// What the last modification of a folder said of its messages: all, and unread.
    counts: HashMap<FolderId, (Option<u32>, Option<u32>)>,
    waiting: BTreeSet<FolderId>,
    told: Option<Instant>,
}

impl Touched {
    /// A folder was modified; the notification has counts.
    pub(super) fn modified(&mut self, object: &ObjectNotification) {
        let folder = object.folder_id;
        let counts = (object.total_message_count, object.unread_message_count);
        if self.counts.len() >= COUNTS_LIMIT && !self.counts.contains_key(&folder) {
            self.counts.clear();
        }
        let same = self.counts.insert(folder, counts) == Some(counts);
        *self.modified.entry(folder).or_default() |= same;
    }

    /// Something happened to a message of a folder.
    pub(super) fn spoken_of(&mut self, folder: FolderId) {
        self.spoken_of.insert(folder);
    }

    /// Folders kept.
    pub(super) fn len(&self) -> usize {
        self.modified.len() + self.spoken_of.len() + self.waiting.len()
    }

    /// Forgets what was not told yet, as everything is to be looked at.
    pub(super) fn clear(&mut self) {
        self.modified.clear();
        self.spoken_of.clear();
        self.waiting.clear();
    }

    /// Folders to look at now, at most once a second; the others wait.
    pub(super) fn take(&mut self, now: Instant) -> BTreeSet<FolderId> {
        let spoken_of = std::mem::take(&mut self.spoken_of);
        let about_itself = std::mem::take(&mut self.modified)
            .into_iter()
            .filter(|(folder, same)| *same || !spoken_of.contains(folder));
        self.waiting.extend(about_itself.map(|(folder, _)| folder));
        if self.waiting.is_empty() || !self.rest(now).is_zero() {
            return BTreeSet::new();
        }
        self.told = Some(now);
        std::mem::take(&mut self.waiting)
    }

    /// When folders that wait can be taken; `None` if there are none.
    pub(super) fn due_in(&self, now: Instant) -> Option<Duration> {
        (!self.waiting.is_empty()).then(|| self.rest(now))
    }

    fn rest(&self, now: Instant) -> Duration {
        self.told.map_or(Duration::ZERO, |told| (told + BETWEEN_LOOKS).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INBOX: FolderId = FolderId::new(1, 5);

    fn modified(total: u32, unread: u32) -> ObjectNotification {
        ObjectNotification {
            folder_id: INBOX,
            total_message_count: Some(total),
            unread_message_count: Some(unread),
            ..ObjectNotification::default()
        }
    }

    #[test]
    fn a_rename_is_told_from_new_mail() {
        let mut touched = Touched::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        // New mail, whose folder is modified in the same answer.
        touched.spoken_of(INBOX);
        touched.modified(&modified(10, 3));
        assert!(touched.take(at(0)).is_empty() && touched.due_in(at(0)).is_none());
        // A new name, alone.
        touched.modified(&modified(10, 3));
        assert_eq!(touched.take(at(1)), BTreeSet::from([INBOX]));
        // A new name in the same answer as new mail, before or behind it.
        for (first, second) in [((10, 3), (11, 4)), ((12, 5), (12, 5))] {
            touched.spoken_of(INBOX);
            touched.modified(&modified(first.0, first.1));
            touched.modified(&modified(second.0, second.1));
            assert_eq!(touched.take(at(u64::from(first.0))), BTreeSet::from([INBOX]), "{first:?}");
        }
    }

    #[test]
    fn looks_are_coalesced() {
        let mut touched = Touched::default();
        let start = Instant::now();
        touched.modified(&modified(1, 0));
        assert_eq!(touched.take(start).len(), 1, "the first at once");
        for n in 0..100 {
            touched.modified(&modified(1, 0));
            assert!(touched.take(start + Duration::from_millis(9 * n)).is_empty());
        }
        assert_eq!(touched.due_in(start + Duration::from_millis(900)), Some(Duration::from_millis(100)));
        assert_eq!(touched.take(start + BETWEEN_LOOKS).len(), 1);
        assert_eq!(touched.len(), 0);
    }
}

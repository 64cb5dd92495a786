use std::sync::Arc;

use mail_core::{MessageRow, Snapshot};

use super::recent::Recent;
use crate::proto::message_set::MessageSet;
use crate::proto::sequence::{OutOfRange, Ranges};

/// What a client knows of the folder it selected, beside what the folder is by now. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// What the client was told: defines the message numbers.
    pub known: Arc<Snapshot>,
    /// What the store published last.
    pub newest: Arc<Snapshot>,
    /// Which messages are `\Recent` here.
    pub recent: Recent,
    /// The UIDs that a SEARCH saved (RFC 5182): ranges without other messages that the client knows of.
    pub saved: Arc<Ranges>,
}

impl View {
    /// A folder that the client is about to be told of.
    pub fn new(snapshot: Arc<Snapshot>, mut recent: Recent) -> Self {
        recent.told(&snapshot);
        Self { known: snapshot.clone(), newest: snapshot, recent, saved: Arc::default() }
    }

    /// How many messages the client knows of.
    pub fn count(&self) -> u32 {
        u32::try_from(self.known.rows().len()).unwrap_or(u32::MAX)
    }

    /// The messages the client knows of, each with its number.
    pub fn messages(&self) -> impl Iterator<Item = (u32, &MessageRow)> {
        (1..).zip(self.known.rows().iter())
    }

    /// The highest UID the client knows of.
    pub fn last_uid(&self) -> u32 {
        self.known.rows().last().map_or(0, |row| row.uid)
    }

    /// The number of a message.
    pub fn number(&self, uid: u32) -> Option<u32> {
        self.known.rows().position(uid).and_then(|position| u32::try_from(position + 1).ok())
    }

    /// The newest row of a message that the client knows of; its last one if the message is gone.
    pub fn row(&self, uid: u32) -> Option<&MessageRow> {
        let known = self.known.rows().get(uid)?;
        Some(self.newest.rows().get(uid).unwrap_or(known))
    }

    /// Whether a message that the client knows of is gone.
    pub fn is_gone(&self, uid: u32) -> bool {
        self.newest.rows().get(uid).is_none()
    }

    pub fn is_recent(&self, uid: u32) -> bool {
        self.recent.contains(uid)
    }

    /// UIDs of messages, ascending, as ranges in which there are no others.
    pub fn ranges(&self, uids: impl IntoIterator<Item = u32>) -> Ranges {
        let position = |uid| self.known.rows().position(uid);
        let follows = |uid: u32, next: u32| {
            uid.checked_add(1) == Some(next)
                || position(uid).zip(position(next)).is_some_and(|(uid, next)| uid + 1 == next)
        };
        Ranges::of(uids, follows)
    }

    /// The UIDs, ascending, of the messages in a set of numbers or UIDs that the client knows of.
    pub fn resolve(&self, set: &MessageSet, uid: bool) -> Result<Vec<u32>, OutOfRange> {
        self.resolve_where(set, uid, |_| true)
    }

    /// The same of those whose newest MODSEQ is higher than this.
    pub fn resolve_changed(&self, set: &MessageSet, uid: bool, modseq: u64) -> Result<Vec<u32>, OutOfRange> {
        // Without a look for each row, where that is possible: clients ask this of whole folders, and often.
        if Arc::ptr_eq(&self.known, &self.newest) {
            return self.resolve_where(set, uid, |row| row.modseq > modseq);
        }
        self.resolve_where(set, uid, |row| self.row(row.uid).is_some_and(|row| row.modseq > modseq))
    }

    fn resolve_where(
        &self,
        set: &MessageSet,
        uid: bool,
        wanted: impl Fn(&MessageRow) -> bool,
    ) -> Result<Vec<u32>, OutOfRange> {
        let rows = self.known.rows();
        let mut uids = Vec::new();
        let set = match set {
            MessageSet::Numbers(set) => set,
            MessageSet::Saved => {
                let saved = self.saved.iter().flat_map(|(from, to)| rows.range(from, to));
                return Ok(saved.filter(|row| wanted(row)).map(|row| row.uid).collect());
            }
        };
        if uid {
            for (from, to) in set.resolve(self.last_uid()).iter() {
                uids.extend(rows.range(from, to).filter(|row| wanted(row)).map(|row| row.uid));
            }
        } else {
            for (from, to) in set.resolve_numbers(self.count())?.iter() {
                let count = (to - from) as usize + 1;
                let range = rows.iter_from(from as usize - 1).take(count);
                uids.extend(range.filter(|row| wanted(row)).map(|row| row.uid));
            }
        }
        Ok(uids)
    }
}

use std::sync::Arc;

use mail_core::{FlagSet, MessageRow, Rows, Snapshot};
use mapi_core::id::Gid;

use super::source::{MessageSource, join, split};
use super::uids::Uids;
use super::{Delta, FolderView};
use crate::ledger::{FolderCommit, FolderHead, MessageRecord, Run, StoredFolder};

/// A folder's state as of its last commit. What a commit costs grows with what it changes, not with the folder.
#[derive(Debug, Clone)]
pub struct FolderState {
    pub(super) head: FolderHead,
    /// What sessions see of the messages.
    rows: Rows<MessageRow>,
    /// What else is known of them: as many.
    sources: Rows<MessageSource>,
    uids: Uids,
    /// UIDs of messages that have a higher one, too. Only a ledger that was written wrongly has such.
    doubled: Vec<u32>,
    /// PidTagArticleNumNext as of the last round.
    pub(super) next_article: Option<u32>,
    pub(super) run: Run,
}

impl FolderState {
    /// The state of a folder that has no ledger yet.
    pub fn new(uid_validity: u32) -> Self {
        let head =
            FolderHead { version: 0, uid_validity, uid_next: 1, uid_ceiling: 1, highest_modseq: 1, ics: Vec::new() };
        Self {
            head,
            rows: Rows::default(),
            sources: Rows::default(),
            uids: Uids::default(),
            doubled: Vec::new(),
            next_article: None,
            run: Run::default(),
        }
    }

    /// The state that a ledger holds.
    pub fn from_stored(stored: StoredFolder) -> Self {
        let mut state = Self::new(stored.head.uid_validity);
        (state.head, state.next_article, state.run) = (stored.head, stored.next_article, stored.run);
        for record in stored.rows {
            let lower = state.put(record);
            state.doubled.extend(lower);
        }
        state
    }

    /// The head.
    pub fn head(&self) -> &FolderHead {
        &self.head
    }

    /// Whether there was a round. If there was none, UIDVALIDITY and UIDNEXT may have been told all the same.
    pub fn was_read(&self) -> bool {
        !self.head.ics.is_empty()
    }

    /// The folder's last run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Whether a round shows that the server was set back to an older state: a number that only grows is smaller than it
    /// was. Ids and change numbers are then given out a second time, to other messages ([MS-OXCFXICS] 3.3.5.3).
    pub fn is_set_back_in(&self, delta: &Delta) -> bool {
        matches!((delta.next_article, self.next_article), (Some(now), Some(before)) if now < before)
    }

    /// All messages.
    pub fn gids(&self) -> impl Iterator<Item = Gid> {
        self.sources.iter().map(|source| source.gid)
    }

    /// The message with `uid`.
    pub fn row(&self, uid: u32) -> Option<MessageRecord> {
        Some(join(self.rows.get(uid)?, self.sources.get(uid)?))
    }

    /// The flags that sessions see of the message with `uid`.
    pub fn flags(&self, uid: u32) -> Option<FlagSet> {
        self.rows.get(uid).map(|row| row.flags)
    }

    /// The MODSEQ of the message with `uid`.
    pub fn modseq(&self, uid: u32) -> Option<u64> {
        self.rows.get(uid).map(|row| row.modseq)
    }

    /// The UID of a message.
    pub fn uid_of(&self, gid: &Gid) -> Option<u32> {
        self.uids.get(gid)
    }

    /// The UIDs, ascending, of the messages of which a round may say something.
    pub(super) fn concerned(&self, delta: &Delta) -> Vec<u32> {
        if delta.complete {
            return self.rows.iter().map(|row| row.uid).collect();
        }
        let named =
            delta.changed.iter().map(|message| &message.gid).chain(delta.flags.iter().map(|message| &message.gid));
        let sets = [&delta.deleted, &delta.read, &delta.unread];
        let mut uids: Vec<u32> = named.filter_map(|gid| self.uid_of(gid)).collect();
        uids.extend(sets.into_iter().flat_map(|set| self.uids.among(set)).chain(self.doubled.iter().copied()));
        uids.sort_unstable();
        uids.dedup();
        uids
    }

    /// Takes in a commit that is durable.
    pub fn absorb(&mut self, commit: FolderCommit) {
        if commit.reset {
            let FolderState { rows, sources, uids, doubled, .. } = Self::new(0);
            (self.rows, self.sources, self.uids, self.doubled) = (rows, sources, uids, doubled);
            self.next_article = None;
        }
        self.next_article = commit.next_article.or(self.next_article);
        self.begin(commit.run.unwrap_or(self.run));
        for (uid, _) in &commit.tombstones {
            self.rows.remove(*uid);
            if let Some(source) = self.sources.remove(*uid)
                && self.uids.get(&source.gid) == Some(*uid)
            {
                self.uids.remove(&source.gid);
            }
        }
        self.doubled.retain(|uid| self.rows.get(*uid).is_some());
        for record in commit.upserts {
            let other = self.put(record);
            debug_assert!(other.is_none(), "one message, two UIDs");
        }
        self.head = commit.head;
    }

    /// What to publish.
    pub fn view(&self) -> FolderView {
        let head = &self.head;
        let snapshot = Snapshot::new(head.uid_validity, head.uid_next, head.highest_modseq, self.rows.clone());
        FolderView {
            version: head.version,
            snapshot: Arc::new(snapshot),
            modseq_floor: self.run.modseq_floor,
            sources: self.sources.clone(),
        }
    }

    /// Gives the other UID of the message, if it has one.
    fn put(&mut self, record: MessageRecord) -> Option<u32> {
        let (row, source) = split(record, self.run.modseq_floor);
        let (uid, before) = (row.uid, self.uids.insert(&source.gid, row.uid));
        self.rows.put(row);
        self.sources.put(source);
        before.filter(|before| *before != uid)
    }

    /// A run that was lost makes every message one that changed.
    fn begin(&mut self, run: Run) {
        if run.modseq_floor > self.run.modseq_floor {
            let raised = |row: &MessageRow| MessageRow { modseq: row.modseq.max(run.modseq_floor), ..row.clone() };
            self.rows = self.rows.iter().map(raised).collect();
        }
        self.run = run;
    }
}

#[cfg(test)]
impl FolderState {
    /// All messages, ascending by UID.
    pub(super) fn rows(&self) -> Vec<MessageRecord> {
        assert_eq!(self.rows.len(), self.sources.len(), "as many sources as rows");
        self.rows.iter().map(|row| self.row(row.uid).expect("a source")).collect()
    }
}

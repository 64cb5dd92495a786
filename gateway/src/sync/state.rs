use std::collections::HashMap;
use std::sync::Arc;

use mail_core::{FlagSet, Keywords, MessageRow, Snapshot};
use mapi_core::id::Gid;

use super::Delta;
use crate::ledger::{FolderCommit, FolderHead, MessageRecord, RenderingRecord, Run, StoredFolder};

/// A folder's state as of its last commit.
#[derive(Debug, Clone)]
pub struct FolderState {
    pub(super) head: FolderHead,
    /// Ascending by UID.
    pub(super) rows: Vec<MessageRecord>,
    pub(super) by_gid: HashMap<Gid, u32>,
    /// PidTagArticleNumNext as of the last round.
    pub(super) next_article: Option<u32>,
    pub(super) run: Run,
}

/// What is published of a folder after a commit: the snapshot that sessions see, and per row what the gateway needs to
/// fetch it.
#[derive(Debug, Clone, Default)]
pub struct FolderView {
    /// The folder's version.
    pub version: u64,
    /// What sessions see.
    pub snapshot: Arc<Snapshot>,
    /// One per message of the snapshot, in its order.
    pub sources: Vec<MessageSource>,
}

/// Where a message of a view comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageSource {
    /// Its global id.
    pub gid: Gid,
    /// Its recorded rendering.
    pub rendering: Option<RenderingRecord>,
    /// Its bytes must be compared with the recorded rendering before they are served.
    pub suspect: bool,
}

impl FolderState {
    /// The state of a folder that has no ledger yet.
    pub fn new(uid_validity: u32) -> Self {
        let head =
            FolderHead { version: 0, uid_validity, uid_next: 1, uid_ceiling: 1, highest_modseq: 1, ics: Vec::new() };
        Self { head, rows: Vec::new(), by_gid: HashMap::new(), next_article: None, run: Run::default() }
    }

    /// The state that a ledger holds.
    pub fn from_stored(stored: StoredFolder) -> Self {
        let by_gid = stored.rows.iter().map(|row| (row.gid, row.uid)).collect();
        Self { head: stored.head, rows: stored.rows, by_gid, next_article: stored.next_article, run: stored.run }
    }

    /// The head.
    pub fn head(&self) -> &FolderHead {
        &self.head
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

    /// The messages, ascending by UID.
    pub fn rows(&self) -> &[MessageRecord] {
        &self.rows
    }

    /// The message with `uid`.
    pub fn row(&self, uid: u32) -> Option<&MessageRecord> {
        self.rows.binary_search_by_key(&uid, |row| row.uid).ok().map(|position| &self.rows[position])
    }

    /// The UID of a message.
    pub fn uid_of(&self, gid: &Gid) -> Option<u32> {
        self.by_gid.get(gid).copied()
    }

    /// Takes in a commit that is durable.
    pub fn absorb(&mut self, commit: FolderCommit) {
        if commit.reset {
            self.rows.clear();
            self.by_gid.clear();
            self.next_article = None;
        }
        self.next_article = commit.next_article.or(self.next_article);
        self.run = commit.run.unwrap_or(self.run);
        if !commit.tombstones.is_empty() {
            let gone: std::collections::HashSet<u32> = commit.tombstones.iter().map(|(uid, _)| *uid).collect();
            for row in self.rows.iter().filter(|row| gone.contains(&row.uid)) {
                // A message that got a new UID is already known under it when it is also among the upserts.
                if self.by_gid.get(&row.gid) == Some(&row.uid) {
                    self.by_gid.remove(&row.gid);
                }
            }
            self.rows.retain(|row| !gone.contains(&row.uid));
        }
        for row in commit.upserts {
            let before = self.by_gid.insert(row.gid, row.uid);
            debug_assert!(before.is_none_or(|uid| uid == row.uid), "one message, two UIDs");
            match self.rows.binary_search_by_key(&row.uid, |r| r.uid) {
                Ok(position) => self.rows[position] = row,
                Err(position) => self.rows.insert(position, row),
            }
        }
        self.head = commit.head;
    }

    /// What to publish.
    pub fn view(&self) -> FolderView {
        let messages = self.rows.iter().map(|row| message_row(row, self.run.modseq_floor)).collect();
        let snapshot = Snapshot {
            uid_validity: self.head.uid_validity,
            uid_next: self.head.uid_next,
            highest_modseq: self.head.highest_modseq,
            messages,
        };
        let source =
            |row: &MessageRecord| MessageSource { gid: row.gid, rendering: row.rendering, suspect: row.suspect };
        FolderView {
            version: self.head.version,
            snapshot: Arc::new(snapshot),
            sources: self.rows.iter().map(source).collect(),
        }
    }
}

impl FolderView {
    /// The flags that sessions see of the message with `uid`.
    pub fn flags(&self, uid: u32) -> Option<FlagSet> {
        self.snapshot.position(uid).and_then(|position| self.snapshot.messages.get(position)).map(|row| row.flags)
    }

    /// Where the message with `uid` comes from.
    pub fn source(&self, uid: u32) -> Option<MessageSource> {
        self.snapshot.position(uid).and_then(|position| self.sources.get(position)).copied()
    }
}

/// The flags that sessions see: the server's, changed by the overlays.
pub(super) fn visible_flags(row: &MessageRecord) -> FlagSet {
    FlagSet::from_bits(row.server_flags)
        .union(FlagSet::from_bits(row.overlay_set))
        .difference(FlagSet::from_bits(row.overlay_cleared))
}

/// The row as sessions see it. A run that was lost may have shown the message with other flags, so whoever asks what changed
/// since then must be told of it: its MODSEQ is not below `modseq_floor`.
fn message_row(row: &MessageRecord, modseq_floor: u64) -> MessageRow {
    MessageRow {
        uid: row.uid,
        flags: visible_flags(row),
        keywords: row.keywords.iter().collect::<Keywords>(),
        modseq: row.modseq.max(modseq_floor),
        internal_date: row.internal_date,
        size: row.rendering.filter(|_| !row.suspect).map(|rendering| rendering.size),
    }
}

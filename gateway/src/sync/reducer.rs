use std::collections::HashMap;

use mail_core::FlagSet;
use mapi_core::id::Gid;

use super::visible_flags::visible_flags;
use super::{Delta, FolderState, OwnChange, RemoteFlags, RemoteMessage};
use crate::ledger::{FolderCommit, MessageRecord, RenderingRecord, Run, StateMark};

/// A rendering that was made for a UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferedRendering {
    /// The UID.
    pub uid: u32,
    /// The message it was made of.
    pub gid: Gid,
    /// The folder's version of the view from which the download started.
    pub version: u64,
    /// Its size and digest.
    pub rendering: RenderingRecord,
}

/// The bytes that a message has as long as it is in a certain state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownRendering {
    /// The message.
    pub gid: Gid,
    /// The state.
    pub state: StateMark,
    /// Size and digest.
    pub rendering: RenderingRecord,
}

/// What became of a rendering that was offered for a UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderingVerdict {
    /// These are the bytes of this UID: serve them.
    Same,
    /// The message has other bytes than were recorded for the UID: the UID is expunged, the message has a new one.
    Replaced,
    /// The message changed while it was downloaded: nobody knows which state this is. Download it again.
    Outdated,
    /// The UID is gone.
    Gone,
}

/// Builds a commit on top of a state.
pub(super) struct Draft<'a> {
    pub(super) state: &'a FolderState,
    pub(super) commit: FolderCommit,
    pub(super) modseq: u64,
}

impl<'a> Draft<'a> {
    pub(super) fn new(state: &'a FolderState) -> Self {
        let mut head = state.head.clone();
        head.version += 1;
        let commit = FolderCommit {
            expected_version: state.head.version,
            head,
            upserts: Vec::new(),
            tombstones: Vec::new(),
            reset: false,
            next_article: None,
            run: None,
        };
        Self { state, commit, modseq: state.head.highest_modseq + 1 }
    }

    pub(super) fn expunge(&mut self, uid: u32) {
        self.commit.head.highest_modseq = self.modseq;
        self.commit.tombstones.push((uid, self.modseq));
    }

    /// Stores `row`, with a new MODSEQ if sessions can see the difference.
    pub(super) fn update(&mut self, mut row: MessageRecord, visible: bool) {
        if visible {
            self.commit.head.highest_modseq = self.modseq;
            row.modseq = self.modseq;
        }
        self.commit.upserts.push(row);
    }

    /// Gives `row` the next UID, beyond those that a lost run may have given. (UIDNEXT goes there only now: it must not move
    /// while no message comes, RFC 3501 2.3.1.1.)
    fn add(&mut self, mut row: MessageRecord) {
        let head = &mut self.commit.head;
        row.uid = head.uid_next.max(self.state.run.uid_floor);
        head.uid_next = row.uid.saturating_add(1);
        self.update(row, true);
    }

    /// The commit, if it changes anything durable.
    pub(super) fn finish(self) -> Option<FolderCommit> {
        let FolderCommit { head, upserts, tombstones, reset, next_article, run, .. } = &self.commit;
        let changed = *reset
            || run.is_some_and(|run| run != self.state.run)
            || (next_article.is_some() && *next_article != self.state.next_article)
            || !upserts.is_empty()
            || !tombstones.is_empty()
            || head.ics != self.state.head.ics
            || head.uid_ceiling != self.state.head.uid_ceiling
            || self.state.head.version == 0;
        changed.then_some(self.commit)
    }
}

impl FolderState {
    /// The commit of a round, `None` if it changes nothing. New messages get UIDs in ascending order of their counters.
    /// A changed message whose rendering was recorded becomes suspect; its flags count at once. Replaying a round is
    /// harmless.
    pub fn round(&self, delta: &Delta) -> Option<FolderCommit> {
        let mut draft = Draft::new(self);
        // A message may be reported several times: what came last counts.
        let mut reported: HashMap<_, _> = delta.changed.iter().map(|message| (message.gid, message)).collect();

        let looked_at: HashMap<_, _> = delta.flags.iter().map(|message| (message.gid, message)).collect();

        for row in self.concerned(delta).into_iter().filter_map(|uid| self.row(uid)) {
            // Should a ledger have a message twice, the higher UID stays.
            if self.uid_of(&row.gid) != Some(row.uid) {
                draft.expunge(row.uid);
                continue;
            }
            let change = reported.remove(&row.gid);
            let gone = delta.deleted.contains(row.gid) || (delta.complete && change.is_none());
            if gone && change.is_none() {
                draft.expunge(row.uid);
                continue;
            }
            let read = delta.read.contains(row.gid);
            let unread = delta.unread.contains(row.gid);
            let version = draft.commit.head.version;
            let flags = looked_at.get(&row.gid).copied();
            let own = delta.own.get(&row.gid);
            let Some(next) = changed_row(&row, change.map(|change| (change, own)), flags, (read, unread), version)
            else {
                continue;
            };
            if change.is_some() && self.may_have_been_served_otherwise(row.uid) {
                draft.expunge(row.uid);
                draft.add(next);
                continue;
            }
            let visible = visible_flags(&next) != visible_flags(&row) || next.keywords != row.keywords;
            draft.update(next, visible);
        }

        let mut new: Vec<&RemoteMessage> = reported.into_values().collect();
        new.sort_unstable_by_key(|message| (message.gid.counter, message.gid.replica_guid));
        if let Some(first) = self.first_foretold(delta, new.len()) {
            draft.commit.head.uid_next = first;
        }
        for message in new {
            let mut flags = message.flags;
            if delta.read.contains(message.gid) {
                flags = flags.union(FlagSet::SEEN);
            } else if delta.unread.contains(message.gid) {
                flags = flags.difference(FlagSet::SEEN);
            }
            let changed_at = draft.commit.head.version;
            draft.add(MessageRecord { server_flags: flags.bits(), changed_at, ..message.to_staged() });
        }
        draft.commit.head.ics.clone_from(&delta.ics);
        draft.commit.next_article = delta.next_article;
        draft.finish()
    }

    /// Whether a commit does what only a run that stands in the epoch may do: give a UID, move MODSEQ, or fix the bytes of a
    /// UID. (The last, since a copy of the ledger that does not know these bytes would take others of a changed message.)
    pub fn needs_run(&self, commit: &FolderCommit) -> bool {
        let fixes = |row: &MessageRecord| row.rendering != self.row(row.uid).and_then(|known| known.rendering);
        !commit.reset
            && (commit.head.uid_next > self.head.uid_next
                || commit.head.highest_modseq > self.head.highest_modseq
                || commit.upserts.iter().any(fixes))
    }

    /// The commit that begins `run`, or goes on with it, and reserves UIDs below `ceiling`; `None` if all of that is so.
    ///
    /// After a run that may have been lost, MODSEQ is raised at once, and with it that of every message: what the lost run
    /// showed may differ from what is shown now in any flag, and HIGHESTMODSEQ must not be lower than it was.
    pub fn begin_run(&self, run: Run, ceiling: u32) -> Option<FolderCommit> {
        let mut draft = Draft::new(self);
        let head = &mut draft.commit.head;
        head.uid_ceiling = head.uid_ceiling.max(ceiling);
        head.highest_modseq = head.highest_modseq.max(run.modseq_floor);
        draft.commit.run = Some(run);
        draft.finish()
    }

    /// The commit that forgets everything and begins with a higher UIDVALIDITY. What lost runs did was under a lower one.
    pub fn reset(&self, uid_validity: u32) -> FolderCommit {
        let mut draft = Draft::new(self);
        let fresh = FolderState::new(uid_validity.max(self.head.uid_validity.saturating_add(1)));
        draft.commit.head = crate::ledger::FolderHead { version: self.head.version + 1, ..fresh.head };
        draft.commit.reset = true;
        draft.commit.run = Some(Run { uid_floor: 0, modseq_floor: 0, ..self.run });
        draft.commit
    }

    /// Whether other bytes than those of today may have been served for a UID. Its rendering is not recorded, but a run that
    /// was lost may have recorded and served one. As long as the message did not change, today's is the same: a round has to
    /// show, after the message was downloaded, that it did not, and when it does it gets a new UID.
    pub fn may_have_been_served_otherwise(&self, uid: u32) -> bool {
        uid < self.run.uid_floor && self.row(uid).is_some_and(|row| row.rendering.is_none())
    }

    /// Records renderings: the first one of a UID fixes its bytes for ever. Returns the commit (if anything changes) and a
    /// verdict per entry.
    ///
    /// A message may be offered several times, as one is that was downloaded again after a lost session. The first offer
    /// counts. One that says the same gets the same verdict; one that differs is of a message that changed meanwhile.
    pub fn record_renderings(&self, offered: &[OfferedRendering]) -> (Option<FolderCommit>, Vec<RenderingVerdict>) {
        let mut draft = Draft::new(self);
        let mut verdicts = Vec::with_capacity(offered.len());
        let mut settled = HashMap::new();
        for OfferedRendering { uid, gid, version, rendering } in offered {
            let Some(row) = self.row(*uid).filter(|row| row.gid == *gid) else {
                verdicts.push(RenderingVerdict::Gone);
                continue;
            };
            if row.changed_at > *version {
                verdicts.push(RenderingVerdict::Outdated);
                continue;
            }
            if let Some((first, verdict)) = settled.get(uid) {
                verdicts.push(if first == rendering { *verdict } else { RenderingVerdict::Outdated });
                continue;
            }
            let verdict = match row.rendering {
                Some(recorded) if recorded != *rendering => {
                    draft.expunge(*uid);
                    let fresh = MessageRecord { rendering: Some(*rendering), suspect: false, ..row.clone() };
                    draft.add(fresh);
                    RenderingVerdict::Replaced
                }
                recorded => {
                    if recorded.is_none() || row.suspect {
                        let row = MessageRecord { rendering: Some(*rendering), suspect: false, ..row.clone() };
                        draft.update(row, false);
                    }
                    RenderingVerdict::Same
                }
            };
            settled.insert(*uid, (*rendering, verdict));
            verdicts.push(verdict);
        }
        (draft.finish().filter(|_| !offered.is_empty()), verdicts)
    }
}

impl FolderState {
    /// Records the bytes of messages as who made them knows them, where no others are recorded: the message must be in the
    /// state that has these bytes.
    pub fn adopt_renderings(&self, known: &[KnownRendering]) -> Option<FolderCommit> {
        let mut draft = Draft::new(self);
        for KnownRendering { gid, state, rendering } in known {
            let row = self.uid_of(gid).and_then(|uid| self.row(uid));
            let fits = |row: &MessageRecord| row.rendering.is_none() && row.state == Some(*state);
            if let Some(row) = row.filter(fits)
                && !self.may_have_been_served_otherwise(row.uid)
            {
                draft.update(MessageRecord { rendering: Some(*rendering), suspect: false, ..row }, false);
            }
        }
        draft.finish().filter(|_| !known.is_empty())
    }

    /// Whether a message is known to be in another state than this.
    pub fn is_in_other_state(&self, gid: &Gid, state: StateMark) -> bool {
        let row = self.uid_of(gid).and_then(|uid| self.row(uid));
        row.and_then(|row| row.state).is_some_and(|now| now != state)
    }
}

/// The row after a round, `None` if nothing about it changes.
fn changed_row(
    row: &MessageRecord,
    change: Option<(&RemoteMessage, Option<&OwnChange>)>,
    flags: Option<&RemoteFlags>,
    (read, unread): (bool, bool),
    version: u64,
) -> Option<MessageRecord> {
    let mut next = row.clone();
    if let Some((change, own)) = change {
        if !has_same_content(row, change, own) {
            next.suspect = row.rendering.is_some();
            next.changed_at = version;
        }
        next.state = change.state;
    }
    // What was read from the message itself is newer than all the rest.
    let told = flags.map(|flags| (flags.flags, &flags.keywords));
    if let Some((flags, keywords)) = told.or(change.map(|(change, _)| (change.flags, &change.keywords))) {
        next.server_flags = flags.bits();
        next.keywords = keywords.clone();
        // A server that comes round to what a client wanted needs no overlay any more.
        next.overlay_set &= !next.server_flags;
        next.overlay_cleared &= next.server_flags;
    }
    if told.is_none() && read {
        next.server_flags |= FlagSet::SEEN.bits();
    } else if told.is_none() && unread {
        next.server_flags &= !FlagSet::SEEN.bits();
    }
    (next != *row).then_some(next)
}

/// Whether a message that is reported has the content that it had when it was reported last: it is in the same state, or in
/// that which the gateway itself made of it.
fn has_same_content(row: &MessageRecord, reported: &RemoteMessage, own: Option<&OwnChange>) -> bool {
    let (Some(known), Some(now)) = (row.state, reported.state) else { return false };
    known == now || own.is_some_and(|own| own.before == known && own.after == now)
}

#[cfg(test)]
mod invariants;
#[cfg(test)]
mod tests;

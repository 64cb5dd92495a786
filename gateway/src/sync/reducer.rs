use imap_front::store::FlagSet;
use mapi_core::id::Gid;

use super::state::visible_flags;
use super::{Delta, FolderState, RemoteFlags, RemoteMessage};
use crate::ledger::{FolderCommit, MessageRecord, RenderingRecord};

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

    /// Gives `row` the next UID.
    fn add(&mut self, mut row: MessageRecord) {
        row.uid = self.commit.head.uid_next;
        self.commit.head.uid_next += 1;
        self.update(row, true);
    }

    /// The commit, if it changes anything durable.
    pub(super) fn finish(self) -> Option<FolderCommit> {
        let FolderCommit { head, upserts, tombstones, reset, next_article, .. } = &self.commit;
        let changed = *reset
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
    /// How many UIDs a round will use; they must be below the reserved ceiling before it is committed.
    pub fn new_uids(&self, delta: &Delta) -> u32 {
        let new = delta.changed.iter().filter(|message| self.uid_of(&message.gid).is_none()).count();
        u32::try_from(new).unwrap_or(u32::MAX)
    }

    /// The commit of a round, `None` if it changes nothing. New messages get UIDs in ascending order of their counters.
    /// A changed message whose rendering was recorded becomes suspect; its flags count at once. Replaying a round is
    /// harmless.
    pub fn round(&self, delta: Delta) -> Option<FolderCommit> {
        let mut draft = Draft::new(self);
        let mut reported: std::collections::HashMap<_, _> =
            delta.changed.into_iter().map(|message| (message.gid, message)).collect();

        let looked_at: std::collections::HashMap<_, _> =
            delta.flags.iter().map(|message| (message.gid, message)).collect();

        for row in &self.rows {
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
            let Some(next) = changed_row(row, change.as_ref(), flags, (read, unread), version) else { continue };
            let visible = visible_flags(&next) != visible_flags(row) || next.keywords != row.keywords;
            draft.update(next, visible);
        }

        let mut new: Vec<RemoteMessage> = reported.into_values().collect();
        new.sort_unstable_by_key(|message| (message.gid.counter, message.gid.replica_guid));
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
        draft.commit.head.ics = delta.ics;
        draft.commit.next_article = delta.next_article;
        draft.finish()
    }

    /// The commit that raises the reserved ceiling to `ceiling`.
    pub fn reserve(&self, ceiling: u32) -> Option<FolderCommit> {
        let mut draft = Draft::new(self);
        draft.commit.head.uid_ceiling = draft.commit.head.uid_ceiling.max(ceiling);
        draft.finish()
    }

    /// The commit that forgets everything and begins with a higher UIDVALIDITY.
    pub fn reset(&self, uid_validity: u32) -> FolderCommit {
        let mut draft = Draft::new(self);
        let fresh = FolderState::new(uid_validity.max(self.head.uid_validity.saturating_add(1)));
        draft.commit.head = crate::ledger::FolderHead { version: self.head.version + 1, ..fresh.head };
        draft.commit.reset = true;
        draft.commit
    }

    /// Records renderings: the first one of a UID fixes its bytes for ever. Returns the commit (if anything changes) and a
    /// verdict per entry.
    pub fn record_renderings(&self, offered: &[OfferedRendering]) -> (Option<FolderCommit>, Vec<RenderingVerdict>) {
        let mut draft = Draft::new(self);
        let mut verdicts = Vec::with_capacity(offered.len());
        for OfferedRendering { uid, gid, version, rendering } in offered {
            let Some(row) = self.row(*uid).filter(|row| row.gid == *gid) else {
                verdicts.push(RenderingVerdict::Gone);
                continue;
            };
            if row.changed_at > *version {
                verdicts.push(RenderingVerdict::Outdated);
                continue;
            }
            match row.rendering {
                Some(recorded) if recorded != *rendering => {
                    draft.expunge(*uid);
                    let fresh = MessageRecord { rendering: Some(*rendering), suspect: false, ..row.clone() };
                    draft.add(fresh);
                    verdicts.push(RenderingVerdict::Replaced);
                }
                recorded => {
                    if recorded.is_none() || row.suspect {
                        let row = MessageRecord { rendering: Some(*rendering), suspect: false, ..row.clone() };
                        draft.update(row, false);
                    }
                    verdicts.push(RenderingVerdict::Same);
                }
            }
        }
        (draft.finish().filter(|_| !offered.is_empty()), verdicts)
    }
}

/// The row after a round, `None` if nothing about it changes.
fn changed_row(
    row: &MessageRecord,
    change: Option<&RemoteMessage>,
    flags: Option<&RemoteFlags>,
    (read, unread): (bool, bool),
    version: u64,
) -> Option<MessageRecord> {
    let mut next = row.clone();
    if change.is_some() {
        next.suspect = row.rendering.is_some();
        next.changed_at = version;
    }
    // What was read from the message itself is newer than all the rest.
    let told = flags.map(|flags| (flags.flags, &flags.keywords));
    if let Some((flags, keywords)) = told.or(change.map(|change| (change.flags, &change.keywords))) {
        next.server_flags = flags.bits();
        next.keywords = keywords.iter().map(str::to_owned).collect();
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

#[cfg(test)]
mod tests {
    use imap_front::store::Keywords;
    use mapi_core::id::{Gid, GlobalCounter, Guid, ReplicaGuidSet};

    use super::*;

    fn gid(counter: u64) -> Gid {
        Gid { replica_guid: Guid([9; 16]), counter: GlobalCounter::new(counter) }
    }

    fn message(counter: u64, flags: FlagSet) -> RemoteMessage {
        RemoteMessage { gid: gid(counter), flags, keywords: Keywords::EMPTY, internal_date: 0 }
    }

    fn ics(n: u8) -> Vec<u8> {
        vec![n]
    }

    fn set(counter: u64) -> ReplicaGuidSet {
        let mut set = ReplicaGuidSet::new();
        set.insert(gid(counter));
        set
    }

    fn apply(state: &mut FolderState, delta: Delta) {
        if let Some(commit) = state.round(delta) {
            state.absorb(commit);
        }
    }

    fn three() -> FolderState {
        let mut state = FolderState::new(77);
        let changed = vec![message(30, FlagSet::EMPTY), message(10, FlagSet::SEEN), message(20, FlagSet::EMPTY)];
        apply(&mut state, Delta { changed, ics: ics(1), complete: true, ..Delta::default() });
        state
    }

    fn offer(uid: u32, counter: u64, version: u64, n: u8) -> OfferedRendering {
        OfferedRendering { uid, gid: gid(counter), version, rendering: rendering(n) }
    }

    fn rendering(n: u8) -> RenderingRecord {
        RenderingRecord { size: u32::from(n), digest: [n; 32] }
    }

    #[test]
    fn uids_follow_the_counters() {
        let state = three();
        let gids: Vec<_> = state.rows().iter().map(|row| (row.uid, row.gid)).collect();
        assert_eq!(gids, [(1, gid(10)), (2, gid(20)), (3, gid(30))]);
        assert_eq!((state.head().uid_next, state.head().uid_validity), (4, 77));
    }

    #[test]
    fn replaying_a_round_changes_nothing_and_moves_no_modseq() {
        let mut state = three();
        let before = state.head().clone();
        let changed = vec![message(30, FlagSet::EMPTY), message(10, FlagSet::SEEN), message(20, FlagSet::EMPTY)];
        let replay = state.round(Delta { changed, ics: ics(1), ..Delta::default() }).expect("noted as changed again");
        assert!(replay.tombstones.is_empty() && replay.head.uid_next == before.uid_next);
        state.absorb(replay);
        apply(&mut state, Delta { ics: ics(2), ..Delta::default() });
        assert_eq!(state.head().highest_modseq, before.highest_modseq);
        assert_eq!(state.head().ics, ics(2));
    }

    #[test]
    fn read_lists_flags_and_deletions_are_stamped() {
        let mut state = three();
        let modseq = state.head().highest_modseq;
        let delta = Delta {
            changed: vec![message(40, FlagSet::FLAGGED)],
            flags: Vec::new(),
            deleted: set(20),
            read: set(30),
            unread: set(10),
            ics: ics(2),
            next_article: None,
            complete: false,
        };
        let commit = state.round(delta).expect("changes");
        assert_eq!(commit.tombstones, [(2, modseq + 1)]);
        state.absorb(commit);
        let rows: Vec<_> = state.rows().iter().map(|row| (row.uid, visible_flags(row), row.modseq)).collect();
        let expected =
            [(1, FlagSet::EMPTY, modseq + 1), (3, FlagSet::SEEN, modseq + 1), (4, FlagSet::FLAGGED, modseq + 1)];
        assert_eq!(rows, expected);
        assert_eq!(state.head().highest_modseq, modseq + 1);
    }

    #[test]
    fn flags_read_from_a_message_change_nothing_else() {
        let mut state = three();
        let modseq = state.head().highest_modseq;
        let looked_at = |counter, flags| RemoteFlags { gid: gid(counter), flags, keywords: Keywords::EMPTY };
        let flags = vec![looked_at(10, FlagSet::FLAGGED), looked_at(20, FlagSet::EMPTY), looked_at(99, FlagSet::SEEN)];
        let commit = state.round(Delta { flags, read: set(10), ics: ics(1), ..Delta::default() }).expect("a change");
        assert_eq!(commit.upserts.len(), 1, "{:?}", commit.upserts);
        state.absorb(commit);
        let row = state.row(1).expect("there");
        assert_eq!((visible_flags(row), row.suspect, row.modseq), (FlagSet::FLAGGED, false, modseq + 1));
    }

    #[test]
    fn a_full_round_expunges_what_it_does_not_report() {
        let mut state = three();
        apply(&mut state, Delta { changed: vec![message(20, FlagSet::EMPTY)], complete: true, ..Delta::default() });
        assert_eq!(state.rows().iter().map(|row| row.uid).collect::<Vec<_>>(), [2]);
        apply(&mut state, Delta { changed: vec![message(10, FlagSet::EMPTY)], ..Delta::default() });
        assert_eq!(state.uid_of(&gid(10)), Some(4), "UIDs are never reused");
    }

    #[test]
    fn the_first_rendering_fixes_the_bytes_of_a_uid() {
        let mut state = three();
        let (commit, verdicts) = state.record_renderings(&[offer(1, 10, 1, 1), offer(9, 9, 1, 1)]);
        assert_eq!(verdicts, [RenderingVerdict::Same, RenderingVerdict::Gone]);
        state.absorb(commit.expect("recorded"));
        let modseq = state.head().highest_modseq;

        apply(&mut state, Delta { changed: vec![message(10, FlagSet::SEEN)], ics: ics(2), ..Delta::default() });
        assert!(state.row(1).expect("there").suspect, "somebody saved the message");
        assert_eq!(state.head().highest_modseq, modseq, "nothing visible changed");
        assert_eq!(state.view().snapshot.messages[0].size, None);

        assert_eq!(state.record_renderings(&[offer(1, 10, 1, 2)]).1, [RenderingVerdict::Outdated]);
        let version = state.head().version;
        let (commit, verdicts) = state.record_renderings(&[offer(1, 10, version, 1)]);
        assert_eq!(verdicts, [RenderingVerdict::Same]);
        state.absorb(commit.expect("cleared"));
        assert!(!state.row(1).expect("there").suspect);

        let (commit, verdicts) = state.record_renderings(&[offer(1, 10, version, 2)]);
        assert_eq!(verdicts, [RenderingVerdict::Replaced]);
        state.absorb(commit.expect("replaced"));
        assert!(state.row(1).is_none());
        assert_eq!(state.uid_of(&gid(10)), Some(4));
        assert_eq!(state.row(4).expect("there").rendering, Some(rendering(2)));
    }

    #[test]
    fn a_reset_rises() {
        let mut state = three();
        let commit = state.reset(5);
        assert!(commit.reset);
        state.absorb(commit);
        assert_eq!(state.head().uid_validity, 78);
        assert!(state.rows().is_empty());
    }
}

use mail_core::{FlagChange, FlagChangeMode, FlagSet};
use mapi_core::id::Gid;

use super::FolderState;
use super::reducer::Draft;
use super::visible_flags::visible_flags;
use crate::ledger::{FolderCommit, MessageRecord};

/// The flags that live in the ledger: `\Deleted`, which Outlook does not know, and `\Draft`, which the server lets
/// nobody change after a message was saved.
const OVERLAY: FlagSet = FlagSet::DELETED.union(FlagSet::DRAFT);

impl FolderState {
    /// The commit that applies the part of a STORE which only the ledger keeps; `None` if nothing changes.
    pub fn store_overlay(&self, uids: &[u32], change: &FlagChange) -> Option<FolderCommit> {
        let mut draft = Draft::new(self);
        for row in uids.iter().filter_map(|uid| self.row(*uid)) {
            let Some(next) = overlaid(&row, change) else { continue };
            let visible = visible_flags(&next) != visible_flags(&row);
            draft.update(next, visible);
        }
        (!draft.commit.upserts.is_empty()).then_some(draft.commit)
    }

    /// The commit that gives copies the `\Draft` of the messages they were made of, which the server may know otherwise;
    /// `None` if nothing changes. `\Deleted` stays with the message it was set on.
    pub fn adopt_flags(&self, wanted: &[(Gid, FlagSet)]) -> Option<FolderCommit> {
        let mut draft = Draft::new(self);
        for (gid, flags) in wanted {
            let Some(row) = self.uid_of(gid).and_then(|uid| self.row(uid)) else { continue };
            let deleted = visible_flags(&row).intersection(FlagSet::DELETED);
            let Some(next) = with_overlay(&row, flags.intersection(FlagSet::DRAFT).union(deleted)) else { continue };
            let visible = visible_flags(&next) != visible_flags(&row);
            draft.update(next, visible);
        }
        (!draft.commit.upserts.is_empty()).then_some(draft.commit)
    }

    /// Those of `uids` whose messages have a MODSEQ above `modseq`, ascending, and the others; none if there is no `modseq`.
    pub fn modified_since(&self, uids: &[u32], modseq: Option<u64>) -> (Vec<u32>, Vec<u32>) {
        let is_modified = |uid: &u32| modseq.is_some_and(|modseq| self.modseq(*uid).is_some_and(|now| now > modseq));
        let (mut modified, others): (Vec<u32>, Vec<u32>) = uids.iter().copied().partition(is_modified);
        modified.sort_unstable();
        (modified, others)
    }

    /// The UIDs of `uids` whose messages are marked `\Deleted`.
    pub fn deleted_among(&self, uids: &[u32]) -> Vec<u32> {
        let deleted = |uid: &&u32| self.flags(**uid).is_some_and(|flags| flags.contains(FlagSet::DELETED));
        uids.iter().filter(deleted).copied().collect()
    }
}

fn overlaid(row: &MessageRecord, change: &FlagChange) -> Option<MessageRecord> {
    let now = visible_flags(row).intersection(OVERLAY);
    let asked = change.flags.intersection(OVERLAY);
    let wanted = match change.mode {
        FlagChangeMode::Replace => asked,
        FlagChangeMode::Add => now.union(asked),
        FlagChangeMode::Remove => now.difference(asked),
    };
    with_overlay(row, wanted)
}

/// The row with overlays that make the flags they are for the `wanted` ones.
fn with_overlay(row: &MessageRecord, wanted: FlagSet) -> Option<MessageRecord> {
    let server = FlagSet::from_bits(row.server_flags).intersection(OVERLAY);
    let next = MessageRecord {
        overlay_set: wanted.difference(server).bits(),
        overlay_cleared: server.difference(wanted).bits(),
        ..row.clone()
    };
    (next != *row).then_some(next)
}

#[cfg(test)]
mod tests {
    use mail_core::Keywords;
    use mapi_core::id::{Gid, GlobalCounter, Guid};

    use super::*;
    use crate::sync::{Delta, RemoteMessage};

    fn change(mode: FlagChangeMode, flags: FlagSet) -> FlagChange {
        FlagChange { mode, flags, keywords: Keywords::EMPTY }
    }

    fn state(flags: FlagSet) -> FolderState {
        let gid = Gid { replica_guid: Guid([9; 16]), counter: GlobalCounter::new(1) };
        let message = RemoteMessage { gid, flags, keywords: Keywords::EMPTY, internal_date: 0, state: None };
        let mut state = FolderState::new(1);
        let commit = state.round(&Delta { changed: vec![message], ..Delta::default() });
        state.absorb(commit.expect("one message"));
        state
    }

    fn store(state: &mut FolderState, change: &FlagChange) -> bool {
        let commit = state.store_overlay(&[1, 2], change);
        let changed = commit.is_some();
        commit.into_iter().for_each(|commit| state.absorb(commit));
        changed
    }

    #[test]
    fn deleted_and_draft_are_overlays() {
        let mut state = state(FlagSet::DRAFT.union(FlagSet::SEEN));
        assert!(store(&mut state, &change(FlagChangeMode::Add, FlagSet::DELETED)));
        assert!(!store(&mut state, &change(FlagChangeMode::Add, FlagSet::DELETED)), "already set");
        assert_eq!(state.deleted_among(&[1, 2]), [1]);
        assert!(store(&mut state, &change(FlagChangeMode::Replace, FlagSet::FLAGGED)));
        assert_eq!(state.flags(1), Some(FlagSet::SEEN), "the server's own flags are not the overlay's business");
        assert!(store(&mut state, &change(FlagChangeMode::Add, FlagSet::DRAFT)));
        assert_eq!(state.flags(1), Some(FlagSet::SEEN.union(FlagSet::DRAFT)));
        assert_eq!(state.rows()[0].overlay_cleared, 0);
    }

    #[test]
    fn messages_that_changed_since_are_told_apart() {
        let mut state = state(FlagSet::EMPTY);
        assert_eq!(state.modseq(1), Some(2));
        assert_eq!(state.modified_since(&[2, 1], Some(1)), (vec![1], vec![2]));
        for modseq in [None, Some(2), Some(u64::MAX)] {
            assert_eq!(state.modified_since(&[1], modseq), (vec![], vec![1]));
        }
        store(&mut state, &change(FlagChangeMode::Add, FlagSet::DELETED));
        assert_eq!(state.modified_since(&[1], Some(2)), (vec![1], vec![]));
    }

    #[test]
    fn copies_adopt_the_draft_flag_only() {
        let mut state = state(FlagSet::DRAFT.union(FlagSet::SEEN));
        let gid = state.rows()[0].gid;
        let commit = state.adopt_flags(&[(gid, FlagSet::DELETED.union(FlagSet::FLAGGED))]).expect("a change");
        state.absorb(commit);
        assert_eq!(state.flags(1), Some(FlagSet::SEEN), "other flags are the server's business");
        assert!(state.adopt_flags(&[(gid, FlagSet::DELETED)]).is_none());
    }
}

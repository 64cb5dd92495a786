use mail_core::Keywords;
use mapi_core::id::{Gid, GlobalCounter, Guid, ReplicaGuidSet};

use super::*;
use crate::ledger::StateMark;

fn gid(counter: u64) -> Gid {
    Gid { replica_guid: Guid([9; 16]), counter: GlobalCounter::new(counter) }
}

fn message(counter: u64, flags: FlagSet) -> RemoteMessage {
    RemoteMessage { gid: gid(counter), flags, keywords: Keywords::EMPTY, internal_date: 0, state: None }
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
    if let Some(commit) = state.round(&delta) {
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
    let replay = state.round(&Delta { changed, ics: ics(1), ..Delta::default() }).expect("noted as changed again");
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
        deleted: set(20),
        read: set(30),
        unread: set(10),
        ics: ics(2),
        ..Delta::default()
    };
    let commit = state.round(&delta).expect("changes");
    assert_eq!(commit.tombstones, [(2, modseq + 1)]);
    state.absorb(commit);
    let rows: Vec<_> = state.rows().iter().map(|row| (row.uid, visible_flags(row), row.modseq)).collect();
    let expected = [(1, FlagSet::EMPTY, modseq + 1), (3, FlagSet::SEEN, modseq + 1), (4, FlagSet::FLAGGED, modseq + 1)];
    assert_eq!(rows, expected);
    assert_eq!(state.head().highest_modseq, modseq + 1);
}

#[test]
fn flags_read_from_a_message_change_nothing_else() {
    let mut state = three();
    let modseq = state.head().highest_modseq;
    let looked_at = |counter, flags| RemoteFlags { gid: gid(counter), flags, keywords: Keywords::EMPTY };
    let flags = vec![looked_at(10, FlagSet::FLAGGED), looked_at(20, FlagSet::EMPTY), looked_at(99, FlagSet::SEEN)];
    let commit = state.round(&Delta { flags, read: set(10), ics: ics(1), ..Delta::default() }).expect("a change");
    assert_eq!(commit.upserts.len(), 1, "{:?}", commit.upserts);
    state.absorb(commit);
    let row = state.row(1).expect("there");
    assert_eq!((visible_flags(&row), row.suspect, row.modseq), (FlagSet::FLAGGED, false, modseq + 1));
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
    assert_eq!(state.view().snapshot.rows().get(1).expect("there").size, None);

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

fn mark(n: u8) -> StateMark {
    StateMark::of(&[n]).expect("not empty")
}

#[test]
fn only_what_the_gateway_changed_itself_stays_trusted() {
    let own = |before, after| HashMap::from([(gid(10), OwnChange { before: mark(before), after: mark(after) })]);
    let reported = |n: Option<u8>| RemoteMessage { state: n.map(mark), ..message(10, FlagSet::FLAGGED) };
    let mut known = FolderState::new(77);
    apply(&mut known, Delta { changed: vec![reported(Some(1))], ics: ics(1), complete: true, ..Delta::default() });
    let (commit, _) = known.record_renderings(&[offer(1, 10, 1, 1)]);
    known.absorb(commit.expect("recorded"));
    for (own, now, is_suspect) in [
        (own(1, 2), Some(2), false),
        // It is reported again, in the state that is known.
        (HashMap::new(), Some(1), false),
        // Somebody else's change; before the gateway's, after it, and without a name.
        (HashMap::new(), Some(2), true),
        (own(9, 2), Some(2), true),
        (own(1, 2), Some(3), true),
        (own(1, 2), None, true),
    ] {
        let mut state = known.clone();
        apply(&mut state, Delta { changed: vec![reported(now)], own: own.clone(), ics: ics(2), ..Delta::default() });
        let row = state.row(1).expect("there");
        assert_eq!((row.suspect, row.state), (is_suspect, now.map(mark)), "{own:?} {now:?}");
        assert!(row.server_flags == FlagSet::FLAGGED.bits() && row.modseq > 1, "the flag counts in any case");
        // Nobody's own change makes trusted again what nobody looked at.
        let next = Delta { changed: vec![reported(Some(8))], ics: ics(3), ..Delta::default() };
        let change = OwnChange { before: now.map_or(mark(7), mark), after: mark(8) };
        apply(&mut state, Delta { own: HashMap::from([(gid(10), change)]), ..next });
        assert_eq!(state.row(1).expect("there").suspect, is_suspect, "{own:?} {now:?}");
    }
}

#[test]
fn what_is_known_of_a_message_holds_in_its_state_only() {
    let mut state = FolderState::new(77);
    let reported = |n| RemoteMessage { state: Some(mark(n)), ..message(10, FlagSet::EMPTY) };
    apply(&mut state, Delta { changed: vec![reported(1)], ics: ics(1), complete: true, ..Delta::default() });
    let known = |n| KnownRendering { gid: gid(10), state: mark(n), rendering: rendering(5) };
    assert!(state.adopt_renderings(&[known(2)]).is_none() && state.is_in_other_state(&gid(10), mark(2)));
    let commit = state.adopt_renderings(&[known(1)]).expect("recorded");
    assert!(!state.is_in_other_state(&gid(10), mark(1)) && state.needs_run(&commit));
    state.absorb(commit);
    assert_eq!(state.row(1).expect("there").rendering, Some(rendering(5)));
    assert!(state.adopt_renderings(&[KnownRendering { rendering: rendering(6), ..known(1) }]).is_none(), "for ever");
    apply(&mut state, Delta { changed: vec![reported(3)], ics: ics(2), ..Delta::default() });
    assert!(state.row(1).expect("there").suspect, "edited after that");
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

/// The rows with the most of them that one message has.
fn most_rows_of_one_message(state: &FolderState) -> usize {
    let of = |gid: &Gid| state.rows().iter().filter(|row| row.gid == *gid).count();
    state.rows().iter().map(|row| of(&row.gid)).max().unwrap_or(0)
}

#[test]
fn one_message_never_has_two_uids_when_it_is_downloaded_twice() {
    let mut state = three();
    let (commit, _) = state.record_renderings(&[offer(1, 10, 1, 1)]);
    state.absorb(commit.expect("recorded"));
    let version = state.head().version;
    // The message changed; the session was lost while it came down, and again.
    let offers = [offer(1, 10, version, 2), offer(1, 10, version, 2), offer(1, 10, version, 3)];
    let (commit, verdicts) = state.record_renderings(&offers);
    assert_eq!(verdicts, [RenderingVerdict::Replaced, RenderingVerdict::Replaced, RenderingVerdict::Outdated]);
    state.absorb(commit.expect("replaced"));
    assert_eq!(state.rows().iter().map(|row| row.uid).collect::<Vec<_>>(), [2, 3, 4]);
    // Another batch of the same view.
    let (commit, verdicts) = state.record_renderings(&[offer(1, 10, version, 2)]);
    assert_eq!(verdicts, [RenderingVerdict::Gone]);
    assert!(commit.is_none_or(|commit| commit.upserts.is_empty()));
    assert_eq!(most_rows_of_one_message(&state), 1);
}

#[test]
fn one_uid_never_has_two_renderings_when_it_is_downloaded_twice() {
    let mut state = three();
    let (commit, verdicts) = state.record_renderings(&[offer(1, 10, 1, 1), offer(1, 10, 1, 2), offer(1, 10, 1, 1)]);
    assert_eq!(verdicts, [RenderingVerdict::Same, RenderingVerdict::Outdated, RenderingVerdict::Same]);
    state.absorb(commit.expect("recorded"));
    assert_eq!(state.row(1).expect("there").rendering, Some(rendering(1)));
}

#[test]
fn a_message_reported_twice_in_a_round_has_one_uid() {
    let mut state = three();
    let changed = vec![message(40, FlagSet::EMPTY), message(40, FlagSet::SEEN), message(10, FlagSet::EMPTY)];
    apply(&mut state, Delta { changed, ics: ics(2), ..Delta::default() });
    assert_eq!(most_rows_of_one_message(&state), 1);
    assert_eq!(visible_flags(&state.row(4).expect("there")), FlagSet::SEEN, "what came last counts");
}

#[test]
fn a_ledger_that_has_a_message_twice_is_mended_by_the_next_round() {
    let state = three();
    let mut rows = state.rows();
    rows.push(MessageRecord { uid: 9, ..rows[0].clone() });
    let head = crate::ledger::FolderHead { uid_next: 10, ..state.head().clone() };
    let stored = crate::ledger::StoredFolder { head, rows, next_article: None, run: Run::default() };
    let mut state = FolderState::from_stored(stored);
    apply(&mut state, Delta { ics: ics(1), ..Delta::default() });
    assert_eq!(state.rows().iter().map(|row| row.uid).collect::<Vec<_>>(), [2, 3, 9]);
}

/// The state of a folder after a run that may have been lost, which came as far as UID 2000.
fn behind() -> FolderState {
    let mut state = three();
    let (commit, _) = state.record_renderings(&[offer(1, 10, 1, 1)]);
    state.absorb(commit.expect("recorded"));
    let run = Run { number: 5, doubts: 1, uid_floor: 2000, modseq_floor: 5 << 32 };
    state.absorb(state.begin_run(run, 3000).expect("begun"));
    state
}

#[test]
fn a_folder_that_is_behind_goes_on_above_what_may_have_been_told() {
    let mut state = behind();
    let view = state.view();
    assert_eq!(
        (view.snapshot.uid_next(), view.snapshot.highest_modseq()),
        (4, 5 << 32),
        "UIDNEXT moves when mail comes"
    );
    assert!(view.snapshot.rows().iter().all(|row| row.modseq == 5 << 32), "any flag may have been shown otherwise");
    apply(&mut state, Delta { changed: vec![message(40, FlagSet::EMPTY)], ics: ics(2), ..Delta::default() });
    assert_eq!(state.uid_of(&gid(40)), Some(2000));
    assert_eq!((state.head().uid_next, state.head().highest_modseq), (2001, (5 << 32) + 1));
}

#[test]
fn what_may_have_been_served_otherwise_gets_a_new_uid_when_it_changes() {
    let mut state = behind();
    let changed = vec![message(10, FlagSet::EMPTY), message(20, FlagSet::EMPTY)];
    apply(&mut state, Delta { changed, ics: ics(2), ..Delta::default() });
    assert!(state.row(1).expect("there").suspect, "its bytes are known, and will be compared");
    assert_eq!(state.uid_of(&gid(20)), Some(2000), "a run that was lost may have served it as it was before");
    // Also long afterwards: no run of this opening has served it yet.
    apply(&mut state, Delta { changed: vec![message(30, FlagSet::EMPTY)], ics: ics(3), ..Delta::default() });
    assert_eq!(state.uid_of(&gid(30)), Some(2001));
    apply(&mut state, Delta { changed: vec![message(20, FlagSet::SEEN)], ics: ics(4), ..Delta::default() });
    assert_eq!(state.uid_of(&gid(20)), Some(2000), "no lost run has seen this UID");
}

#[test]
fn what_is_used_needs_a_run() {
    let state = three();
    let round = |delta: &Delta| state.needs_run(&state.round(delta).expect("a change"));
    assert!(!round(&Delta { ics: ics(9), ..Delta::default() }));
    assert!(!round(&Delta { changed: vec![message(10, FlagSet::SEEN)], ics: ics(9), ..Delta::default() }));
    assert!(round(&Delta { changed: vec![message(40, FlagSet::SEEN)], ics: ics(9), ..Delta::default() }), "a UID");
    assert!(round(&Delta { read: set(20), ics: ics(1), ..Delta::default() }), "MODSEQ");
    assert!(round(&Delta { deleted: set(20), ics: ics(1), ..Delta::default() }), "MODSEQ");
    assert!(state.needs_run(&state.record_renderings(&[offer(1, 10, 1, 1)]).0.expect("a change")), "bytes");
    assert!(!state.needs_run(&state.reset(100)));
}

#[test]
fn what_a_change_costs_does_not_grow_with_the_folder() {
    for messages in [1000, 100_000] {
        let mut state = FolderState::new(1);
        let changed = (1..=messages).map(|counter| message(counter, FlagSet::EMPTY)).collect();
        apply(&mut state, Delta { changed, ics: ics(1), complete: true, ..Delta::default() });
        let mut deleted = ReplicaGuidSet::new();
        // Servers name what is gone by ranges, in which others are that never were in the folder.
        deleted.replica_mut(gid(1).replica_guid).insert_range(GlobalCounter::new(messages - 2), GlobalCounter::MAX);
        let flags = vec![RemoteFlags { gid: gid(12), flags: FlagSet::FLAGGED, keywords: Keywords::EMPTY }];
        let deltas = [
            Delta { read: set(messages / 2), ..Delta::default() },
            Delta { deleted, ..Delta::default() },
            Delta { flags, changed: vec![message(messages + 1, FlagSet::EMPTY)], ..Delta::default() },
            Delta::default(),
        ];
        for (delta, rows) in deltas.into_iter().zip([1, 3, 1, 0]) {
            assert_eq!(state.concerned(&delta).len(), rows, "rows looked at");
            let before = state.view();
            let version = state.head().version as u8;
            apply(&mut state, Delta { ics: vec![2, version], ..delta });
            let after = state.view();
            let mut rows = after.snapshot.rows().changes_since(before.snapshot.rows());
            let mut sources = after.sources.changes_since(&before.sources);
            assert!(rows.by_ref().count() <= 3 && sources.by_ref().count() <= 3);
            // The chunks that are not shared, with what is in them.
            assert!(rows.steps() < 500 && sources.steps() < 500, "{} {}", rows.steps(), sources.steps());
        }
        assert!(state.view().unrendered().take(3).eq([messages + 1, messages - 3, messages - 4].map(|uid| uid as u32)));
    }
}

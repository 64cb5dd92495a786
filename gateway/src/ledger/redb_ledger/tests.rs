use mapi_core::id::GlobalCounter;
use redb::WriteTransaction;

use super::super::redb_file::{Meta, SCHEMA_VERSION};
use super::super::tables::{META, ROWS, RUNS};
use super::super::{MessageRecord, Run, StateMark};
use super::*;

mod healing;

/// Writes into the file what no ledger writes.
fn scribble(ledger: &RedbLedger, write: impl Fn(&WriteTransaction)) {
    let written = ledger.file.with(Access::Write, |file| {
        let transaction = file.begin_write()?;
        write(&transaction);
        transaction.commit().map_err(|error| file.storage(error))
    });
    written.expect("written");
}

fn gid(counter: u64) -> Gid {
    Gid { replica_guid: Guid([7; 16]), counter: GlobalCounter::new(counter) }
}

fn record(uid: u32) -> MessageRecord {
    MessageRecord {
        uid,
        gid: gid(u64::from(uid) + 100),
        modseq: 1,
        server_flags: 1,
        overlay_set: 0,
        overlay_cleared: 0,
        keywords: ["Work"].into_iter().collect(),
        internal_date: 1_700_000_000,
        rendering: None,
        changed_at: 1,
        suspect: false,
        state: None,
    }
}

fn instance(ledger: &RedbLedger) -> Guid {
    ledger.opening().expect("open").instance()
}

fn commit(expected_version: u64, upserts: Vec<MessageRecord>, tombstones: Vec<(u32, u64)>) -> FolderCommit {
    let head = FolderHead {
        version: expected_version + 1,
        uid_validity: 5,
        uid_next: 10,
        uid_ceiling: 1000,
        highest_modseq: 3,
        ics: vec![1, 2, 3],
    };
    FolderCommit { expected_version, head, upserts, tombstones, reset: false, next_article: Some(7), run: None }
}

#[test]
fn rows_of_earlier_versions_have_no_mark() {
    let marked = MessageRecord { state: StateMark::of(b"a change key"), ..record(3) };
    let bytes = marked.to_bytes().expect("written");
    assert_eq!(MessageRecord::from_bytes(&bytes).expect("read"), marked);
    assert_eq!(MessageRecord::from_bytes(&postcard::to_stdvec(&marked).expect("written")).expect("read"), record(3));
    assert!(MessageRecord::from_bytes(&bytes[..bytes.len() - 1]).is_err(), "half a mark");
    assert_eq!(StateMark::of(b""), None);
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mailbox, folder) = (Guid([1; 16]), gid(1));
    let before = {
        let ledger = RedbLedger::open(directory.path(), mailbox).expect("made");
        assert_eq!(ledger.load(&folder).expect("read"), None);
        ledger.commit(&folder, commit(0, vec![record(1), record(2), record(3)], vec![])).expect("committed");
        ledger.commit(&folder, commit(1, vec![], vec![(2, 3)])).expect("committed");
        instance(&ledger)
    };
    let ledger = RedbLedger::open(directory.path(), mailbox).expect("opened");
    assert_eq!(instance(&ledger), before);
    let stored = ledger.load(&folder).expect("read").expect("there");
    assert_eq!(stored.head.version, 2);
    assert_eq!(stored.rows, [record(1), record(3)]);
    let gone = Tombstones { complete_after: 0, gone: vec![(2, 3)] };
    assert_eq!((ledger.tombstones(&folder, 2).expect("read"), stored.next_article), (gone, Some(7)));
    assert_eq!(ledger.tombstones(&folder, 3).expect("read").gone, []);
    assert_eq!(ledger.load(&gid(2)).expect("read"), None, "folders do not mix");
}

#[test]
fn what_is_recent_is_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mailbox, folder) = (Guid([1; 16]), gid(1));
    let ledger = RedbLedger::open(directory.path(), mailbox).expect("made");
    assert_eq!(ledger.recent(&folder).expect("read"), None);
    ledger.note_recent(&folder, (5, 7)).expect("noted");
    ledger.note_recent(&gid(2), (6, 1)).expect("noted");
    assert_eq!(ledger.recent(&folder).expect("read"), Some((5, 7)));
    drop(ledger);
    let ledger = RedbLedger::open(directory.path(), mailbox).expect("opened");
    assert_eq!(ledger.recent(&folder).expect("read"), Some((5, 7)));
    ledger.forget(&folder).expect("forgotten");
    let noted = [gid(1), gid(2)].map(|folder| ledger.recent(&folder).expect("read"));
    assert_eq!(noted, [None, Some((6, 1))]);
}

#[test]
fn how_many_were_told_of() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
    let told = |folder| ledger.told(&gid(folder)).expect("read");
    assert_eq!(told(1), 0, "a folder that nobody knows");
    ledger.commit(&gid(1), commit(0, vec![record(1), record(4), record(9)], vec![])).expect("committed");
    ledger.commit(&gid(2), commit(0, vec![record(2)], vec![])).expect("committed");
    assert_eq!((told(1), told(2)), (3, 1), "nothing was noted");
    for (mark, expected) in [((5, 1), 0), ((5, 4), 1), ((5, 5), 2), ((5, 10), 3), ((4, 10), 0)] {
        ledger.note_recent(&gid(1), mark).expect("noted");
        assert_eq!((told(1), told(2)), (expected, 1), "{mark:?}");
    }
}

#[test]
fn a_commit_on_an_outdated_version_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
    ledger.commit(&gid(1), commit(0, vec![record(1)], vec![])).expect("committed");
    let error = ledger.commit(&gid(1), commit(0, vec![record(9)], vec![])).expect_err("outdated");
    assert!(matches!(error, LedgerError::Conflict { expected: 0, found: 1 }), "{error}");
    assert_eq!(ledger.load(&gid(1)).expect("read").expect("there").rows, [record(1)]);
}

#[test]
fn staged_parts_live_until_the_round_is_committed() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
    let folder = gid(1);
    let stage = |base: &[u8], staged, uid| Stage {
        base: base.to_vec(),
        staged,
        ics: vec![uid as u8],
        complete: true,
        messages: vec![record(uid)],
    };
    assert_eq!(ledger.staged(&folder).expect("read"), None);
    ledger.stage(&folder, stage(b"", 0, 1)).expect("staged");
    ledger.stage(&folder, stage(b"", 1, 2)).expect("staged");
    assert!(matches!(ledger.stage(&folder, stage(b"", 1, 3)), Err(LedgerError::Conflict { .. })));
    assert!(matches!(ledger.stage(&folder, stage(b"x", 2, 3)), Err(LedgerError::Conflict { .. })));
    let staged = ledger.staged(&folder).expect("read").expect("there");
    assert_eq!(staged, StagedRound { ics: vec![2], complete: true, messages: vec![record(1), record(2)] });

    // A commit that leaves the ICS state alone is none of a round.
    let mut reserve = commit(0, vec![], vec![]);
    reserve.head.ics = Vec::new();
    ledger.commit(&folder, reserve).expect("committed");
    assert_eq!(ledger.staged(&folder).expect("read"), Some(staged));
    ledger.stage(&folder, stage(b"", 0, 7)).expect("begun anew");
    assert_eq!(ledger.staged(&folder).expect("read").expect("there").messages, [record(7)]);
    ledger.commit(&folder, commit(1, vec![record(1)], vec![])).expect("committed");
    assert_eq!(ledger.staged(&folder).expect("read"), None);
}

#[test]
fn a_damaged_folder_is_told_and_forgotten() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
    ledger.commit(&gid(1), commit(0, vec![record(1), record(2)], vec![])).expect("committed");
    ledger.commit(&gid(2), commit(0, vec![record(1)], vec![])).expect("committed");
    scribble(&ledger, |transaction| {
        let key = gid(1).to_bytes();
        transaction.open_table(ROWS).expect("opened").insert((&key, 2), &b"\xFF"[..]).expect("written");
    });
    assert!(matches!(ledger.load(&gid(1)), Err(LedgerError::Damaged { .. })));
    ledger.forget(&gid(1)).expect("forgotten");
    assert_eq!(ledger.load(&gid(1)).expect("read"), None);
    assert_eq!(ledger.load(&gid(2)).expect("read").expect("there").rows, [record(1)]);
}

#[test]
fn newer_schemas_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = {
        let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
        let meta = Meta { schema: SCHEMA_VERSION + 1, mailbox: [1; 16], instance: [2; 16] };
        let bytes = postcard::to_stdvec(&meta).expect("encoded");
        scribble(&ledger, |transaction| {
            transaction.open_table(META).expect("opened").insert("meta", bytes.as_slice()).expect("written");
        });
        ledger.file.place.path.clone()
    };
    let error = RedbLedger::open(directory.path(), Guid([1; 16])).err().expect("refused");
    assert!(error.to_string().contains("schema version 2"), "{error}");
    assert!(path.exists());
}

#[test]
fn a_file_of_another_mailbox_is_set_aside() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |mailbox| directory.path().join(format!("{mailbox}.redb"));
    let (mine, other) = (Guid([3; 16]), Guid([4; 16]));
    let moved = instance(&RedbLedger::open(directory.path(), other).expect("made"));
    std::fs::rename(path(other), path(mine)).expect("renamed");
    let ledger = RedbLedger::open(directory.path(), mine).expect("begun anew");
    assert_ne!(instance(&ledger), moved);
    let aside = path(mine).with_extension("redb.corrupt");
    std::fs::rename(aside, path(other)).expect("it is kept");
    assert_eq!(instance(&RedbLedger::open(directory.path(), other).expect("opened")), moved, "nothing of it is lost");
}

#[test]
fn a_corrupt_file_is_set_aside() {
    let directory = tempfile::tempdir().expect("a directory");
    let mailbox = Guid([1; 16]);
    let path = directory.path().join(format!("{mailbox}.redb"));
    let first = instance(&RedbLedger::open(directory.path(), mailbox).expect("made"));
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[..4096].fill(0xAA);
    std::fs::write(&path, bytes).expect("written");
    let opened = RedbLedger::open(directory.path(), mailbox);
    let ledger = opened.expect("begun anew");
    assert_ne!(instance(&ledger), first);
    assert!(path.with_extension("redb.corrupt").exists());
}

#[test]
fn how_often_it_was_not_closed_in_order_is_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let mailbox = Guid([1; 16]);
    let doubts = || RedbLedger::open(directory.path(), mailbox).expect("opened").opening().expect("open").doubts();
    assert_eq!((doubts(), doubts()), (0, 0), "new, and closed in order");
    let copy = tempfile::tempdir().expect("a directory");
    let file = format!("{mailbox}.redb");
    {
        let _running = RedbLedger::open(directory.path(), mailbox).expect("opened");
        std::fs::copy(directory.path().join(&file), copy.path().join(&file)).expect("copied");
    }
    assert_eq!(doubts(), 0);
    std::fs::copy(copy.path().join(&file), directory.path().join(&file)).expect("put back");
    assert_eq!((doubts(), doubts()), (1, 1), "what nobody looked into stays in doubt");
}

#[test]
fn a_run_is_kept_until_its_folder_is_forgotten() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
    let run = Run { number: 3, doubts: 1, uid_floor: 2000, modseq_floor: 3 << 32 };
    ledger.commit(&gid(1), FolderCommit { run: Some(run), ..commit(0, vec![], vec![]) }).expect("committed");
    ledger.commit(&gid(1), commit(1, vec![], vec![])).expect("committed");
    assert_eq!(ledger.load(&gid(1)).expect("read").expect("there").run, run);
    scribble(&ledger, |transaction| {
        transaction.open_table(RUNS).expect("opened").insert(&gid(1).to_bytes(), &b"\xFF"[..]).expect("written");
    });
    assert!(matches!(ledger.load(&gid(1)), Err(LedgerError::Damaged { .. })));
    ledger.forget(&gid(1)).expect("forgotten");
    ledger.commit(&gid(1), commit(0, vec![], vec![])).expect("committed");
    assert_eq!(ledger.load(&gid(1)).expect("read").expect("there").run, Run::default());
}

#[test]
fn who_watches_hears_when_the_file_is_free() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
    let closing = ledger.watch_closing();
    assert!(closing.has_changed().is_ok());
    drop(ledger);
    assert!(closing.has_changed().is_err());
    drop(RedbLedger::open(directory.path(), Guid([1; 16])).expect("opened again"));
}

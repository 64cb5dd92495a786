//! Storage that fails and comes back, files that are closed for a while, files that are damaged.

use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::time::Duration;

use super::super::super::{Disk, DiskFault, FaultyDisk, FileDisk, Ledgers, Slot};
use super::*;

const MAILBOX: Guid = Guid([1; 16]);

fn quick(disk: &FaultyDisk) -> LedgerOptions {
    let retry = (Duration::ZERO, Duration::ZERO);
    LedgerOptions { retry, disk: Arc::new(disk.clone()), tombstones: 16, ..LedgerOptions::default() }
}

fn rows(ledger: &RedbLedger) -> Vec<MessageRecord> {
    ledger.load(&gid(1)).expect("read").expect("there").rows
}

#[test]
fn a_full_disk_lets_read_and_everything_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = FaultyDisk::default();
    let ledger = RedbLedger::new(directory.path(), MAILBOX, quick(&disk));
    ledger.commit(&gid(1), commit(0, vec![record(1)], vec![])).expect("committed");
    let before = ledger.opening().expect("open");
    disk.fail(DiskFault::Full, 0);
    for _ in 0..5 {
        let refused = ledger.reserve(1).expect_err("no room");
        assert!(refused.is_out_of_service(), "{refused}");
        let refused = ledger.commit(&gid(1), commit(1, vec![record(2)], vec![])).expect_err("no room");
        assert!(refused.is_out_of_service(), "{refused}");
    }
    assert!(disk.repair() > 0);
    assert_eq!(rows(&ledger), [record(1)]);
    ledger.reserve(1).expect("room again");
    ledger.commit(&gid(1), commit(1, vec![record(2)], vec![])).expect("committed");
    assert_eq!(rows(&ledger), [record(1), record(2)]);
    assert!(Arc::ptr_eq(&before, &ledger.opening().expect("open")), "nothing has to be proved anew");
    drop(ledger);
    let again = RedbLedger::open(directory.path(), MAILBOX).expect("opened");
    assert_eq!((rows(&again), again.opening().expect("open").doubts()), (vec![record(1), record(2)], 0));
}

#[test]
fn a_disk_that_is_full_from_the_start_lets_read_what_was_closed_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = FaultyDisk::default();
    let ledger = RedbLedger::new(directory.path(), MAILBOX, quick(&disk));
    ledger.commit(&gid(1), commit(0, vec![record(1)], vec![])).expect("committed");
    drop(ledger);
    // Opening begins with writing over what is there, for which no room is needed.
    let needed = {
        disk.fail(DiskFault::Full, u64::MAX);
        drop(RedbFile::open(&place(directory.path(), &disk), None).expect("opened"));
        disk.counts().0
    };
    drop(RedbLedger::open(directory.path(), MAILBOX).expect("closed in order"));
    for at in 0..needed {
        disk.fail(DiskFault::Full, at);
        let ledger = RedbLedger::new(directory.path(), MAILBOX, quick(&disk));
        assert_eq!(rows(&ledger), [record(1)], "it can be read");
        let version = || ledger.load(&gid(1)).expect("read").expect("there").head.version;
        let before = version();
        let committed = ledger.commit(&gid(1), commit(before, vec![record(1)], vec![]));
        assert!(committed.as_ref().is_ok_and(|()| at > 0) || committed.is_err_and(|error| error.is_out_of_service()));
        disk.repair();
        // What failed at its very end was carried out.
        assert!([before, before + 1].contains(&version()), "{} after {before}", version());
        ledger.commit(&gid(1), commit(version(), vec![record(1)], vec![])).expect("room again");
    }
}

fn place(directory: &Path, disk: &FaultyDisk) -> Place {
    Place { path: directory.join(format!("{MAILBOX}.redb")), mailbox: MAILBOX, options: quick(disk) }
}

#[test]
fn a_new_file_that_finds_no_room_leaves_nothing_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = FaultyDisk::default();
    let ledger = RedbLedger::new(directory.path(), MAILBOX, quick(&disk));
    for at in 0..10 {
        disk.fail(DiskFault::Full, at);
        let woken = ledger.wake();
        assert!(woken.is_ok() || woken.is_err_and(|error| error.is_out_of_service()));
    }
    disk.repair();
    ledger.commit(&gid(1), commit(0, vec![record(1)], vec![])).expect("room again");
    let names = std::fs::read_dir(directory.path()).expect("read").count();
    assert_eq!(names, 1, "nothing was set aside");
}

#[test]
fn pauses_are_kept_after_a_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = FaultyDisk::default();
    let hour = Duration::from_secs(3600);
    let options = LedgerOptions { retry: (hour, hour), ..quick(&disk) };
    let ledger = RedbLedger::new(directory.path(), MAILBOX, options);
    ledger.commit(&gid(1), commit(0, vec![record(1)], vec![])).expect("committed");
    disk.fail(DiskFault::BadWrites, 0);
    ledger.commit(&gid(1), commit(1, vec![], vec![])).expect_err("fails");
    disk.fail(DiskFault::BadWrites, u64::MAX);
    let refused = ledger.commit(&gid(1), commit(1, vec![], vec![])).expect_err("not yet");
    assert!(matches!(refused, LedgerError::OutOfService { .. }), "{refused}");
    assert!(matches!(ledger.reserve(1), Err(LedgerError::OutOfService { .. })));
    assert_eq!(disk.counts().0, 0, "nothing was tried");
    assert_eq!(rows(&ledger), [record(1)], "but it can be read");
}

#[test]
fn an_idle_file_is_closed_and_everything_that_was_proved_holds_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = RedbLedger::open(directory.path(), MAILBOX).expect("made");
    ledger.commit(&gid(1), commit(0, vec![record(1)], vec![])).expect("committed");
    let opening = ledger.opening().expect("open");
    opening.begin(gid(1), 3);
    ledger.close_idle(Duration::from_secs(3600));
    assert!(ledger.idle_for().is_some(), "used just now");
    ledger.close_idle(Duration::ZERO);
    assert_eq!(ledger.idle_for(), None);
    let copy = directory.path().join("copy");
    std::fs::copy(&ledger.file.place.path, &copy).expect("copied");
    assert_eq!(rows(&ledger), [record(1)]);
    ledger.commit(&gid(1), commit(1, vec![record(2)], vec![])).expect("committed");
    assert!(Arc::ptr_eq(&opening, &ledger.opening().expect("open")));
    // A copy that is put in place of a closed file is none that goes on.
    ledger.close_idle(Duration::ZERO);
    std::fs::copy(&copy, &ledger.file.place.path).expect("restored");
    assert_eq!(rows(&ledger), [record(1)]);
    assert_eq!(ledger.opening().expect("open").begun(&gid(1)), None);
}

#[test]
fn files_beyond_the_bound_are_closed_those_first_that_were_used_least_lately() {
    let directory = tempfile::tempdir().expect("a directory");
    let hour = Duration::from_secs(3600);
    let ledgers = Ledgers::new(directory.path().to_owned(), LedgerOptions::default(), hour, 2);
    let get = |number: u8| match ledgers.get(Guid([number; 16])) {
        Slot::Ready(ledger) => ledger,
        Slot::Closing(_) => panic!("nobody closed it"),
    };
    let held: Vec<_> = (1..=4).map(get).collect();
    held.iter().for_each(|ledger| ledger.wake().expect("opened"));
    held[0].wake().expect("opened");
    ledgers.close_idle();
    assert_eq!(ledgers.open_files(), 2);
    let open = |ledger: &Arc<RedbLedger>| ledger.idle_for().is_some();
    assert_eq!(held.iter().map(open).collect::<Vec<_>>(), [true, false, false, true]);
    assert!(Arc::ptr_eq(&held[1], &get(2)));
}

/// A disk on which one mailbox's file takes long to open: until it is let go.
#[derive(Debug)]
struct SlowDisk {
    slow: String,
    opening: std::sync::mpsc::Sender<()>,
    let_go: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Disk for SlowDisk {
    fn open(&self, path: &Path) -> std::io::Result<Box<dyn redb::StorageBackend>> {
        if path.to_string_lossy().contains(&self.slow) {
            self.opening.send(()).expect("heard");
            self.let_go.lock().expect("whole").recv().expect("let go");
        }
        FileDisk.open(path)
    }

    fn open_to_read(&self, path: &Path) -> std::io::Result<Box<dyn redb::StorageBackend>> {
        FileDisk.open_to_read(path)
    }

    fn reserve(&self, path: &Path, bytes: u64) -> std::io::Result<()> {
        FileDisk.reserve(path, bytes)
    }

    fn release(&self, path: &Path) -> std::io::Result<()> {
        FileDisk.release(path)
    }
}

#[test]
fn a_file_that_takes_long_to_open_keeps_no_other_mailbox_waiting() {
    let directory = tempfile::tempdir().expect("a directory");
    let (let_go, waits) = std::sync::mpsc::channel();
    let (opening, is_opening) = std::sync::mpsc::channel();
    let disk = Arc::new(SlowDisk { slow: MAILBOX.to_string(), opening, let_go: Mutex::new(waits) });
    let options = LedgerOptions { disk, ..LedgerOptions::default() };
    let ledgers = Ledgers::new(directory.path().to_owned(), options, Duration::ZERO, 2);
    let get = |mailbox| match ledgers.get(mailbox) {
        Slot::Ready(ledger) => ledger,
        Slot::Closing(_) => panic!("nobody closed it"),
    };
    let slow = get(MAILBOX);
    std::thread::scope(|scope| {
        let woken = scope.spawn(|| slow.wake());
        is_opening.recv().expect("it is opened");
        let other = get(Guid([2; 16]));
        other.commit(&gid(1), commit(0, vec![record(1)], vec![])).expect("nobody waits");
        ledgers.close_idle();
        assert_eq!(ledgers.open_files(), 0);
        assert!(!woken.is_finished());
        let_go.send(()).expect("it waits");
        woken.join().expect("no panic").expect("opened");
    });
}

#[test]
fn who_comes_while_another_has_the_file_neither_reads_nor_harms_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = RedbLedger::open(directory.path(), MAILBOX).expect("made");
    ledger.commit(&gid(1), commit(0, vec![record(1)], vec![])).expect("committed");
    let other = RedbLedger::new(directory.path(), MAILBOX, quick(&FaultyDisk::default()));
    for _ in 0..3 {
        let refused = other.wake().expect_err("taken");
        assert!(refused.is_of_somebody_else(), "{refused}");
    }
    drop(ledger);
    assert_eq!(rows(&other), [record(1)]);
}

#[test]
fn tombstones_are_bounded() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = RedbLedger::new(directory.path(), MAILBOX, quick(&FaultyDisk::default()));
    for uid in 1..=100 {
        let version = u64::from(uid);
        ledger.commit(&gid(1), commit(version - 1, vec![], vec![(uid, version)])).expect("committed");
        let kept = ledger.tombstones(&gid(1), 0).expect("read");
        assert!(kept.gone.len() <= 18, "{kept:?}");
        let all = kept.complete_after + 1..=version;
        assert!(kept.gone.iter().map(|(_, modseq)| *modseq).eq(all), "{kept:?}");
    }
}

#[test]
fn files_are_private() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().join("ledger");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let open = || drop(RedbLedger::open(&place, MAILBOX).expect("opened"));
    open();
    let file = place.join(format!("{MAILBOX}.redb"));
    assert_eq!((mode(&place), mode(&file)), (0o700, 0o600));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("opened up");
    open();
    assert_eq!(mode(&file), 0o600, "those of older releases, too");
}

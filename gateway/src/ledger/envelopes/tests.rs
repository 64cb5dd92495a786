use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mapi_core::id::{Gid, GlobalCounter, Guid};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::block::FULL;
use super::{Entry, EnvelopeOptions, EnvelopeStore, Envelopes, header};
use crate::ledger::{DiskFault, FaultyDisk};

const MAILBOX: Guid = Guid([5; 16]);

struct Stage {
    directory: TempDir,
    options: EnvelopeOptions,
}

impl Stage {
    fn new() -> Self {
        let options = EnvelopeOptions { retry: (Duration::ZERO, Duration::ZERO), ..EnvelopeOptions::default() };
        Self { directory: TempDir::new().expect("a directory"), options }
    }

    /// The store of a process that begins.
    fn open(&self) -> EnvelopeStore {
        EnvelopeStore::new(self.directory.path(), MAILBOX, self.options.clone())
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(format!("{MAILBOX}.envelopes"))
    }

    fn len(&self) -> u64 {
        fs::metadata(self.path()).expect("there").len()
    }

    fn filled(&self, messages: u64) {
        let store = self.open();
        fill(&store, 0..messages);
        assert_eq!(found(&store, 0..messages), messages as usize);
    }
}

/// What is kept of a message: as long and as much like each other as headers are.
fn entry(number: u64) -> Entry {
    entry_of(number, 0)
}

fn entry_of(number: u64, version: u64) -> Entry {
    let noise: String = (0..6)
        .map(|n| format!("{:016x}", (number + 7 * version + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> n))
        .collect();
    let text = format!(
        "Subject: {number} {version}\r\nReceived: from mx.example.org by mail.example.org\r\nX-Id: {noise}\r\n\r\n"
    );
    let bytes = Bytes::from(text);
    Entry { gid: gid(number), digest: Sha256::digest(&bytes).into(), bytes }
}

fn gid(number: u64) -> Gid {
    Gid { replica_guid: Guid([9; 16]), counter: GlobalCounter::new(number + 1) }
}

fn fill(store: &EnvelopeStore, numbers: std::ops::Range<u64>) {
    for number in numbers {
        if store.keep(entry(number)) {
            store.write();
        }
    }
    store.write_all();
}

/// How many of these messages are there, all of them as they were kept.
fn found(store: &EnvelopeStore, numbers: std::ops::Range<u64>) -> usize {
    let mut count = 0;
    for number in numbers {
        let kept = entry(number);
        let found = store.find(&[(kept.gid, kept.digest)]);
        assert!(found.is_empty() || found == [kept], "{number}: other bytes");
        count += found.len();
    }
    count
}

#[test]
fn what_is_kept_is_there_after_a_restart() {
    let stage = Stage::new();
    stage.filled(200);
    let store = stage.open();
    let wanted: Vec<_> = [150, 3, 77, 500].map(|number| (entry(number).gid, entry(number).digest)).into();
    let mut numbers: Vec<_> = store.find(&wanted);
    numbers.sort_by_key(|entry| entry.gid.counter.value());
    assert_eq!(numbers, [entry(3), entry(77), entry(150)]);
    assert_eq!(found(&store, 0..200), 200);
    assert!(stage.len() < 200 * 250, "{}", stage.len());
    // What is there already is not written again.
    let before = stage.len();
    fill(&store, 0..200);
    assert_eq!(stage.len(), before);
}

#[test]
fn only_the_very_rendering_that_is_asked_for_is_found() {
    let stage = Stage::new();
    stage.filled(3);
    let store = stage.open();
    assert_eq!(store.find(&[(gid(1), entry(2).digest), (gid(1), [0; 32])]), []);
    let mut almost = entry(1).digest;
    almost[31] ^= 1;
    assert_eq!(store.find(&[(gid(1), almost)]), [], "the first bytes alone don't do");
    // An edited message.
    store.keep(entry_of(1, 1));
    store.write_all();
    for store in [store, stage.open()] {
        assert_eq!(store.find(&[(gid(1), entry(1).digest)]), []);
        assert_eq!(store.find(&[(gid(1), entry_of(1, 1).digest)]), [entry_of(1, 1)]);
    }
}

#[test]
fn what_is_gone_is_found_no_more_and_leaves_the_disk() {
    let stage = Stage::new();
    let secret = b"X-Secret: nobody knows this word";
    let kept = Entry { bytes: Bytes::from_static(secret), ..entry(7) };
    let store = stage.open();
    // Alone in its block it would be on the disk as it is, too: nothing in it repeats.
    store.keep(kept.clone());
    store.write_all();
    fill(&store, 8..108);
    let wanted = [(kept.gid, kept.digest)];
    assert_eq!(store.find(&wanted), [kept]);
    store.forget([gid(7)]);
    store.write_all();
    assert_eq!(store.find(&wanted), []);
    drop(store);
    let store = stage.open();
    assert_eq!(store.find(&wanted), [], "after a restart");
    let before = stage.len();
    store.forget((8..90).map(gid));
    store.write_all();
    store.write_all();
    assert!(stage.len() < before / 2, "{} of {before} bytes are left", stage.len());
    assert_eq!((found(&store, 8..90), found(&store, 90..108)), (0, 18));
    drop(store);
    let store = stage.open();
    assert_eq!(found(&store, 0..108), 18);
    // Kept and gone before anything was written.
    store.keep(entry(200));
    store.forget([gid(200)]);
    store.write_all();
    assert_eq!(found(&store, 200..201), 0);
    drop(store);
    assert_eq!(found(&stage.open(), 200..201), 0);
}

#[test]
fn the_oldest_go_when_there_are_too_many_bytes() {
    let mut stage = Stage::new();
    stage.options.bytes = 40_000;
    let store = stage.open();
    for step in 0..20 {
        fill(&store, step * 50..(step + 1) * 50);
        assert!(stage.len() <= 40_000, "{}", stage.len());
        assert!(found(&store, step * 50..(step + 1) * 50) == 50, "the newest are there");
    }
    let left = found(&store, 0..1000);
    assert!((100..400).contains(&left), "{left}");
    assert_eq!(found(&store, 1000 - left as u64..1000), left, "the newest, without a gap");
    drop(store);
    assert_eq!(found(&stage.open(), 0..1000), left);
    let names: Vec<_> = fs::read_dir(stage.directory.path()).expect("read").collect();
    assert_eq!(names.len(), 1, "nothing is left behind: {names:?}");
    stage.options.bytes = 0;
    let store = stage.open();
    fill(&store, 0..10);
    assert_eq!(found(&store, 0..1000), 0);
}

#[test]
fn small_blocks_are_put_together() {
    let stage = Stage::new();
    let store = stage.open();
    for number in 0..600 {
        store.keep(entry(number));
        store.write_all();
    }
    let whole = Stage::new();
    whole.filled(600);
    assert!(stage.len() < whole.len() + 256 * 400, "{} against {}", stage.len(), whole.len());
    assert_eq!(found(&store, 0..600), 600);
    drop(store);
    assert_eq!(found(&stage.open(), 0..600), 600);
}

#[test]
fn damage_anywhere_costs_what_was_kept_and_never_shows() {
    let stage = Stage::new();
    let messages = 3 * FULL as u64;
    stage.filled(messages);
    let whole = fs::read(stage.path()).expect("read");
    let mut least = messages as usize;
    for at in (0..whole.len()).step_by(211).chain(0..header::LEN + 64) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(stage.path(), &damaged).expect("written");
        let store = stage.open();
        let left = found(&store, 0..messages);
        assert!(left < messages as usize, "{at}: a block at least is lost");
        least = least.min(left);
        fill(&store, 0..messages);
        assert_eq!(found(&store, 0..messages), messages as usize, "{at}: it goes on");
        drop(store);
        assert_eq!(found(&stage.open(), 0..messages), messages as usize, "{at}: also after a restart");
    }
    assert_eq!(least, 0);
    // As a crash leaves it: without its end, or with zeros there.
    for cut in (0..whole.len()).step_by(997) {
        for zeros in [0, whole.len() - cut] {
            let left = [&whole[..cut], &vec![0; zeros]].concat();
            fs::write(stage.path(), left).expect("written");
            assert!(found(&stage.open(), 0..messages) < messages as usize, "{cut}");
        }
    }
}

#[test]
fn damage_while_the_file_is_open_costs_its_block() {
    let stage = Stage::new();
    let messages = 3 * FULL as u64;
    stage.filled(messages);
    let store = stage.open();
    assert_eq!(found(&store, 0..1), 1);
    let mut damaged = fs::read(stage.path()).expect("read");
    let at = damaged.len() - 9;
    damaged[at] ^= 4;
    fs::write(stage.path(), &damaged).expect("written");
    assert_eq!(found(&store, 0..messages), 2 * FULL);
    fill(&store, 0..messages);
    assert_eq!(found(&store, 0..messages), messages as usize);
}

#[test]
fn files_of_others_and_no_files_are_begun_anew() {
    let stage = Stage::new();
    stage.filled(10);
    let other = EnvelopeStore::new(stage.directory.path(), Guid([6; 16]), stage.options.clone());
    fs::copy(stage.path(), stage.directory.path().join(format!("{}.envelopes", Guid([6; 16])))).expect("copied");
    assert_eq!(found(&other, 0..10), 0, "another mailbox's");
    fill(&other, 0..10);
    assert_eq!(found(&other, 0..10), 10);
    for content in ["".into(), b"short".to_vec(), vec![7; 10_000]] {
        fs::write(stage.path(), content).expect("written");
        let store = stage.open();
        assert_eq!(found(&store, 0..10), 0);
        fill(&store, 0..10);
        drop(store);
        assert_eq!(found(&stage.open(), 0..10), 10);
    }
    // A directory in its place can't be used; nobody is kept waiting for it.
    fs::remove_file(stage.path()).expect("removed");
    fs::create_dir(stage.path()).expect("made");
    let store = stage.open();
    fill(&store, 0..10);
    assert_eq!(found(&store, 0..10), 0);
    fs::remove_dir(stage.path()).expect("removed");
    fill(&store, 0..10);
    assert_eq!(found(&store, 0..10), 10, "it goes on when it can");
}

#[test]
fn a_file_that_another_process_has_is_let_be() {
    let stage = Stage::new();
    stage.filled(10);
    let other = stage.open();
    assert_eq!(found(&other, 0..10), 10);
    let store = stage.open();
    let before = fs::read(stage.path()).expect("read");
    fill(&store, 10..20);
    assert_eq!(found(&store, 0..20), 0);
    assert!(fs::read(stage.path()).expect("read") == before);
    drop(other);
    assert_eq!(found(&store, 0..20), 10);
}

#[test]
fn a_disk_that_fails_at_any_write_or_read_loses_no_more_than_what_was_kept() {
    for fault in [DiskFault::Full, DiskFault::BadWrites, DiskFault::BadReads] {
        let mut failures = 0;
        for at in 0..40 {
            let mut stage = Stage::new();
            let disk = FaultyDisk::default();
            (stage.options.disk, stage.options.bytes) = (Arc::new(disk.clone()), 40_000);
            let store = stage.open();
            fill(&store, 0..100);
            disk.fail(fault, at);
            fill(&store, 100..300);
            found(&store, 0..300);
            store.close_idle(Duration::ZERO);
            found(&store, 0..300);
            failures += disk.repair();
            fill(&store, 300..400);
            assert_eq!(found(&store, 300..400), 100, "{fault:?} {at}: it goes on");
            drop(store);
            assert_eq!(found(&stage.open(), 300..400), 100, "{fault:?} {at}: after a restart");
            assert!(stage.len() <= 40_000, "{fault:?} {at}: {}", stage.len());
        }
        assert!(failures > 15, "{fault:?}: {failures}");
    }
}

#[test]
fn what_fails_is_not_tried_again_for_a_while() {
    let mut stage = Stage::new();
    let disk = FaultyDisk::default();
    let retry = (Duration::from_millis(300), Duration::from_millis(300));
    stage.options = EnvelopeOptions { disk: Arc::new(disk.clone()), retry, ..EnvelopeOptions::default() };
    let store = stage.open();
    fill(&store, 0..10);
    disk.fail(DiskFault::Full, 0);
    let begun = Instant::now();
    fill(&store, 10..200);
    assert_eq!(found(&store, 0..200), 10, "what is there can be read");
    let failures = disk.repair();
    assert!(failures == 1 || begun.elapsed() > retry.0, "{failures}");
}

#[test]
fn no_more_waits_than_there_is_room_for() {
    let stage = Stage::new();
    let store = stage.open();
    let large = Bytes::from(vec![b'x'; 60_000]);
    let told = (0..100).filter(|n| store.keep(Entry { bytes: large.clone(), ..entry(*n) })).count();
    assert_eq!(told, 1, "one writes for all");
    assert!(!store.keep(Entry { bytes: Bytes::from(vec![0; 70_000]), ..entry(500) }));
    store.write_all();
    let there = (0..100).filter(|n| !store.find(&[(gid(*n), entry(*n).digest)]).is_empty()).count();
    assert_eq!(there, 34, "2 MiB of them");
    assert!((0..100).any(|n| store.keep(Entry { bytes: large.clone(), ..entry(n) })), "somebody is told again");
}

#[test]
fn files_are_private_closed_when_idle_and_deleted_when_unwanted() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("below");
    let envelopes = Envelopes::new(path.clone(), EnvelopeOptions::default(), Duration::from_secs(3600), 2);
    let stores: Vec<_> = (0..5).map(|n| envelopes.get(Guid([n; 16]))).collect();
    for store in &stores {
        store.keep(entry(1));
    }
    envelopes.tend();
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join(format!("{}.envelopes", Guid([0; 16]))))), (0o700, 0o600));
    assert_eq!(stores.iter().filter(|store| store.idle_for().is_some()).count(), 2, "the others are closed");
    assert!(stores.iter().all(|store| found(store, 1..2) == 1), "and opened again");
    envelopes.close();
    assert!(stores.iter().all(|store| store.is_at_rest()));
    drop(stores);
    envelopes.tend();
    assert_eq!(found(&envelopes.get(Guid([3; 16])), 1..2), 1);
    envelopes.close();

    fs::write(path.join("a.redb"), "a ledger").expect("written");
    fs::write(path.join("b.envelopes.new"), "left behind").expect("written");
    assert_eq!(Envelopes::delete(&path).expect("deleted"), 6);
    let left: Vec<_> = fs::read_dir(&path).expect("read").map(|entry| entry.expect("read").file_name()).collect();
    assert_eq!(left, ["a.redb"]);
}

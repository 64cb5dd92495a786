use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gateway::ledger::{DiskFault, FaultyDisk, Ledger, LedgerError, LedgerOptions, RedbLedger};

use super::is_full;
use super::script::{MAILBOX, Step, day, folder};
use super::shadow::Shadow;
use crate::Failed;

/// A sample takes one of so many points.
const SAMPLE: u64 = 5;
/// How often something is tried while the storage fails, and after it works again.
const TRIES: usize = 3;

/// Everything that happens to a ledger, with a storage that fails from the n-th write or read on, for every n, and then works
/// again.
pub fn every_write_and_read_may_fail() -> Result<(), Failed> {
    let mut broken = Vec::new();
    for fault in [DiskFault::Full, DiskFault::BadWrites, DiskFault::BadReads] {
        let (all, _) = run(fault, u64::MAX).map_err(|how| format!("without a fault: {how}"))?;
        let every = if is_full() { 1 } else { SAMPLE };
        let (mut points, mut failures) = (0, 0);
        for at in (0..all).step_by(usize::try_from(every).unwrap_or(1)) {
            points += 1;
            match run(fault, at) {
                Ok((_, failed)) => failures += failed,
                Err(how) => broken.push(format!("{fault:?} at {at}: {how}")),
            }
        }
        println!(
            "ledger: {fault:?} from each of {points} of {all} points on: {failures} operations of the storage failed"
        );
        if failures == 0 {
            broken.push(format!("{fault:?}: nothing failed"));
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n").into()) }
}

/// Runs the script with a storage that fails from there on. Tells how many points there are, and how often it failed.
fn run(fault: DiskFault, at: u64) -> Result<(u64, u64), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let disk = FaultyDisk::default();
    disk.fail(fault, at);
    let mut ledger = open(directory.path(), &disk);
    let mut shadow = Shadow::default();
    let (mut instance, mut failed, mut points) = (None, 0, 0);
    for step in day() {
        let mut tries = 0;
        loop {
            let done = perform(&mut ledger, &step, directory.path(), &disk);
            // What was known goes on being readable, or is said to be unreadable for now.
            match shadow_of(&shadow, &step, done.is_ok())
                .iter()
                .map(|shadow| shadow.is_in(&ledger))
                .collect::<Result<Vec<_>, _>>()
            {
                Ok(held) if !held.contains(&true) => return Err(format!("other rows after {step:?}: {done:?}")),
                Err(error) if !error.is_out_of_service() => return Err(format!("reading after {step:?}: {error}")),
                _ => {}
            }
            match done {
                Ok(()) => break,
                // An attempt that seemed to fail was carried out.
                Err(LedgerError::Conflict { .. }) if tries > 0 => break,
                Err(error) if !error.is_out_of_service() => return Err(format!("{step:?}: {error}")),
                Err(error) => {
                    tries += 1;
                    if tries == TRIES {
                        points += point(&disk, fault);
                        failed += disk.repair();
                    }
                    if tries > 2 * TRIES {
                        return Err(format!("{step:?}: still {error}"));
                    }
                }
            }
        }
        if let Step::Commit(number, commit) = &step {
            shadow.commit(*number, commit);
        }
        if let Ok(opening) = ledger.opening()
            && *instance.get_or_insert(opening.instance()) != opening.instance()
        {
            return Err(format!("another ledger after {step:?}"));
        }
    }
    points += point(&disk, fault);
    failed += disk.repair();
    if !shadow.is_in(&ledger).map_err(|error| error.to_string())? {
        return Err("other rows in the end".into());
    }
    drop(ledger);
    let again = RedbLedger::open(directory.path(), MAILBOX).map_err(|error| error.to_string())?;
    if !shadow.is_in(&again).map_err(|error| error.to_string())? {
        return Err("other rows after a restart".into());
    }
    let files = std::fs::read_dir(directory.path()).map_err(|error| error.to_string())?.count();
    if files != 1 {
        return Err(format!("{files} files: one was set aside"));
    }
    Ok((points, failed))
}

fn point(disk: &FaultyDisk, fault: DiskFault) -> u64 {
    let (writes, reads) = disk.counts();
    if fault == DiskFault::BadReads { reads } else { writes }
}

fn open(directory: &Path, disk: &FaultyDisk) -> RedbLedger {
    let options = LedgerOptions {
        retry: (Duration::ZERO, Duration::ZERO),
        // So small that pages are read again and again.
        cache_bytes: 16 * 1024,
        disk: Arc::new(disk.clone()),
        ..LedgerOptions::default()
    };
    RedbLedger::new(directory, MAILBOX, options)
}

fn perform(ledger: &mut RedbLedger, step: &Step, directory: &Path, disk: &FaultyDisk) -> Result<(), LedgerError> {
    match step {
        Step::Commit(number, commit) => {
            ledger.reserve(commit.upserts.len())?;
            ledger.commit(&folder(*number), commit.clone())
        }
        Step::Stage(number, stage) => match ledger.stage(&folder(*number), stage.clone()) {
            // An attempt that seemed to fail was carried out.
            Err(LedgerError::Conflict { .. }) if ledger.staged(&folder(*number))?.is_some() => Ok(()),
            staged => staged,
        },
        Step::Idle => {
            ledger.close_idle(Duration::ZERO);
            Ok(())
        }
        Step::Restart => {
            // The old one is closed first.
            *ledger = RedbLedger::new(Path::new("/nonexistent"), MAILBOX, LedgerOptions::default());
            *ledger = open(directory, disk);
            ledger.wake()
        }
    }
}

/// What the ledger may hold after a step: a commit that failed may have been carried out.
fn shadow_of(before: &Shadow, step: &Step, done: bool) -> Vec<Shadow> {
    let Step::Commit(number, commit) = step else { return vec![before.clone()] };
    let mut after = before.clone();
    after.commit(*number, commit);
    if done { vec![after] } else { vec![before.clone(), after] }
}

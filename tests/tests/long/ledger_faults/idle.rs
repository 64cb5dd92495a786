use std::time::{Duration, Instant};

use gateway::config::LedgerConfig;
use gateway::ledger::{Ledger, LedgerOptions, Ledgers, Slot};
use mapi_core::id::Guid;

use super::is_full;
use super::script::{commit, folder};
use crate::Failed;

/// Mailboxes, in a sample and in all.
const MAILBOXES: (u32, u32) = (150, 10_000);
const FOLDERS: u64 = 3;
const ROWS: u32 = 1000;
/// What they may cost.
const MAX_BYTES_OF_ALL: u64 = 500 * 1024 * 1024;
const MAX_DESCRIPTORS: usize = 2000;

/// Ledgers of many mailboxes that were used once, and by nobody since: what they hold in memory, and how many files are open.
pub fn mailboxes_cost_little() -> Result<(), Failed> {
    let count = if is_full() { MAILBOXES.1 } else { MAILBOXES.0 };
    // As configured by default; fewer of few.
    let open_files = usize::try_from(count / 10).unwrap_or(0).min(LedgerConfig::default().open_files);
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let ledgers =
        Ledgers::new(directory.path().to_owned(), LedgerOptions::default(), Duration::from_secs(3600), open_files);
    let (memory, descriptors) = (resident_bytes(), descriptors());
    let began = Instant::now();
    let mut held = Vec::new();
    let mut peak = 0;
    for number in 0..count {
        let mut guid = [0; 16];
        guid[..4].copy_from_slice(&number.to_le_bytes());
        let Slot::Ready(ledger) = ledgers.get(Guid(guid)) else { return Err("it is closing".into()) };
        for number in 1..=FOLDERS {
            ledger.commit(&folder(number), commit(1, 1..ROWS + 1, &[])).map_err(|error| error.to_string())?;
        }
        held.push(ledger);
        ledgers.close_idle();
        peak = peak.max(self::descriptors());
    }
    let made = began.elapsed();
    let (grown, open) = (resident_bytes().saturating_sub(memory), self::descriptors().saturating_sub(descriptors));
    println!(
        "ledger: {count} mailboxes of {FOLDERS} folders with {ROWS} rows, idle: {} KiB more resident ({} bytes each), \
         {open} more descriptors, {peak} at most; made in {} s",
        grown / 1024,
        grown / u64::from(count),
        made.as_secs(),
    );
    let began = Instant::now();
    let first = held.first().ok_or("none was made")?;
    let rows = first.load(&folder(1)).map_err(|error| error.to_string())?.map_or(0, |stored| stored.rows.len());
    println!("ledger: one that was closed is opened again and a folder read in {} ms", began.elapsed().as_millis());
    if rows != usize::try_from(ROWS).unwrap_or(0) {
        return Err(format!("{rows} rows").into());
    }
    // A few open files cost the same however many mailboxes there are.
    let allowed = MAX_BYTES_OF_ALL / u64::from(MAILBOXES.1) * u64::from(count) + 64 * 1024 * 1024;
    if grown > allowed.min(MAX_BYTES_OF_ALL) {
        return Err(format!("{grown} bytes, not at most {allowed}").into());
    }
    let files = ledgers.open_files();
    if files > open_files + 1 || peak > MAX_DESCRIPTORS {
        return Err(format!("{files} files and {peak} descriptors are open").into());
    }
    Ok(())
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

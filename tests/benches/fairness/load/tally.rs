//! What the load did, by name.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Count {
    done: u64,
    refused: u64,
    lost: u64,
}

static COUNTS: Mutex<BTreeMap<&'static str, Count>> = Mutex::new(BTreeMap::new());

static READ: AtomicU64 = AtomicU64::new(0);
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Bytes that came from the gateway.
pub fn read(bytes: usize) {
    READ.fetch_add(bytes as u64, Ordering::Relaxed);
}

/// Bytes that went to the gateway.
pub fn written(bytes: usize) {
    WRITTEN.fetch_add(bytes as u64, Ordering::Relaxed);
}

/// Notes whether something was done, refused, or lost with its connection.
pub fn note(name: &'static str, outcome: &io::Result<bool>) {
    let mut counts = lock();
    let count = counts.entry(name).or_default();
    match outcome {
        Ok(true) => count.done += 1,
        Ok(false) => count.refused += 1,
        Err(_) => count.lost += 1,
    }
}

/// Whether nothing was done.
pub fn is_empty() -> bool {
    lock().values().all(|count| count.done == 0)
}

pub fn shown() -> String {
    let shown = |(name, Count { done, refused, lost }): (&&'static str, &Count)| {
        let bad = [(*refused, "refused"), (*lost, "lost")].into_iter().filter(|(count, _)| *count > 0);
        let bad: Vec<String> = bad.map(|(count, what)| format!("{count} {what}")).collect();
        if bad.is_empty() { format!("{name} {done}") } else { format!("{name} {done} ({})", bad.join(", ")) }
    };
    let megabytes = |bytes: &AtomicU64| bytes.load(Ordering::Relaxed) / 1_000_000;
    let counts = lock().iter().map(shown).collect::<Vec<_>>().join(", ");
    format!("{counts}; {} MB read, {} MB written", megabytes(&READ), megabytes(&WRITTEN))
}

fn lock() -> MutexGuard<'static, BTreeMap<&'static str, Count>> {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

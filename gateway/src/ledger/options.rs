use std::sync::Arc;
use std::time::Duration;

use super::disk::{Disk, FileDisk};

/// How ledgers are kept.
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    /// Bytes of a file that are cached while it is open.
    pub cache_bytes: usize,
    /// For how many days it is remembered which messages went.
    pub tombstone_days: u32,
    /// Of how many messages of a folder that went this is remembered at most.
    pub tombstones: u32,
    /// After a failure: how soon it is tried again at first, and how late at most.
    pub retry: (Duration, Duration),
    /// Where the files lie.
    pub disk: Arc<dyn Disk>,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 512 * 1024,
            tombstone_days: 90,
            tombstones: 10_000,
            retry: (Duration::from_millis(500), Duration::from_secs(15)),
            disk: Arc::new(FileDisk),
        }
    }
}

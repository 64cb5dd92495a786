use std::sync::Arc;
use std::time::Duration;

use crate::ledger::{Disk, FileDisk};

/// How envelopes are kept on disk.
#[derive(Debug, Clone)]
pub struct EnvelopeOptions {
    /// Bytes of a mailbox's file.
    pub bytes: u64,
    /// After a failure: how soon it is tried again at first, and how late at most.
    pub retry: (Duration, Duration),
    /// Where the files lie.
    pub disk: Arc<dyn Disk>,
}

impl Default for EnvelopeOptions {
    fn default() -> Self {
        Self { bytes: 64 << 20, retry: (Duration::from_millis(500), Duration::from_secs(15)), disk: Arc::new(FileDisk) }
    }
}

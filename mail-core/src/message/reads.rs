use std::sync::atomic::{AtomicU64, Ordering};

static HEADERS: AtomicU64 = AtomicU64::new(0);
static STRUCTURES: AtomicU64 = AtomicU64::new(0);

/// What this process has read of messages so far. Tests see by it that nothing is read twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reads {
    /// Header blocks that were scanned, those of parts included.
    pub headers: u64,
    /// Messages whose structure was looked for.
    pub structures: u64,
}

impl Reads {
    /// Everything up to now.
    pub fn so_far() -> Self {
        Self { headers: HEADERS.load(Ordering::Relaxed), structures: STRUCTURES.load(Ordering::Relaxed) }
    }

    /// What came on top of `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            headers: self.headers.saturating_sub(earlier.headers),
            structures: self.structures.saturating_sub(earlier.structures),
        }
    }
}

pub(super) fn header() {
    HEADERS.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn structure() {
    STRUCTURES.fetch_add(1, Ordering::Relaxed);
}

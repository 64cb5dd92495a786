use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use mapi_core::property::FileTime;

/// Where the store takes its times from.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> FileTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> FileTime {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let base = FileTime::from_unix_seconds(0).0;
        FileTime(base.saturating_add(u64::try_from(elapsed.as_nanos() / 100).unwrap_or(u64::MAX)))
    }
}

/// A clock for tests: it starts at a given time and each look at it is one millisecond later, so that everything has a
/// time of its own and every run has the same ones.
#[derive(Debug)]
pub struct SteppingClock {
    next: AtomicU64,
}

impl SteppingClock {
    const STEP: u64 = 10_000;

    /// A clock whose first time is `start`.
    pub fn new(start: FileTime) -> Self {
        Self { next: AtomicU64::new(start.0) }
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> FileTime {
        FileTime(self.next.fetch_add(Self::STEP, Ordering::Relaxed))
    }
}

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time, by both clocks: spans within a run of the gateway are measured by the one that never jumps, what outlives
/// a run by the one of the wall.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// By the clock that never jumps.
    pub(crate) at: Instant,
    /// Seconds since 1970.
    pub(crate) unix: u64,
}

impl Moment {
    /// The time.
    pub(crate) fn now() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { at: Instant::now(), unix }
    }

    /// Whether `earlier` is less than `span` ago.
    pub(crate) fn is_within(&self, earlier: Instant, span: Duration) -> bool {
        self.at.saturating_duration_since(earlier) < span
    }
}

#[cfg(test)]
impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self { at: self.at + span, unix: self.unix + span.as_secs() }
    }
}

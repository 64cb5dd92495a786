use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whether clients are fetching messages.
#[derive(Default)]
pub(crate) struct Activity {
    running: AtomicUsize,
    last: Mutex<Option<Instant>>,
}

impl Activity {
    /// A fetch is under way until what is returned is dropped.
    pub(crate) fn begin(&self) -> Active<'_> {
        self.running.fetch_add(1, Ordering::AcqRel);
        Active(self)
    }

    /// Something happened that a fetch may follow.
    pub(crate) fn touch(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How much of `time` without activity is left to wait.
    pub(crate) fn quiet_in(&self, time: Duration) -> Duration {
        if self.running.load(Ordering::Acquire) > 0 {
            return time;
        }
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.map_or(Duration::ZERO, |last| time.saturating_sub(last.elapsed()))
    }
}

/// See [`Activity::begin`].
pub(crate) struct Active<'a>(&'a Activity);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.touch();
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_is_after_the_last_fetch() {
        let activity = Activity::default();
        let hour = Duration::from_secs(3600);
        assert_eq!(activity.quiet_in(hour), Duration::ZERO);
        let fetch = activity.begin();
        assert_eq!(activity.quiet_in(hour), hour);
        drop(fetch);
        assert!(activity.quiet_in(hour) > Duration::ZERO);
        assert_eq!(activity.quiet_in(Duration::ZERO), Duration::ZERO);
    }
}

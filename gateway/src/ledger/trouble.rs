use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// That the storage failed, and when it is tried again: later each time, until something was written.
#[derive(Debug)]
pub(super) struct Trouble {
    retry: (Duration, Duration),
    failing: Mutex<Option<Failing>>,
}

#[derive(Debug)]
struct Failing {
    why: String,
    pause: Duration,
    again_at: Instant,
}

impl Trouble {
    /// None yet. After a failure it is tried again after `retry.0`, and later each time, at most after `retry.1`.
    pub(super) fn new(retry: (Duration, Duration)) -> Self {
        Self { retry, failing: Mutex::default() }
    }

    /// Why nothing is to be tried now, and for how long.
    pub(super) fn waits(&self, now: Instant) -> Option<(String, Duration)> {
        let failing = self.failing();
        let failing = failing.as_ref().filter(|failing| now < failing.again_at)?;
        Some((failing.why.clone(), failing.again_at - now))
    }

    /// Whether it failed and nothing was written since.
    pub(super) fn is_failing(&self) -> bool {
        self.failing().is_some()
    }

    /// It failed. Tells whether that is news.
    pub(super) fn failed(&self, why: String, now: Instant) -> bool {
        let mut failing = self.failing();
        let (first, longest) = self.retry;
        let pause = failing.as_ref().map_or(first, |before| (before.pause * 2).min(longest));
        let is_news = failing.is_none();
        *failing = Some(Failing { why, pause, again_at: now + pause });
        is_news
    }

    /// Something was written. Tells whether it failed before.
    pub(super) fn is_over(&self) -> bool {
        self.failing().take().is_some()
    }

    fn failing(&self) -> MutexGuard<'_, Option<Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_something_was_written() {
        let trouble = Trouble::new((Duration::from_secs(1), Duration::from_secs(3)));
        let now = Instant::now();
        let pause = |trouble: &Trouble| trouble.waits(now).map(|(_, pause)| pause.as_secs());
        assert_eq!(pause(&trouble), None);
        assert!(trouble.failed("full".into(), now) && pause(&trouble) == Some(1));
        assert!(!trouble.failed("full".into(), now) && pause(&trouble) == Some(2));
        assert!(!trouble.failed("full".into(), now) && pause(&trouble) == Some(3));
        assert_eq!(trouble.waits(now + Duration::from_secs(3)), None);
        assert!(trouble.is_over() && !trouble.is_over() && pause(&trouble).is_none());
    }
}

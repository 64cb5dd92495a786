use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long one request is held back and made again before the caller is told that the server is busy.
const PATIENCE: Duration = Duration::from_secs(45);
/// What a server that names no time is given, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// What a server that names a time is given at most.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// Keeps requests from a server that said it is busy (HTTP 429 and 503), for as long as it said.
///
/// The pause holds for everybody who shares the throttle: nobody asks in between. Whoever would have to wait for too long
/// is told so at once, without a request.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    not_before: Option<Instant>,
    /// Busy answers in a row.
    refusals: u32,
}

/// What is left of one request's patience.
#[derive(Debug)]
pub(super) struct Patience(Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(PATIENCE)
    }
}

impl Throttle {
    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// How long it would take, if that is too long.
    pub(super) async fn admit(&self, patience: &mut Patience) -> Result<(), Duration> {
        let pause = self.pause(Instant::now());
        if !pause.is_zero() {
            patience.0 = patience.0.checked_sub(pause).ok_or(pause)?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// How long requests are kept back.
    fn pause(&self, now: Instant) -> Duration {
        self.state().not_before.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// The server is busy, for as long as it says (within an hour) or as long as seems right.
    pub(super) fn refused(&self, asked: Option<Duration>, now: Instant) {
        let mut state = self.state();
        let own = FIRST_PAUSE.saturating_mul(1 << state.refusals.min(8)).min(LONGEST_PAUSE);
        state.refusals = state.refusals.saturating_add(1);
        // Never earlier than asked, and not all at the same moment.
        let pause = asked
            .map_or(own, |asked| asked.min(LONGEST_ASKED))
            .max(FIRST_PAUSE / 4)
            .mul_f64(rand::random_range(1.0..=1.25));
        let until = now + pause;
        state.not_before = state.not_before.max(Some(until));
        tracing::info!(?pause, refusals = state.refusals, "the server is busy");
    }

    /// The server answered.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        state.refusals = 0;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_as_long_as_told_and_grow_by_themselves() {
        let throttle = Throttle::default();
        let mut now = Instant::now();
        assert_eq!(throttle.pause(now), Duration::ZERO);
        for (asked, seconds) in [(Some(7), 7), (None, 2), (None, 4), (None, 8), (None, 16), (None, 20), (None, 20)] {
            throttle.refused(asked.map(Duration::from_secs), now);
            let (pause, least) = (throttle.pause(now), Duration::from_secs(seconds));
            assert!(pause >= least && pause <= least.mul_f64(1.25), "{pause:?} instead of {least:?}");
            now += pause;
        }
        throttle.answered();
        throttle.refused(None, now);
        assert!(throttle.pause(now) < Duration::from_secs(2));
    }

    #[test]
    fn absurd_pauses_are_cut() {
        let throttle = Throttle::default();
        let now = Instant::now();
        throttle.refused(Some(Duration::from_secs(u64::MAX)), now);
        assert!(throttle.pause(now) <= LONGEST_ASKED.mul_f64(1.25));
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_told_at_once() {
        let throttle = Throttle::default();
        throttle.refused(Some(Duration::from_secs(300)), Instant::now());
        let told = throttle.admit(&mut Patience::default()).await.expect_err("too long");
        assert!(told >= Duration::from_secs(299));
        assert!(throttle.pause(Instant::now() + Duration::from_secs(376)).is_zero());
    }
}

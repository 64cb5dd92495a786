use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long one request is held back and made again before the caller is told that the server is busy.
const PATIENCE: Duration = Duration::from_secs(45);
/// What a server that names no time is given, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// What a server that names a time is given at least and at most.
const SHORTEST_ASKED: Duration = Duration::from_millis(250);
const LONGEST_ASKED: Duration = Duration::from_secs(3600);
/// Between two requests that are let go again after a pause.
const SPACING: Duration = Duration::from_millis(20);
/// Hosts remembered.
const MAX_HOSTS: usize = 256;

/// The throttles of upstream hosts, shared by all clients that are given a clone: what a host asks for with Retry-After
/// holds for every session of every user, also for those that are opened meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Throttles {
    hosts: Arc<Mutex<HashMap<String, Arc<Throttle>>>>,
}

impl Throttles {
    /// For how long the host wants to be left alone; `None` if not at all.
    pub fn pause_of(&self, host: &str) -> Option<Duration> {
        let pause = lock(&self.hosts).get(&host.to_ascii_lowercase())?.pause(Instant::now());
        (!pause.is_zero()).then_some(pause)
    }

    /// The hosts that want to be left alone, and for how long.
    pub fn paused(&self) -> Vec<(String, Duration)> {
        let now = Instant::now();
        let hosts = lock(&self.hosts);
        let paused = hosts.iter().map(|(host, throttle)| (host.clone(), throttle.pause(now)));
        paused.filter(|(_, pause)| !pause.is_zero()).collect()
    }

    /// The throttle of a host.
    pub(super) fn of(&self, host: &str) -> Arc<Throttle> {
        let host = host.to_ascii_lowercase();
        let mut hosts = lock(&self.hosts);
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(&host) {
            let now = Instant::now();
            hosts.retain(|_, throttle| Arc::strong_count(throttle) > 1 || !throttle.pause(now).is_zero());
        }
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(&host) {
            // Better one that is not shared than a map without a bound.
            return Arc::default();
        }
        Arc::clone(hosts.entry(host).or_default())
    }
}

/// Keeps requests from a server that said it is busy (HTTP 429 and 503, code 0x6BB), for as long as it said.
///
/// The pause holds for everybody who shares the throttle: nobody asks in between. After it requests are let go one after
/// the other, in the order in which they came, so that they don't make the server busy again all at once; the first of
/// them that is refused holds the others back again. Whoever would have to wait for too long is told so at once, without a
/// request.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    state: Mutex<ThrottleState>,
}

#[derive(Debug, Default)]
struct ThrottleState {
    not_before: Option<Instant>,
    /// When the next of those who wait may go.
    next: Option<Instant>,
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
    /// Waits until a request may be sent. Dropping the future leaves an empty place in the row, no more.
    ///
    /// # Errors
    /// How long it would take, if that is too long.
    pub(super) async fn admit(&self, patience: &mut Patience) -> Result<(), Duration> {
        loop {
            let now = Instant::now();
            let Some(place) = self.place(now, patience.0)? else { return Ok(()) };
            metrics::histogram!("mapi_gateway_upstream_throttle_seconds").record(place - now);
            patience.0 = patience.0.saturating_sub(place.saturating_duration_since(now));
            tokio::time::sleep_until(place).await;
            // Somebody before in the row may have been refused meanwhile.
            if self.pause(Instant::now()).is_zero() {
                return Ok(());
            }
        }
    }

    /// A place in the row; `None` if there is none.
    fn place(&self, now: Instant, patience: Duration) -> Result<Option<Instant>, Duration> {
        let mut state = self.state();
        let Some(place) = state.not_before.max(state.next).filter(|place| *place > now) else { return Ok(None) };
        let wait = place - now;
        if wait > patience {
            return Err(wait);
        }
        state.next = Some(place + SPACING);
        Ok(Some(place))
    }

    /// How long requests are kept back.
    fn pause(&self, now: Instant) -> Duration {
        self.state().not_before.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// The server is busy, for as long as it says (within an hour) or as long as seems right.
    pub(super) fn refused(&self, asked: Option<Duration>, now: Instant) {
        metrics::counter!("mapi_gateway_upstream_busy_total").increment(1);
        let mut state = self.state();
        let own = FIRST_PAUSE.saturating_mul(1 << state.refusals.min(8)).min(LONGEST_PAUSE);
        // Requests that were under way together are refused together; that is one refusal.
        if state.not_before.is_none_or(|until| until <= now) {
            state.refusals = state.refusals.saturating_add(1);
        }
        let pause = asked.map_or(own, |asked| asked.clamp(SHORTEST_ASKED, LONGEST_ASKED));
        if state.not_before < Some(now + pause) {
            state.not_before = Some(now + pause);
            // Whoever waits takes a new place when its old one comes.
            state.next = None;
            tracing::info!(?pause, refusals = state.refusals, "the server is busy");
        }
    }

    /// The server answered.
    pub(super) fn answered(&self) {
        self.state().refusals = 0;
    }

    fn state(&self) -> MutexGuard<'_, ThrottleState> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
            assert_eq!(throttle.pause(now), Duration::from_secs(seconds), "never longer than told");
            now += throttle.pause(now);
        }
        throttle.answered();
        throttle.refused(None, now);
        assert_eq!(throttle.pause(now), FIRST_PAUSE);
    }

    #[test]
    fn requests_refused_together_are_one_refusal() {
        let throttle = Throttle::default();
        let now = Instant::now();
        (0..50).for_each(|_| throttle.refused(None, now));
        assert!(throttle.pause(now) <= FIRST_PAUSE * 2, "{:?}", throttle.pause(now));
    }

    #[test]
    fn absurd_pauses_are_cut() {
        let throttle = Throttle::default();
        let now = Instant::now();
        throttle.refused(Some(Duration::from_secs(u64::MAX)), now);
        assert_eq!(throttle.pause(now), LONGEST_ASKED);
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_told_at_once() {
        let throttle = Throttle::default();
        throttle.refused(Some(Duration::from_secs(300)), Instant::now());
        let told = throttle.admit(&mut Patience::default()).await.expect_err("too long");
        assert!(told >= Duration::from_secs(299) && told <= Duration::from_secs(300));
    }

    #[tokio::test]
    async fn requests_are_let_go_one_after_the_other() {
        let throttle = Arc::new(Throttle::default());
        let began = Instant::now();
        throttle.refused(Some(SHORTEST_ASKED), began);
        let wait = |throttle: Arc<Throttle>| async move {
            throttle.admit(&mut Patience::default()).await.map(|()| began.elapsed())
        };
        let waiting: Vec<_> = (0..5).map(|_| tokio::spawn(wait(Arc::clone(&throttle)))).collect();
        let mut times = Vec::new();
        for task in waiting {
            times.push(task.await.expect("no panic").expect("admitted"));
        }
        times.sort_unstable();
        for (n, time) in (0..).zip(times) {
            assert!(time >= SHORTEST_ASKED + SPACING * n, "number {n} after {time:?}");
        }
        tokio::time::sleep(SPACING).await;
        assert_eq!(throttle.place(Instant::now(), PATIENCE), Ok(None), "the row is empty");
    }

    #[tokio::test]
    async fn the_first_that_is_refused_again_holds_the_others_back() {
        let throttle = Throttle::default();
        let began = Instant::now();
        throttle.refused(Some(SHORTEST_ASKED), began);
        let first = async {
            throttle.admit(&mut Patience::default()).await.expect("admitted");
            throttle.refused(Some(SHORTEST_ASKED), Instant::now());
        };
        let second = async {
            throttle.admit(&mut Patience::default()).await.expect("admitted");
            assert!(began.elapsed() >= SHORTEST_ASKED * 2, "{:?}", began.elapsed());
        };
        tokio::join!(first, second);
    }

    #[test]
    fn all_clients_of_a_host_share_its_throttle() {
        let throttles = Throttles::default();
        throttles.of("Mail.lab.test").refused(Some(Duration::from_secs(9)), Instant::now());
        assert!(throttles.clone().pause_of("mail.LAB.test").is_some());
        assert!(throttles.pause_of("other.lab.test").is_none());
        for n in 0..2 * MAX_HOSTS {
            throttles.of(&format!("h{n}.lab.test"));
        }
        assert!(lock(&throttles.hosts).len() <= MAX_HOSTS);
        assert!(throttles.pause_of("mail.lab.test").is_some(), "a host that is busy is not forgotten");
    }
}

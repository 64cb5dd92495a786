use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the listener leaves notifications to operations under way.
const LONGEST_HOLD: Duration = Duration::from_secs(10);

/// Whether the server has notifications that nobody has fetched yet, and who is to fetch them.
///
/// Notifications come with the answer to any Execute request, so whoever sends one fetches them all. Several parties send
/// requests (operations, rounds, whoever listens); each asks here, in its turn, whether an empty request of its own would
/// still bring anything.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    state: Mutex<BacklogState>,
}

#[derive(Debug, Default)]
struct BacklogState {
    /// Execute requests begun.
    begun: u64,
    /// The last answer said that there are more than it told.
    pending: bool,
    /// A wait ended because of notifications, when that many requests had been begun: those begun later fetch them.
    announced: Option<u64>,
    /// Operations under way that send requests anyway, and since when there is one.
    holds: usize,
    held_since: Option<Instant>,
}

impl Backlog {
    /// A request is begun. Returns its number.
    pub(super) fn begin(&self) -> u64 {
        let mut state = self.state();
        state.begun += 1;
        state.begun
    }

    /// The answer to request `number` was taken in. `pending`: it said that there is more.
    pub(super) fn answered(&self, number: u64, pending: bool) {
        let mut state = self.state();
        state.pending = pending;
        if state.announced.is_some_and(|before| number > before) {
            state.announced = None;
        }
    }

    /// The server said that there is more, and sent nothing to an empty request.
    pub(super) fn give_up(&self) {
        self.state().pending = false;
    }

    /// A wait ended because there are notifications.
    pub(super) fn announce(&self) {
        let mut state = self.state();
        state.announced = Some(state.begun);
    }

    /// Whether a request begun now would bring notifications, as far as is known.
    pub(super) fn is_waiting(&self) -> bool {
        let state = self.state();
        state.pending || state.announced.is_some()
    }

    /// Whether the server said with its last answer that there are more.
    pub(super) fn is_pending(&self) -> bool {
        self.state().pending
    }

    /// From now on the listener sends no request of its own; until the guard is dropped, or it takes too long.
    pub(super) fn hold(&self) {
        let mut state = self.state();
        state.holds += 1;
        state.held_since.get_or_insert_with(Instant::now);
    }

    /// The end of one [`Backlog::hold`].
    pub(super) fn release(&self) {
        let mut state = self.state();
        state.holds = state.holds.saturating_sub(1);
        if state.holds == 0 {
            state.held_since = None;
        }
    }

    /// For how long the listener is to leave notifications to others; `None` if not at all.
    pub(super) fn held_for(&self) -> Option<Duration> {
        let since = self.state().held_since?;
        LONGEST_HOLD.checked_sub(since.elapsed()).filter(|left| !left.is_zero())
    }

    fn state(&self) -> MutexGuard<'_, BacklogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_announced_comes_with_any_later_request() {
        let backlog = Backlog::default();
        let early = backlog.begin();
        backlog.announce();
        backlog.answered(early, false);
        assert!(backlog.is_waiting(), "the request was under way when the notification came");
        let late = backlog.begin();
        backlog.answered(late, false);
        assert!(!backlog.is_waiting());
    }

    #[test]
    fn the_last_answer_knows_whether_there_is_more() {
        let backlog = Backlog::default();
        let first = backlog.begin();
        backlog.answered(first, true);
        assert!(backlog.is_waiting() && backlog.is_pending());
        let second = backlog.begin();
        backlog.answered(second, false);
        assert!(!backlog.is_waiting());
    }

    #[test]
    fn holds_are_counted() {
        let backlog = Backlog::default();
        assert_eq!(backlog.held_for(), None);
        backlog.hold();
        backlog.hold();
        backlog.release();
        assert!(backlog.held_for().is_some());
        backlog.release();
        assert_eq!(backlog.held_for(), None);
    }
}

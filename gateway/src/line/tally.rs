use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::kind::Kind;

/// What all operations came to, by kind. Shared by all accounts.
#[derive(Debug, Default)]
pub struct Tally {
    rows: [Row; Kind::ALL.len()],
    /// When an operation succeeded last, whosever it was.
    succeeded: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Row {
    performed: AtomicU64,
    failed: AtomicU64,
    in_doubt: AtomicU64,
    retried: AtomicU64,
    waited: AtomicU64,
    micros: AtomicU64,
}

/// The counts of one kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Performed, with or without success.
    pub performed: u64,
    /// Of these without success.
    pub failed: u64,
    /// Effects whose outcome was unknown.
    pub in_doubt: u64,
    /// Tries after a session was lost.
    pub retried: u64,
    /// Waits for a server that was busy.
    pub waited: u64,
    /// Time they took in all.
    pub time: Duration,
}

impl Tally {
    /// What became of the operations of a kind so far.
    pub fn of(&self, kind: Kind) -> Count {
        let row = self.row(kind);
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Count {
            performed: load(&row.performed),
            failed: load(&row.failed),
            in_doubt: load(&row.in_doubt),
            retried: load(&row.retried),
            waited: load(&row.waited),
            time: Duration::from_micros(load(&row.micros)),
        }
    }

    /// Whether anybody's operation succeeded after this.
    pub fn has_succeeded_since(&self, moment: Instant) -> bool {
        self.succeeded.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|last| last > moment)
    }

    pub(crate) fn performed(&self, kind: Kind, success: bool, time: Duration) {
        if success {
            *self.succeeded.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        let row = self.row(kind);
        add(&row.performed, 1);
        add(&row.failed, u64::from(!success));
        add(&row.micros, u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn in_doubt(&self, kind: Kind) {
        add(&self.row(kind).in_doubt, 1);
    }

    pub(crate) fn retried(&self, kind: Kind) {
        add(&self.row(kind).retried, 1);
    }

    pub(crate) fn waited(&self, kind: Kind) {
        add(&self.row(kind).waited, 1);
    }

    fn row(&self, kind: Kind) -> &Row {
        &self.rows[kind as usize]
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_apart() {
        let tally = Tally::default();
        tally.performed(Kind::Copy, false, Duration::from_millis(5));
        tally.in_doubt(Kind::Copy);
        tally.performed(Kind::Move, true, Duration::from_millis(7));
        tally.retried(Kind::Move);
        tally.waited(Kind::Move);
        let copies = Count { performed: 1, failed: 1, in_doubt: 1, time: Duration::from_millis(5), ..Count::default() };
        assert_eq!(tally.of(Kind::Copy), copies);
        let before = Instant::now();
        assert!(!Tally::default().has_succeeded_since(before) && !tally.has_succeeded_since(before));
        tally.performed(Kind::Delete, false, Duration::ZERO);
        assert!(!tally.has_succeeded_since(before));
        tally.performed(Kind::Append, true, Duration::ZERO);
        assert!(tally.has_succeeded_since(before));
        let moves = Count { performed: 1, retried: 1, waited: 1, time: Duration::from_millis(7), ..Count::default() };
        assert_eq!(tally.of(Kind::Move), moves);
        assert_eq!(tally.of(Kind::Subscribe), Count::default());
    }
}

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::turns::Turn;

/// After so many bytes the clock is looked at.
const LOOK_AFTER: usize = 32 << 10;

/// So many bytes are a piece.
const PIECE: usize = 16 << 10;

thread_local! {
    /// The job that runs on this thread.
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// A job that runs, as long as this exists.
pub(super) struct Running {
    pub(super) turn: Turn,
    pub(super) cancelled: Arc<AtomicBool>,
    pub(super) since: Instant,
    pub(super) spent: usize,
}

/// Does something as a job.
pub(super) fn run<T>(turn: Turn, cancelled: Arc<AtomicBool>, work: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            // The turn goes to the next one.
            drop(RUNNING.take());
        }
    }
    RUNNING.set(Some(Running { turn, cancelled, since: Instant::now(), spent: 0 }));
    let _leave = Leave;
    work()
}

/// To be told by everything that may take long: so many bytes, or other small steps, are about to be looked at. Within
/// [`super::Workers::run`] others go first now and then, and this blocks meanwhile. Elsewhere it does nothing.
pub fn spend(steps: usize) {
    RUNNING.with_borrow_mut(|running| {
        let Some(running) = running else { return };
        running.spent = running.spent.saturating_add(steps);
        if running.spent >= LOOK_AFTER {
            running.spent = 0;
            if running.since.elapsed() >= running.turn.slice() {
                running.turn.let_others_go_first();
                running.since = Instant::now();
            }
        }
    });
}

/// Bytes in pieces that [`spend`] is told of, for what takes them by the thousand: hashes, compression, scans.
pub fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(PIECE).inspect(|piece| spend(piece.len()))
}

/// Whether nobody waits any more for what the job on this thread does.
pub fn is_cancelled() -> bool {
    RUNNING.with_borrow(|running| running.as_ref().is_some_and(|running| running.cancelled.load(Ordering::Relaxed)))
}

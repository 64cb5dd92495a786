use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use super::Owner;
use super::queue::WorkLimits;
use super::running;
use super::turns::Turns;

/// Work ended without a result: it panicked, or the runtime stopped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("work ended early: {0}")]
pub struct WorkEnded(String);

/// Does CPU work off the async threads, a bounded number of jobs at a time. Turns go round among the owners, in slices
/// ([`super::spend`]): one owner's work, however much, delays another's by no more than a slice for each.
pub struct Workers {
    turns: Arc<Turns>,
}

impl Workers {
    /// Workers who have nothing to do yet. Threads are those of the runtime in which [`Self::run`] is called.
    pub fn new(limits: WorkLimits) -> Arc<Self> {
        Arc::new(Self { turns: Turns::new(limits) })
    }

    /// From now on these are the bounds. What runs goes on.
    pub fn set_limits(&self, limits: WorkLimits) {
        self.turns.set_limits(limits);
    }

    /// Does something for an owner when its turn comes. Dropping the future cancels it: what has not begun never does, and
    /// what has is told so ([`super::is_cancelled`]).
    ///
    /// # Errors
    /// [`WorkEnded`] if it panics.
    pub async fn run<T: Send + 'static>(
        &self,
        owner: &Owner,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkEnded> {
        let turn = self.turns.begin(owner).await.ok_or_else(|| WorkEnded("nobody lets it begin".to_owned()))?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let _left = CancelOnDrop(Arc::clone(&cancelled));
        let job = tokio::task::spawn_blocking(move || running::run(turn, cancelled, work));
        job.await.map_err(|error| WorkEnded(error.to_string()))
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("limits", &self.turns.limits()).finish_non_exhaustive()
    }
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;
    use crate::work::{is_cancelled, spend};

    fn workers(running: usize, begun_per_owner: usize) -> Arc<Workers> {
        Workers::new(WorkLimits { running, begun: 8, begun_per_owner, slice: Duration::ZERO })
    }

    #[tokio::test]
    async fn work_gives_its_result_and_a_panic_is_told() {
        let (workers, owner) = (workers(1, 1), Owner::new("one"));
        assert_eq!(workers.run(&owner, || 7).await, Ok(7));
        assert!(workers.run(&owner, || panic!("as wanted")).await.is_err());
        assert_eq!(workers.run(&owner, || 8).await, Ok(8), "the turn came back");
    }

    /// One owner works without end; another's job is done meanwhile all the same, on the only turn there is.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn endless_work_of_one_owner_lets_others_go_first() {
        let (workers, slices) = (workers(1, 2), Arc::new(AtomicUsize::new(0)));
        let endless = |slices: Arc<AtomicUsize>| {
            move || {
                while !is_cancelled() {
                    spend(usize::MAX);
                    slices.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let owner = Owner::new("greedy");
        let mut greedy = tokio::task::JoinSet::new();
        for _ in 0..5 {
            let (workers, owner, work) = (Arc::clone(&workers), owner.clone(), endless(Arc::clone(&slices)));
            greedy.spawn(async move { workers.run(&owner, work).await });
        }
        while slices.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        for number in 0..20 {
            assert_eq!(workers.run(&Owner::new("other"), move || number).await, Ok(number));
        }
        greedy.shutdown().await;
        // What had begun saw that nobody waits for it, and what had not is forgotten.
        while workers.run(&owner, || ()).await.is_err() || workers.turns.is_wanted() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_does_not_wait_any_more_leaves_the_queue() {
        let (workers, owner) = (workers(1, 1), Owner::new("one"));
        let (release, wait) = mpsc::channel::<()>();
        let mut first = Box::pin(workers.run(&owner, move || wait.recv()));
        assert!((&mut first).now_or_never().is_none());
        assert!(workers.run(&owner, || ()).now_or_never().is_none());
        assert!(!workers.turns.is_wanted());
        drop(release);
        assert!(first.await.unwrap().is_err());
    }
}

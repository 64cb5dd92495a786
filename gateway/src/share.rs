//! What the work for one user may take of the gateway's memory and CPU time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use mail_core::work::{BudgetExceeded, BudgetLimits, ByteBudget, Owner, Reservation, WorkLimits, Workers};

use crate::line::error::UpstreamError;

/// How often a message is in memory while it is downloaded and rendered, taken apart for a client, or made into one that is
/// sent: for so many copies room is taken.
pub(crate) const COPIES: u64 = 3;
/// Work on more bytes is done off the async threads.
const INLINE_BYTES: u64 = 64 << 10;

/// What all users share, each a fair part of it.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Who does what takes CPU time.
    pub workers: Arc<Workers>,
    /// Where memory for messages comes from.
    pub budget: Arc<ByteBudget>,
}

impl Bounds {
    /// Bounds within which nothing is used yet.
    pub fn new(work: WorkLimits, budget: BudgetLimits) -> Self {
        Self { workers: Workers::new(work), budget: ByteBudget::new(budget) }
    }

    /// The part of a user.
    pub(crate) fn of(&self, user: &str) -> Share {
        Share { bounds: self.clone(), owner: Owner::new(user) }
    }
}

/// One user's part of the bounds.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    bounds: Bounds,
    owner: Owner,
}

impl Share {
    /// For whom work is done.
    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Waits for memory.
    ///
    /// # Errors
    /// [`UpstreamError::NoRoom`] if there is none in time.
    pub(crate) async fn reserve(&self, bytes: u64) -> Result<Reservation, UpstreamError> {
        self.bounds.budget.reserve(&self.owner, bytes).await.map_err(|BudgetExceeded| UpstreamError::NoRoom)
    }

    /// Takes memory if there is some now, beside what there is in `room`.
    pub(crate) fn reserve_now(&self, room: Option<Reservation>, bytes: u64) -> Option<Reservation> {
        match room {
            Some(mut room) => room.grow(bytes).then_some(room),
            None => self.bounds.budget.reserve(&self.owner, bytes).now_or_never()?.ok(),
        }
    }

    /// Does CPU work on so many bytes when the user's turn comes. Few are worked on at once: what takes less than waking
    /// another thread stands in nobody's way. Dropping the future cancels it.
    ///
    /// # Errors
    /// [`UpstreamError::Internal`] if the work panics.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        bytes: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, UpstreamError> {
        if bytes <= INLINE_BYTES {
            let done = std::panic::catch_unwind(AssertUnwindSafe(work));
            return done.map_err(|_| UpstreamError::Internal("work on a message panicked".to_owned()));
        }
        let done = self.bounds.workers.run(&self.owner, work).await;
        done.map_err(|error| UpstreamError::Internal(error.to_string()))
    }
}

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use mail_core::work::{ByteBudget, Owner, Reservation, Workers};

use crate::session::{Work, Worked};
use crate::store::StoreError;

/// What all connections share, each owner's fair part of it.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub workers: Arc<Workers>,
    pub budget: Arc<ByteBudget>,
}

/// Memory that a connection holds for what is about to be sent.
pub(super) struct Room {
    /// What was asked for; there may be less where that is more than there can be.
    asked: u64,
    _reservation: Reservation,
}

impl Bounds {
    /// Does work when its turn comes and there is memory for it. `room` is used again if it is large enough. Gives the room
    /// and what came of the work. Dropping the future cancels the work.
    pub(super) fn work(
        self,
        owner: Owner,
        room: Option<Room>,
        work: Work,
    ) -> BoxFuture<'static, (Option<Room>, Result<Worked, StoreError>)> {
        let asked = work.bytes;
        async move {
            let room = match room.filter(|room| room.asked >= asked) {
                Some(room) => room,
                None => match self.budget.reserve(&owner, asked).await {
                    Ok(reservation) => Room { asked, _reservation: reservation },
                    Err(error) => return (None, Err(StoreError::Limit(error.to_string()))),
                },
            };
            let worked = self.workers.run(&owner, work.job).await;
            let worked = worked.map_err(|error| {
                tracing::error!(%error, "work for a client failed");
                StoreError::Internal("internal error".to_owned())
            });
            (Some(room), worked)
        }
        .boxed()
    }
}

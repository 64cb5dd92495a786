use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use mail_core::spool::{Spool, SpoolConfig};
use mail_core::work::{ByteBudget, Owner, Reservation, Workers};

use crate::session::{Work, Worked};
use crate::store::StoreError;

/// What all connections share, each owner's fair part of it.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub workers: Arc<Workers>,
    pub budget: Arc<ByteBudget>,
    pub disk: Arc<ByteBudget>,
    pub spool: Arc<SpoolConfig>,
}

/// How often a message is in memory while it is converted and stored.
const COPIES: u64 = 6;

/// A large message that comes in, and the room for it on the disk.
pub(super) struct Incoming {
    spool: Spool,
    _disk: Reservation,
}

impl Incoming {
    pub(super) async fn push(&mut self, piece: &[u8]) {
        self.spool.push(piece).await;
    }
}

/// Memory that a connection holds for what is about to be sent.
pub(super) struct Room {
    /// What was asked for; there may be less where that is more than there can be.
    asked: u64,
    _reservation: Reservation,
}

/// What came of work, and the room that this takes.
pub(super) type Performed = (Option<Room>, Result<Worked, StoreError>);

impl Bounds {
    /// Begins to take in a message of this size; `None` if there is no room for it in time.
    pub(super) async fn incoming(&self, owner: &Owner, size: usize) -> Option<Incoming> {
        let disk = self.disk.reserve(owner, size as u64).await.ok()?;
        Some(Incoming { spool: Spool::new(Arc::clone(&self.spool)), _disk: disk })
    }

    /// Reads a message that came in, once there is memory for it and for what is made of it, which is given back when nobody has
    /// these bytes any more.
    pub(super) async fn finish(&self, owner: Owner, incoming: Incoming) -> Result<Bytes, StoreError> {
        let no_space = |error: io::Error| {
            tracing::error!(%error, directory = %self.spool.directory.display(), "no room for a message");
            StoreError::Unavailable("no room to take the message in, try again later".to_owned())
        };
        let message = incoming.spool.finish().await.map_err(no_space)?;
        let room = self.budget.reserve(&owner, COPIES.saturating_mul(message.len())).await;
        let room = room.map_err(|error| StoreError::Limit(error.to_string()))?;
        let read = if message.is_spooled() {
            tokio::task::spawn_blocking(move || message.into_bytes()).await.map_err(io::Error::other)
        } else {
            Ok(message.into_bytes())
        };
        let content = read.and_then(|read| read).map_err(no_space)?;
        Ok(room.hold(COPIES, content))
    }

    /// Does work when its turn comes and there is memory for it. `room` is used again if it is large enough. Gives the room
    /// and what came of the work. Dropping the future cancels the work.
    pub(super) fn work(self, owner: Owner, room: Option<Room>, work: Work) -> BoxFuture<'static, Performed> {
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

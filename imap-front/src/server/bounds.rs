use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use mail_core::spool::{Spool, SpoolConfig, SpooledMessage};
use mail_core::work::{ByteBudget, Owner, Reservation, Workers};
use memchr::memchr;

use crate::session::{Apart, Work, Worked};
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

/// The large messages of a command that comes in, one behind the other, and the room for them on the disk.
pub(super) struct Incoming {
    spool: Spool,
    messages: Vec<Arriving>,
    disk: Vec<Reservation>,
}

#[derive(Clone, Copy)]
struct Arriving {
    start: u64,
    len: u64,
    has_nul: bool,
}

/// The large messages of a command that has come in.
pub(super) struct Arrived {
    spooled: Arc<Mutex<SpooledMessage>>,
    messages: Vec<Arriving>,
    _disk: Vec<Reservation>,
}

impl Incoming {
    pub(super) async fn push(&mut self, piece: &[u8]) {
        if let Some(message) = self.messages.last_mut() {
            message.len = message.len.saturating_add(piece.len() as u64);
            message.has_nul |= memchr(0, piece).is_some();
        }
        self.spool.push(piece).await;
    }

    /// All has come.
    pub(super) async fn finish(self) -> Result<Arrived, StoreError> {
        let spooled = self.spool.finish().await.map_err(no_space)?;
        Ok(Arrived { spooled: Arc::new(Mutex::new(spooled)), messages: self.messages, _disk: self.disk })
    }
}

impl Arrived {
    /// What a session is told of each.
    pub(super) fn apart(&self) -> Vec<Apart> {
        self.messages.iter().map(|message| Apart { has_nul: message.has_nul }).collect()
    }
}

fn no_space(error: io::Error) -> StoreError {
    tracing::error!(%error, "no room for a message");
    StoreError::Unavailable("no room to take the message in, try again later".to_owned())
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
    /// Begins to take in a message of this size, behind others of the same command; `None` if there is no room for it in time.
    pub(super) async fn incoming(&self, owner: &Owner, before: Option<Incoming>, size: usize) -> Option<Incoming> {
        let disk = self.disk.reserve(owner, size as u64).await.ok()?;
        let mut incoming = before.unwrap_or_else(|| Incoming {
            spool: Spool::new(Arc::clone(&self.spool)),
            messages: Vec::new(),
            disk: Vec::new(),
        });
        incoming.disk.push(disk);
        let start = incoming.messages.last().map_or(0, |last| last.start.saturating_add(last.len));
        incoming.messages.push(Arriving { start, len: 0, has_nul: false });
        Some(incoming)
    }

    /// Reads a message that came in, once there is memory for it and for what is made of it, which is given back when nobody has
    /// these bytes any more.
    pub(super) fn take(
        self,
        owner: Owner,
        arrived: Option<&Arrived>,
        number: usize,
    ) -> BoxFuture<'static, Result<Bytes, StoreError>> {
        let message = arrived.and_then(|arrived| Some((Arc::clone(&arrived.spooled), *arrived.messages.get(number)?)));
        async move {
            let Some((spooled, Arriving { start, len, .. })) = message else {
                return Err(StoreError::Internal("internal error".to_owned()));
            };
            let room = self.budget.reserve(&owner, COPIES.saturating_mul(len)).await;
            let room = room.map_err(|error| StoreError::Limit(error.to_string()))?;
            let read = move || {
                let mut spooled = spooled.lock().unwrap_or_else(PoisonError::into_inner);
                let mut reader = spooled.reader()?;
                reader.seek(SeekFrom::Start(start))?;
                let mut bytes = Vec::with_capacity(usize::try_from(len).map_err(io::Error::other)?);
                reader.take(len).read_to_end(&mut bytes)?;
                Ok::<_, io::Error>(Bytes::from(bytes))
            };
            let read = tokio::task::spawn_blocking(read).await.map_err(io::Error::other);
            let content = read.and_then(|read| read).map_err(no_space)?;
            Ok(room.hold(COPIES, content))
        }
        .boxed()
    }

    /// Does work when its turn comes and there is memory for it. `room` is used again if it is large enough. Gives the room
    /// and what came of the work. Dropping the future cancels the work.
    pub(super) fn work(self, owner: Owner, room: Option<Room>, work: Work) -> BoxFuture<'static, Performed> {
        let (asked, holds) = (work.bytes, work.holds);
        async move {
            let room = match room.filter(|room| room.asked >= asked) {
                Some(room) => room,
                None => match self.budget.reserve(&owner, asked).await {
                    Ok(mut reservation) => {
                        // What the command reads meanwhile may need all that there is for its owner.
                        if holds {
                            reservation.pin();
                        }
                        Room { asked, _reservation: reservation }
                    }
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

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use mail_core::work::Reservation;
use mapi_core::id::{FolderId, Gid, MessageId};
use mapi_core::mailbox::{FetchOptions, Fetched, Mailbox, MailboxError};
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{PropertyKey, PropertyTag, tags};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;

use super::{Attempt, Operation};
use crate::convert::stand_in::{self, Unservable};
use crate::line::kind::Kind;
use crate::line::upstream::Lane;
use crate::share::{COPIES, Share};

/// From this many bytes on a message needs room.
const ROOM_FROM: u64 = 1 << 20;

/// What is shown of a message is a third larger than what the upstream has of it if that is encoded in base64.
const ENCODED_THIRDS: u64 = 4;

/// Who takes a message no sooner reads slowly: the server does not keep the next ones ready for him meanwhile.
const SLOW: Duration = Duration::from_secs(5);

/// A message as it comes down.
pub(crate) struct Downloaded {
    /// Which one it is.
    pub(crate) gid: Gid,
    /// Its content, or why it can't be served.
    pub(crate) content: Result<Box<MessageContent>, Withheld>,
    /// The room that was taken for it: a few times its size, unless that is more than there can be.
    pub(crate) room: Option<Reservation>,
}

/// A message that does not come down.
pub(crate) struct Withheld {
    /// Why.
    pub(crate) why: Unservable,
    /// What is known of it: those of [`stand_in::PROPERTIES`] that can be read.
    pub(crate) properties: PropertyBag,
}

/// Downloads messages; large ones wait for room in memory, and their download begins anew when they have it. Each goes into the
/// sink as soon as it is complete, and is not downloaded again. Ends when nobody takes them any more.
pub(crate) struct Download {
    folder: Gid,
    lane: Lane,
    wanted: Vec<Gid>,
    came: HashSet<Gid>,
    options: FetchOptions,
    share: Share,
    sink: mpsc::Sender<Downloaded>,
    no_room: bool,
}

impl Download {
    /// Downloads `wanted`, in the session of a lane.
    pub(crate) fn new(
        folder: Gid,
        lane: Lane,
        wanted: Vec<Gid>,
        options: FetchOptions,
        share: Share,
        sink: mpsc::Sender<Downloaded>,
    ) -> Self {
        let options = FetchOptions { growing_after: Some(ROOM_FROM), ..options };
        Self { folder, lane, wanted, came: HashSet::new(), options, share, sink, no_room: false }
    }

    /// The same of one message for which there is room already.
    pub(crate) fn of_one(
        folder: Gid,
        lane: Lane,
        wanted: Gid,
        options: FetchOptions,
        share: Share,
        sink: mpsc::Sender<Downloaded>,
    ) -> Self {
        let download = Self::new(folder, lane, vec![wanted], options, share, sink);
        Self { options: FetchOptions { growing_after: None, ..options }, ..download }
    }

    /// Whether it ended because there was no room for a message in time.
    pub(crate) fn found_no_room(&self) -> bool {
        self.no_room
    }
}

impl Operation for Download {
    type Done = ();

    fn kind(&self) -> Kind {
        Kind::Download
    }

    fn folder(&self) -> Option<Gid> {
        Some(self.folder)
    }

    fn lane(&self) -> Lane {
        self.lane
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<(), MailboxError> {
        let mailbox = attempt.mailbox();
        let left: Vec<Gid> = self.wanted.iter().filter(|gid| !self.came.contains(gid)).copied().collect();
        attempt.read(mailbox.meet(&left)).await?;
        let gids: HashMap<MessageId, Gid> = left.iter().filter_map(|gid| Some((mailbox.id_of(*gid)?, *gid))).collect();
        let ids: Vec<MessageId> = left.iter().filter_map(|gid| mailbox.id_of(*gid)).collect();
        let folder = attempt.read(mailbox.resolve(self.folder)).await?;
        let mut fetch = mailbox.fetch_messages(folder, &ids, self.options);
        // All of it is taken at once: who has a part and waits for another one may wait for somebody who does the same.
        let mut room = None;
        while let Some(fetched) = attempt.read(fetch.next()).await? {
            let (mid, content) = match fetched {
                Fetched::Message { mid, content, .. } => (mid, Ok(content)),
                Fetched::TooLarge { mid, bytes } => {
                    tracing::warn!(%mid, bytes, "message above upstream.max_message_bytes");
                    let properties = attempt.read(properties(&mailbox, folder, mid, &stand_in::PROPERTIES)).await?;
                    (mid, Err(Withheld { why: Unservable::TooLarge, properties }))
                }
                Fetched::Unreadable { mid, why } => {
                    tracing::warn!(%mid, why, "the upstream can't hand out a message");
                    let properties = attempt.read(properties(&mailbox, folder, mid, &stand_in::PROPERTIES)).await?;
                    (mid, Err(Withheld { why: Unservable::Unreadable, properties }))
                }
                Fetched::Missing(_) => continue,
                // Nobody waits for it any more.
                Fetched::Growing { .. } if self.sink.is_closed() => return Ok(()),
                Fetched::Growing { mid, bytes } => {
                    if room.is_none() {
                        let size = properties(&mailbox, folder, mid, &[tags::PidTagMessageSize]);
                        let size = attempt.read(size).await?.integer(tags::PidTagMessageSize);
                        let size = size.and_then(|size| u64::try_from(size).ok()).unwrap_or(self.options.limits.bytes);
                        let rendered = size.max(2 * bytes) / 3 * ENCODED_THIRDS;
                        let mut reserving = pin!(self.share.reserve(COPIES.saturating_mul(rendered)));
                        let reserved = match reserving.as_mut().now_or_never() {
                            Some(reserved) => reserved,
                            None => {
                                fetch.pause();
                                tokio::select! {
                                    biased;
                                    () = self.sink.closed() => return Ok(()),
                                    reserved = reserving => reserved,
                                }
                            }
                        };
                        let Ok(reserved) = reserved else {
                            self.no_room = true;
                            return Ok(());
                        };
                        room = Some(reserved);
                    }
                    continue;
                }
            };
            let Some(gid) = gids.get(&mid).copied().filter(|gid| self.came.insert(*gid)) else { continue };
            attempt.progressed();
            let downloaded = Downloaded { gid, content, room: room.take() };
            let taken = match self.sink.send_timeout(downloaded, SLOW).await {
                Ok(()) => true,
                Err(SendTimeoutError::Closed(_)) => false,
                Err(SendTimeoutError::Timeout(downloaded)) => {
                    fetch.pause();
                    self.sink.send(downloaded).await.is_ok()
                }
            };
            if !taken {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Those of a message's properties that there are and that can be read.
async fn properties(
    mailbox: &Mailbox,
    folder: FolderId,
    mid: MessageId,
    wanted: &[PropertyTag],
) -> Result<PropertyBag, MailboxError> {
    let keys: Vec<_> = wanted.iter().map(|tag| PropertyKey::Tag(*tag)).collect();
    let found = mailbox.message_properties(folder, &[mid], &keys).await?;
    Ok(found.into_iter().next().map(|(_, bag)| bag).unwrap_or_default())
}

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mail_core::work::Reservation;
use mail_core::{FetchNeed, FetchedContent, FetchedMessage};
use mapi_core::ErrorCode;
use mapi_core::id::Gid;
use mapi_core::message::MessageContent;
use tokio::sync::mpsc;

use super::known::{Fetch, HELD_FROM};
use super::purpose::Purpose;
use super::queue::{Queue, Stopped};
use crate::convert::stand_in::{Unservable, stand_in};
use crate::line::error::UpstreamError;
use crate::mailbox::context::MailboxContext;
use crate::mailbox::folder::examined::Examined;
use crate::operation::{Download, Downloaded, Withheld};
use crate::share::COPIES;
use crate::sync::{OfferedRendering, RenderingVerdict};

/// Renderings are recorded (and then served) once this many bytes wait.
const RECORD_BYTES: usize = 1 << 20;
/// For so long a batch that holds room waits for more.
const BATCH_WAITS: Duration = Duration::from_millis(50);

/// What came of a download.
pub(super) struct Came {
    /// Some messages have to be downloaded again because they changed meanwhile.
    pub outdated: bool,
    /// A message for which there was not room enough, which ended it.
    pub too_large: Option<TooLarge>,
    /// Why it broke off if it did.
    pub failure: Option<UpstreamError>,
}

/// A message that needs more room than was taken for it while it came down.
pub(super) struct TooLarge {
    uid: u32,
    gid: Gid,
    needed: u64,
}

/// Why a message is not rendered.
enum NotRendered {
    Failed(UpstreamError),
    /// It needs so much room, which is not there now.
    NoRoom(u64),
}

impl From<UpstreamError> for NotRendered {
    fn from(error: UpstreamError) -> Self {
        Self::Failed(error)
    }
}

/// A message that was rendered.
struct Rendered {
    uid: u32,
    gid: Gid,
    examined: Examined,
    /// What was asked for of it, with the room that it takes until the client has got it.
    served: FetchedContent,
}

impl Fetch<'_> {
    /// Downloads and renders messages, and sends what is ready.
    pub(super) async fn download(&self, wanted: Vec<(u32, Gid)>, queue: &mut Queue<'_>) -> Result<Came, Stopped> {
        if queue.has_unrendered() {
            self.folder.shared.context.unchecked.wait(self.folder.gid()).await;
        }
        let uids: HashMap<Gid, u32> = wanted.iter().map(|(uid, gid)| (*gid, *uid)).collect();
        let (sink, mut contents) = mpsc::channel(1);
        let (shared, lane) = (Arc::clone(&self.folder.shared), self.lane);
        let gids = wanted.into_iter().map(|(_, gid)| gid).collect();
        let download = tokio::spawn(async move {
            let options = shared.context.fetch_options();
            let share = shared.context.share().clone();
            let mut download = Download::new(shared.gid, lane, gids, options, share, sink);
            shared.context.upstream.perform(&mut download).await?;
            if download.found_no_room() { Err(UpstreamError::NoRoom) } else { Ok(()) }
        });
        let (mut outdated, mut too_large) = (false, None);
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        loop {
            let next = if batch.iter().any(|rendered| self.holds_room(rendered)) {
                // What comes next may wait for the room that the batch has.
                match tokio::time::timeout(BATCH_WAITS, contents.recv()).await {
                    Ok(next) => next,
                    Err(_) => {
                        outdated |= self.settle(std::mem::take(&mut batch), queue).await;
                        batch_bytes = 0;
                        queue.emit().await?;
                        continue;
                    }
                }
            } else {
                contents.recv().await
            };
            let Some(Downloaded { gid, content, room }) = next else { break };
            let Some(&uid) = uids.get(&gid) else { continue };
            let rendered = match content {
                Ok(content) => self.rendered(uid, gid, *content, room).await,
                Err(Withheld { why, properties }) => {
                    let shown = self.rendered(uid, gid, stand_in(&properties, why), room).await;
                    shown.and_then(|shown| Ok(self.in_its_place(shown, why)?))
                }
            };
            match rendered {
                Ok(rendered) => {
                    batch_bytes += rendered.examined.message.bytes().len();
                    batch.push(rendered);
                }
                Err(NotRendered::Failed(error)) => queue.fetched(uid, Err(error)),
                Err(NotRendered::NoRoom(needed)) => {
                    // While that is waited for, nothing is held of it, nor of the messages behind it.
                    too_large = Some(TooLarge { uid, gid, needed });
                    break;
                }
            }
            if batch_bytes >= RECORD_BYTES {
                outdated |= self.settle(std::mem::take(&mut batch), queue).await;
                batch_bytes = 0;
                queue.emit().await?;
            }
        }
        drop(contents);
        outdated |= self.settle(batch, queue).await;
        let failure = match download.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(error) => Some(UpstreamError::Internal(format!("a download task ended: {error}"))),
        };
        Ok(Came { outdated, too_large, failure })
    }

    /// Waits for the room that a message needs, and downloads it once more. Tells whether that has to be done again because it
    /// changed meanwhile.
    pub(super) async fn download_alone(&self, message: TooLarge, queue: &mut Queue<'_>) -> bool {
        let TooLarge { uid, gid, needed } = message;
        let rendered = async {
            let room = self.folder.shared.context.share().reserve(needed).await?;
            let content = self.once_more(gid).await?;
            self.rendered(uid, gid, content, Some(room)).await.map_err(|not| match not {
                NotRendered::Failed(error) => error,
                NotRendered::NoRoom(_) => UpstreamError::NoRoom,
            })
        };
        match rendered.await {
            Ok(rendered) => self.settle(vec![rendered], queue).await,
            Err(error) => {
                queue.fetched(uid, Err(error));
                false
            }
        }
    }

    /// Renders a message, for which enough room is taken first: an original may be far larger than what it was stored as.
    async fn rendered(
        &self,
        uid: u32,
        gid: Gid,
        content: MessageContent,
        mut room: Option<Reservation>,
    ) -> Result<Rendered, NotRendered> {
        let context = &self.folder.shared.context;
        let needed = COPIES.saturating_mul(MailboxContext::rendered_bytes(&content));
        if needed > COPIES * HELD_FROM {
            room = Some(context.share().reserve_now(room, needed).ok_or(NotRendered::NoRoom(needed))?);
        }
        let bytes = context.render(gid, content).await?;
        let examined = Examined::of(bytes, context.share()).await?;
        let served = match (self.need, &examined.outline) {
            (FetchNeed::Size, _) => FetchedContent::Nothing,
            _ if self.purpose == Purpose::Ahead => FetchedContent::Nothing,
            (FetchNeed::Outline, Some(outline)) => FetchedContent::Outline(outline.clone()),
            _ => {
                let length = examined.message.bytes().len() as u64;
                let room = match room {
                    Some(room) if length > self.held_from() => Some(room),
                    _ => self.reserve(length).await?,
                };
                let message = examined.message.clone();
                FetchedContent::Whole(Box::new(match room {
                    Some(room) => self.hold(message, room),
                    None => message,
                }))
            }
        };
        Ok(Rendered { uid, gid, examined, served })
    }

    /// Downloads a message for which there is room.
    async fn once_more(&self, gid: Gid) -> Result<MessageContent, UpstreamError> {
        let (shared, (sink, mut contents)) = (&self.folder.shared, mpsc::channel(1));
        let (options, share) = (shared.context.fetch_options(), shared.context.share().clone());
        let mut download = Download::of_one(shared.gid, self.lane, gid, options, share, sink);
        shared.context.upstream.perform(&mut download).await?;
        match contents.try_recv() {
            Ok(Downloaded { content: Ok(content), .. }) => Ok(*content),
            Ok(_) => Err(UpstreamError::Unreachable("a message changed while it was downloaded".into())),
            Err(_) => Err(UpstreamError::Expunged),
        }
    }

    /// A stand-in is shown of what was never shown. What clients have got is not taken from them because it can't be read
    /// now, or no more with another configuration.
    fn in_its_place(&self, shown: Rendered, why: Unservable) -> Result<Rendered, UpstreamError> {
        match self.view.source(shown.uid).and_then(|source| source.rendering) {
            Some(recorded) if recorded != shown.examined.record => Err(match why {
                Unservable::Unreadable => {
                    let operation = "RopFastTransferSourceGetBuffer".into();
                    UpstreamError::Refused { operation, code: ErrorCode::CORRUPT_DATA }
                }
                _ => UpstreamError::Limit("a message is larger than the gateway is allowed to pass on".into()),
            }),
            _ => Ok(shown),
        }
    }

    /// Records renderings and tells which may be served: only bytes that are the UID's for ever. Returns whether some are
    /// outdated and have to be made again.
    async fn settle(&self, batch: Vec<Rendered>, queue: &mut Queue<'_>) -> bool {
        if batch.is_empty() {
            return false;
        }
        let version = self.view.version;
        let offer = |offered: &Rendered| OfferedRendering {
            uid: offered.uid,
            gid: offered.gid,
            version,
            rendering: offered.examined.record,
        };
        let offered: Vec<_> = batch.iter().map(offer).collect();
        let verdicts = match self.folder.record(offered.clone()).await {
            Ok(verdicts) => verdicts,
            Err(error) => {
                for (Rendered { uid, served, .. }, offered) in batch.into_iter().zip(&offered) {
                    let known = self.is_recorded(offered);
                    queue.fetched(uid, if known { Ok(item(offered, served)) } else { Err(error.clone()) });
                }
                return false;
            }
        };
        let mut outdated = false;
        for ((Rendered { uid, gid, examined, served }, offered), verdict) in
            batch.into_iter().zip(&offered).zip(verdicts)
        {
            let is_valid = matches!(verdict, RenderingVerdict::Same | RenderingVerdict::Replaced);
            if is_valid {
                self.keep(gid, examined);
            }
            let item = match verdict {
                RenderingVerdict::Same => Ok(item(offered, served)),
                RenderingVerdict::Outdated => {
                    outdated = true;
                    continue;
                }
                RenderingVerdict::Replaced | RenderingVerdict::Gone => Err(UpstreamError::Expunged),
            };
            queue.fetched(uid, item);
        }
        outdated
    }

    /// Whether these are the bytes that were recorded for the UID, so that nothing has to be written to serve them.
    fn is_recorded(&self, offered: &OfferedRendering) -> bool {
        let source = self.view.source(offered.uid).filter(|source| source.gid == offered.gid);
        source.and_then(|source| source.rendering) == Some(offered.rendering)
    }

    /// Keeps in memory what may be asked for soon.
    fn keep(&self, gid: Gid, examined: Examined) {
        let (context, Examined { record, message, outline }) = (&self.folder.shared.context, examined);
        if let Some(outline) = outline {
            context.outlines().keep(gid, &record, &outline);
        }
        if self.purpose != Purpose::Ledger {
            context.cache_rendering(gid, record.digest, message.bytes().clone());
        }
    }

    fn holds_room(&self, rendered: &Rendered) -> bool {
        let FetchedContent::Whole(message) = &rendered.served else { return false };
        message.bytes().len() as u64 > self.held_from()
    }
}

fn item(offered: &OfferedRendering, content: FetchedContent) -> FetchedMessage {
    FetchedMessage { uid: offered.uid, size: offered.rendering.size, digest: Some(offered.rendering.digest), content }
}

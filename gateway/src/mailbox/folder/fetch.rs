use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mail_core::message::Message;
use mail_core::work::Reservation;
use mail_core::{FetchNeed, FetchedContent, FetchedMessage};
use mapi_core::ErrorCode;
use mapi_core::id::Gid;
use mapi_core::message::MessageContent;
use tokio::sync::mpsc;

use super::Folder;
use super::examined::Examined;
use crate::convert::stand_in::{Unservable, stand_in};
use crate::ledger::RenderingRecord;
use crate::line::error::UpstreamError;
use crate::line::upstream::Lane;
use crate::mailbox::context::MailboxContext;
use crate::operation::{Download, Downloaded, Withheld};
use crate::share::COPIES;
use crate::sync::{FolderView, MessageSource, OfferedRendering, RenderingVerdict};

/// Messages asked for in one request.
const CHUNK: usize = 50;
/// Downloads of so many bytes, and those after the first chunk, are nothing that others should wait behind.
const BULK_BYTES: u64 = 1 << 20;
/// Renderings are recorded (and then served) once this many bytes wait.
const RECORD_BYTES: usize = 1 << 20;
/// For so long a batch that holds room waits for more.
const BATCH_WAITS: Duration = Duration::from_millis(50);
/// How often a message that keeps changing is downloaded.
const MAX_DOWNLOADS: usize = 3;
/// Messages of more bytes take room until their client has got them.
const HELD_FROM: u64 = 64 << 10;
/// Messages of more bytes are taken out of memory when their turn comes, and not before: whoever waits keeps nothing that
/// others may need the room for.
const TAKEN_EARLY: u32 = 16 << 10;
/// Items that wait for a slow client, and those that are small.
const READY: usize = 8;
const READY_SMALL: usize = 32;

/// One message of a fetch.
pub type FetchedItem = (u32, Result<FetchedMessage, UpstreamError>);

impl Folder {
    /// Starts fetching; items come in the order of `uids`. Dropping the receiver stops the work.
    pub fn fetch(&self, uids: Vec<u32>, need: FetchNeed) -> mpsc::Receiver<FetchedItem> {
        self.fetch_after(uids, need, std::future::ready(()))
    }

    /// The same, begun when `before` is ready.
    pub(super) fn fetch_after(
        &self,
        uids: Vec<u32>,
        need: FetchNeed,
        before: impl Future<Output = ()> + Send + 'static,
    ) -> mpsc::Receiver<FetchedItem> {
        let is_small = matches!(need, FetchNeed::Size | FetchNeed::Outline);
        self.start(uids, need, Purpose::Client, if is_small { READY_SMALL } else { READY }, before)
    }

    /// Starts reading messages into memory that a client will ask for soon. The items tell which are there, and hold nothing.
    pub(super) fn read_ahead(&self, uids: Vec<u32>) -> mpsc::Receiver<FetchedItem> {
        // Nobody may ever take the items, and the download must come to its end all the same.
        let ready = uids.len().max(1);
        self.start(uids, FetchNeed::Full, Purpose::Ahead, ready, std::future::ready(()))
    }

    /// Starts rendering messages for the ledger to know their sizes; nothing is cached.
    pub fn render_ahead(&self, uids: Vec<u32>) -> mpsc::Receiver<FetchedItem> {
        self.start(uids, FetchNeed::Size, Purpose::Ledger, READY, std::future::ready(()))
    }

    fn start(
        &self,
        uids: Vec<u32>,
        need: FetchNeed,
        purpose: Purpose,
        ready: usize,
        before: impl Future<Output = ()> + Send + 'static,
    ) -> mpsc::Receiver<FetchedItem> {
        let (sender, receiver) = mpsc::channel(ready);
        let folder = self.clone();
        tokio::spawn(async move {
            let _active = (purpose != Purpose::Ledger).then(|| folder.shared.context.activity.begin());
            let work = async {
                before.await;
                folder.fetch_all(&uids, need, purpose, &sender).await;
            };
            tokio::select! {
                biased;
                // Whoever leaves waits for nothing any more, and nobody for him.
                () = sender.closed() => {}
                () = work => {}
            }
        });
        receiver
    }

    async fn fetch_all(&self, uids: &[u32], need: FetchNeed, purpose: Purpose, sender: &mpsc::Sender<FetchedItem>) {
        for (number, chunk) in uids.chunks(CHUNK).enumerate() {
            let (view, lane) = (self.view(), Lane::Bulk);
            let mut fetch = Fetch { view, folder: self, need, sender, lane, purpose };
            if number == 0 && purpose == Purpose::Client && fetch.known_bytes(chunk) < BULK_BYTES {
                fetch.lane = Lane::Interactive;
            }
            if fetch.chunk(chunk).await.is_err() {
                return;
            }
        }
    }
}

/// For whom messages are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A client, who may soon want more of them.
    Client,
    /// A client who has not asked for them yet.
    Ahead,
    /// Nobody but the ledger, which is to know their sizes.
    Ledger,
}

/// A message that was rendered.
struct Rendered {
    uid: u32,
    gid: Gid,
    examined: Examined,
    /// What was asked for of it, with the room that it takes until the client has got it.
    served: FetchedContent,
}

/// What came of the messages of a chunk, by UID.
type Fetched = HashMap<u32, Result<FetchedMessage, UpstreamError>>;

/// The client went away.
struct Stopped;

struct Fetch<'a> {
    folder: &'a Folder,
    view: Arc<FolderView>,
    need: FetchNeed,
    sender: &'a mpsc::Sender<FetchedItem>,
    /// Where downloads come from: those that others must not wait for have a session of their own.
    lane: Lane,
    purpose: Purpose,
}

/// What is known of a message before asking the upstream.
enum Known {
    Answer(Result<FetchedMessage, UpstreamError>),
    /// The rendering of the message, or what was recorded of it, is in memory now.
    Cached(MessageSource, RenderingRecord),
    Ask(MessageSource),
}

impl Fetch<'_> {
    /// Bytes of the messages of a chunk, as far as they were ever rendered.
    fn known_bytes(&self, uids: &[u32]) -> u64 {
        let size = |uid: &u32| self.view.source(*uid)?.rendering.map(|rendering| u64::from(rendering.size));
        uids.iter().filter_map(size).sum()
    }

    async fn chunk(&mut self, uids: &[u32]) -> Result<(), Stopped> {
        let mut run = VecDeque::new();
        for uid in uids {
            match self.known(*uid) {
                Known::Cached(source, recorded) => {
                    // Whoever waits for room must hold none.
                    self.run(std::mem::take(&mut run)).await?;
                    self.one_cached(*uid, source, recorded).await?;
                }
                known => run.push_back((*uid, known)),
            }
        }
        self.run(run).await
    }

    /// Sends a message that was in memory a moment ago. Room is taken before it is.
    async fn one_cached(&mut self, uid: u32, source: MessageSource, recorded: RenderingRecord) -> Result<(), Stopped> {
        let item = match self.reserve(u64::from(recorded.size)).await {
            Err(error) => Err(error),
            Ok(room) => match self.cached(source.gid, &recorded) {
                Some(content) => Ok(self.answer(uid, &recorded, content, room)),
                None => {
                    drop(room);
                    return self.run(VecDeque::from([(uid, Known::Ask(source))])).await;
                }
            },
        };
        self.sender.send((uid, item)).await.map_err(|_| Stopped)
    }

    /// Sends messages in order, those that the upstream must be asked for with the others.
    async fn run(&mut self, mut queue: VecDeque<(u32, Known)>) -> Result<(), Stopped> {
        let mut fetched = Fetched::default();
        let mut failure = None;
        for _ in 0..MAX_DOWNLOADS {
            let wanted = |(uid, known): &(u32, Known)| match known {
                Known::Ask(source) if !fetched.contains_key(uid) => Some((*uid, source.gid)),
                _ => None,
            };
            let wanted: Vec<(u32, Gid)> = queue.iter().filter_map(wanted).collect();
            if wanted.is_empty() {
                break;
            }
            let outdated;
            (outdated, failure) = self.download(wanted, &mut queue, &mut fetched).await?;
            if !outdated {
                break;
            }
            // Messages changed while they came down: what the rounds made of it counts now.
            self.view = self.folder.view();
            for (uid, known) in queue.iter_mut().filter(|(uid, _)| !fetched.contains_key(uid)) {
                *known = match self.known(*uid) {
                    Known::Cached(source, _) => Known::Ask(source),
                    known => known,
                };
            }
        }
        self.emit(&mut queue, &mut fetched).await?;
        // What the upstream did not send is gone, unless the download broke off.
        while let Some((uid, known)) = queue.pop_front() {
            let item = match (known, &failure) {
                (Known::Answer(answer), _) => answer,
                (Known::Ask(_) | Known::Cached(..), None) => {
                    self.folder.changed();
                    Err(UpstreamError::Expunged)
                }
                (Known::Ask(source) | Known::Cached(source, _), Some(away)) if away.is_of_the_way() => {
                    self.remembered(uid, &source).await.unwrap_or(Err(away.clone()))
                }
                (_, Some(failure)) => Err(failure.clone()),
            };
            self.sender.send((uid, item)).await.map_err(|_| Stopped)?;
            self.emit(&mut queue, &mut fetched).await?;
        }
        Ok(())
    }

    /// Downloads and renders messages, and sends what is ready. Tells whether some have to be downloaded again because they
    /// changed meanwhile, and why the download broke off if it did.
    async fn download(
        &self,
        wanted: Vec<(u32, Gid)>,
        queue: &mut VecDeque<(u32, Known)>,
        fetched: &mut Fetched,
    ) -> Result<(bool, Option<UpstreamError>), Stopped> {
        if queue.iter().any(|(_, known)| matches!(known, Known::Ask(source) if source.rendering.is_none())) {
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
        let mut outdated = false;
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        loop {
            let next = if batch.iter().any(|rendered| self.holds_room(rendered)) {
                // What comes next may wait for the room that the batch has.
                match tokio::time::timeout(BATCH_WAITS, contents.recv()).await {
                    Ok(next) => next,
                    Err(_) => {
                        outdated |= self.settle(std::mem::take(&mut batch), fetched).await;
                        batch_bytes = 0;
                        self.emit(queue, fetched).await?;
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
                    shown.and_then(|shown| self.in_its_place(shown, why))
                }
            };
            match rendered {
                Ok(rendered) => {
                    batch_bytes += rendered.examined.message.bytes().len();
                    batch.push(rendered);
                }
                Err(error) => drop(fetched.insert(uid, Err(error))),
            }
            if batch_bytes >= RECORD_BYTES {
                outdated |= self.settle(std::mem::take(&mut batch), fetched).await;
                batch_bytes = 0;
                self.emit(queue, fetched).await?;
            }
        }
        outdated |= self.settle(batch, fetched).await;
        let failure = match download.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(error) => Some(UpstreamError::Internal(format!("a download task ended: {error}"))),
        };
        Ok((outdated, failure))
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

    fn known(&self, uid: u32) -> Known {
        let Some(source) = self.view.source(uid) else { return Known::Answer(Err(UpstreamError::Expunged)) };
        let Some(recorded) = source.rendering.filter(|_| !source.suspect) else { return Known::Ask(source) };
        match self.cached(source.gid, &recorded) {
            Some(_) if self.purpose == Purpose::Ahead => {
                Known::Answer(Ok(FetchedMessage { uid, size: recorded.size, content: FetchedContent::Nothing }))
            }
            Some(FetchedContent::Whole(_)) if recorded.size > TAKEN_EARLY => Known::Cached(source, recorded),
            Some(content) => Known::Answer(Ok(FetchedMessage { uid, size: recorded.size, content })),
            None => Known::Ask(source),
        }
    }

    /// What is to be sent of a message, which holds its room.
    fn answer(
        &self,
        uid: u32,
        recorded: &RenderingRecord,
        content: FetchedContent,
        room: Option<Reservation>,
    ) -> FetchedMessage {
        let content = match (content, room) {
            // Its room would be taken until somebody asks for it.
            _ if self.purpose == Purpose::Ahead => FetchedContent::Nothing,
            (FetchedContent::Whole(message), Some(room)) => FetchedContent::Whole(Box::new(self.hold(*message, room))),
            (content, _) => content,
        };
        FetchedMessage { uid, size: recorded.size, content }
    }

    /// What was asked for of a rendering, if it is in memory.
    fn cached(&self, gid: Gid, recorded: &RenderingRecord) -> Option<FetchedContent> {
        let context = &self.folder.shared.context;
        let whole = || {
            context
                .cached_rendering(gid, &recorded.digest)
                .map(|bytes| FetchedContent::Whole(Box::new(Message::new(bytes))))
        };
        match self.need {
            FetchNeed::Size => Some(FetchedContent::Nothing),
            FetchNeed::Outline => {
                let outline = context.cached_outline(gid, &recorded.digest);
                outline.map(FetchedContent::Outline).or_else(whole)
            }
            FetchNeed::Full | FetchNeed::Parts => whole(),
        }
    }

    /// While the upstream can't be asked whether a message has other content now: the bytes that are its UID's for ever, if
    /// they are known. (With other content it gets another UID, as soon as that can be seen.)
    async fn remembered(&self, uid: u32, source: &MessageSource) -> Option<Result<FetchedMessage, UpstreamError>> {
        let recorded = source.rendering?;
        self.cached(source.gid, &recorded)?;
        let room = match self.reserve(u64::from(recorded.size)).await {
            Ok(room) => room,
            Err(error) => return Some(Err(error)),
        };
        let content = self.cached(source.gid, &recorded)?;
        Some(Ok(self.answer(uid, &recorded, content, room)))
    }

    /// Renders a message, for which enough room is taken first: an original may be far larger than what it was stored as.
    async fn rendered(
        &self,
        uid: u32,
        gid: Gid,
        content: MessageContent,
        mut room: Option<Reservation>,
    ) -> Result<Rendered, UpstreamError> {
        let context = &self.folder.shared.context;
        let needed = COPIES.saturating_mul(MailboxContext::rendered_bytes(&content));
        if needed > COPIES * HELD_FROM {
            room = Some(context.share().enlarge(room, needed).await?);
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

    /// Takes room for a rendering of so many bytes as it is served, also for what is made of it for the client; none for a
    /// small one.
    async fn reserve(&self, length: u64) -> Result<Option<Reservation>, UpstreamError> {
        if length <= self.held_from() {
            return Ok(None);
        }
        self.folder.shared.context.share().reserve(self.copies().saturating_mul(length)).await.map(Some)
    }

    /// Renderings of more bytes take room. Where more of them may wait, smaller ones count.
    fn held_from(&self) -> u64 {
        if self.need == FetchNeed::Outline { HELD_FROM * READY as u64 / READY_SMALL as u64 } else { HELD_FROM }
    }

    fn holds_room(&self, rendered: &Rendered) -> bool {
        let FetchedContent::Whole(message) = &rendered.served else { return false };
        message.bytes().len() as u64 > self.held_from()
    }

    /// How often a rendering is in memory until its client has got it.
    fn copies(&self) -> u64 {
        if self.need == FetchNeed::Full { 1 } else { COPIES }
    }

    /// A rendering that keeps its room as long as the client has not got it all.
    fn hold(&self, message: Message, room: Reservation) -> Message {
        let bytes = message.bytes().clone();
        message.in_bytes(room.hold(self.copies(), bytes))
    }

    /// Records renderings and tells which may be served: only bytes that are the UID's for ever. Returns whether some are
    /// outdated and have to be made again.
    async fn settle(&self, batch: Vec<Rendered>, fetched: &mut Fetched) -> bool {
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
                    fetched.insert(uid, if known { Ok(item(offered, served)) } else { Err(error.clone()) });
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
            fetched.insert(uid, item);
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
            context.cache_outline(gid, record.digest, &outline);
        }
        if self.purpose != Purpose::Ledger {
            context.cache_rendering(gid, record.digest, message.bytes().clone());
        }
    }

    /// Sends what is ready, in order.
    async fn emit(&self, queue: &mut VecDeque<(u32, Known)>, fetched: &mut Fetched) -> Result<(), Stopped> {
        while let Some((uid, known)) = queue.pop_front() {
            let item = match known {
                Known::Answer(answer) => answer,
                Known::Cached(..) | Known::Ask(_) => match fetched.remove(&uid) {
                    Some(item) => item,
                    None => {
                        queue.push_front((uid, known));
                        return Ok(());
                    }
                },
            };
            self.sender.send((uid, item)).await.map_err(|_| Stopped)?;
        }
        Ok(())
    }
}

fn item(offered: &OfferedRendering, content: FetchedContent) -> FetchedMessage {
    FetchedMessage { uid: offered.uid, size: offered.rendering.size, content }
}

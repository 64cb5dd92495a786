use std::sync::Arc;

use mail_core::message::Message;
use mail_core::work::Reservation;
use mail_core::{FetchNeed, FetchedContent, FetchedMessage};
use mapi_core::id::Gid;
use tokio::sync::mpsc;

use super::purpose::Purpose;
use super::queue::FetchedItem;
use crate::ledger::RenderingRecord;
use crate::line::error::UpstreamError;
use crate::line::upstream::Lane;
use crate::mailbox::folder::Folder;
use crate::mailbox::outlines::FoundOutlines;
use crate::share::COPIES;
use crate::sync::{FolderView, MessageSource};

/// Messages of more bytes take room until their client has got them.
pub(super) const HELD_FROM: u64 = 64 << 10;
/// Messages of more bytes are taken out of memory when their turn comes, and not before: whoever waits keeps nothing that
/// others may need the room for.
const TAKEN_EARLY: u32 = 16 << 10;
/// Items that wait for a slow client, and those that are small.
pub(super) const READY: usize = 8;
pub(super) const READY_SMALL: usize = 32;

/// Messages that are being fetched, some at a time.
pub(super) struct Fetch<'a> {
    pub folder: &'a Folder,
    pub view: Arc<FolderView>,
    pub need: FetchNeed,
    pub sender: &'a mpsc::Sender<FetchedItem>,
    /// Where downloads come from: those that others must not wait for have a session of their own.
    pub lane: Lane,
    pub purpose: Purpose,
    /// What the disk had of the messages that are fetched now.
    pub found: FoundOutlines,
}

/// What is known of a message before asking the upstream.
pub(super) enum Known {
    Answer(Result<FetchedMessage, UpstreamError>),
    /// The rendering of the message, or what was recorded of it, is in memory now.
    Cached(MessageSource, RenderingRecord),
    Ask(MessageSource),
}

impl Fetch<'_> {
    /// Looks on disk for what is asked for of messages and is not in memory. Only what may be served of them is looked for:
    /// of a rendering that is recorded and still that of the message.
    pub(super) async fn look_on_disk(&mut self, uids: &[u32]) {
        let context = &self.folder.shared.context;
        if !context.outlines().are_on_disk() || self.need != FetchNeed::Outline {
            return;
        }
        let missing = |uid: &u32| {
            let source = self.view.source(*uid).filter(|source| !source.suspect)?;
            let recorded = source.rendering?;
            let is_there = context.outlines().has(source.gid, &recorded)
                || context.cached_rendering(source.gid, &recorded.digest).is_some();
            (!is_there).then_some((source.gid, recorded.digest))
        };
        let missing = uids.iter().filter_map(missing).collect();
        self.found = context.outlines().find(missing).await;
    }

    pub(super) fn known(&self, uid: u32) -> Known {
        let Some(source) = self.view.source(uid) else { return Known::Answer(Err(UpstreamError::Expunged)) };
        let Some(recorded) = source.rendering.filter(|_| !source.suspect) else { return Known::Ask(source) };
        match self.cached(source.gid, &recorded) {
            Some(_) if self.purpose == Purpose::Ahead => Known::Answer(Ok(FetchedMessage {
                uid,
                size: recorded.size,
                digest: Some(recorded.digest),
                content: FetchedContent::Nothing,
            })),
            Some(FetchedContent::Whole(_)) if recorded.size > TAKEN_EARLY => Known::Cached(source, recorded),
            Some(content) => {
                Known::Answer(Ok(FetchedMessage { uid, size: recorded.size, digest: Some(recorded.digest), content }))
            }
            None => Known::Ask(source),
        }
    }

    /// While the upstream can't be asked whether a message has other content now: the bytes that are its UID's for ever, if
    /// they are known. (With other content it gets another UID, as soon as that can be seen.)
    pub(super) async fn remembered(
        &self,
        uid: u32,
        source: &MessageSource,
    ) -> Option<Result<FetchedMessage, UpstreamError>> {
        let recorded = source.rendering?;
        self.cached(source.gid, &recorded)?;
        let room = match self.reserve(u64::from(recorded.size)).await {
            Ok(room) => room,
            Err(error) => return Some(Err(error)),
        };
        let content = self.cached(source.gid, &recorded)?;
        Some(Ok(self.answer(uid, &recorded, content, room)))
    }

    /// What was asked for of a rendering, if it is in memory.
    pub(super) fn cached(&self, gid: Gid, recorded: &RenderingRecord) -> Option<FetchedContent> {
        let context = &self.folder.shared.context;
        let whole = || {
            context
                .cached_rendering(gid, &recorded.digest)
                .map(|bytes| FetchedContent::Whole(Box::new(Message::new(bytes))))
        };
        match self.need {
            FetchNeed::Size => Some(FetchedContent::Nothing),
            FetchNeed::Outline => {
                let outline = context.outlines().get(gid, recorded).or_else(|| self.found.get(gid, recorded));
                outline.map(FetchedContent::Outline).or_else(whole)
            }
            FetchNeed::AtHand => whole().or(Some(FetchedContent::Nothing)),
            FetchNeed::Full | FetchNeed::Parts => whole(),
        }
    }

    /// What is to be sent of a message, which holds its room.
    pub(super) fn answer(
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
        FetchedMessage { uid, size: recorded.size, digest: Some(recorded.digest), content }
    }

    /// Takes room for a rendering of so many bytes as it is served, also for what is made of it for the client; none for a
    /// small one.
    pub(super) async fn reserve(&self, length: u64) -> Result<Option<Reservation>, UpstreamError> {
        if length <= self.held_from() {
            return Ok(None);
        }
        self.folder.shared.context.share().reserve(self.copies().saturating_mul(length)).await.map(Some)
    }

    /// Renderings of more bytes take room. Where more of them may wait, smaller ones count.
    pub(super) fn held_from(&self) -> u64 {
        if self.need == FetchNeed::Outline { HELD_FROM * READY as u64 / READY_SMALL as u64 } else { HELD_FROM }
    }

    /// How often a rendering is in memory until its client has got it.
    fn copies(&self) -> u64 {
        if self.need == FetchNeed::Full { 1 } else { COPIES }
    }

    /// A rendering that keeps its room as long as the client has not got it all.
    pub(super) fn hold(&self, message: Message, room: Reservation) -> Message {
        let bytes = message.bytes().clone();
        message.in_bytes(room.hold(self.copies(), bytes))
    }
}

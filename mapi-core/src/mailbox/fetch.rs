use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::ErrorCode;
use crate::fasttransfer::{FetchedMessage, MessageLimits, MessageList};
use crate::id::{FolderId, Gid, MessageId};
use crate::message::MessageContent;
use crate::property::tags;
use crate::rop::{FastTransferSourceCopyMessagesRequest, OpenFolderRequest, RequestBody, RopId, send_options};
use crate::wire::WireResult;

use super::download::Download;
use super::{Mailbox, MailboxError};

/// How messages are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchOptions {
    /// Bounds of one message.
    pub limits: MessageLimits,
    /// Messages the server prepares at a time.
    pub batch: usize,
    /// After how many bytes it is told that a message is not complete yet, and again after as many more.
    pub growing_after: Option<u64>,
}

impl Default for FetchOptions {
    /// Batches of 100 messages of at most 256 MiB.
    fn default() -> Self {
        Self { limits: MessageLimits::default(), batch: 100, growing_after: None }
    }
}

/// A message that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Fetched {
    /// Here it is.
    Message {
        /// Which one it is.
        mid: MessageId,
        /// All of it.
        content: Box<MessageContent>,
        /// Bytes of FastTransfer stream it took.
        bytes: u64,
    },
    /// The next message is not complete, and so much larger than was told before as [`FetchOptions::growing_after`] says.
    /// Whoever asks for the next one gets more of it.
    Growing {
        /// Which one it most likely is: the first of those asked for that has not come.
        mid: MessageId,
        /// Bytes of FastTransfer stream so far.
        bytes: u64,
    },
    /// It is not in the folder (any more).
    Missing(MessageId),
    /// It is above the limit of [`FetchOptions::limits`].
    TooLarge {
        /// Which one it is.
        mid: MessageId,
        /// Bytes of FastTransfer stream it took.
        bytes: u64,
    },
    /// The server can't hand it out, or sends what can't be read, also when it is asked for nothing else. The others are
    /// not affected.
    Unreadable {
        /// Which one it is.
        mid: MessageId,
        /// What is wrong.
        why: String,
    },
}

/// CopyFlags: best body.
const BEST_BODY: u8 = 0x10;

impl Mailbox {
    /// Fetches whole messages of a folder, handed out one by one as they arrive: [`MessageFetch::next`]. About 256 KiB per
    /// Execute request, and one more per batch.
    pub fn fetch_messages(&self, folder: FolderId, messages: &[MessageId], options: FetchOptions) -> MessageFetch {
        MessageFetch {
            mailbox: self.clone(),
            folder,
            options,
            waiting: messages.iter().copied().collect(),
            current: None,
            ready: VecDeque::new(),
            one_by_one: false,
            doubted: None,
            told: 0,
        }
    }
}

/// A running [`Mailbox::fetch_messages`]. Dropping it ends it. While it runs, the server keeps something for it, of which a
/// session may have a few only: whoever takes long between two messages calls [`MessageFetch::pause`].
#[derive(Debug)]
pub struct MessageFetch {
    mailbox: Mailbox,
    folder: FolderId,
    options: FetchOptions,
    waiting: VecDeque<MessageId>,
    current: Option<Batch>,
    ready: VecDeque<Fetched>,
    /// The server does not say which message is which, or one of them can't be read.
    one_by_one: bool,
    /// The message that could not be read when it was asked for alone.
    doubted: Option<MessageId>,
    /// Bytes of the message that comes next of which [`Fetched::Growing`] told.
    told: u64,
}

#[derive(Debug)]
struct Batch {
    /// Asked for and not yet seen, in the server's order.
    left: VecDeque<MessageId>,
    download: Option<(Download, Option<OwnedSemaphorePermit>)>,
    list: MessageList,
    /// Bytes that came since the last message was complete, about.
    unfinished: u64,
    /// A message came that says not which one it is, and there were several.
    confused: bool,
}

impl MessageFetch {
    /// The next message; `None` at the end. Messages come in the order asked for, missing ones possibly later.
    pub async fn next(&mut self) -> Result<Option<Fetched>, MailboxError> {
        loop {
            if let Some(fetched) = self.ready.pop_front() {
                self.told = 0;
                return Ok(Some(fetched));
            }
            if let Some((mid, bytes)) = self.growth() {
                self.told = bytes;
                return Ok(Some(Fetched::Growing { mid, bytes }));
            }
            if self.current.is_none() && !self.start_batch() {
                return Ok(None);
            }
            if let Err(error) = self.step().await {
                self.current = None;
                self.waiting.clear();
                return Err(error);
            }
        }
    }

    /// Lets go of what the server keeps for it. The messages that are not complete are asked for anew, from their beginnings,
    /// when the next one is.
    pub fn pause(&mut self) {
        let left = self.current.take().map(|batch| batch.left).unwrap_or_default();
        for mid in left.into_iter().rev() {
            self.waiting.push_front(mid);
        }
    }

    fn growth(&self) -> Option<(MessageId, u64)> {
        let from = self.told + self.options.growing_after?;
        let batch = self.current.as_ref()?;
        let bytes = batch.unfinished;
        let mid = batch.left.front().copied()?;
        (bytes > from).then_some((mid, bytes))
    }

    fn start_batch(&mut self) -> bool {
        let size = if self.one_by_one { 1 } else { self.options.batch.clamp(1, 1000) };
        let left: VecDeque<_> = self.waiting.drain(..size.min(self.waiting.len())).collect();
        if left.is_empty() {
            return false;
        }
        let list = MessageList::new(self.options.limits);
        self.current = Some(Batch { left, download: None, list, unfinished: 0, confused: false });
        true
    }

    /// Gets the next buffers of the current batch.
    async fn step(&mut self) -> Result<(), MailboxError> {
        let Some(batch) = &mut self.current else { return Ok(()) };
        let inner = &self.mailbox.inner;
        let Batch { left, download, list, unfinished, confused } = batch;
        let ready = &mut self.ready;
        let identify = |message: &FetchedMessage| {
            let key = message.content.properties.binary(tags::PidTagSourceKey).and_then(Gid::from_slice);
            message.mid.or_else(|| key.and_then(|gid| inner.id_of(gid)))
        };
        let only = (left.len() == 1).then(|| left.front().copied()).flatten();
        let request: Vec<_> = left.iter().copied().collect();
        let mut malformed = None;
        let mut take = |bytes: &[u8]| -> WireResult<()> {
            list.push(bytes)?;
            *unfinished += bytes.len() as u64;
            while let Some(message) = list.next_message()? {
                *unfinished = 0;
                // What stands in the place of a message that does not exist has no class.
                let exists = message.oversize || message.content.properties.text(tags::PidTagMessageClass).is_some();
                match identify(&message).or(only) {
                    _ if !exists || *confused => {}
                    None => *confused = true,
                    Some(mid) => {
                        let Some(place) = left.iter().position(|other| *other == mid) else { continue };
                        left.remove(place);
                        let FetchedMessage { content, bytes, oversize, .. } = message;
                        ready.push_back(match oversize {
                            true => Fetched::TooLarge { mid, bytes },
                            false => Fetched::Message { mid, content: Box::new(content), bytes },
                        });
                    }
                }
            }
            Ok(())
        };
        let mut on_bytes = |bytes: &[u8]| {
            // A stream that can't be read says nothing of the session that it came in.
            if malformed.is_none() {
                malformed = take(bytes).err();
            }
            Ok(())
        };
        let got = match download {
            None => {
                // Nobody closes the semaphore.
                let place = Arc::clone(&inner.fetching).acquire_owned().await.ok();
                let mut script = inner.link.script();
                let store = script.known(&inner.logon);
                let open = OpenFolderRequest { output_handle_index: 0, folder_id: self.folder, open_mode_flags: 0 };
                let (folder, _) = script.open(store, RequestBody::OpenFolder(open));
                let copy = FastTransferSourceCopyMessagesRequest {
                    output_handle_index: 0,
                    message_ids: request,
                    copy_flags: BEST_BODY,
                    send_options: send_options::UNICODE | send_options::FORCE_UNICODE,
                };
                let (source, _) = script.open(folder, RequestBody::FastTransferSourceCopyMessages(copy));
                script.release(folder);
                let started = Download::start(inner, script, source, &mut on_bytes).await;
                started.map(|started| *download = Some((started, place)))
            }
            Some((download, _)) => download.more(inner, &mut on_bytes).await,
        };
        if let Some(error) = malformed.map(MailboxError::from) {
            return self.not_readable(error);
        }
        match got {
            Err(error) if is_of_content(&error) => return self.not_readable(error),
            got => got?,
        }
        if batch.confused {
            self.ask_one_by_one();
        } else if batch.download.as_ref().is_some_and(|(download, _)| download.is_done()) {
            if let Err(error) = std::mem::replace(&mut batch.list, MessageList::new(self.options.limits)).finish() {
                return self.not_readable(error.into());
            }
            let left = self.current.take().map(|batch| batch.left).unwrap_or_default();
            self.ready.extend(left.into_iter().map(Fetched::Missing));
        }
        Ok(())
    }

    /// Asks for the messages of the current batch alone, to find out which one can't be read. That it can't a second answer
    /// has to show.
    fn not_readable(&mut self, error: MailboxError) -> Result<(), MailboxError> {
        let left = self.current.as_ref().map(|batch| &batch.left).filter(|left| !left.is_empty());
        let Some(&first) = left.and_then(VecDeque::front) else { return Err(error) };
        if self.doubted == Some(first) {
            self.current = None;
            self.ready.push_back(Fetched::Unreadable { mid: first, why: error.to_string() });
        } else {
            if left.is_some_and(|left| left.len() == 1) {
                self.doubted = Some(first);
            }
            tracing::debug!(%error, "a message can't be read, each is asked for alone");
            self.ask_one_by_one();
        }
        Ok(())
    }

    fn ask_one_by_one(&mut self) {
        self.pause();
        self.one_by_one = true;
    }
}

/// Whether it is the message for which the server fails. A TransferStatus of Error ([MS-OXCFXICS] 2.2.3.1.1.5.2) is reported
/// as `ERROR`.
fn is_of_content(error: &MailboxError) -> bool {
    let MailboxError::Upstream { rop, code } = error else { return false };
    *rop == RopId::FAST_TRANSFER_SOURCE_GET_BUFFER && matches!(*code, ErrorCode::ERROR | ErrorCode::CORRUPT_DATA)
}

use std::collections::VecDeque;

use bytes::Bytes;
use mail_core::message::Message;
use mail_core::{AppendUid, FetchedMessage, FolderKey};
use memchr::memchr;

use super::catenate;
use crate::message::without_nul;
use crate::proto::append_message::AppendMessage;
use crate::proto::cat_part::CatPart;
use crate::proto::message_url::MessageUrl;
use crate::session::action::{Call, Reply};
use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, then};
use crate::session::work::{Work, Worked};
use crate::store::StoreError;

/// How often a message is in memory while its parts are encoded, beside itself.
const COPIES: u64 = 3;

/// How often a message is in memory while it is stored, beside itself.
const STORING: u64 = 5;

type Done = Box<dyn FnOnce(&mut Core, FolderKey, Vec<Option<AppendUid>>) -> Step + Send>;

/// Stores messages one after the other, so that no more than one is in memory. If one can't be stored, those before it are
/// taken back (RFC 3502 6.3.11).
pub(super) struct TakingIn {
    folder: FolderKey,
    left: VecDeque<AppendMessage>,
    /// The next of those that came apart.
    apart: usize,
    stored: Vec<Option<AppendUid>>,
    /// The largest message, in bytes.
    most: usize,
    done: Done,
}

impl TakingIn {
    /// Stores these messages in a folder and goes on with their UIDs there.
    pub fn new(
        folder: FolderKey,
        messages: Vec<AppendMessage>,
        most: usize,
        done: impl FnOnce(&mut Core, FolderKey, Vec<Option<AppendUid>>) -> Step + Send + 'static,
    ) -> Self {
        Self { folder, left: messages.into(), apart: 0, stored: Vec::new(), most, done: Box::new(done) }
    }

    /// Begins.
    pub fn step(mut self) -> Step {
        match self.left.pop_front() {
            Some(message) => self.take(message),
            // There is always one.
            None => Step::Done(Outcome::bug()),
        }
    }

    fn next(mut self, core: &mut Core) -> Step {
        match self.left.pop_front() {
            Some(message) => self.take(message),
            None => (self.done)(core, self.folder, self.stored),
        }
    }

    fn take(mut self, mut message: AppendMessage) -> Step {
        if !message.parts.is_empty() {
            let left = std::mem::take(&mut message.parts).into();
            return Catenating { taking: self, message, left, content: Vec::new() }.step();
        }
        if !message.apart {
            return self.encode(message);
        }
        let number = self.apart;
        self.apart += 1;
        Step::Call(
            Call::Take(number),
            then(move |core, with| match with {
                With::Reply(Reply::Taken(Ok(content))) => {
                    message.message.content = content;
                    self.encode(message)
                }
                With::Reply(Reply::Taken(Err(error))) => self.fail(core, Outcome::failed(&error)),
                _ => self.fail(core, Outcome::bug()),
            }),
        )
    }

    /// What could not come back as it is, because literals hold no NUL (`CHAR8`, RFC 3501 9), is encoded (RFC 3516 4.4).
    fn encode(self, mut message: AppendMessage) -> Step {
        let original = message.message.content.clone();
        if memchr(0, &original).is_none() {
            return self.store(message, None);
        }
        let read = original.clone();
        Step::Work(
            Work::new(COPIES.saturating_mul(original.len() as u64), move || {
                Worked::Encoded(without_nul(&Message::new(read)))
            }),
            then(move |core, with| match with {
                With::Reply(Reply::Worked(Ok(Worked::Encoded(Some(content))))) => {
                    message.message.content = content;
                    self.store(message, Some(original))
                }
                With::Reply(Reply::Worked(Ok(_))) => {
                    self.fail(core, Outcome::no("UNKNOWN-CTE", "The message contains NUL where it can't be encoded"))
                }
                With::Reply(Reply::Worked(Err(error))) => self.fail(core, Outcome::failed(&error)),
                _ => self.fail(core, Outcome::bug()),
            }),
        )
    }

    /// The memory that was taken for the message is that of its original.
    fn store(mut self, message: AppendMessage, original: Option<Bytes>) -> Step {
        let call = Call::Append { folder: self.folder.clone(), message: Box::new(message.message) };
        Step::Call(
            call,
            then(move |core, with| {
                drop(original);
                match with {
                    With::Reply(Reply::Appended(Ok(uid))) => {
                        self.stored.push(uid);
                        self.next(core)
                    }
                    With::Reply(Reply::Appended(Err(error))) => self.fail(core, Outcome::failed_to_store(&error)),
                    _ => self.fail(core, Outcome::bug()),
                }
            }),
        )
    }

    fn fail(self, core: &mut Core, outcome: Outcome) -> Step {
        take_back(core, self.folder, &self.stored, move |_, left| {
            Step::Done(if left == 0 {
                outcome
            } else {
                let text = format!("{left} of the messages were stored all the same, then: {}", outcome.text);
                Outcome { text: text.into(), ..outcome }
            })
        })
    }
}

/// A message that is being put together (RFC 4469).
struct Catenating {
    taking: TakingIn,
    message: AppendMessage,
    left: VecDeque<CatPart>,
    content: Vec<u8>,
}

impl Catenating {
    fn step(mut self) -> Step {
        match self.left.pop_front() {
            Some(CatPart::Text { content, apart: false, .. }) => self.add(content.into()),
            Some(CatPart::Text { .. }) => {
                let number = self.taking.apart;
                self.taking.apart += 1;
                Step::Call(
                    Call::Take(number),
                    then(move |core, with| match with {
                        With::Reply(Reply::Taken(Ok(content))) => self.add(content.to_vec()),
                        With::Reply(Reply::Taken(Err(error))) => self.taking.fail(core, Outcome::failed(&error)),
                        _ => self.taking.fail(core, Outcome::bug()),
                    }),
                )
            }
            Some(CatPart::Url(url)) => self.find(url),
            None => self.done(),
        }
    }

    fn find(self, url: String) -> Step {
        Step::Call(
            Call::Folders,
            then(move |core, with| match with {
                With::Reply(Reply::Folders(Ok(folders))) => {
                    let named = MessageUrl::parse(&url);
                    match named.and_then(|named| Some((catenate::read(&named, &folders)?, named))) {
                        Some((call, named)) => self.read(call, named, url),
                        None => self.taking.fail(core, catenate::bad_url(&url, "There is no such mailbox")),
                    }
                }
                With::Reply(Reply::Folders(Err(error))) => self.taking.fail(core, Outcome::failed(&error)),
                _ => self.taking.fail(core, Outcome::bug()),
            }),
        )
    }

    fn read(self, call: Call, named: MessageUrl, url: String) -> Step {
        Step::Call(
            call,
            then(move |core, with| match with {
                With::Reply(Reply::Read(Ok(message))) => self.extract(message, named, url),
                With::Reply(Reply::Read(Err(StoreError::ExpungeIssued | StoreError::NoSuchFolder))) => {
                    self.taking.fail(core, catenate::bad_url(&url, "There is no such message"))
                }
                With::Reply(Reply::Read(Err(error))) => self.taking.fail(core, Outcome::failed(&error)),
                _ => self.taking.fail(core, Outcome::bug()),
            }),
        )
    }

    /// The store took room for copies of the message.
    fn extract(self, message: FetchedMessage, named: MessageUrl, url: String) -> Step {
        let job = move || {
            let extracted = catenate::extract(&named, &message.content.into_message());
            Worked::Encoded(extracted.map(Bytes::from))
        };
        Step::Work(
            Work::new(0, job),
            then(move |core, with| match with {
                With::Reply(Reply::Worked(Ok(Worked::Encoded(Some(content))))) => self.add(content.into()),
                With::Reply(Reply::Worked(Ok(_))) => {
                    self.taking.fail(core, catenate::bad_url(&url, "The message has no such part"))
                }
                With::Reply(Reply::Worked(Err(error))) => self.taking.fail(core, Outcome::failed(&error)),
                _ => self.taking.fail(core, Outcome::bug()),
            }),
        )
    }

    /// Takes room for a piece and adds it.
    fn add(mut self, piece: Vec<u8>) -> Step {
        let fits = self.content.len().saturating_add(piece.len()) <= self.taking.most;
        let room = if fits { piece.len() as u64 } else { 0 };
        Step::Work(
            Work::hold(room),
            then(move |core, with| match with {
                _ if !fits => self.taking.fail(core, catenate::too_big()),
                With::Reply(Reply::Worked(Ok(_))) => {
                    self.content.extend_from_slice(&piece);
                    self.step()
                }
                With::Reply(Reply::Worked(Err(error))) => self.taking.fail(core, Outcome::failed(&error)),
                _ => self.taking.fail(core, Outcome::bug()),
            }),
        )
    }

    /// Takes the room that storing needs beside the message.
    fn done(mut self) -> Step {
        let room = STORING.saturating_mul(self.content.len() as u64);
        Step::Work(
            Work::new(room, || Worked::Ready),
            then(move |core, with| match with {
                _ if self.content.is_empty() => self.taking.fail(core, Outcome::no("CANNOT", "The message is empty")),
                With::Reply(Reply::Worked(Ok(_))) => {
                    self.message.message.content = self.content.into();
                    self.taking.encode(self.message)
                }
                With::Reply(Reply::Worked(Err(error))) => self.taking.fail(core, Outcome::failed(&error)),
                _ => self.taking.fail(core, Outcome::bug()),
            }),
        )
    }
}

/// Removes again what a command stored, and tells how many messages stay: of which it is not known where they are, or which stand
/// for others that were there before.
pub(super) fn take_back(
    core: &mut Core,
    folder: FolderKey,
    stored: &[Option<AppendUid>],
    next: impl FnOnce(&mut Core, usize) -> Step + Send + 'static,
) -> Step {
    let made: Vec<AppendUid> = stored.iter().flatten().copied().filter(|uid| uid.made).collect();
    let (count, left) = (stored.len(), stored.len() - made.len());
    let uid_validity = made.first().map_or(0, |uid| uid.uid_validity);
    let mut uids: Vec<u32> = made.iter().map(|uid| uid.uid).collect();
    uids.sort_unstable();
    if uids.is_empty() {
        return next(core, left);
    }
    Step::Call(
        Call::TakeBack { folder, uid_validity, uids },
        then(move |core, with| match with {
            With::Reply(Reply::Done(Ok(()))) => next(core, left),
            With::Reply(Reply::Done(Err(error))) => {
                tracing::warn!(%error, "messages of a command that failed could not be taken back");
                next(core, count)
            }
            _ => Step::Done(Outcome::bug()),
        }),
    )
}

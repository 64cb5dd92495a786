use std::collections::VecDeque;

use bytes::Bytes;
use mail_core::message::Message;
use mail_core::{AppendUid, FolderKey};
use memchr::memchr;

use crate::message::without_nul;
use crate::proto::append_message::AppendMessage;
use crate::session::action::{Call, Reply};
use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, then};
use crate::session::work::{Work, Worked};

/// How often a message is in memory while its parts are encoded, beside itself.
const COPIES: u64 = 3;

type Done = Box<dyn FnOnce(&mut Core, FolderKey, Vec<Option<AppendUid>>) -> Step + Send>;

/// Stores messages one after the other, so that no more than one is in memory. If one can't be stored, those before it are
/// taken back (RFC 3502 6.3.11).
pub(super) struct TakingIn {
    folder: FolderKey,
    left: VecDeque<AppendMessage>,
    /// The next of those that came apart.
    apart: usize,
    stored: Vec<Option<AppendUid>>,
    done: Done,
}

impl TakingIn {
    /// Stores these messages in a folder and goes on with their UIDs there.
    pub fn new(
        folder: FolderKey,
        messages: Vec<AppendMessage>,
        done: impl FnOnce(&mut Core, FolderKey, Vec<Option<AppendUid>>) -> Step + Send + 'static,
    ) -> Self {
        Self { folder, left: messages.into(), apart: 0, stored: Vec::new(), done: Box::new(done) }
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

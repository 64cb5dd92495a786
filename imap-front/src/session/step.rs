use mail_core::{FolderEntry, FolderKey, FolderList};
use zeroize::Zeroizing;

use super::action::{Call, Reply};
use super::core::Core;
use super::outcome::Outcome;
use super::work::Work;
use crate::store::StoreError;

/// What a command does next.
pub(crate) enum Step {
    /// It is done.
    Done(Outcome),
    /// It waits for the answer to this call.
    Call(Call, Box<dyn Resume>),
    /// It waits for the next answer to the same call.
    More(Box<dyn Resume>),
    /// It waits for this, and for none of the answers to a call meanwhile.
    Work(Work, Box<dyn Resume>),
    /// The same in the middle of a response: nothing else may be said meanwhile.
    Within(Work, Box<dyn Resume>),
    /// It goes on when everything written so far was taken.
    Again(Box<dyn Resume>),
    /// It waits for a line.
    Line(Box<dyn Resume>),
    /// It waits for a line; changes of the folder are told meanwhile.
    Idle(Box<dyn Resume>),
}

/// What a command was waiting for.
pub(crate) enum With {
    Reply(Reply),
    Taken,
    Line(Zeroizing<Vec<u8>>),
}

/// How far a command is.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    /// How many messages are done.
    pub done: u32,
    /// Of how many.
    pub goal: u32,
}

/// A command in the middle of its work.
pub(crate) trait Resume: Send {
    /// How far it is, if it knows that.
    fn progress(&self) -> Option<Progress> {
        None
    }

    fn resume(self: Box<Self>, core: &mut Core, with: With) -> Step;
}

/// A function that takes what is waited for is a command in the middle of its work, too.
impl<F: FnOnce(&mut Core, With) -> Step + Send> Resume for F {
    fn resume(self: Box<Self>, core: &mut Core, with: With) -> Step {
        self(core, with)
    }
}

/// Boxes a closure; helps inference.
pub(crate) fn then(resume: impl FnOnce(&mut Core, With) -> Step + Send + 'static) -> Box<dyn Resume> {
    Box::new(resume)
}

/// Goes on with all mailboxes.
pub(crate) fn with_folders(next: impl FnOnce(&FolderList) -> Step + Send + 'static) -> Step {
    Step::Call(
        Call::Folders,
        then(move |_, with| match with {
            With::Reply(Reply::Folders(Ok(folders))) => next(&folders),
            With::Reply(Reply::Folders(Err(error))) => Step::Done(Outcome::failed(&error)),
            _ => Step::Done(Outcome::bug()),
        }),
    )
}

/// Looks a mailbox up and goes on with what is known of it; `missing` says what it means that there is none.
pub(crate) fn with_folder(
    mailbox: String,
    missing: impl FnOnce() -> Outcome + Send + 'static,
    next: impl FnOnce(&FolderEntry) -> Step + Send + 'static,
) -> Step {
    with_folders(move |list| match list.named(&mailbox) {
        Some(folder) => next(folder),
        None => Step::Done(missing()),
    })
}

/// The target of COPY, MOVE or APPEND.
pub(crate) fn with_target(mailbox: String, next: impl FnOnce(FolderKey) -> Step + Send + 'static) -> Step {
    let missing = || Outcome::no("TRYCREATE", StoreError::NoSuchFolder.to_string());
    with_folder(mailbox, missing, |folder| {
        if folder.selectable {
            next(folder.id.clone())
        } else {
            Step::Done(Outcome::no("CANNOT", "The mailbox can't hold messages"))
        }
    })
}

/// Calls, and ends as the call did.
pub(crate) fn call_to_end(call: Call, done: &'static str) -> Step {
    Step::Call(
        call,
        then(move |_, with| {
            Step::Done(match with {
                With::Reply(Reply::Done(Ok(()))) => Outcome::ok(done),
                With::Reply(Reply::Done(Err(error))) => Outcome::failed(&error),
                _ => Outcome::bug(),
            })
        }),
    )
}

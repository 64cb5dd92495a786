//! The commands, one file each or a few that belong together. A command is a chain of [`Step`]s.

mod append;
mod copy;
mod fetch;
mod folders;
mod idle;
mod leave;
mod list;
mod login;
mod search;
mod select;
mod simple;
mod status;
mod store;

use mail_core::{FolderEntry, FolderKey};
use zeroize::Zeroizing;

use super::action::{Call, Reply};
use super::outcome::Outcome;
use super::{Core, State};
use crate::proto::request::Request;
use crate::store::StoreError;

/// What a command does next.
pub(crate) enum Step {
    /// It is done.
    Done(Outcome),
    /// It waits for the answer to this call.
    Call(Call, Box<dyn Resume>),
    /// It waits for the next answer to the same call.
    More(Box<dyn Resume>),
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

/// A command in the middle of its work.
pub(crate) trait Resume: Send {
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

/// Looks a mailbox up and goes on with what is known of it; `missing` says what it means that there is none.
pub(crate) fn with_folder(
    mailbox: String,
    missing: impl FnOnce() -> Outcome + Send + 'static,
    next: impl FnOnce(&FolderEntry) -> Step + Send + 'static,
) -> Step {
    Step::Call(
        Call::Folders,
        then(move |_, with| match with {
            With::Reply(Reply::Folders(Ok(folders))) => match folders.iter().find(|folder| folder.name == mailbox) {
                Some(folder) => next(folder),
                None => Step::Done(missing()),
            },
            With::Reply(Reply::Folders(Err(error))) => Step::Done(Outcome::failed(&error)),
            _ => Step::Done(Outcome::bug()),
        }),
    )
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

/// Starts a command.
pub(crate) fn start(core: &mut Core, request: Request, pipelined: bool) -> Step {
    use Request as R;
    let allowed = match &request {
        R::Capability | R::Noop | R::Logout | R::Id(_) => Ok(()),
        R::StartTls | R::Login { .. } | R::Authenticate { .. } => match core.state {
            State::NotAuthenticated => Ok(()),
            _ => Err("Already logged in"),
        },
        R::Check
        | R::Close
        | R::Unselect
        | R::Expunge { .. }
        | R::Fetch { .. }
        | R::Store { .. }
        | R::Copy { .. }
        | R::Search { .. } => match core.state {
            State::Selected(_) => Ok(()),
            State::NotAuthenticated => Err("Log in first"),
            _ => Err("No mailbox is selected"),
        },
        _ => match core.state {
            State::NotAuthenticated => Err("Log in first"),
            _ => Ok(()),
        },
    };
    if let Err(text) = allowed {
        return Step::Done(Outcome::bad(text));
    }
    match request {
        R::Capability => simple::capability(core),
        R::Noop => simple::noop(core),
        R::Check => simple::check(),
        R::Logout => simple::logout(core),
        R::Id(fields) => simple::id(core, &fields),
        R::Namespace => simple::namespace(core),
        R::StartTls => simple::starttls(core, pipelined),
        R::Login { user, password } => login::login(core, user, password),
        R::Authenticate { mechanism, initial } => login::authenticate(core, &mechanism, initial.as_ref()),
        R::List(request) => list::list(core, request),
        R::Lsub { reference, pattern } => list::lsub(reference, pattern),
        R::Status { mailbox, items } => status::status(mailbox, items),
        R::Select { mailbox, read_only } => select::select(core, mailbox, read_only),
        R::Unselect => leave::unselect(core),
        R::Close => leave::close(core),
        R::Expunge { uids } => leave::expunge(core, uids.as_ref()),
        R::Fetch { set, uid, items } => fetch::fetch(core, &set, uid, items),
        R::Store { set, uid, silent, change } => store::store(core, &set, uid, silent, change),
        R::Search { uid, charset, key } => search::search(core, uid, charset.as_deref(), &key),
        R::Copy { set, uid, mailbox, remove } => copy::copy(core, &set, uid, mailbox, remove),
        R::Append { mailbox, message } => append::append(mailbox, message),
        R::Create(mailbox) => folders::create(mailbox),
        R::Delete(mailbox) => folders::delete(mailbox),
        R::Rename { from, to } => folders::rename(from, to),
        R::Subscribe { mailbox, subscribed } => folders::subscribe(mailbox, subscribed),
        R::Idle => idle::idle(core),
    }
}

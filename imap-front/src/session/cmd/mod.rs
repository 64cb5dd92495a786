//! The commands, one file each or a few that belong together. A command is a chain of [`Step`]s.

mod fetch;
mod idle;
mod leave;
mod list;
mod login;
mod search;
mod select;
mod simple;
mod status;
mod store;

use zeroize::Zeroizing;

use super::action::{Call, Reply};
use super::outcome::Outcome;
use super::{Core, State};
use crate::proto::request::Request;

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
        R::Unsupported(name) => Step::Done(Outcome::no("CANNOT", format!("{name} is not supported by this server"))),
        R::Login { user, password } => login::login(core, user, password),
        R::Authenticate { mechanism, initial } => login::authenticate(core, &mechanism, initial),
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
        R::Idle => idle::idle(core),
    }
}

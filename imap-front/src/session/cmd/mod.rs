//! The commands, one file each or a few that belong together. A command is a chain of [`Step`]s.

mod append;
mod cancel_update;
mod catenate;
mod compress;
mod copy;
mod enable;
mod fetch;
mod fetch_response;
mod folders;
mod idle;
mod leave;
mod list;
mod login;
mod metadata;
mod metadata_change;
mod notify;
mod quota;
mod replace;
mod resync;
mod search;
mod search_response;
mod select;
mod simple;
mod status;
mod store;
mod taking_in;
mod uid_batches;
mod uid_only;
mod watching;

use super::core::{Core, SessionState};
use super::outcome::Outcome;
use super::step::Step;
use crate::proto::request::{FetchItem, FetchModifiers, Request};
use crate::proto::sequence::SequenceSet;
use store::Storing;

pub(crate) use notify::{look, overflow};
pub(crate) use search::follow;

/// Shows messages that came.
pub(crate) fn show_new(core: &mut Core, uids: &[u32], items: Vec<FetchItem>) -> Step {
    let set = SequenceSet(uids.iter().map(|uid| (Some(*uid), Some(*uid))).collect());
    fetch::fetch(core, set.into(), true, items, FetchModifiers::default())
}

/// Starts a command.
pub(crate) fn start(core: &mut Core, request: Request, pipelined: bool) -> Step {
    use Request as R;
    let allowed = match &request {
        R::Capability | R::Noop | R::Logout | R::Id(_) => Ok(()),
        R::StartTls | R::Login { .. } | R::Authenticate { .. } => match core.state {
            SessionState::NotAuthenticated => Ok(()),
            _ => Err("Already logged in"),
        },
        R::Check
        | R::Close
        | R::Unselect
        | R::Expunge { .. }
        | R::Fetch { .. }
        | R::Store { .. }
        | R::Copy { .. }
        | R::Replace { .. }
        | R::Search(..)
        | R::CancelUpdate(_)
        | R::UidBatches { .. } => match core.state {
            SessionState::Selected(_) => Ok(()),
            SessionState::NotAuthenticated => Err("Log in first"),
            _ => Err("No mailbox is selected"),
        },
        _ => match core.state {
            SessionState::NotAuthenticated => Err("Log in first"),
            _ => Ok(()),
        },
    };
    if let Err(text) = allowed {
        return Step::Done(Outcome::bad(text));
    }
    if core.enabled.uid_only() && uid_only::needs_numbers(&request) {
        return Step::Done(Outcome::bad("Message numbers can't be used once UIDONLY is enabled").code("UIDREQUIRED"));
    }
    match request {
        R::Capability => simple::capability(core),
        R::Noop => simple::noop(core),
        R::Check => simple::check(),
        R::Logout => simple::logout(core),
        R::Id(fields) => simple::id(core, &fields),
        R::Namespace => simple::namespace(core),
        R::StartTls => simple::starttls(core, pipelined),
        R::Compress => compress::compress(core, pipelined),
        R::Login { user, password } => login::login(core, user, password),
        R::Authenticate { mechanism, initial } => login::authenticate(core, &mechanism, initial.as_ref()),
        R::List(request) => list::list(core, request),
        R::Lsub { reference, pattern } => list::lsub(reference, pattern),
        R::Status { mailbox, items } => status::status(core, mailbox, items),
        R::Enable(names) => enable::enable(core, names),
        R::Select { mailbox, read_only, parameters } => select::select(core, mailbox, read_only, parameters),
        R::Unselect => leave::unselect(core),
        R::Close => leave::close(core),
        R::Expunge { uids } => leave::expunge(core, uids.as_ref()),
        R::Fetch { set, uid, items, modifiers } => fetch::fetch(core, set, uid, items, modifiers),
        R::Store { set, uid, silent, change, unchanged_since } => {
            store::store(core, &set, uid, Storing { silent, change, unchanged_since })
        }
        R::Search(request, shown) => search::search(core, *request, shown),
        R::UidBatches { size, batches } => uid_batches::uid_batches(core, size, batches),
        R::CancelUpdate(tags) => cancel_update::cancel_update(core, &tags),
        R::Copy { set, uid, mailbox, remove } => copy::copy(core, &set, uid, mailbox, remove),
        R::Append { mailbox, messages } => append::append(core, mailbox, messages),
        R::Replace { number, uid, mailbox, message } => replace::replace(core, number, uid, mailbox, *message),
        R::Create { mailbox, uses } => folders::create(mailbox, &uses),
        R::Delete(mailbox) => folders::delete(mailbox),
        R::Rename { from, to } => folders::rename(from, to),
        R::Subscribe { mailbox, subscribed: true } => folders::subscribe(mailbox),
        R::Subscribe { mailbox, .. } => folders::unsubscribe(mailbox),
        R::GetQuota(root) => quota::get_quota(&root),
        R::GetQuotaRoot(mailbox) => quota::get_quota_root(mailbox),
        R::SetQuota(root) => quota::set_quota(&root),
        R::GetMetadata(request) => metadata::get_metadata(request),
        R::SetMetadata { mailbox, entries } => metadata::set_metadata(mailbox, entries),
        R::Notify(request) => notify::notify(core, request.map(|request| *request)),
        R::Idle => idle::idle(core),
    }
}

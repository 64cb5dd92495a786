use crate::proto::message_set::MessageSet;
use crate::session::action::{Call, Reply};
use crate::session::core::Core;
use crate::session::outcome::{Outcome, Sync};
use crate::session::step::{Step, With, then};

/// RFC 9051 6.4.2
pub(super) fn unselect(core: &mut Core) -> Step {
    core.unselect();
    Step::Done(Outcome::ok("UNSELECT completed"))
}

/// RFC 9051 6.4.1: removes what is marked `\Deleted`, telling nothing of it. If that fails the folder stays selected.
pub(super) fn close(core: &mut Core) -> Step {
    let deleted = core.selected().filter(|selected| !selected.read_only).map(|selected| selected.deleted());
    match deleted.filter(|deleted| !deleted.is_empty()) {
        None => {
            core.unselect();
            Step::Done(Outcome::ok("CLOSE completed"))
        }
        Some(deleted) => Step::Call(
            Call::Expunge(deleted),
            then(|core, with| match with {
                With::Reply(Reply::Done(Ok(()))) => {
                    core.unselect();
                    Step::Done(Outcome::ok("CLOSE completed"))
                }
                With::Reply(Reply::Done(Err(error))) => Step::Done(Outcome::failed(&error).sync(Sync::Nothing)),
                _ => Step::Done(Outcome::bug()),
            }),
        ),
    }
}

/// EXPUNGE (RFC 9051 6.4.3), and UID EXPUNGE (RFC 9051 6.4.9) if `uids` are named.
pub(super) fn expunge(core: &mut Core, uids: Option<&MessageSet>) -> Step {
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    if selected.read_only {
        return Step::Done(Outcome::no("READ-ONLY", "The mailbox is selected read-only"));
    }
    let mut deleted = selected.deleted();
    if let Some(uids) = uids {
        let named = selected.view().resolve(uids, true).unwrap_or_default();
        deleted.retain(|uid| named.binary_search(uid).is_ok());
    }
    if deleted.is_empty() {
        return Step::Done(Outcome::ok("EXPUNGE completed"));
    }
    Step::Call(
        Call::Expunge(deleted),
        then(|core, with| {
            Step::Done(match with {
                With::Reply(Reply::Done(Ok(()))) => core.removed("EXPUNGE completed"),
                With::Reply(Reply::Done(Err(error))) => Outcome::failed(&error),
                _ => Outcome::bug(),
            })
        }),
    )
}

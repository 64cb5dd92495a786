use mail_core::CopyUid;

use crate::proto::message_set::MessageSet;
use crate::proto::sequence::format_set;
use crate::session::action::{Call, Reply};
use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, then, with_target};
use crate::store::StoreError;

/// COPY and MOVE with their UID forms (RFC 9051 6.4.7, RFC 6851 3.1, RFC 4315 3). MOVE tells the new UIDs first, then
/// which messages are gone.
pub(super) fn copy(core: &mut Core, set: &MessageSet, uid: bool, mailbox: String, remove: bool) -> Step {
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    let done = if remove { "MOVE completed" } else { "COPY completed" };
    if remove && selected.read_only {
        return Step::Done(Outcome::no("READ-ONLY", "The mailbox is selected read-only"));
    }
    let Ok(uids) = selected.view().resolve(set, uid) else {
        return Step::Done(Outcome::bad("No message with that number"));
    };
    // Who names messages by number means all of them (RFC 2180 4.4); by UID those that are left.
    if !uid && uids.iter().any(|uid| selected.view().is_gone(*uid)) {
        return Step::Done(Outcome::failed(&StoreError::ExpungeIssued));
    }
    if uids.is_empty() {
        return Step::Done(Outcome::ok(done));
    }
    with_target(mailbox, move |target| {
        Step::Call(
            Call::Copy { uids, target, remove },
            then(move |core, with| {
                let copied = match with {
                    With::Reply(Reply::Copied(Ok(copied))) => copied.filter(|copied| !copied.pairs.is_empty()),
                    With::Reply(Reply::Copied(Err(error))) => return Step::Done(Outcome::failed_to_store(&error)),
                    _ => return Step::Done(Outcome::bug()),
                };
                Step::Done(match copied.as_ref().map(copy_uid) {
                    Some(code) if remove => {
                        core.out.status("*", "OK", Some(&code), "Moved");
                        core.removed(done)
                    }
                    None if remove => core.removed(done),
                    Some(code) => Outcome::ok(done).code(code),
                    None => Outcome::ok(done),
                })
            }),
        )
    })
}

fn copy_uid(copied: &CopyUid) -> String {
    let (from, to) = (copied.pairs.iter().map(|pair| pair.0), copied.pairs.iter().map(|pair| pair.1));
    format!("COPYUID {} {} {}", copied.uid_validity, format_set(from), format_set(to))
}

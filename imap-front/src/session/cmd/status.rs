use mail_core::StatusItems;

use crate::proto::request::StatusItem;
use crate::session::action::{Call, Reply};
use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::selected::write_status;
use crate::session::step::{Step, With, then};
use crate::store::StoreError;

/// RFC 9051 6.3.11
pub(super) fn status(core: &mut Core, mailbox: String, items: Vec<StatusItem>) -> Step {
    notice(core, &items);
    Step::Call(
        Call::Folders,
        then(move |_, with| {
            let folders = match with {
                With::Reply(Reply::Folders(Ok(folders))) => folders,
                With::Reply(Reply::Folders(Err(error))) => return Step::Done(Outcome::failed(&error)),
                _ => return Step::Done(Outcome::bug()),
            };
            let Some(folder) = folders.named(&mailbox) else {
                return Step::Done(Outcome::failed(&StoreError::NoSuchFolder));
            };
            if !folder.selectable {
                return Step::Done(Outcome::no("CANNOT", "The mailbox can't be selected"));
            }
            let id = folder.id.clone();
            let call = Call::Status { folders: vec![id.clone()], items: wanted(&items) };
            Step::Call(
                call,
                then(move |core, with| {
                    let With::Reply(Reply::Status(result)) = with else { return Step::Done(Outcome::bug()) };
                    Step::Done(match result.map(|mut results| results.pop()) {
                        Ok(Some(Ok(status))) => {
                            write_status(&mailbox, &id, &items, &status, &mut core.out);
                            Outcome::ok("STATUS completed")
                        }
                        Ok(Some(Err(error))) | Err(error) => Outcome::failed(&error),
                        Ok(None) => Outcome::bug(),
                    })
                }),
            )
        }),
    )
}

/// Who asks for HIGHESTMODSEQ knows of CONDSTORE (RFC 7162 3.1).
pub(super) fn notice(core: &mut Core, items: &[StatusItem]) {
    if items.contains(&StatusItem::HighestModSeq) {
        core.use_condstore();
    }
}

/// What the store is asked for.
pub(super) fn wanted(items: &[StatusItem]) -> StatusItems {
    StatusItems {
        messages: items.contains(&StatusItem::Messages),
        recent: items.contains(&StatusItem::Recent),
        unseen: items.contains(&StatusItem::Unseen),
        uid_next: items.contains(&StatusItem::UidNext),
        uid_validity: items.contains(&StatusItem::UidValidity),
        highest_modseq: items.contains(&StatusItem::HighestModSeq),
        size: items.contains(&StatusItem::Size),
        deleted: items.contains(&StatusItem::Deleted),
        deleted_storage: items.contains(&StatusItem::DeletedStorage),
    }
}

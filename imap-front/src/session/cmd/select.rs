use mail_core::FolderKey;

use super::resync::{ShowChanged, tell_gone};
use crate::proto::request::{KnownState, SelectParameters};
use crate::session::action::{Call, Opened, Reply};
use crate::session::core::{Core, SessionState};
use crate::session::object_id::mailbox_id;
use crate::session::outcome::{Outcome, Sync};
use crate::session::selected::Selected;
use crate::session::step::{Resume, Step, With, then};
use crate::session::vanished::Vanished;
use crate::store::StoreError;

/// SELECT and EXAMINE (RFC 9051 6.3.2, 6.3.3, RFC 7162 3.2.5). If it fails, nothing is selected any more.
pub(super) fn select(core: &mut Core, mailbox: String, examine: bool, parameters: SelectParameters) -> Step {
    let SelectParameters { condstore, known } = parameters;
    if known.is_some() && !core.enabled.qresync() {
        return Step::Done(Outcome::bad("QRESYNC is not enabled"));
    }
    if core.selected().is_some() {
        // What follows is about the other mailbox (RFC 7162 3.2.11).
        core.out.status("*", "OK", Some("CLOSED"), "The mailbox that was selected is closed");
        core.unselect();
    }
    if condstore {
        core.use_condstore();
    }
    Step::Call(
        Call::Folders,
        then(move |_, with| {
            let folders = match with {
                With::Reply(Reply::Folders(Ok(folders))) => folders,
                With::Reply(Reply::Folders(Err(error))) => return Step::Done(Outcome::failed(&error)),
                _ => return Step::Done(Outcome::bug()),
            };
            match folders.named(&mailbox) {
                None => Step::Done(Outcome::failed(&StoreError::NoSuchFolder)),
                Some(folder) if !folder.selectable => {
                    Step::Done(Outcome::no("CANNOT", "The mailbox can't be selected"))
                }
                Some(folder) => {
                    let id = folder.id.clone();
                    Step::Call(
                        Call::Open(id.clone()),
                        then(move |core, with| match with {
                            With::Reply(Reply::Opened(Ok(opened))) => opened_as(core, id, opened, examine, known),
                            With::Reply(Reply::Opened(Err(error))) => Step::Done(Outcome::failed(&error)),
                            _ => Step::Done(Outcome::bug()),
                        }),
                    )
                }
            }
        }),
    )
}

fn opened_as(core: &mut Core, id: FolderKey, opened: Opened, examine: bool, known: Option<KnownState>) -> Step {
    let vanished = known.and_then(|known| Vanished::since(opened.snapshot.clone(), known));
    // RFC 8474 4.2
    core.out.status("*", "OK", Some(&format!("MAILBOXID ({})", mailbox_id(&id))), "Whatever its name");
    let mut selected = Selected::new(opened.snapshot, opened.read_only || examine, opened.recent);
    selected.id = Some(id);
    selected.describe(core.enabled, &mut core.out);
    let code = if selected.read_only { "READ-ONLY" } else { "READ-WRITE" };
    core.state = SessionState::Selected(Box::new(selected));
    let outcome =
        Outcome::ok(if examine { "EXAMINE completed" } else { "SELECT completed" }).code(code).sync(Sync::Nothing);
    match vanished {
        None => Step::Done(outcome),
        Some(vanished) => tell_gone(vanished, |core, changed| match changed {
            Ok(uids) => Box::new(ShowChanged { uids, next: 0, outcome }).resume(core, With::Taken),
            Err(error) => {
                core.unselect();
                Step::Done(Outcome::failed(&error))
            }
        }),
    }
}

use mail_core::{AppendUid, FlagChange, FlagChangeMode, FlagSet, FolderKey, Keywords};

use super::append::{append_uid, refused};
use super::catenate;
use super::taking_in::{TakingIn, take_back};
use crate::proto::append_message::AppendMessage;
use crate::proto::message_set::MessageSet;
use crate::proto::sequence::SequenceSet;
use crate::session::action::{Call, Reply};
use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, then, with_target};
use crate::store::StoreError;

/// REPLACE and UID REPLACE (RFC 8508 3): stores the new message, then removes the old one, so that at no time neither is there.
/// If that fails, what was done is taken back. The message that goes is the last one without a number.
pub(super) fn replace(
    core: &mut Core,
    number: Option<u32>,
    uid: bool,
    mailbox: String,
    message: AppendMessage,
) -> Step {
    let messages = vec![message];
    if let Some(refused) = refused(core, &messages) {
        return Step::Done(refused);
    }
    let most = catenate::most(core);
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    if selected.read_only {
        return Step::Done(Outcome::no("READ-ONLY", "The mailbox is selected read-only"));
    }
    let view = selected.view();
    let set: MessageSet = SequenceSet(vec![(number, number)]).into();
    let Ok(uids) = view.resolve(&set, uid) else {
        return Step::Done(Outcome::bad("No message with that number"));
    };
    let Some(row) = uids.first().and_then(|uid| view.row(*uid)).filter(|row| !view.is_gone(row.uid)) else {
        return Step::Done(Outcome::failed(&StoreError::ExpungeIssued));
    };
    let old = Old { uid: row.uid, was_deleted: row.flags.contains(FlagSet::DELETED) };
    with_target(mailbox, move |folder| {
        TakingIn::new(folder, messages, most, move |_, folder, stored| old.remove(folder, stored)).step()
    })
}

/// The message that goes.
#[derive(Clone, Copy)]
struct Old {
    uid: u32,
    was_deleted: bool,
}

impl Old {
    fn remove(self, folder: FolderKey, stored: Vec<Option<AppendUid>>) -> Step {
        Step::Call(
            self.mark(FlagChangeMode::Add),
            then(move |core, with| match with {
                With::Reply(Reply::Stored(Ok(_))) => self.expunge(folder, stored),
                With::Reply(Reply::Stored(Err(error))) => self.undo(core, folder, &stored, error),
                _ => Step::Done(Outcome::bug()),
            }),
        )
    }

    fn expunge(self, folder: FolderKey, stored: Vec<Option<AppendUid>>) -> Step {
        Step::Call(
            Call::Expunge(vec![self.uid]),
            then(move |core, with| match with {
                With::Reply(Reply::Done(Ok(()))) => {
                    // RFC 8508 4.3: before EXPUNGE
                    if let Some(code) = append_uid(&stored) {
                        core.out.status("*", "OK", Some(&code), "The replacement is stored");
                    }
                    Step::Done(core.removed("REPLACE completed"))
                }
                // The old one may have gone all the same: the new one must not go as well.
                With::Reply(Reply::Done(Err(error @ (StoreError::Unavailable(_) | StoreError::Internal(_))))) => {
                    let text = format!("the new message is stored, and the old one may still be there: {error}");
                    Step::Done(Outcome { text: text.into(), ..Outcome::failed(&error) })
                }
                With::Reply(Reply::Done(Err(error))) => self.undo(core, folder, &stored, error),
                _ => Step::Done(Outcome::bug()),
            }),
        )
    }

    /// All is to be as it was before (RFC 8508 3.4).
    fn undo(self, core: &mut Core, folder: FolderKey, stored: &[Option<AppendUid>], error: StoreError) -> Step {
        take_back(core, folder, stored, move |_, left| {
            let mut outcome = Outcome::failed(&error);
            if left > 0 {
                outcome.text = format!("the new message is stored, and the old one is still there: {error}").into();
            }
            if self.was_deleted {
                return Step::Done(outcome);
            }
            Step::Call(
                self.mark(FlagChangeMode::Remove),
                then(move |_, with| {
                    if let With::Reply(Reply::Stored(Err(error))) = with {
                        tracing::warn!(%error, "a message that was to be replaced stays marked as deleted");
                    }
                    Step::Done(outcome)
                }),
            )
        })
    }

    fn mark(self, mode: FlagChangeMode) -> Call {
        let change = FlagChange { mode, flags: FlagSet::DELETED, keywords: Keywords::EMPTY };
        Call::Store { uids: vec![self.uid], change, unchanged_since: None }
    }
}

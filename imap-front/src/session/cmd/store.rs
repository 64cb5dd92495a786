use std::sync::Arc;

use mail_core::{FlagChange, Snapshot};

use crate::proto::message_set::MessageSet;
use crate::session::action::{Call, Reply};
use crate::session::core::Core;
use crate::session::outcome::{Outcome, Sync};
use crate::session::selected::Quiet;
use crate::session::step::{Resume, Step, With, then};

/// So much is written before it is sent.
const CHUNK: usize = 32 << 10;

/// STORE and UID STORE (RFC 9051 6.4.6)
pub(super) fn store(core: &mut Core, set: &MessageSet, uid: bool, silent: bool, change: FlagChange) -> Step {
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    let sync = if uid { Sync::All } else { Sync::KeepNumbers };
    if selected.read_only {
        return Step::Done(Outcome::no("READ-ONLY", "The mailbox is selected read-only").sync(sync));
    }
    let Ok(uids) = selected.view().resolve(set, uid) else {
        return Step::Done(Outcome::bad("No message with that number"));
    };
    if uids.is_empty() {
        return Step::Done(Outcome::ok("STORE completed").sync(sync));
    }
    Step::Call(
        Call::Store { uids: uids.clone(), change: change.clone() },
        then(move |core, with| match with {
            With::Reply(Reply::Done(Ok(()))) => {
                let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
                let gone = uids.iter().filter(|uid| selected.view().is_gone(**uid)).count();
                let outcome = match gone {
                    // UIDs that are gone are passed over (RFC 9051 6.4.9).
                    _ if uid => Outcome::ok("STORE completed"),
                    0 => Outcome::ok("STORE completed"),
                    // Nothing was done, and there is nothing to be shown (RFC 2180 4.2.2).
                    gone if gone == uids.len() && !silent => {
                        Outcome::no("EXPUNGEISSUED", "The messages have been deleted meanwhile")
                    }
                    // The rest was done (RFC 2180 4.2.1). With the code the client knows that it has to look.
                    _ => Outcome::ok("STORE completed, but for messages that are gone").code("EXPUNGEISSUED"),
                }
                .sync(sync);
                if silent {
                    selected.quiet(Quiet::Silent(uids, change));
                    return Step::Done(outcome);
                }
                let since = selected.newest();
                Box::new(Show { uids, next: 0, since, uid, outcome }).resume(core, With::Taken)
            }
            With::Reply(Reply::Done(Err(error))) => Step::Done(Outcome::failed(&error).sync(sync)),
            _ => Step::Done(Outcome::bug()),
        }),
    )
}

/// Shows the new flags, a piece at a time.
struct Show {
    uids: Vec<u32>,
    next: usize,
    /// The newest state when the first were shown.
    since: Arc<Snapshot>,
    uid: bool,
    outcome: Outcome,
}

impl Resume for Show {
    fn resume(mut self: Box<Self>, core: &mut Core, _: With) -> Step {
        let Core { state: crate::session::SessionState::Selected(selected), out, .. } = core else {
            return Step::Done(Outcome::bug());
        };
        selected.list_keywords(out);
        while let Some(uid) = self.uids.get(self.next).copied() {
            self.next += 1;
            if !selected.view().is_gone(uid) {
                selected.write_fetch_flags(uid, self.uid, out);
            }
            if out.pending() >= CHUNK {
                return Step::Again(self);
            }
        }
        selected.shown(self.uids, &self.since);
        Step::Done(self.outcome)
    }
}

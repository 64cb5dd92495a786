use std::sync::Arc;

use mail_core::{FlagChange, Snapshot};

use crate::proto::message_set::MessageSet;
use crate::proto::sequence::format_set;
use crate::session::action::{Call, Reply};
use crate::session::core::{Core, SessionState};
use crate::session::outcome::{Outcome, Sync};
use crate::session::selected::{Quiet, Selected};
use crate::session::shows::Shows;
use crate::session::step::{Resume, Step, With, then};

/// So much is written before it is sent.
const CHUNK: usize = 32 << 10;

/// What STORE does to messages.
pub(super) struct Storing {
    pub silent: bool,
    pub change: FlagChange,
    pub unchanged_since: Option<u64>,
}

/// STORE and UID STORE (RFC 9051 6.4.6, RFC 7162 3.1.3)
pub(super) fn store(core: &mut Core, set: &MessageSet, uid: bool, storing: Storing) -> Step {
    if storing.unchanged_since.is_some() {
        core.use_condstore();
    }
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
    let Storing { silent, change, unchanged_since } = storing;
    Step::Call(
        Call::Store { uids: uids.clone(), change: change.clone(), unchanged_since },
        then(move |core, with| match with {
            With::Reply(Reply::Stored(Ok(modified))) => {
                let enabled = core.enabled;
                let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
                let outcome = outcome(selected, &uids, &modified, uid, silent).sync(sync);
                let shows = enabled.shows(uid);
                let since = selected.newest();
                let mut show = Show { uids, next: 0, since, shows, told: Told::Here, modified, outcome };
                if silent {
                    let changed: Vec<u32> =
                        show.uids.iter().copied().filter(|uid| !is_among(&show.modified, *uid)).collect();
                    selected.quiet(Quiet::Silent(changed, change));
                    if unchanged_since.is_none() {
                        return Step::Done(show.outcome);
                    }
                    show.told = Told::Later;
                }
                Box::new(show).resume(core, With::Taken)
            }
            With::Reply(Reply::Stored(Err(error))) => Step::Done(Outcome::failed(&error).sync(sync)),
            _ => Step::Done(Outcome::bug()),
        }),
    )
}

fn is_among(uids: &[u32], uid: u32) -> bool {
    uids.binary_search(&uid).is_ok()
}

fn outcome(selected: &Selected, uids: &[u32], modified: &[u32], uid: bool, silent: bool) -> Outcome {
    let view = selected.view();
    // UIDs that are gone are passed over (RFC 9051 6.4.9).
    let gone = if uid { 0 } else { uids.iter().filter(|uid| view.is_gone(**uid)).count() };
    if !modified.is_empty() {
        let numbers: Vec<u32> =
            if uid { modified.to_vec() } else { modified.iter().filter_map(|uid| view.number(*uid)).collect() };
        let text = if gone == 0 { "Some of the messages were changed" } else { "Some were changed, some are gone" };
        return Outcome::ok(text).code(format!("MODIFIED {}", format_set(numbers)));
    }
    match gone {
        0 => Outcome::ok("STORE completed"),
        // Nothing was done, and there is nothing to be shown (RFC 2180 4.2.2).
        gone if gone == uids.len() && !silent => {
            Outcome::no("EXPUNGEISSUED", "The messages have been deleted meanwhile")
        }
        // The rest was done (RFC 2180 4.2.1). With the code the client knows that it has to look.
        _ => Outcome::ok("STORE completed, but for messages that are gone").code("EXPUNGEISSUED"),
    }
}

/// Where the client is told of messages that changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Here, of all.
    Here,
    /// With the other changes of the folder, so that only those are left here that did not change.
    Later,
}

/// Shows the new flags, a piece at a time.
struct Show {
    uids: Vec<u32>,
    next: usize,
    /// The newest state when the first were shown.
    since: Arc<Snapshot>,
    shows: Shows,
    told: Told,
    /// Those that were left alone.
    modified: Vec<u32>,
    outcome: Outcome,
}

impl Resume for Show {
    fn resume(mut self: Box<Self>, core: &mut Core, _: With) -> Step {
        let Core { state: SessionState::Selected(selected), out, .. } = core else {
            return Step::Done(Outcome::bug());
        };
        selected.list_keywords(out);
        while let Some(uid) = self.uids.get(self.next).copied() {
            self.next += 1;
            let view = selected.view();
            let is_left = match self.told {
                Told::Here => true,
                Told::Later => view.row(uid).map(|row| row.modseq) == view.known.rows().get(uid).map(|row| row.modseq),
            };
            if is_left && !view.is_gone(uid) {
                // Of what a silent STORE changed the client knows the flags; of what it left alone it may not.
                let flags = self.told == Told::Here || is_among(&self.modified, uid);
                selected.write_fetch(uid, Shows { flags, ..self.shows }, out);
            }
            if out.pending() >= CHUNK {
                return Step::Again(self);
            }
        }
        if self.told == Told::Here {
            selected.shown(self.uids, &self.since);
        }
        Step::Done(self.outcome)
    }
}

//! What QRESYNC tells a client of a folder that it knows (RFC 7162 3.2.5, 3.2.6).

use mail_core::Expunged;

use crate::session::action::{Call, Reply};
use crate::session::core::{Core, SessionState};
use crate::session::outcome::Outcome;
use crate::session::step::{Resume, Step, With, then};
use crate::session::vanished::Vanished;
use crate::session::work::{Work, Worked};
use crate::store::StoreError;

/// So many messages are compared at once; more are work for elsewhere.
const INLINE_MESSAGES: usize = 10_000;
/// So much is written before it is sent.
const CHUNK: usize = 32 << 10;
/// What a message that is not there any more takes while it is written.
const BYTES_PER_MESSAGE: u64 = 48;

/// Tells with VANISHED (EARLIER) which messages went, and goes on with the UIDs of those that came or changed.
pub(super) fn tell_gone(
    vanished: Vanished,
    next: impl FnOnce(&mut Core, Result<Vec<u32>, StoreError>) -> Step + Send + 'static,
) -> Step {
    Step::Call(
        Call::Expunged(vanished.modseq()),
        then(move |core, with| {
            let expunged = match with {
                With::Reply(Reply::Expunged(Ok(expunged))) => expunged,
                With::Reply(Reply::Expunged(Err(error))) => {
                    tracing::info!(%error, "which messages went is not known: all that are not there are told");
                    Expunged::unknown()
                }
                _ => return Step::Done(Outcome::bug()),
            };
            let size = vanished.size() + expunged.uids.len();
            let compare = move || Worked::Resynced { gone: vanished.gone(&expunged), changed: vanished.changed() };
            let told = then(move |core: &mut Core, with| {
                let With::Reply(Reply::Worked(worked)) = with else { return Step::Done(Outcome::bug()) };
                let (gone, changed) = match worked {
                    Ok(Worked::Resynced { gone, changed }) => (gone, changed),
                    Ok(_) => return Step::Done(Outcome::bug()),
                    Err(error) => return next(core, Err(error)),
                };
                if !gone.is_empty() {
                    core.out.text("* VANISHED (EARLIER) ").text(&gone).text("\r\n");
                }
                next(core, Ok(changed))
            });
            if size <= INLINE_MESSAGES {
                told.resume(core, With::Reply(Reply::Worked(Ok(compare()))))
            } else {
                Step::Work(Work::new(BYTES_PER_MESSAGE * size as u64, compare), told)
            }
        }),
    )
}

/// Shows flags and MODSEQ of messages, a piece at a time.
pub(super) struct ShowChanged {
    pub uids: Vec<u32>,
    pub next: usize,
    pub outcome: Outcome,
}

impl Resume for ShowChanged {
    fn resume(mut self: Box<Self>, core: &mut Core, _: With) -> Step {
        let Core { state: SessionState::Selected(selected), out, enabled, .. } = core else {
            return Step::Done(Outcome::bug());
        };
        selected.list_keywords(out);
        while let Some(uid) = self.uids.get(self.next).copied() {
            self.next += 1;
            selected.write_fetch(uid, enabled.shows(true), out);
            if out.pending() >= CHUNK {
                return Step::Again(self);
            }
        }
        Step::Done(self.outcome)
    }
}

//! How NOTIFY ends, and each look at what changed.

use crate::session::action::Action;
use crate::session::core::Core;
use crate::session::notify::Notify;
use crate::session::outcome::Outcome;
use crate::session::step::Step;

pub(super) fn done() -> Step {
    Step::Done(Outcome::ok("NOTIFY completed"))
}

/// What was watched before is watched as it was.
pub(super) fn refused(core: &mut Core, outcome: Outcome) -> Step {
    let watches = core.notify.as_ref().is_some_and(Notify::watches);
    core.push(Action::Watch(watches));
    Step::Done(outcome)
}

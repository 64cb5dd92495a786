use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::Step;

/// RFC 5267 4.3.5. Of what is not updated nothing has to be stopped: updates may have been refused.
pub(super) fn cancel_update(core: &mut Core, tags: &[String]) -> Step {
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    selected.contexts.cancel(tags);
    Step::Done(Outcome::ok("CANCELUPDATE completed"))
}

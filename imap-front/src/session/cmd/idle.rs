use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, then};

/// RFC 2177
pub(super) fn idle(core: &mut Core) -> Step {
    core.out.text("+ idling\r\n");
    Step::Idle(then(|_, with| {
        Step::Done(match with {
            With::Line(line) if line.trim_ascii().eq_ignore_ascii_case(b"DONE") => Outcome::ok("IDLE completed"),
            With::Line(_) => Outcome::bad("Expected DONE"),
            _ => Outcome::bug(),
        })
    }))
}

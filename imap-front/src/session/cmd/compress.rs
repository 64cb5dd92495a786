use crate::session::action::Action;
use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::Step;

/// COMPRESS DEFLATE (RFC 4978). What was sent behind the command is not compressed, and can't be understood.
pub(super) fn compress(core: &mut Core, pipelined: bool) -> Step {
    if core.compressed {
        return Step::Done(Outcome::no("COMPRESSIONACTIVE", "Compression is active already"));
    }
    if pipelined {
        return Step::Done(Outcome {
            close: true,
            ..Outcome::bad("Nothing may follow COMPRESS before it is answered")
        });
    }
    core.compressed = true;
    core.push(Action::Compress);
    Step::Done(Outcome::ok("Compression is active"))
}

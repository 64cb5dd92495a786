use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::Step;

/// RFC 5161 3.1. What is not known, or can't be enabled, is passed over.
pub(super) fn enable(core: &mut Core, names: Vec<String>) -> Step {
    let mut enabled: Vec<String> = Vec::new();
    for name in names {
        if !enabled.contains(&name) && core.enable(&name) {
            enabled.push(name);
        }
    }
    core.out.text("* ENABLED");
    for name in &enabled {
        core.out.text(" ").text(name);
    }
    core.out.text("\r\n");
    Step::Done(Outcome::ok("ENABLE completed"))
}

use crate::session::action::{Action, Call, Reply};
use crate::session::core::{Core, SessionState};
use crate::session::outcome::{Outcome, Sync};
use crate::session::step::{Step, With, then};

/// How much of the client's ID is logged.
const MAX_LOGGED: usize = 64;

pub(super) fn capability(core: &mut Core) -> Step {
    let line = format!("CAPABILITY {}", core.capabilities());
    core.out.untagged(&line);
    Step::Done(Outcome::ok("CAPABILITY completed"))
}

/// RFC 9051 6.1.2: always succeeds, even if the store can't say what is new.
pub(super) fn noop(core: &mut Core) -> Step {
    if !matches!(core.state, SessionState::Selected(_)) {
        return Step::Done(Outcome::ok("NOOP completed"));
    }
    Step::Call(Call::Refresh, then(|_, _| Step::Done(Outcome::ok("NOOP completed"))))
}

/// RFC 3501 6.4.1
pub(super) fn check() -> Step {
    Step::Call(
        Call::Refresh,
        then(|_, with| {
            Step::Done(match with {
                With::Reply(Reply::Done(Ok(()))) => Outcome::ok("CHECK completed"),
                With::Reply(Reply::Done(Err(error))) => Outcome::failed(&error),
                _ => Outcome::bug(),
            })
        }),
    )
}

pub(super) fn logout(core: &mut Core) -> Step {
    core.out.untagged("BYE Logging out");
    Step::Done(Outcome { close: true, ..Outcome::ok("LOGOUT completed").sync(Sync::Nothing) })
}

/// RFC 2971
pub(super) fn id(core: &mut Core, fields: &[(String, Option<String>)]) -> Step {
    let short = |text: &str| text.chars().take(MAX_LOGGED).collect::<String>();
    for (name, value) in fields.iter().take(2) {
        tracing::debug!(name = ?short(name), value = ?value.as_deref().map(short), "client id");
    }
    let identity = core.config.identity.clone();
    core.out.text("* ID ");
    if identity.is_empty() {
        core.out.text("NIL");
    } else {
        for (index, (name, value)) in identity.iter().enumerate() {
            core.out.text(if index == 0 { "(" } else { " " });
            core.out.string(name.as_bytes()).text(" ").string(value.as_bytes());
        }
        core.out.text(")");
    }
    core.out.text("\r\n");
    Step::Done(Outcome::ok("ID completed"))
}

/// RFC 2342
pub(super) fn namespace(core: &mut Core) -> Step {
    core.out.untagged("NAMESPACE ((\"\" \"/\")) NIL NIL");
    Step::Done(Outcome::ok("NAMESPACE completed"))
}

/// RFC 9051 6.2.1. What was sent behind the command without encryption may be injected, so nothing of it is looked at.
pub(super) fn starttls(core: &mut Core, pipelined: bool) -> Step {
    if core.encrypted {
        return Step::Done(Outcome::bad("TLS is active already"));
    }
    if !core.config.starttls {
        return Step::Done(Outcome::bad("TLS is not available"));
    }
    if pipelined {
        return Step::Done(Outcome { close: true, ..Outcome::bad("Nothing may follow STARTTLS before TLS is active") });
    }
    core.push(Action::StartTls);
    Step::Done(Outcome::ok("Begin TLS negotiation now"))
}

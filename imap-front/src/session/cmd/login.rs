use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_core::{Credentials, Secret};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::sasl::{Mechanism, SaslError};
use super::{Step, With, then};
use crate::session::action::{Call, Reply};
use crate::session::outcome::Outcome;
use crate::session::{Core, State};
use crate::store::StoreError;

/// RFC 9051 6.2.3
pub(super) fn login(core: &mut Core, user: String, password: SecretString) -> Step {
    if !core.may_log_in() {
        return Step::Done(privacy_required());
    }
    if !core.config.accepts.passwords {
        return Step::Done(Outcome::no("CANNOT", "Passwords are not taken here, only OAuth 2.0 tokens"));
    }
    if user.is_empty() {
        return Step::Done(Outcome::failed(&StoreError::AuthenticationFailed));
    }
    log_in(Credentials { user, secret: Secret::Password(password) }, Mechanism::Plain, "LOGIN completed")
}

/// RFC 9051 6.2.2, RFC 4959
pub(super) fn authenticate(core: &mut Core, mechanism: &str, initial: Option<Zeroizing<Vec<u8>>>) -> Step {
    let accepts = core.config.accepts;
    let taken = |mechanism: &Mechanism| if mechanism.is_bearer() { accepts.tokens } else { accepts.passwords };
    let Some(mechanism) = Mechanism::named(mechanism).filter(taken) else {
        return Step::Done(Outcome::no("CANNOT", "Unknown authentication mechanism"));
    };
    if !core.may_log_in() {
        return Step::Done(privacy_required());
    }
    if let Some(initial) = initial {
        return message(mechanism, &initial);
    }
    core.out.text("+ \r\n");
    Step::Line(then(move |_, with| {
        let With::Line(line) = with else { return Step::Done(Outcome::bug()) };
        if line.as_slice() == b"*" {
            return Step::Done(Outcome::bad("AUTHENTICATE cancelled"));
        }
        match STANDARD.decode(&*line) {
            Ok(decoded) => message(mechanism, &Zeroizing::new(decoded)),
            Err(_) => Step::Done(Outcome::bad("Invalid base64")),
        }
    }))
}

fn privacy_required() -> Outcome {
    Outcome::no("PRIVACYREQUIRED", "Log in over an encrypted connection")
}

fn message(mechanism: Mechanism, message: &[u8]) -> Step {
    match mechanism.message(message) {
        Ok(credentials) => log_in(credentials, mechanism, "AUTHENTICATE completed"),
        Err(SaslError::Malformed) => Step::Done(Outcome::bad("Not a message of this SASL mechanism")),
        Err(SaslError::OtherIdentity) => {
            Step::Done(Outcome::no("AUTHORIZATIONFAILED", "Acting as another user is not supported"))
        }
        Err(SaslError::Empty) => Step::Done(Outcome::failed(&StoreError::AuthenticationFailed)),
    }
}

fn log_in(credentials: Credentials, mechanism: Mechanism, done: &'static str) -> Step {
    Step::Call(
        Call::Login(credentials),
        then(move |core, with| match with {
            With::Reply(Reply::Done(Ok(()))) => {
                core.state = State::Authenticated;
                let capabilities = format!("CAPABILITY {}", core.capabilities());
                Step::Done(Outcome::ok(done).code(capabilities))
            }
            With::Reply(Reply::Done(Err(StoreError::AuthenticationFailed))) if mechanism.is_bearer() => {
                let refusal = STANDARD.encode(mechanism.refusal());
                core.out.text("+ ").text(&refusal).text("\r\n");
                // Whatever the client says to that, it means nothing (RFC 7628 3.2.3).
                Step::Line(then(|core, _| refused(core)))
            }
            With::Reply(Reply::Done(Err(StoreError::AuthenticationFailed))) => refused(core),
            With::Reply(Reply::Done(Err(error))) => Step::Done(Outcome::failed(&error)),
            _ => Step::Done(Outcome::bug()),
        }),
    )
}

fn refused(core: &mut Core) -> Step {
    core.login_failures += 1;
    let close = core.login_failures >= core.config.limits.max_login_failures;
    Step::Call(
        Call::Pause(core.config.limits.login_failure_delay),
        then(move |core, _| {
            if close {
                core.out.untagged("BYE Too many failed logins");
            }
            Step::Done(Outcome { close, ..Outcome::failed(&StoreError::AuthenticationFailed) })
        }),
    )
}

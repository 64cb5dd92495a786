use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{Step, With, then};
use crate::session::action::{Call, Reply};
use crate::session::outcome::Outcome;
use crate::session::{Core, State};
use crate::store::{Credentials, StoreError};

/// RFC 9051 6.2.3
pub(super) fn login(core: &mut Core, user: String, password: SecretString) -> Step {
    if !core.may_log_in() {
        return Step::Done(privacy_required());
    }
    log_in(user, password, "LOGIN completed")
}

/// RFC 9051 6.2.2, RFC 4959, RFC 4616
pub(super) fn authenticate(core: &mut Core, mechanism: &str, initial: Option<Zeroizing<Vec<u8>>>) -> Step {
    if mechanism != "PLAIN" {
        return Step::Done(Outcome::no("CANNOT", "Unknown authentication mechanism"));
    }
    if !core.may_log_in() {
        return Step::Done(privacy_required());
    }
    if let Some(initial) = initial {
        return plain(&initial);
    }
    core.out.text("+ \r\n");
    Step::Line(then(|_, with| {
        let With::Line(line) = with else { return Step::Done(Outcome::bug()) };
        if line.as_slice() == b"*" {
            return Step::Done(Outcome::bad("AUTHENTICATE cancelled"));
        }
        match STANDARD.decode(&*line) {
            Ok(decoded) => plain(&Zeroizing::new(decoded)),
            Err(_) => Step::Done(Outcome::bad("Invalid base64")),
        }
    }))
}

fn privacy_required() -> Outcome {
    Outcome::no("PRIVACYREQUIRED", "Log in over an encrypted connection")
}

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd`
fn plain(message: &[u8]) -> Step {
    let mut parts = message.split(|byte| *byte == 0).map(std::str::from_utf8);
    let (Some(Ok(identity)), Some(Ok(user)), Some(Ok(password)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Step::Done(Outcome::bad("Invalid SASL PLAIN message"));
    };
    if !identity.is_empty() && identity != user {
        return Step::Done(Outcome::no("AUTHORIZATIONFAILED", "Acting as another user is not supported"));
    }
    log_in(user.to_owned(), SecretString::from(password), "AUTHENTICATE completed")
}

fn log_in(user: String, password: SecretString, done: &'static str) -> Step {
    if user.is_empty() {
        return Step::Done(Outcome::failed(&StoreError::AuthenticationFailed));
    }
    Step::Call(
        Call::Login(Credentials { user, password }),
        then(move |core, with| match with {
            With::Reply(Reply::Done(Ok(()))) => {
                core.state = State::Authenticated;
                let capabilities = format!("CAPABILITY {}", core.capabilities());
                Step::Done(Outcome::ok(done).code(capabilities))
            }
            With::Reply(Reply::Done(Err(error @ StoreError::AuthenticationFailed))) => {
                core.login_failures += 1;
                let close = core.login_failures >= core.config.limits.max_login_failures;
                Step::Call(
                    Call::Pause(core.config.limits.login_failure_delay),
                    then(move |core, _| {
                        if close {
                            core.out.untagged("BYE Too many failed logins");
                        }
                        Step::Done(Outcome { close, ..Outcome::failed(&error) })
                    }),
                )
            }
            With::Reply(Reply::Done(Err(error))) => Step::Done(Outcome::failed(&error)),
            _ => Step::Done(Outcome::bug()),
        }),
    )
}

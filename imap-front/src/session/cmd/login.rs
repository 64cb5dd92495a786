use mail_core::sasl::{self, Exchange, Mechanism, SaslError};
use mail_core::{Credentials, Secret};
use secrecy::{ExposeSecret, SecretString};

use crate::session::action::{Call, Reply};
use crate::session::core::{Core, SessionState};
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, then};
use crate::store::StoreError;

/// RFC 9051 6.2.3
pub(super) fn login(core: &mut Core, user: String, password: SecretString) -> Step {
    if !core.may_log_in() {
        return Step::Done(privacy_required());
    }
    if !core.config.accepts.passwords {
        return Step::Done(Outcome::no("CANNOT", "Passwords are not taken here, only OAuth 2.0 tokens"));
    }
    if user.is_empty() || password.expose_secret().is_empty() {
        return refused(core);
    }
    log_in(Credentials { user, secret: Secret::Password(password) }, None, "LOGIN completed")
}

/// RFC 9051 6.2.2, RFC 4959
pub(super) fn authenticate(core: &mut Core, mechanism: &str, initial: Option<&SecretString>) -> Step {
    let accepts = core.config.accepts;
    let is_offered = |mechanism: &Mechanism| {
        mechanism.is_accepted(accepts) && (*mechanism != Mechanism::Login || core.config.auth_login)
    };
    let Some(mechanism) = Mechanism::named(mechanism).filter(is_offered) else {
        return Step::Done(Outcome::no("CANNOT", "Unknown authentication mechanism"));
    };
    if !core.may_log_in() {
        return Step::Done(privacy_required());
    }
    match Exchange::begin(mechanism, initial.map(|initial| initial.expose_secret().as_bytes())) {
        Ok((exchange, step)) => proceed(core, exchange, step),
        Err(error) => failed(core, error),
    }
}

fn privacy_required() -> Outcome {
    Outcome::no("PRIVACYREQUIRED", "Log in over an encrypted connection")
}

fn proceed(core: &mut Core, exchange: Exchange, step: sasl::Step) -> Step {
    match step {
        sasl::Step::Challenge(challenge) => ask(core, exchange, challenge),
        sasl::Step::Check(credentials) => log_in(credentials, Some(exchange), "AUTHENTICATE completed"),
    }
}

fn ask(core: &mut Core, mut exchange: Exchange, challenge: &str) -> Step {
    core.out.text("+ ").text(challenge).text("\r\n");
    Step::Line(then(move |core, with| {
        let With::Line(line) = with else { return Step::Done(Outcome::bug()) };
        match exchange.answer(&line) {
            Ok(step) => proceed(core, exchange, step),
            Err(error) => failed(core, error),
        }
    }))
}

fn failed(core: &mut Core, error: SaslError) -> Step {
    Step::Done(match error {
        SaslError::Refused => return refused(core),
        SaslError::OtherIdentity => Outcome::no("AUTHORIZATIONFAILED", "Acting as another user is not supported"),
        SaslError::Cancelled => Outcome::bad("AUTHENTICATE cancelled"),
        SaslError::Encoding => Outcome::bad("Invalid base64"),
        SaslError::TooLong => Outcome::bad("Response too long"),
        SaslError::Malformed => Outcome::bad("Not a message of this SASL mechanism"),
    })
}

fn log_in(credentials: Credentials, exchange: Option<Exchange>, done: &'static str) -> Step {
    Step::Call(
        Call::Login(credentials),
        then(move |core, with| match with {
            With::Reply(Reply::Done(Ok(()))) => {
                core.state = SessionState::Authenticated;
                let capabilities = format!("CAPABILITY {}", core.capabilities());
                Step::Done(Outcome::ok(done).code(capabilities))
            }
            With::Reply(Reply::Done(Err(StoreError::AuthenticationFailed))) => {
                let Some(mut exchange) = exchange else { return refused(core) };
                match exchange.refused() {
                    Some(challenge) => ask(core, exchange, challenge),
                    None => refused(core),
                }
            }
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

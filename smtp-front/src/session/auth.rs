//! AUTH (RFC 4954).

use mail_core::sasl::{Mechanism, SaslError, Step};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::*;

impl Session {
    pub(super) fn auth(&mut self, mechanism: &str, initial: Option<SecretString>, now: Instant) {
        if self.access == Access::User {
            return self.refuse(&Reply::new(503, "5.5.1", "Already authenticated"));
        }
        if !self.may_authenticate() {
            return self.refuse(&Reply::new(538, "5.7.11", "Encryption is required for authentication"));
        }
        if !self.greeted {
            return self.refuse(&Reply::new(503, "5.5.1", "Say EHLO first"));
        }
        if self.transaction.is_some() {
            return self.refuse(&Reply::new(503, "5.5.1", "AUTH is not allowed between MAIL and its end"));
        }
        let offered = Mechanism::named(mechanism).filter(|named| self.policy.mechanisms.contains(named));
        let Some(mechanism) = offered else {
            let text = format!("Mechanism is not supported, expected one of:{}", self.mechanisms());
            return self.refuse(&Reply::new(504, "5.5.4", text));
        };
        match Exchange::begin(mechanism, initial.as_ref().map(|initial| initial.expose_secret().as_bytes())) {
            Ok((exchange, step)) => self.proceed(exchange, step, now),
            Err(error) => self.exchange_failed(error),
        }
    }

    /// A line in answer to a challenge.
    pub(super) fn answer(&mut self, line: Result<Zeroizing<Vec<u8>>, LineTooLong>, now: Instant) {
        let Phase::Auth(mut exchange) = std::mem::replace(&mut self.phase, Phase::Command) else { return };
        match line.map_err(|LineTooLong| SaslError::TooLong).and_then(|line| exchange.answer(&line)) {
            Ok(step) => self.proceed(exchange, step, now),
            Err(error) => self.exchange_failed(error),
        }
    }

    fn proceed(&mut self, exchange: Exchange, step: Step, now: Instant) {
        match step {
            Step::Challenge(challenge) => self.challenge(exchange, challenge),
            Step::Check(credentials) => self.wait(Wait::Login(exchange), Action::Login(credentials), now),
        }
    }

    /// RFC 4954 4, 6.
    fn exchange_failed(&mut self, error: SaslError) {
        self.auth_failed(&match error {
            SaslError::TooLong => Reply::new(500, "5.5.6", "Authentication exchange line is too long"),
            SaslError::Cancelled => Reply::new(501, "5.7.0", "Authentication cancelled"),
            SaslError::Encoding | SaslError::Malformed => {
                Reply::new(501, "5.5.2", "Cannot decode the authentication response")
            }
            SaslError::OtherIdentity => Reply::new(535, "5.7.8", "Acting as another user is not supported"),
            SaslError::Refused => Reply::login_failed(&SubmitError::AuthenticationFailed),
        });
    }

    /// The backend's answer to [`Action::Login`].
    pub fn login_done(&mut self, result: Result<Grant, SubmitError>, now: Instant) {
        let Some(Wait::Login(mut exchange)) = self.waited(now) else { return };
        match result {
            Ok(grant) => {
                self.access = Access::User;
                self.grant = grant;
                self.reply(&Reply::new(235, "2.7.0", "Authentication succeeded"));
            }
            Err(SubmitError::AuthenticationFailed) => match exchange.refused() {
                Some(challenge) => self.challenge(exchange, challenge),
                None => self.exchange_failed(SaslError::Refused),
            },
            // That the upstream is away is not the client's fault.
            Err(error) => self.reply(&Reply::login_failed(&error)),
        }
    }

    /// The names of what is offered, each with a space before it.
    pub(super) fn mechanisms(&self) -> String {
        self.policy.mechanisms.iter().map(|mechanism| format!(" {}", mechanism.name())).collect()
    }

    fn challenge(&mut self, exchange: Exchange, challenge: &'static str) {
        self.reply(&Reply::bare(334, challenge));
        self.phase = Phase::Auth(exchange);
    }

    fn auth_failed(&mut self, reply: &Reply) {
        self.reply(reply);
        self.count_auth_failure();
    }
}

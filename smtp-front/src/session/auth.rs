//! AUTH (RFC 4954).

use super::exchange::{ExchangeError, Progress};
use super::input::LineTooLong;
use super::*;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

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
        let offered = self.policy.mechanisms.iter().find(|offered| offered.name() == mechanism);
        let Some(exchange) = offered.map(|offered| Exchange::of(*offered)) else {
            let text = format!("Mechanism is not supported, expected one of:{}", self.mechanisms());
            return self.refuse(&Reply::new(504, "5.5.4", text));
        };
        match initial {
            None => self.challenge(exchange),
            Some(initial) => {
                // A lone "=" is an empty response.
                let initial = initial.expose_secret();
                let initial = if initial == "=" { "" } else { initial };
                self.progress(exchange.answer(initial.as_bytes()), now);
            }
        }
    }

    /// A line in answer to a challenge.
    pub(super) fn answer(&mut self, line: Result<Zeroizing<Vec<u8>>, LineTooLong>, now: Instant) {
        let Phase::Auth(exchange) = std::mem::replace(&mut self.phase, Phase::Command) else { return };
        match line {
            Err(LineTooLong) => self.auth_failed(&Reply::new(500, "5.5.6", "Authentication exchange line is too long")),
            // RFC 7628 3.2.3: the client's word after a refusal means nothing.
            Ok(_) if exchange == Exchange::BearerRefused => {
                self.auth_failed(&Reply::login_failed(&SubmitError::AuthenticationFailed));
            }
            Ok(line) if line.trim_ascii() == b"*" => {
                self.auth_failed(&Reply::new(501, "5.7.0", "Authentication cancelled"));
            }
            Ok(line) => self.progress(exchange.answer(&line), now),
        }
    }

    fn progress(&mut self, progress: Result<Progress, ExchangeError>, now: Instant) {
        match progress {
            Ok(Progress::Challenge(next)) => self.challenge(next),
            Ok(Progress::Credentials(credentials)) => {
                let bearer = matches!(credentials.secret, Secret::Bearer(_));
                self.wait(Wait::Login { bearer }, Action::Login(credentials), now);
            }
            Err(ExchangeError::Malformed) => {
                self.auth_failed(&Reply::new(501, "5.5.2", "Cannot decode the authentication response"));
            }
            Err(ExchangeError::Denied) => self.auth_failed(&Reply::login_failed(&SubmitError::AuthenticationFailed)),
        }
    }

    /// The backend's answer to [`Action::Login`].
    pub fn login_done(&mut self, result: Result<Grant, SubmitError>, now: Instant) {
        let Some(Wait::Login { bearer }) = self.waited(now) else { return };
        match result {
            Ok(grant) => {
                self.access = Access::User;
                self.grant = grant;
                self.reply(&Reply::new(235, "2.7.0", "Authentication succeeded"));
            }
            Err(SubmitError::AuthenticationFailed) if bearer => self.challenge(Exchange::BearerRefused),
            Err(error @ SubmitError::AuthenticationFailed) => self.auth_failed(&Reply::login_failed(&error)),
            // That the upstream is away is not the client's fault.
            Err(error) => self.reply(&Reply::login_failed(&error)),
        }
    }

    /// The names of what is offered, each with a space before it.
    pub(super) fn mechanisms(&self) -> String {
        self.policy.mechanisms.iter().map(|mechanism| format!(" {}", mechanism.name())).collect()
    }

    fn challenge(&mut self, exchange: Exchange) {
        self.reply(&Reply::bare(334, exchange.challenge()));
        self.phase = Phase::Auth(exchange);
    }

    fn auth_failed(&mut self, reply: &Reply) {
        self.reply(reply);
        self.count_auth_failure();
    }
}

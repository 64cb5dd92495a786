//! AUTH (RFC 4954).

use super::exchange::{ExchangeError, Progress};
use super::input::LineTooLong;
use super::*;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

impl Session {
    pub(super) fn auth(&mut self, mechanism: &str, initial: Option<SecretString>, now: Instant) {
        if self.authenticated {
            return self.refuse(&Reply::new(503, "5.5.1", "Already authenticated"));
        }
        if !self.may_authenticate() {
            return self.refuse(&Reply::new(538, "5.7.11", "Encryption is required for authentication"));
        }
        if !self.greeted {
            return self.refuse(&Reply::new(503, "5.5.1", "Say EHLO first"));
        }
        let Some(exchange) = Exchange::of(mechanism) else {
            return self.refuse(&Reply::new(504, "5.5.4", "Mechanism is not supported, use PLAIN or LOGIN"));
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
                self.phase = Phase::LoggingIn(now);
                self.action = Some(Action::Login(credentials));
            }
            Err(ExchangeError::Malformed) => {
                self.auth_failed(&Reply::new(501, "5.5.2", "Cannot decode the authentication response"));
            }
            Err(ExchangeError::Denied) => self.auth_failed(&Reply::login_failed(&SubmitError::AuthenticationFailed)),
        }
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

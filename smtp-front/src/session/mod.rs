//! The server's side of one SMTP connection as a state machine: bytes, the time and the backend's results go in, bytes
//! and [`Action`]s come out. It has no socket and no clock.
//!
//! # Rules it keeps
//! * A `250` to a message is said only after the backend took it (RFC 5321 6.1).
//! * No password is taken over an unencrypted connection unless [`Policy::allow_plaintext_auth`] says so, and no
//!   message is taken before a login.
//! * What a client sent before TLS means nothing after it (RFC 3207 4.2), and nothing may follow STARTTLS unasked.
//! * Every buffer has a bound: the input one line or one piece, the message [`Policy::max_message`].

mod auth;
mod exchange;
mod input;
mod policy;
mod reply;
mod transaction;

use std::time::Instant;

use bytes::Bytes;

pub use policy::Policy;

use self::exchange::Exchange;
use self::input::{Input, LineTooLong};
use self::reply::Reply;
use self::transaction::Transaction;
use crate::command::{self, Command, CommandError};
use crate::data::DataReceiver;
use crate::submit::{Credentials, Envelope, SubmitError};

/// The longest command line in bytes. RFC 5321 4.5.3.1.4 asks for 512 plus what extensions add.
const MAX_COMMAND_LINE: usize = 2000;
/// The longest line of an AUTH exchange (RFC 4954 4, about 12,288).
const MAX_AUTH_LINE: usize = 12_288;
/// Replies beyond this are handed out before more input is worked on.
const OUTPUT_WATERMARK: usize = 16 * 1024;

/// What the session wants done, in this order; after [`Action::Login`], [`Action::Submit`] and [`Action::StartTls`] it
/// does nothing until it is told the result.
#[derive(Debug)]
pub enum Action {
    /// Send these bytes to the client.
    Send(Bytes),
    /// Do the TLS handshake on this connection, then call [`Session::tls_started`].
    StartTls,
    /// Check these credentials, then call [`Session::login_done`].
    Login(Credentials),
    /// Submit this message as the logged-in user, then call [`Session::submit_done`].
    Submit(Envelope, Bytes),
    /// Close the connection.
    Close,
}

/// What the session is doing.
#[derive(Debug)]
enum Phase {
    /// The next line is a command.
    Command,
    /// The next line answers a challenge.
    Auth(Exchange),
    /// What comes is a message.
    Data(DataReceiver),
    /// The backend checks a login since this time.
    LoggingIn(Instant),
    /// The backend takes a message.
    Submitting,
    /// The TLS handshake runs.
    Handshake,
    /// Nothing more is read.
    Closed,
}

/// One connection. See the [module](self).
#[derive(Debug)]
pub struct Session {
    policy: Policy,
    phase: Phase,
    input: Input,
    output: Vec<u8>,
    action: Option<Action>,
    encrypted: bool,
    authenticated: bool,
    greeted: bool,
    transaction: Option<Transaction>,
    errors: u32,
    auth_failures: u32,
    login_deadline: Instant,
    idle_deadline: Instant,
}

impl Session {
    /// A connection that was just accepted; `encrypted` if TLS is established already. The greeting is the first output.
    pub fn new(policy: Policy, encrypted: bool, now: Instant) -> Self {
        let mut session = Self {
            phase: Phase::Command,
            input: Input::new(),
            output: Vec::new(),
            action: None,
            encrypted,
            authenticated: false,
            greeted: false,
            transaction: None,
            errors: 0,
            auth_failures: 0,
            login_deadline: now + policy.login_time,
            idle_deadline: now + policy.idle_time,
            policy,
        };
        let greeting = format!("{} ESMTP ready", session.policy.hostname);
        session.reply(&Reply::bare(220, greeting));
        session
    }

    /// Takes bytes from the client. Call it only when [`Self::poll`] has nothing to do and [`Self::wants_input`].
    pub fn receive(&mut self, bytes: &[u8], now: Instant) {
        if !matches!(self.phase, Phase::Closed) {
            self.input.push(bytes);
            self.idle_deadline = now + self.policy.idle_time;
        }
    }

    /// The next thing to do, or `None` if the session waits for input or for a result.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        while self.action.is_none() && self.output.len() < OUTPUT_WATERMARK && self.step(now) {}
        if self.output.is_empty() {
            return self.action.take();
        }
        Some(Action::Send(std::mem::take(&mut self.output).into()))
    }

    /// Whether the session waits for the client.
    pub fn wants_input(&self) -> bool {
        matches!(self.phase, Phase::Command | Phase::Auth(_) | Phase::Data(_))
    }

    /// When [`Self::timeout`] is due unless something comes before; `None` while the session waits for the backend.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::LoggingIn(_) | Phase::Submitting => None,
            _ if self.authenticated => Some(self.idle_deadline),
            _ => Some(self.login_deadline.min(self.idle_deadline)),
        }
    }

    /// The deadline passed.
    pub fn timeout(&mut self) {
        self.close_with(&Reply::new(421, "4.4.2", "Timeout, closing connection"));
    }

    /// The server stops. A message that is not complete is not taken.
    pub fn shutdown(&mut self) {
        self.close_with(&Reply::new(421, "4.3.2", "Server is shutting down"));
    }

    /// The TLS handshake that [`Action::StartTls`] asked for succeeded. The client starts anew (RFC 3207 4.2).
    pub fn tls_started(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Handshake) {
            self.phase = Phase::Command;
            self.input.clear();
            self.encrypted = true;
            self.greeted = false;
            self.transaction = None;
            self.idle_deadline = now + self.policy.idle_time;
        }
    }

    /// The backend's answer to [`Action::Login`].
    pub fn login_done(&mut self, result: Result<(), SubmitError>, now: Instant) {
        let Phase::LoggingIn(since) = self.phase else { return };
        self.phase = Phase::Command;
        self.idle_deadline = now + self.policy.idle_time;
        // The time the backend took is not the client's fault.
        self.login_deadline += now.saturating_duration_since(since);
        match result {
            Ok(()) => {
                self.authenticated = true;
                self.reply(&Reply::new(235, "2.7.0", "Authentication succeeded"));
            }
            Err(error) => {
                self.reply(&Reply::login_failed(&error));
                // That the upstream is away is not the client's fault.
                if error == SubmitError::AuthenticationFailed {
                    self.count_auth_failure();
                }
            }
        }
    }

    /// The backend's answer to [`Action::Submit`].
    pub fn submit_done(&mut self, result: Result<(), SubmitError>, now: Instant) {
        if !matches!(self.phase, Phase::Submitting) {
            return;
        }
        self.phase = Phase::Command;
        self.idle_deadline = now + self.policy.idle_time;
        self.reply(&match result {
            Ok(()) => Reply::new(250, "2.0.0", "Message accepted"),
            Err(error) => Reply::submit_failed(&error),
        });
    }

    /// Works on one line or piece of input; `false` if there is none.
    fn step(&mut self, now: Instant) -> bool {
        match &mut self.phase {
            Phase::Command => match self.input.line(MAX_COMMAND_LINE) {
                None => false,
                Some(Ok(line)) => {
                    self.command(&line, now);
                    true
                }
                Some(Err(LineTooLong)) => {
                    self.refuse(&Reply::new(500, "5.5.2", "Line too long"));
                    true
                }
            },
            Phase::Auth(_) => match self.input.line(MAX_AUTH_LINE) {
                None => false,
                Some(line) => {
                    self.answer(line, now);
                    true
                }
            },
            Phase::Data(receiver) => {
                if self.input.pending().is_empty() {
                    return false;
                }
                let progress = receiver.receive(self.input.pending());
                let endless = receiver.excess() > self.policy.max_message;
                self.input.consume(progress.consumed);
                if endless {
                    self.close_with(&Reply::too_big());
                } else if progress.complete {
                    self.message();
                }
                true
            }
            Phase::LoggingIn(_) | Phase::Submitting | Phase::Handshake | Phase::Closed => false,
        }
    }

    fn command(&mut self, line: &[u8], now: Instant) {
        let command = match command::parse(line) {
            Ok(command) => command,
            Err(error) => {
                tracing::debug!(%error, "command refused");
                let reply = Reply::command_refused(error);
                return if error == CommandError::OtherProtocol {
                    self.close_with(&reply)
                } else {
                    self.refuse(&reply)
                };
            }
        };
        let _span = tracing::debug_span!("command", verb = command.verb()).entered();
        match command {
            Command::Ehlo(name) => self.ehlo(&name),
            Command::Helo(name) => {
                self.greet(&name);
                let hostname = self.policy.hostname.clone();
                self.reply(&Reply::bare(250, hostname));
            }
            Command::StartTls => self.start_tls(),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial, now),
            Command::Mail { sender, parameters } => self.mail(sender, parameters),
            Command::Rcpt(recipient) => self.rcpt(recipient),
            Command::Data => self.data(),
            Command::Rset => {
                self.transaction = None;
                self.reply(&Reply::new(250, "2.0.0", "OK"));
            }
            Command::Noop => self.reply(&Reply::new(250, "2.0.0", "OK")),
            Command::Vrfy => self.reply(&Reply::new(252, "2.5.2", "Cannot verify, send some mail and see")),
            Command::Help => self.reply(&Reply::new(
                214,
                "2.0.0",
                "Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY HELP QUIT (RFC 5321)",
            )),
            Command::Quit => self.close_with(&Reply::new(221, "2.0.0", "Bye")),
        }
    }

    /// Names the extensions (RFC 5321 4.1.1.1).
    fn ehlo(&mut self, name: &str) {
        self.greet(name);
        let mut lines = vec![
            self.policy.hostname.clone(),
            "PIPELINING".to_owned(),
            format!("SIZE {}", self.policy.max_message),
            "8BITMIME".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
        ];
        if self.policy.starttls && !self.encrypted {
            lines.push("STARTTLS".to_owned());
        }
        if self.may_authenticate() {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        lines.push("HELP".to_owned());
        reply::write_lines(&mut self.output, 250, &lines);
    }

    /// EHLO and HELO end a transaction (RFC 5321 4.1.4).
    fn greet(&mut self, name: &str) {
        tracing::debug!(name, "client says hello");
        self.greeted = true;
        self.transaction = None;
    }

    /// RFC 3207 4.
    fn start_tls(&mut self) {
        if self.encrypted {
            self.refuse(&Reply::new(503, "5.5.1", "TLS is already active"));
        } else if !self.policy.starttls {
            self.refuse(&Reply::new(502, "5.5.1", "STARTTLS is not available"));
        } else if self.authenticated {
            self.refuse(&Reply::new(503, "5.5.1", "STARTTLS is not allowed after AUTH"));
        } else if !self.input.pending().is_empty() {
            // Somebody on the way may have put this in, for the server to take as said inside TLS.
            self.close_with(&Reply::new(554, "5.5.1", "Nothing may follow STARTTLS before the handshake"));
        } else {
            self.phase = Phase::Handshake;
            self.action = Some(Action::StartTls);
            self.reply(&Reply::new(220, "2.0.0", "Ready to start TLS"));
        }
    }

    fn may_authenticate(&self) -> bool {
        self.encrypted || self.policy.allow_plaintext_auth
    }

    fn reply(&mut self, reply: &Reply) {
        tracing::trace!(code = reply.code(), "reply");
        reply.write(&mut self.output);
    }

    /// A reply that says the client did something wrong; too many of them end the connection.
    fn refuse(&mut self, reply: &Reply) {
        self.reply(reply);
        self.errors += 1;
        if self.errors >= self.policy.max_errors {
            self.close_with(&Reply::new(421, "4.7.0", "Too many errors, closing connection"));
        }
    }

    fn count_auth_failure(&mut self) {
        self.auth_failures += 1;
        if self.auth_failures >= self.policy.max_auth_failures {
            self.close_with(&Reply::new(421, "4.7.0", "Too many failed logins, closing connection"));
        }
    }

    fn close_with(&mut self, reply: &Reply) {
        if !matches!(self.phase, Phase::Closed) {
            self.reply(reply);
            self.phase = Phase::Closed;
            self.input.clear();
            self.transaction = None;
            self.action = Some(Action::Close);
        }
    }
}

#[cfg(test)]
mod tests;

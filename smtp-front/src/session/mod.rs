//! The server's side of one SMTP connection as a state machine: bytes, the time and the backend's results go in, bytes
//! and [`Action`]s come out. It has no socket and no clock.
//!
//! # Rules it keeps
//! * A `250` to a message is said only after the backend took it (RFC 5321 6.1).
//! * No password is taken over an unencrypted connection unless [`Policy::allow_plaintext_auth`] says so, and no
//!   message is taken before a login unless the backend lets this client in without.
//! * A chunk (RFC 3030) is read to its last byte whatever is wrong with it, so that content is never taken as commands.
//! * What a client sent before TLS means nothing after it (RFC 3207 4.2), and nothing may follow STARTTLS unasked.
//! * Every buffer has a bound: the input one line or one piece; the content goes out in pieces as it comes.

mod auth;
mod content;
mod policy;
mod reply;
mod transaction;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

pub use policy::{Authentication, Policy};

use mail_core::Credentials;
use mail_core::listener::{LineReader, LineTooLong, ReaderFull};
use mail_core::sasl::{Exchange, MAX_RESPONSE};

use self::content::Chunk;
use self::reply::Reply;
use self::transaction::{Mail, Transaction};
use crate::command::{self, Command, CommandError};
use crate::data::DataReceiver;
use crate::submit::{Address, Envelope, Grant, Recipient, SubmitError};

/// The longest command line in bytes. RFC 5321 4.5.3.1.4 asks for 512 plus what extensions add.
const MAX_COMMAND_LINE: usize = 2000;
/// So much input may wait: the longest line, and what comes in one piece while its end is missing.
const MAX_INPUT: usize = MAX_RESPONSE + 2 + (32 << 10);
/// Replies beyond this are handed out before more input is worked on.
const OUTPUT_WATERMARK: usize = 16 * 1024;

/// What the session wants done, in this order. After those that ask something it does nothing until it is told the result.
#[derive(Debug)]
pub enum Action {
    /// Send these bytes to the client.
    Send(Bytes),
    /// Do the TLS handshake on this connection, then call [`Session::tls_started`].
    StartTls,
    /// Check these credentials, then call [`Session::login_done`].
    Login(Credentials),
    /// Ask whether the client may submit without a login, then call [`Session::guest_done`].
    Guest,
    /// Ask whether the client may send as this sender, then call [`Session::sender_done`].
    CheckSender(Option<Address>),
    /// Ask whether the client may send to this recipient, then call [`Session::recipient_done`].
    CheckRecipient(Recipient),
    /// Add these bytes to the message. If that fails, remember it until [`Action::Submit`].
    Store(Bytes),
    /// Drop what was stored.
    Discard,
    /// Submit what was stored as the client that was let in, then call [`Session::submit_done`]. Nothing is stored then.
    Submit(Envelope),
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
    /// What comes is a chunk of a message.
    Chunk(Chunk),
    /// The backend was asked something at this time.
    Waiting(Wait, Instant),
    /// The TLS handshake runs.
    Handshake,
    /// Nothing more is read.
    Closed,
}

/// What the backend was asked.
#[derive(Debug)]
enum Wait {
    Login(Exchange),
    Guest(Mail),
    Sender(Mail),
    Recipient(Recipient),
    Submit,
}

/// Who the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Nobody knows.
    None,
    /// Let in without a login.
    Guest,
    /// Logged in.
    User,
}

impl Access {
    /// The longest command line. The first answer of an AUTH exchange may be in it, with a long token.
    fn max_line(self) -> usize {
        if self == Self::User { MAX_COMMAND_LINE } else { MAX_RESPONSE }
    }
}

/// One connection. See the [module](self).
#[derive(Debug)]
pub struct Session {
    policy: Policy,
    phase: Phase,
    input: LineReader,
    output: Vec<u8>,
    actions: VecDeque<Action>,
    encrypted: bool,
    access: Access,
    grant: Grant,
    greeted: bool,
    transaction: Option<Transaction>,
    transactions: u32,
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
            input: LineReader::new(MAX_INPUT),
            output: Vec::new(),
            actions: VecDeque::new(),
            encrypted,
            access: Access::None,
            grant: Grant::default(),
            greeted: false,
            transaction: None,
            transactions: 0,
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

    /// Takes bytes from the client, 32 KiB at most. Call it only when [`Self::poll`] has nothing to do and
    /// [`Self::wants_input`]; if far more comes than was asked for, the session ends.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.idle_deadline = now + self.policy.idle_time;
        if let Err(ReaderFull) = self.input.push(bytes) {
            self.close_with(&Reply::new(421, "4.3.0", "Too much input at once"));
        }
    }

    /// The next thing to do, or `None` if the session waits for input or for a result.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        while self.actions.is_empty() && self.output.len() < OUTPUT_WATERMARK && self.step(now) {}
        if self.output.is_empty() {
            return self.actions.pop_front();
        }
        Some(Action::Send(std::mem::take(&mut self.output).into()))
    }

    /// Whether the session waits for the client.
    pub fn wants_input(&self) -> bool {
        matches!(self.phase, Phase::Command | Phase::Auth(_) | Phase::Data(_) | Phase::Chunk(_))
    }

    /// When [`Self::timeout`] is due unless something comes before; `None` while the session waits for the backend.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting(..) => None,
            _ if self.access != Access::None => Some(self.idle_deadline),
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

    /// There are too many connections for this one to stay.
    pub fn crowded_out(&mut self) {
        self.close_with(&Reply::new(421, "4.7.0", "Too many connections, try again later"));
    }

    /// The TLS handshake that [`Action::StartTls`] asked for succeeded. The client starts anew (RFC 3207 4.2).
    pub fn tls_started(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Handshake) {
            self.phase = Phase::Command;
            self.input.clear();
            self.encrypted = true;
            self.greeted = false;
            self.access = Access::None;
            self.reset();
            self.idle_deadline = now + self.policy.idle_time;
        }
    }

    fn wait(&mut self, wait: Wait, action: Action, now: Instant) {
        self.phase = Phase::Waiting(wait, now);
        self.actions.push_back(action);
    }

    /// The backend has answered: what it was asked.
    fn waited(&mut self, now: Instant) -> Option<Wait> {
        let Phase::Waiting(..) = self.phase else { return None };
        let Phase::Waiting(wait, since) = std::mem::replace(&mut self.phase, Phase::Command) else { return None };
        self.idle_deadline = now + self.policy.idle_time;
        // The time the backend took is not the client's fault.
        self.login_deadline += now.saturating_duration_since(since);
        Some(wait)
    }

    /// The largest message that this client may send.
    fn max_message(&self) -> u64 {
        let limit = self.policy.max_message as u64;
        self.grant.max_message.map_or(limit, |granted| granted.min(limit))
    }

    /// Works on one line or piece of input; `false` if there is none.
    fn step(&mut self, now: Instant) -> bool {
        match &mut self.phase {
            Phase::Command => match self.input.line_or_drop(self.access.max_line()) {
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
            Phase::Auth(_) => match self.input.line_or_drop(MAX_RESPONSE) {
                None => false,
                Some(line) => {
                    self.answer(line, now);
                    true
                }
            },
            Phase::Data(_) | Phase::Chunk(_) if self.input.pending().is_empty() => false,
            Phase::Data(_) => {
                self.data_piece(now);
                true
            }
            Phase::Chunk(_) => {
                self.chunk_piece(now);
                true
            }
            Phase::Waiting(..) | Phase::Handshake | Phase::Closed => false,
        }
    }

    fn command(&mut self, line: &[u8], now: Instant) {
        let command = match command::parse(line) {
            Ok(command) => command,
            Err(error) => {
                tracing::debug!(%error, "command refused");
                let reply = Reply::command_refused(error);
                // After an unknown number of bytes nobody knows what is content and what a command.
                let lost = matches!(error, CommandError::OtherProtocol | CommandError::ChunkSize);
                return if lost { self.close_with(&reply) } else { self.refuse(&reply) };
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
            Command::Mail { sender, parameters } => self.mail(sender, parameters, now),
            Command::Rcpt { recipient, parameters } => self.rcpt(recipient, parameters, now),
            Command::Data => self.data(),
            Command::Bdat { size, last } => self.bdat(size, last, now),
            Command::Rset => {
                self.reset();
                self.reply(&Reply::new(250, "2.0.0", "OK"));
            }
            Command::Noop => self.reply(&Reply::new(250, "2.0.0", "OK")),
            Command::Vrfy => self.reply(&Reply::new(252, "2.5.2", "Cannot verify, send some mail and see")),
            Command::Expn => self.reply(&Reply::new(502, "5.5.1", "Lists are not told")),
            Command::Help => self.reply(&Reply::new(
                214,
                "2.0.0",
                "Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT (RFC 5321)",
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
            "CHUNKING".to_owned(),
            "DSN".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
            // RFC 9422.
            format!("LIMITS RCPTMAX={} MAILMAX={}", self.policy.max_recipients, self.policy.max_transactions),
        ];
        if self.policy.smtputf8 {
            lines.push("SMTPUTF8".to_owned());
        }
        if self.policy.starttls && !self.encrypted {
            lines.push("STARTTLS".to_owned());
        }
        if self.may_authenticate() && !self.policy.mechanisms.is_empty() {
            lines.push(format!("AUTH{}", self.mechanisms()));
        }
        lines.push("HELP".to_owned());
        reply::write_lines(&mut self.output, 250, &lines);
    }

    /// EHLO and HELO end a transaction (RFC 5321 4.1.4).
    fn greet(&mut self, name: &str) {
        tracing::debug!(name, "client says hello");
        self.greeted = true;
        self.reset();
    }

    /// RFC 3207 4.
    fn start_tls(&mut self) {
        if self.encrypted {
            self.refuse(&Reply::new(503, "5.5.1", "TLS is already active"));
        } else if !self.policy.starttls {
            self.refuse(&Reply::new(502, "5.5.1", "STARTTLS is not available"));
        } else if self.access == Access::User {
            self.refuse(&Reply::new(503, "5.5.1", "STARTTLS is not allowed after AUTH"));
        } else if !self.input.pending().is_empty() {
            // Somebody on the way may have put this in, for the server to take as said inside TLS.
            self.close_with(&Reply::new(554, "5.5.1", "Nothing may follow STARTTLS before the handshake"));
        } else {
            self.phase = Phase::Handshake;
            self.actions.push_back(Action::StartTls);
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
            self.actions = VecDeque::from([Action::Close]);
        }
    }
}

#[cfg(test)]
mod tests;

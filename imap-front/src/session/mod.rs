//! One client's session: a state machine without input, output or clock.
//!
//! It is fed what [`crate::frame::Framer`] cut, the answers of the store, and the newest snapshots of its folder; it yields
//! [`Action`]s. A command runs until it is done before the next is taken; what a folder's changes make the client know is
//! told only where the protocol allows.

mod action;
mod cmd;
mod contexts;
mod core;
mod enabled;
mod known_metadata;
mod limits;
mod matching;
mod notify;
mod object_id;
mod ordered;
mod outcome;
mod recent;
mod searched;
mod selected;
mod shows;
mod sifting;
mod step;
mod vanished;
mod view;
mod work;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use mail_core::{Snapshot, StoreChanges};
use tracing::Span;
use zeroize::Zeroizing;

use crate::frame::{Expect, FrameLimits, MESSAGE_TOO_LARGE, NO_ROOM, Refusal, TOO_MANY_MESSAGES};
use crate::proto::lower::{SyntaxError, lower_with};
use crate::proto::mailbox_name::Names;
use crate::proto::request::{FetchItem, Tagged};
use crate::proto::response::Output;
use crate::proto::tag::tag_of;
use crate::store::StoreError;

pub use action::{Action, Apart, Call, Opened, Reply};
pub use limits::{Limits, SessionConfig};
pub use ordered::Told;
pub use work::{Work, Worked};

use outcome::{Outcome, Status, Sync};

use self::contexts::{Coming, Open};
use self::core::{Core, SessionState};
use self::enabled::Enabled;
use self::step::{Progress, Resume, Step, With};

/// So many new messages are shown at a time to a client that did not ask for each.
const MAX_SHOWN: usize = 1000;

/// See the module.
pub struct Session {
    core: Core,
    running: Option<Running>,
    /// IDLE, while something is told.
    idling: Option<Running>,
    /// What is being shown, as it comes to what a search found.
    coming: Option<Coming>,
    /// The command that is done once it is known what it changed in what searches found.
    ending: Option<Ending>,
    started: Instant,
    /// When the client or the store last said something, and when the client was last told that the session lives.
    heard: Instant,
    told: Instant,
    bad: u32,
    /// The command that was answered last, and with what status.
    answered: Option<(&'static str, &'static str)>,
    /// Set when the selected folder can't be followed any more.
    gone: bool,
    signed_out: bool,
    shutdown: bool,
}

struct Running {
    command: Current,
    wait: Wait,
    resume: Box<dyn Resume>,
}

/// New messages that the client wants to be shown.
enum New {
    /// All of them, and what of each.
    Messages(Vec<u32>, Vec<FetchItem>),
    /// Those that come to what a search found.
    Found(Coming),
    /// Those that are to be read to see whether they do.
    Open(Open),
    TooMany,
}

/// The command that is being executed.
struct Current {
    /// Empty if it is none that the client sent: something is told (RFC 5465).
    tag: String,
    name: &'static str,
    /// Whether FETCH responses must have the UID.
    uid: bool,
    span: Span,
}

/// How a command ends.
struct Ending {
    tag: String,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Reply,
    /// The same in the middle of a response.
    Within,
    Taken,
    Line,
    Idle,
}

impl Session {
    /// A session on a new connection; it begins with the greeting.
    pub fn new(config: Arc<SessionConfig>, encrypted: bool, now: Instant) -> Self {
        let mut core = Core {
            config,
            state: SessionState::NotAuthenticated,
            out: Output::default(),
            encrypted,
            compressed: false,
            login_failures: 0,
            enabled: Enabled::default(),
            notify: None,
            apart: Vec::new(),
            actions: VecDeque::new(),
            tag: String::new(),
            time: 0,
        };
        let capabilities = format!("CAPABILITY {}", core.capabilities());
        core.out.status("*", "OK", Some(&capabilities), "IMAP server ready");
        Self {
            core,
            running: None,
            idling: None,
            coming: None,
            ending: None,
            started: now,
            heard: now,
            told: now,
            bad: 0,
            answered: None,
            gone: false,
            signed_out: false,
            shutdown: false,
        }
    }

    /// What the client's next bytes are, or nothing while it must wait.
    pub fn expects(&self) -> Option<Expect> {
        match (&self.core.state, &self.running) {
            (SessionState::Ended, _) => None,
            (_, None) => Some(Expect::Command),
            (_, Some(Running { wait: Wait::Line | Wait::Idle, .. })) => Some(Expect::Line),
            _ => None,
        }
    }

    /// The bounds for the client's next bytes.
    pub fn frame_limits(&self) -> &FrameLimits {
        let limits = &self.core.config.limits;
        if self.is_authenticated() { &limits.after_login } else { &limits.before_login }
    }

    /// Whether the client has logged in.
    pub fn is_authenticated(&self) -> bool {
        matches!(self.core.state, SessionState::Authenticated | SessionState::Selected(_))
    }

    /// Whether a folder is selected; if not, the server may let go of the last one it opened.
    pub fn is_selected(&self) -> bool {
        matches!(self.core.state, SessionState::Selected(_))
    }

    /// Whether changes of the folder are to be told at once.
    pub fn is_idling(&self) -> bool {
        matches!(self.running, Some(Running { wait: Wait::Idle, .. }))
    }

    /// The span of the command that is being executed.
    pub fn span(&self) -> Span {
        self.running.as_ref().map_or_else(Span::none, |running| running.command.span.clone())
    }

    /// The name of the command that has been answered since this was asked last, and the status of the answer.
    pub fn take_answered(&mut self) -> Option<(&'static str, &'static str)> {
        self.answered.take()
    }

    /// When [`Session::timeout`] is to be called, unless something happens before.
    pub fn deadline(&self) -> Option<Instant> {
        let limits = &self.core.config.limits;
        match (&self.core.state, self.running.as_ref().map(|running| running.wait)) {
            (SessionState::Ended, _)
            | (_, Some(Wait::Taken | Wait::Within))
            | (SessionState::NotAuthenticated, Some(Wait::Reply)) => None,
            (_, Some(Wait::Reply)) => Some(self.heard.max(self.told) + limits.patience),
            (SessionState::NotAuthenticated, _) => Some(self.started + limits.login_timeout),
            (_, Some(Wait::Idle)) => Some((self.heard + limits.idle_timeout).min(self.told + limits.keepalive)),
            _ => Some(self.heard + limits.idle_timeout),
        }
    }

    /// What is to be done next. To be called until it gives nothing, after everything else that is called.
    pub fn next_action(&mut self) -> Option<Action> {
        loop {
            if let Some(bytes) = self.core.out.take() {
                return Some(Action::Send(bytes));
            }
            if let Some(action) = self.core.actions.pop_front() {
                return Some(action);
            }
            if self.running.as_ref().is_some_and(|running| running.wait == Wait::Taken) {
                self.resume(With::Taken);
            } else if !self.begin_telling() {
                return None;
            }
        }
    }

    /// What time it is, in seconds since 1970-01-01 UTC: to be told before each command.
    pub fn tell_time(&mut self, unix_seconds: i64) {
        self.core.time = unix_seconds;
    }

    /// A command came. `pipelined` tells whether the client sent more already.
    pub fn command(&mut self, command: &[u8], pipelined: bool, now: Instant) {
        self.core.apart = Vec::new();
        self.lower(command, pipelined, now);
    }

    fn lower(&mut self, command: &[u8], pipelined: bool, now: Instant) {
        let names = if self.core.enabled.utf8() { Names::Utf8 } else { Names::ModifiedUtf7 };
        self.start(lower_with(command, names), pipelined, now);
    }

    fn start(&mut self, command: Result<Tagged, SyntaxError>, pipelined: bool, now: Instant) {
        if self.running.is_some() || matches!(self.core.state, SessionState::Ended) {
            return;
        }
        self.heard = now;
        match command {
            Err(error) => {
                let tag = error.tag.unwrap_or_else(|| "*".to_owned());
                // Nothing of the command itself: there may be a password in it.
                tracing::debug!(tag, why = %error.text, "a command that is not understood");
                self.finish(&tag, Outcome::bad(error.text), false);
            }
            Ok(tagged) => {
                let name = tagged.request.name();
                let span = tracing::info_span!("command", tag = tagged.tag, name);
                self.core.tag.clone_from(&tagged.tag);
                let command = Current { tag: tagged.tag, name, uid: name.starts_with("UID "), span };
                let step = command.span.in_scope(|| cmd::start(&mut self.core, tagged.request, pipelined));
                self.proceed(command, step);
            }
        }
    }

    /// A command came with large messages that were taken in apart from it, or could not be.
    pub fn append(&mut self, command: &[u8], apart: Result<Vec<Apart>, StoreError>, pipelined: bool, now: Instant) {
        match apart {
            Ok(apart) => {
                self.core.apart = apart;
                self.lower(command, pipelined, now);
            }
            Err(error) => {
                self.heard = now;
                let tag = tag_of(command).unwrap_or_else(|| "*".to_owned());
                self.finish(&tag, Outcome::failed(&error), false);
            }
        }
    }

    /// A line came where [`Expect::Line`] was expected.
    pub fn line(&mut self, line: Zeroizing<Vec<u8>>, now: Instant) {
        self.heard = now;
        if matches!(self.running, Some(Running { wait: Wait::Line | Wait::Idle, .. })) {
            self.resume(With::Line(line));
        }
    }

    /// Says something, where that is allowed, to a client that has sent all it will: if it has gone, its connection fails by
    /// that.
    pub fn probe(&mut self) {
        if matches!(self.running, Some(Running { wait: Wait::Reply, .. })) && self.is_authenticated() {
            self.tell_progress();
        }
    }

    /// A piece of a large message came: the client is there.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// A synchronising literal was announced: let the client go on.
    pub fn literal(&mut self) {
        self.core.out.text("+ Ready for literal data\r\n");
    }

    /// A command was thrown away because of its size.
    pub fn refused(&mut self, refusal: &Refusal) {
        if let Some(Running { command, .. }) = self.running.take() {
            self.finish(&command.tag, Outcome::bad(refusal.reason), command.uid);
        } else {
            let tag = refusal.tag.clone().unwrap_or_else(|| "*".to_owned());
            let outcome = if refusal.reason == MESSAGE_TOO_LARGE {
                // RFC 7889 4
                Outcome::no("TOOBIG", refusal.reason).sync(Sync::Nothing)
            } else if matches!(refusal.reason, NO_ROOM | TOO_MANY_MESSAGES) {
                Outcome::no("LIMIT", refusal.reason).sync(Sync::Nothing)
            } else {
                Outcome::bad(refusal.reason).code("TOOBIG")
            };
            self.finish(&tag, outcome, false);
        }
        if refusal.fatal {
            self.bye(Some("TOOBIG"), "Command too large to be skipped");
        }
    }

    /// The answer to the call came.
    pub fn reply(&mut self, reply: Reply, now: Instant) {
        if self.running.as_ref().is_some_and(|running| running.command.tag.is_empty()) {
            // The client did not ask for it: it may be gone for long.
            self.told = now;
        } else {
            self.heard = now;
        }
        if matches!(self.running, Some(Running { wait: Wait::Reply | Wait::Within, .. })) {
            self.resume(With::Reply(reply));
        }
    }

    /// The store published this newest state of the selected folder.
    pub fn snapshot(&mut self, snapshot: Arc<Snapshot>, now: Instant) {
        let SessionState::Selected(selected) = &mut self.core.state else { return };
        selected.set_newest(snapshot);
        if self.tell_at_once() {
            self.told = now;
        }
    }

    /// Whether it is told of changes while no command runs: [`Session::snapshot`] is to be called at once then.
    pub fn follows(&self) -> bool {
        self.at_once().is_some()
    }

    /// Something changed in the mailbox, after [`Action::Watch`].
    pub fn mailbox_changed(&mut self, changes: StoreChanges) {
        if let Some(notify) = &mut self.core.notify {
            notify.changed(changes);
        }
    }

    /// The selected folder is gone, or its UIDVALIDITY changed.
    pub fn folder_gone(&mut self) {
        if !self.is_selected() {
            return;
        }
        self.gone = true;
        if self.running.is_none() || self.is_idling() {
            self.bye(None, "The selected mailbox is gone or was renewed");
        }
    }

    /// What the user logged in with is not valid any more: the session ends once its command is done.
    pub fn signed_out(&mut self) {
        self.signed_out = true;
        if self.running.is_none() || self.is_idling() {
            self.bye(Some("AUTHENTICATIONFAILED"), "Log in again");
        }
    }

    /// There are too many connections for this one to stay: of the user, or from everywhere.
    pub fn crowded_out(&mut self, of_user: bool) {
        self.bye(Some("LIMIT"), if of_user { "Too many connections of this user" } else { "Too many connections" });
    }

    /// TLS was negotiated after [`Action::StartTls`].
    pub fn encrypted(&mut self) {
        self.core.encrypted = true;
    }

    /// The server is about to stop: the session ends once its command is done.
    pub fn shutdown(&mut self) {
        self.shutdown = true;
        if self.expects().is_some() {
            self.bye(Some("UNAVAILABLE"), "Server shutting down");
        }
    }

    /// The server stops now: the session ends, whatever its command does.
    pub fn cut_off(&mut self) {
        if matches!(self.running, Some(Running { wait: Wait::Within, .. })) {
            // Whatever is said in the middle of a response would be a part of it.
            return self.end();
        }
        self.bye(Some("UNAVAILABLE"), "Server shutting down, and the command is not done yet");
    }

    /// [`Session::deadline`] has passed.
    pub fn timeout(&mut self, now: Instant) {
        let limits = &self.core.config.limits;
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if !self.is_authenticated() {
            self.bye(None, "Login took too long");
        } else if matches!(self.running, Some(Running { wait: Wait::Reply, .. })) {
            self.told = now;
            self.tell_progress();
        } else if now >= self.heard + limits.idle_timeout {
            self.bye(None, "Idle for too long");
        } else {
            self.told = now;
            self.core.out.untagged("OK Still here");
        }
    }

    /// RFC 9585. Where it is not known how far the command is, only that it goes on.
    fn tell_progress(&mut self) {
        let Some(Running { command, resume, .. }) = &self.running else { return };
        let state = match resume.progress() {
            Some(Progress { done, goal }) if done < goal => format!("{done} {goal}"),
            _ => "NIL NIL".to_owned(),
        };
        if command.tag.is_empty() {
            self.core.out.untagged("OK Still here");
            return;
        }
        let code = format!("INPROGRESS (\"{}\" {state})", command.tag);
        self.core.out.status("*", "OK", Some(&code), "Still working");
    }

    fn resume(&mut self, with: With) {
        let Some(Running { command, resume, .. }) = self.running.take() else { return };
        let step = command.span.in_scope(|| resume.resume(&mut self.core, with));
        self.proceed(command, step);
    }

    fn proceed(&mut self, command: Current, step: Step) {
        let (wait, resume) = match step {
            Step::Done(outcome) if command.tag.is_empty() => return self.done_telling(outcome),
            Step::Done(outcome) => {
                command.span.in_scope(|| {
                    tracing::debug!(status = outcome.status.word(), code = outcome.code.as_deref(), "done");
                });
                self.answered = Some((command.name, outcome.status.word()));
                return self.finish(&command.tag, outcome, command.uid);
            }
            Step::Call(call, resume) => {
                self.core.actions.push_back(Action::Call(call));
                (Wait::Reply, resume)
            }
            Step::More(resume) => (Wait::Reply, resume),
            Step::Work(work, resume) => {
                self.core.actions.push_back(Action::Work(work));
                (Wait::Reply, resume)
            }
            Step::Within(work, resume) => {
                self.core.actions.push_back(Action::Work(work));
                (Wait::Within, resume)
            }
            Step::Again(resume) => (Wait::Taken, resume),
            Step::Line(resume) => (Wait::Line, resume),
            Step::Idle(resume) => (Wait::Idle, resume),
        };
        self.running = Some(Running { command, wait, resume });
        if wait == Wait::Idle {
            self.told = self.heard;
            self.tell_at_once();
            if self.gone {
                self.folder_gone();
            }
        }
    }

    fn finish(&mut self, tag: &str, outcome: Outcome, uid: bool) {
        if outcome.sync != Sync::Nothing {
            self.sync(outcome.sync == Sync::All, uid);
        }
        self.end_command(Ending { tag: tag.to_owned(), outcome });
    }

    /// Ends a command, once what it changed in the results of searches is known.
    fn end_command(&mut self, ending: Ending) {
        if let SessionState::Selected(selected) = &self.core.state
            && let Some(open) = selected.contexts.open()
        {
            self.ending = Some(ending);
            return self.tell(Some(New::Open(open)));
        }
        let Ending { tag, outcome } = ending;
        if matches!(self.core.state, SessionState::Ended) && !outcome.close {
            return;
        }
        self.core.out.status(&tag, outcome.status.word(), outcome.code.as_deref(), &outcome.text);
        match outcome.status {
            Status::Bad => self.bad += 1,
            // Who makes a mistake now and then is no scanner. Before login every command counts.
            Status::Ok if self.is_authenticated() => self.bad = 0,
            Status::Ok | Status::No => {}
        }
        if outcome.close {
            self.end();
        } else if self.bad >= self.core.config.limits.max_bad_commands {
            self.bye(None, "Too many bad commands");
        } else {
            self.settle();
        }
    }

    /// What had to wait for the end of a command.
    fn settle(&mut self) {
        if self.gone {
            self.gone = false;
            self.folder_gone();
        } else if self.signed_out {
            self.signed_out();
        } else if self.shutdown {
            self.shutdown();
        }
    }

    /// Whether changes of the selected folder are to be told now, though no command ends; whether numbers may change by that,
    /// and whether flags are told without anything else (RFC 2177, RFC 5465 4, 6.1).
    fn at_once(&self) -> Option<(bool, bool)> {
        let idles = self.is_idling();
        match &self.core.notify {
            None => idles.then_some((true, true)),
            Some(notify) => {
                let selected = notify.selected.as_ref()?;
                (idles || self.running.is_none()).then_some((idles || !selected.delayed, selected.flags))
            }
        }
    }

    fn tell_at_once(&mut self) -> bool {
        let Some((numbers_may_change, flags)) = self.at_once() else { return false };
        let with_uid = self.core.notify.is_some();
        let SessionState::Selected(selected) = &self.core.state else { return false };
        let news = selected.has_news(numbers_may_change, flags);
        if news {
            self.sync(numbers_may_change, with_uid);
        }
        news
    }

    /// Begins to tell what is to be told without a command (RFC 5465), if there is something and nothing runs.
    fn begin_telling(&mut self) -> bool {
        let idles = self.is_idling();
        if !(idles || self.running.is_none()) || !self.is_authenticated() {
            return false;
        }
        if self.tell_at_once() {
            return true;
        }
        let new = self.take_new();
        if new.is_none() && !self.core.notify.as_ref().is_some_and(notify::Notify::has_pending) {
            return false;
        }
        self.idling = self.running.take();
        self.tell(new);
        true
    }

    /// Begins to tell of what is new.
    fn tell(&mut self, new: Option<New>) {
        let span = tracing::info_span!("notify");
        let core = &mut self.core;
        if let Some(New::Found(coming)) = &new {
            self.coming = Some(coming.clone());
        }
        let step = span.in_scope(|| match new {
            Some(New::Messages(uids, items)) => cmd::show_new(core, &uids, items),
            Some(New::Found(coming)) => cmd::show_new(core, &coming.uids, coming.items),
            Some(New::Open(open)) => cmd::follow(core, open),
            Some(New::TooMany) => cmd::overflow(core),
            None => cmd::look(core),
        });
        self.proceed(Current { tag: String::new(), name: "NOTIFY", uid: true, span }, step);
    }

    /// The new messages that are to be shown (RFC 5465 5.2, 7).
    fn take_new(&mut self) -> Option<New> {
        let SessionState::Selected(selected) = &mut self.core.state else { return None };
        let rows = selected.view().known.rows();
        let rank = rows.rank(selected.shown_up_to.saturating_add(1));
        let count = rows.len() - rank;
        if count > 0 {
            let uids = || rows.iter_from(rank).map(|row| row.uid).collect();
            let wanted = self.core.notify.as_ref().and_then(|notify| notify.selected.as_ref());
            let new = match wanted.map(|wanted| &wanted.items).filter(|items| !items.is_empty()) {
                Some(_) if count > MAX_SHOWN => Some(New::TooMany),
                Some(items) => Some(New::Messages(uids(), items.clone())),
                None => None,
            };
            selected.shown_up_to = selected.view().last_uid();
            if new.is_some() {
                return new;
            }
        }
        let open = selected.contexts.open().map(New::Open);
        open.or_else(|| selected.contexts.coming().map(New::Found))
    }

    /// What was to be told was told.
    fn done_telling(&mut self, outcome: Outcome) {
        if let SessionState::Selected(selected) = &mut self.core.state {
            selected.tell_all();
            if let Some(coming) = self.coming.take() {
                selected.came(&coming, &mut self.core.out);
            }
        }
        self.coming = None;
        self.running = self.idling.take();
        if outcome.close {
            self.end();
        } else if let Some(ending) = self.ending.take() {
            self.end_command(ending);
        } else if !matches!(self.core.state, SessionState::Ended) {
            self.settle();
        }
    }

    fn sync(&mut self, numbers_may_change: bool, uid: bool) {
        let SessionState::Selected(selected) = &mut self.core.state else { return };
        if selected.sync(&mut self.core.out, self.core.enabled, numbers_may_change, uid).is_err() {
            self.bye(None, "The selected mailbox was renewed");
        }
    }

    fn bye(&mut self, code: Option<&str>, text: &str) {
        if !matches!(self.core.state, SessionState::Ended) {
            self.core.out.status("*", "BYE", code, text);
            self.end();
        }
    }

    fn end(&mut self) {
        self.core.state = SessionState::Ended;
        self.running = None;
        self.idling = None;
        self.ending = None;
        self.core.actions.push_back(Action::Close);
    }
}

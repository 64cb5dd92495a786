use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

use super::action::{Action, Apart};
use super::enabled::Enabled;
use super::limits::SessionConfig;
use super::notify::Notify;
use super::outcome::Outcome;
use super::selected::Selected;
use crate::proto::response::Output;

/// What CAPABILITY shows in every state. OBJECTID is not among it although its items are known: copies must have the EMAILID
/// of their source (RFC 8474 5.1), and what Exchange delivered gets a boundary of its own with each copy.
const ALWAYS: &[&str] = &[
    "IMAP4rev1",
    "LITERAL+",
    "SASL-IR",
    "ID",
    "IDLE",
    "NAMESPACE",
    "UNSELECT",
    "CHILDREN",
    "SPECIAL-USE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "STATUS=SIZE",
    "PREVIEW",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "METADATA",
    "UIDPLUS",
    "MOVE",
    "ENABLE",
    "BINARY",
    "MULTIAPPEND",
    "CATENATE",
    "REPLACE",
    "UTF8=ACCEPT",
    "CONDSTORE",
    "QRESYNC",
    "UIDONLY",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "PARTIAL",
    "INPROGRESS",
    "UIDBATCHES",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "THREAD=REFS",
    "CONTEXT=SEARCH",
    "NOTIFY",
];

/// What commands work on.
pub(crate) struct Core {
    pub config: Arc<SessionConfig>,
    pub state: SessionState,
    pub out: Output,
    pub encrypted: bool,
    pub compressed: bool,
    pub login_failures: u32,
    pub enabled: Enabled,
    /// What the client wants to be told, once it said so.
    pub notify: Option<Notify>,
    /// The messages that came apart from the command that is being executed.
    pub apart: Vec<Apart>,
    pub actions: VecDeque<Action>,
    /// The tag of the command that is being executed.
    pub tag: String,
    /// Seconds since 1970-01-01 UTC when it came.
    pub time: i64,
}

/// Where a session is (RFC 9051 3).
pub(crate) enum SessionState {
    NotAuthenticated,
    Authenticated,
    Selected(Box<Selected>),
    Ended,
}

impl Core {
    /// What CAPABILITY shows: what works, now.
    pub fn capabilities(&self) -> String {
        let mut all = ALWAYS.join(" ");
        if matches!(self.state, SessionState::NotAuthenticated) {
            if self.config.starttls && !self.encrypted {
                all.push_str(" STARTTLS");
            }
            let accepts = self.config.accepts;
            let passwords = self.may_log_in() && accepts.passwords;
            all.push_str(if passwords { " AUTH=PLAIN" } else { " LOGINDISABLED" });
            if passwords && self.config.auth_login {
                all.push_str(" AUTH=LOGIN");
            }
            if self.may_log_in() && accepts.tokens {
                all.push_str(" AUTH=XOAUTH2 AUTH=OAUTHBEARER");
            }
        } else {
            if !self.compressed {
                all.push_str(" COMPRESS=DEFLATE");
            }
            // Writing to a String cannot fail.
            let _ = write!(all, " APPENDLIMIT={}", self.config.limits.after_login.append);
        }
        all
    }

    /// Whether a password may be sent on this connection.
    pub fn may_log_in(&self) -> bool {
        self.encrypted || self.config.allow_plaintext_auth
    }

    /// The selected folder.
    pub fn selected(&mut self) -> Option<&mut Selected> {
        match &mut self.state {
            SessionState::Selected(selected) => Some(selected),
            _ => None,
        }
    }

    /// Enables an extension that the client names; false if there is nothing of that name to be enabled.
    pub fn enable(&mut self, name: &str) -> bool {
        let had_condstore = self.enabled.condstore();
        let known = self.enabled.enable(name);
        if self.enabled.utf8() {
            self.out.accept_utf8();
        }
        if !had_condstore && self.enabled.condstore() {
            self.tell_modseq();
        }
        known
    }

    /// To be called by each command that makes the client one that knows of CONDSTORE (RFC 7162 3.1).
    pub fn use_condstore(&mut self) {
        if self.enabled.use_condstore() {
            self.tell_modseq();
        }
    }

    /// The MODSEQ up to which the client knows the folder, for one that did not care for it before.
    fn tell_modseq(&mut self) {
        if let SessionState::Selected(selected) = &self.state {
            selected.write_highest_modseq(&mut self.out);
        }
    }

    /// Leaves the selected folder, if there is one.
    pub fn unselect(&mut self) {
        if matches!(self.state, SessionState::Selected(_)) {
            self.state = SessionState::Authenticated;
        }
    }

    /// The outcome of a command that removed messages from the selected folder, and of which all is told with it.
    pub fn removed(&mut self, text: &'static str) -> Outcome {
        let outcome = Outcome::ok(text);
        match &self.state {
            // RFC 7162 3.2.7
            SessionState::Selected(selected) if self.enabled.condstore() => {
                outcome.code(format!("HIGHESTMODSEQ {}", selected.newest().highest_modseq()))
            }
            _ => outcome,
        }
    }

    pub fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }
}

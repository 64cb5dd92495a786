use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

use super::action::Action;
use super::limits::SessionConfig;
use super::selected::Selected;
use crate::proto::response::Output;

/// What commands work on.
pub(crate) struct Core {
    pub config: Arc<SessionConfig>,
    pub state: SessionState,
    pub out: Output,
    pub encrypted: bool,
    pub login_failures: u32,
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
        let mut all = "IMAP4rev1 LITERAL+ SASL-IR ID IDLE NAMESPACE UNSELECT CHILDREN SPECIAL-USE LIST-EXTENDED \
                       LIST-STATUS UIDPLUS MOVE ESEARCH SEARCHRES WITHIN PARTIAL INPROGRESS UIDBATCHES SORT SORT=DISPLAY \
                       ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS CONTEXT=SEARCH"
            .to_owned();
        if matches!(self.state, SessionState::NotAuthenticated) {
            if self.config.starttls && !self.encrypted {
                all.push_str(" STARTTLS");
            }
            let accepts = self.config.accepts;
            let passwords = self.may_log_in() && accepts.passwords;
            all.push_str(if passwords { " AUTH=PLAIN" } else { " LOGINDISABLED" });
            if self.may_log_in() && accepts.tokens {
                all.push_str(" AUTH=XOAUTH2 AUTH=OAUTHBEARER");
            }
        } else {
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

    /// Leaves the selected folder, if there is one.
    pub fn unselect(&mut self) {
        if matches!(self.state, SessionState::Selected(_)) {
            self.state = SessionState::Authenticated;
        }
    }

    pub fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }
}

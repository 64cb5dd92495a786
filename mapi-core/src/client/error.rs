use std::fmt;
use std::time::Duration;

use crate::ErrorCode;
use crate::auth::AuthError;
use crate::http::ResponseCode;
use crate::session::SessionError;
use crate::wire::WireError;

/// Why a request failed, sorted by what may have happened and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientError {
    /// The credentials are refused or cannot be used; nothing ran.
    Unauthorized(AuthError),
    /// The request never reached the server, although it was tried again.
    Unreachable(String),
    /// There is no session context (any more): server object handles are dead, reconnect. With a code the server did not
    /// run the request, as far as known servers go.
    ContextLost(Option<ResponseCode>),
    /// The request left and its answer did not come whole: it may have run. The session context is gone.
    OutcomeUnknown(String),
    /// The request left and its answer was not there in the whole time that it was allowed, whether the server said that it
    /// still works on it or not: it may have run. The session context is gone.
    TooSlow(Duration),
    /// ErrorCode or StatusCode of the answer.
    Rejected(ErrorCode),
    /// The server wants to be asked later; nothing ran. With the time that is left, if it is known: until then every
    /// request to the host fails in this way without being sent.
    Busy(Option<Duration>),
    /// An HTTP status that is no answer of a MAPI/HTTP endpoint. Redirects are among them: they are not followed.
    HttpStatus(u16),
    /// HTTP 200, but no MAPI/HTTP answer (a login page, say). The session context is gone.
    NotMapi(String),
    /// The answer could not be read: it ran.
    Protocol(WireError),
    /// The settings cannot be used.
    Configuration(String),
}

/// What is waited before asking a busy server again that did not say how long.
const USUAL_PAUSE: Duration = Duration::from_secs(5);
/// ecServerPaused comes to those who log on more than five times in that time ([MS-OXCSTOR] 3.2.5.1.3).
const LOGON_WINDOW: Duration = Duration::from_secs(10);

impl ClientError {
    /// For how long to wait before asking again, if the server is busy. Nothing ran then, and the session is as it was.
    pub fn busy_for(&self) -> Option<Duration> {
        match self {
            Self::Busy(left) => Some(left.unwrap_or(USUAL_PAUSE)),
            Self::Rejected(code) if code.is_busy() => Some(pause_after(*code)),
            _ => None,
        }
    }

    /// The error for a logon that was refused with `code` because the server is busy. It concerns this mailbox alone.
    pub(crate) fn busy_logon(code: ErrorCode) -> Self {
        Self::Busy(Some(pause_after(code)))
    }
}

fn pause_after(code: ErrorCode) -> Duration {
    if code == ErrorCode::SERVER_PAUSED { LOGON_WINDOW } else { USUAL_PAUSE }
}

impl From<SessionError> for ClientError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::ContextLost(code) => Self::ContextLost(code),
            SessionError::InFlight => Self::Configuration(error.to_string()),
            SessionError::Unauthorized => Self::Unauthorized(AuthError::Refused),
            SessionError::Busy(seconds) => Self::Busy(seconds.map(Duration::from_secs)),
            SessionError::HttpStatus(status) if status >= 500 => Self::OutcomeUnknown(error.to_string()),
            SessionError::HttpStatus(status) => Self::HttpStatus(status),
            SessionError::Rejected(code) => Self::Rejected(code),
            SessionError::NotMapi(what) => Self::NotMapi(what.to_owned()),
            SessionError::Wire(error) => Self::Protocol(error),
        }
    }
}

impl From<WireError> for ClientError {
    fn from(error: WireError) -> Self {
        Self::Protocol(error)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorized(error) => write!(f, "not authenticated: {error}"),
            Self::Unreachable(why) => write!(f, "server unreachable: {why}"),
            Self::ContextLost(Some(code)) => write!(f, "session context lost: response code {code}"),
            Self::ContextLost(None) => write!(f, "session context lost"),
            Self::OutcomeUnknown(why) => write!(f, "outcome unknown: {why}"),
            Self::TooSlow(limit) => write!(f, "outcome unknown: no whole answer within {} s", limit.as_secs_f32()),
            Self::Rejected(code) => write!(f, "rejected by the server: {code}"),
            Self::Busy(Some(after)) => write!(f, "server busy, ask again in {} s", after.as_secs()),
            Self::Busy(None) => write!(f, "server busy"),
            Self::HttpStatus(status) => write!(f, "HTTP status {status}"),
            Self::NotMapi(what) => write!(f, "no MAPI/HTTP answer: {what}"),
            Self::Protocol(error) => write!(f, "unreadable answer: {error}"),
            Self::Configuration(what) => write!(f, "configuration: {what}"),
        }
    }
}

impl std::error::Error for ClientError {}

use std::fmt;

use crate::ErrorCode;
use crate::http::ResponseCode;
use crate::wire::WireError;

/// What a response, or the state of the session context, says against a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionError {
    /// There is no session context. With the code that ended it, if a code did.
    ContextLost(Option<ResponseCode>),
    /// A request that excludes others is under way.
    InFlight,
    /// HTTP 401; nothing ran.
    Unauthorized,
    /// HTTP 429 or 503, or the code 0x6BB in an answer; nothing ran. Seconds of Retry-After.
    Busy(Option<u64>),
    /// Any other HTTP status but 200.
    HttpStatus(u16),
    /// StatusCode or ErrorCode of the answer.
    Rejected(ErrorCode),
    /// HTTP 200, but no MAPI/HTTP answer.
    NotMapi(&'static str),
    /// A body that cannot be read.
    Wire(WireError),
}

impl From<WireError> for SessionError {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContextLost(Some(code)) => write!(f, "session context lost: response code {code}"),
            Self::ContextLost(None) => write!(f, "no session context"),
            Self::InFlight => write!(f, "another request of this session context is under way"),
            Self::Unauthorized => write!(f, "not authenticated"),
            Self::Busy(Some(seconds)) => write!(f, "server busy for {seconds} s"),
            Self::Busy(None) => write!(f, "server busy"),
            Self::HttpStatus(status) => write!(f, "HTTP status {status}"),
            Self::Rejected(code) => write!(f, "rejected: {code}"),
            Self::NotMapi(what) => write!(f, "no MAPI/HTTP answer: {what}"),
            Self::Wire(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SessionError {}

use std::fmt;

use super::XmlError;
use crate::auth::AuthError;

/// Why there are no settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutodiscoverError {
    /// The server knows the request and refuses it; its ErrorCode and message.
    Refused(u32, String),
    /// The credentials are refused or cannot be used.
    Unauthorized(AuthError),
    /// This host is not among the allowed ones; nothing was sent there.
    NotAllowed(String),
    /// Redirected too often, or in a circle.
    TooManyRedirects,
    /// An HTTP status that is no answer.
    HttpStatus(u16),
    /// An answer that could not be read.
    Unreadable(XmlError),
    /// No answer.
    Unreachable(String),
    /// A URL that cannot be used: which, and why.
    Url(String, String),
    /// The answer has no URL for the mailbox store.
    NoMapiHttp,
}

impl AutodiscoverError {
    /// Of the errors of several hosts, the one that says most counts.
    pub(super) fn weight(&self) -> u8 {
        match self {
            Self::Refused(..) => 7,
            Self::NoMapiHttp => 6,
            Self::Unauthorized(_) => 5,
            Self::NotAllowed(_) => 4,
            Self::Unreadable(_) | Self::TooManyRedirects => 3,
            Self::HttpStatus(_) | Self::Url(..) => 2,
            Self::Unreachable(_) => 1,
        }
    }
}

impl fmt::Display for AutodiscoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code, message) => write!(f, "autodiscover refused: {code} {message}"),
            Self::Unauthorized(error) => write!(f, "autodiscover: {error}"),
            Self::NotAllowed(host) => write!(f, "autodiscover: host {host} is not allowed"),
            Self::TooManyRedirects => write!(f, "autodiscover: redirected too often"),
            Self::HttpStatus(status) => write!(f, "autodiscover: HTTP status {status}"),
            Self::Unreadable(error) => write!(f, "autodiscover: {error}"),
            Self::Unreachable(why) => write!(f, "autodiscover: no answer: {why}"),
            Self::Url(url, why) => write!(f, "autodiscover: URL {url}: {why}"),
            Self::NoMapiHttp => write!(f, "autodiscover: the answer has no MAPI/HTTP URL"),
        }
    }
}

impl std::error::Error for AutodiscoverError {}

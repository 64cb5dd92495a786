use std::fmt;

use super::{AutodiscoverError, MailboxSettings};
use crate::client::EndpointUrl;

/// One question on the way to the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Asks for the settings, with credentials (POX, [MS-OXDSCLI] 3.1.5).
    Settings(EndpointUrl),
    /// Asks for the URL of POX, without credentials (Autodiscover v2, JSON).
    Json(EndpointUrl),
    /// Asks for a redirect, without credentials, over plain http ([MS-OXDISCO] 3.1.5.4): only the redirect is believed.
    Redirect(EndpointUrl),
    /// Asks DNS for the hosts of this service ([MS-OXDISCO] 3.1.5.3).
    Srv(String),
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An answer of HTTP.
    Http {
        /// The status.
        status: u16,
        /// The header Location.
        location: Option<String>,
        /// The body; `None` if it is longer than any that is read.
        body: Option<Vec<u8>>,
    },
    /// Hosts and ports, the preferred one first.
    Hosts(Vec<(String, u16)>),
    /// None.
    Failed(AutodiscoverError),
}

/// A question, and what came of it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The question; of URLs that can't be used what they were.
    pub question: Result<Question, String>,
    /// The address it was asked for.
    pub address: String,
    /// What came of it.
    pub outcome: Result<Step, AutodiscoverError>,
}

/// What an answer leads to.
#[derive(Debug, Clone)]
pub enum Step {
    /// These are the settings; their URLs are not checked yet.
    Done(Box<MailboxSettings>),
    /// Ask this instead; never empty.
    Ask(Vec<Question>),
    /// Ask for this address instead.
    AskFor(String),
}

impl Question {
    /// Where it goes, if it goes to a URL.
    pub fn url(&self) -> Option<&EndpointUrl> {
        match self {
            Self::Settings(url) | Self::Json(url) | Self::Redirect(url) => Some(url),
            Self::Srv(_) => None,
        }
    }
}

impl Attempt {
    /// What was asked, or would have been.
    pub fn asked(&self) -> String {
        self.question.as_ref().map_or_else(Clone::clone, Question::to_string)
    }

    /// The URL that credentials were sent to, or would have been.
    pub fn with_credentials(&self) -> Option<&EndpointUrl> {
        match &self.question {
            Ok(Question::Settings(url)) => Some(url),
            _ => None,
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(url) => write!(f, "{url}"),
            Self::Json(url) | Self::Redirect(url) => write!(f, "{url} (without credentials)"),
            Self::Srv(name) => write!(f, "DNS SRV {name}"),
        }
    }
}

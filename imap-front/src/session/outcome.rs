use std::borrow::Cow;

use crate::store::StoreError;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub status: Status,
    pub code: Option<Cow<'static, str>>,
    pub text: Cow<'static, str>,
    /// Which changes of the selected folder may be told before the tagged response.
    pub sync: Sync,
    /// Whether the connection ends with it.
    pub close: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    No,
    Bad,
}

/// Which changes of the selected folder may be told (RFC 9051 7.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// None: the folder was just selected or left.
    Nothing,
    /// Those that leave message numbers as they are: FETCH, STORE and SEARCH by number.
    KeepNumbers,
    /// All.
    All,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
        }
    }
}

impl Outcome {
    pub fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self { status: Status::Ok, code: None, text: text.into(), sync: Sync::All, close: false }
    }

    pub fn no(code: impl Into<Cow<'static, str>>, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status: Status::No, code: Some(code.into()), ..Self::ok(text) }
    }

    pub fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self { status: Status::Bad, sync: Sync::Nothing, ..Self::ok(text) }
    }

    /// The one place where errors of the store become response codes (RFC 5530, RFC 5464 5).
    pub fn failed(error: &StoreError) -> Self {
        let code = match error {
            StoreError::AuthenticationFailed => "AUTHENTICATIONFAILED",
            StoreError::Unavailable(_) => "UNAVAILABLE",
            StoreError::NoSuchFolder => "NONEXISTENT",
            StoreError::NoPermission(_) => "NOPERM",
            StoreError::OverQuota(_) => "OVERQUOTA",
            StoreError::AlreadyExists => "ALREADYEXISTS",
            StoreError::HasChildren => "HASCHILDREN",
            StoreError::Cannot(_) => "CANNOT",
            StoreError::ExpungeIssued => "EXPUNGEISSUED",
            StoreError::Limit(_) => "LIMIT",
            StoreError::TooManyEntries => "METADATA TOOMANY",
            StoreError::NoPrivateEntries => "METADATA NOPRIVATE",
            StoreError::Internal(_) => "SERVERBUG",
        };
        Self::no(code, error.to_string())
    }

    /// The same of a call that was to store messages: a target that was there a moment ago may be made again.
    pub fn failed_to_store(error: &StoreError) -> Self {
        match error {
            StoreError::NoSuchFolder => Self::no("TRYCREATE", error.to_string()),
            error => Self::failed(error),
        }
    }

    /// A reply that does not belong to the call: a fault of ours, or of the server around the session.
    pub fn bug() -> Self {
        Self::failed(&StoreError::Internal("internal error".to_owned()))
    }

    pub fn code(self, code: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// The connection ends with it.
    pub fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    pub fn sync(self, sync: Sync) -> Self {
        Self { sync, ..self }
    }
}

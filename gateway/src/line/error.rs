use std::sync::Arc;

use mapi_core::ErrorCode;
use mapi_core::auth::AuthError;
use mapi_core::client::ClientError;
use mapi_core::mailbox::MailboxError;
use thiserror::Error;

use crate::ledger::LedgerError;

/// Why something could not be done with the upstream, sorted by what follows for clients. Cheap to clone: everybody who
/// waited for the same attempt gets the same answer.
#[derive(Debug, Clone, Error)]
pub enum UpstreamError {
    /// The upstream refused the credentials.
    #[error("{0}")]
    Unauthorized(AuthError),
    /// The gateway can't authenticate to the upstream, whatever the password: configuration or servers must change.
    #[error("the gateway can't sign in to the upstream: {0}")]
    SignIn(String),
    /// The user isn't one the configuration lets in, or has no mailbox.
    #[error("{0}")]
    NoMailbox(String),
    /// Not reachable, or it answers nonsense. Nothing was done.
    #[error("{0}")]
    Unreachable(String),
    /// Too many wrong passwords were tried; the upstream was not asked.
    #[error("too many wrong passwords; the next one is passed on in {} s", .0.as_secs())]
    TooManyAttempts(std::time::Duration),
    /// Asks to come back later. Nothing was done.
    #[error("the upstream is busy: {0}")]
    Busy(String),
    /// The connection died under a request, or the request was given up, and it may or may not have been carried out.
    #[error("the upstream did not answer, the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// An operation was refused.
    #[error("{operation}: {code}")]
    Refused {
        /// The remote operation.
        operation: String,
        /// Its return value.
        code: ErrorCode,
    },
    /// The user may not send in the name of this address.
    #[error("not allowed to send as {0}")]
    SenderDenied(String),
    /// A limit of the configuration.
    #[error("{0}")]
    Limit(String),
    /// All the memory that there is for such work is in use. Nothing was done.
    #[error("the gateway has no room for it now, try again later")]
    NoRoom,
    /// A message that was asked for is gone.
    #[error("the message is gone")]
    Expunged,
    /// A folder that was to go has folders in it.
    #[error("the folder has folders in it")]
    HasChildren,
    /// A folder has as much metadata as there is room for.
    #[error("there is no room for so many annotations")]
    TooManyEntries,
    /// The mailbox is somebody else's: private metadata would not be private there.
    #[error("private annotations are kept in the user's own mailbox only")]
    NoPrivateEntries,
    /// This can't be done with this folder, whoever asks.
    #[error("{0}")]
    Cannot(String),
    /// What a client sent can't be made into a message.
    #[error("{0}")]
    Content(String),
    /// The ledger failed.
    #[error("{0}")]
    Ledger(Arc<LedgerError>),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl UpstreamError {
    /// That there is no such folder.
    pub fn no_such_folder() -> Self {
        Self::Refused { operation: "RopOpenFolder".into(), code: ErrorCode::NOT_FOUND }
    }

    /// Whether the upstream could not be asked, or not now: later it may work.
    pub fn is_of_the_way(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Busy(_) | Self::OutcomeUnknown(_) | Self::SignIn(_) | Self::NoRoom => true,
            Self::Refused { code, .. } => code.is_busy() || code.is_out_of_resources(),
            _ => false,
        }
    }

    /// Whether the ledger failed in a way that it gets over by itself.
    pub fn is_of_the_ledger_for_now(&self) -> bool {
        matches!(self, Self::Ledger(error) if error.is_for_now())
    }

    /// Whether it is what was asked for that can't be done, by a rule of the gateway or the server, while all of them work.
    pub fn is_of_the_request(&self) -> bool {
        match self {
            Self::Limit(_) | Self::HasChildren | Self::Cannot(_) | Self::Content(_) | Self::SenderDenied(_) => true,
            Self::TooManyEntries | Self::NoPrivateEntries => true,
            Self::Refused { code, .. } => matches!(
                *code,
                ErrorCode::NOT_FOUND
                    | ErrorCode::OBJECT_DELETED
                    | ErrorCode::DUPLICATE_NAME
                    | ErrorCode::ACCESS_DENIED
                    | ErrorCode::NO_CREATE_RIGHT
                    | ErrorCode::NO_CREATE_SUBFOLDER_RIGHT
            ),
            _ => false,
        }
    }
}

impl From<LedgerError> for UpstreamError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(Arc::new(error))
    }
}

/// The one place where errors of the mailbox client become the account's.
impl From<MailboxError> for UpstreamError {
    fn from(error: MailboxError) -> Self {
        match error {
            MailboxError::Upstream { rop, code } => Self::Refused { operation: rop.to_string(), code },
            MailboxError::Transport(error) => client_error(&error),
            MailboxError::Protocol(_) => Self::OutcomeUnknown(error.to_string()),
            MailboxError::Limit { .. } => Self::Limit(error.to_string()),
        }
    }
}

/// What a failed authentication means: a wrong password, or something that an administrator must change.
pub(crate) fn auth_error(error: &AuthError) -> UpstreamError {
    match error {
        error if error.is_refusal() => UpstreamError::Unauthorized(error.clone()),
        AuthError::PlainHttp => UpstreamError::SignIn(
            "the server offers only Basic or Bearer, and the URL is http://: use https://, or name \"basic\" or \"bearer\" in upstream.auth and set \
             upstream.allow_plain_http, so that anybody on the way can read passwords"
                .into(),
        ),
        AuthError::NotOffered(_) => {
            UpstreamError::SignIn(format!("{error}. Turn one of upstream.auth on in the server, or allow one of these"))
        }
        error => UpstreamError::SignIn(error.to_string()),
    }
}

/// What went wrong below the mailbox, as the account sees it.
pub(crate) fn client_error(error: &ClientError) -> UpstreamError {
    match error {
        ClientError::Unauthorized(error) => auth_error(error),
        ClientError::Busy(_) => UpstreamError::Busy(error.to_string()),
        ClientError::OutcomeUnknown(_) | ClientError::TooSlow(_) | ClientError::ContextLost(_) => {
            UpstreamError::OutcomeUnknown(error.to_string())
        }
        ClientError::Rejected(code) => UpstreamError::Refused { operation: "Connect or Execute".into(), code: *code },
        ClientError::Unreachable(_)
        | ClientError::HttpStatus(_)
        | ClientError::NotMapi(_)
        | ClientError::Protocol(_)
        | ClientError::Configuration(_) => UpstreamError::Unreachable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_the_server_are_no_wrong_passwords() {
        assert!(matches!(auth_error(&AuthError::Refused), UpstreamError::Unauthorized(_)));
        for error in [AuthError::PlainHttp, AuthError::NotOffered(vec!["Kerberos".into()]), AuthError::ConnectionClosed]
        {
            assert!(matches!(auth_error(&error), UpstreamError::SignIn(_)), "{error}");
        }
    }
}

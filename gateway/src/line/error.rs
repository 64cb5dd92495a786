use std::sync::Arc;

use imap_front::store::StoreError;
use mapi_core::ErrorCode;
use mapi_core::auth::AuthError;
use mapi_core::mailbox::MailboxError;
use smtp_front::submit::SubmitError;
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
    /// The connection died under a request that may or may not have been carried out.
    #[error("the connection to the upstream died, the outcome is unknown: {0}")]
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
    /// Whether it is what was asked for that can't be done, by a rule of the gateway or the server, while all of them work.
    pub fn is_of_the_request(&self) -> bool {
        match self {
            Self::Limit(_) | Self::Cannot(_) | Self::Content(_) | Self::SenderDenied(_) => true,
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

/// The one place where upstream errors become IMAP ones.
impl From<UpstreamError> for StoreError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Unauthorized(_) | UpstreamError::NoMailbox(_) => Self::AuthenticationFailed,
            UpstreamError::SignIn(_) => {
                Self::Unavailable("the gateway can't sign in to the mail server, its administrator must help".into())
            }
            UpstreamError::Unreachable(_) => Self::Unavailable("the mail server can't be reached".into()),
            UpstreamError::TooManyAttempts(wait) => Self::Unavailable(too_many(wait)),
            UpstreamError::Busy(_) => Self::Unavailable("the mail server is busy, try again later".into()),
            UpstreamError::OutcomeUnknown(_) => {
                let why = "the connection to the mail server was lost while it did this, and it may have done it: look before you repeat it";
                Self::Unavailable(why.into())
            }
            UpstreamError::Limit(reason) => Self::Limit(reason),
            UpstreamError::SenderDenied(_) => Self::NoPermission(error.to_string()),
            UpstreamError::Content(reason) | UpstreamError::Cannot(reason) => Self::Cannot(reason),
            UpstreamError::Ledger(error) => {
                tracing::error!(%error, "ledger failed");
                Self::Internal("the gateway can't store folder state".into())
            }
            UpstreamError::Internal(reason) => {
                tracing::error!(reason, "internal error");
                Self::Internal("internal error".into())
            }
            UpstreamError::Refused { operation, code } => match code {
                code if code.is_gone() => Self::NoSuchFolder,
                code if code.is_denied() => Self::NoPermission("the mail server denies access".into()),
                code if code.is_over_quota() => Self::OverQuota("the mailbox is full".into()),
                code if code.is_busy() => Self::Unavailable("the mail server is busy, try again later".into()),
                code if code.is_too_large() => Self::Limit("too big for the mail server".into()),
                ErrorCode::PARTIAL_COMPLETION => Self::Cannot("the mail server did only a part of it".into()),
                ErrorCode::DUPLICATE_NAME => Self::AlreadyExists,
                code => {
                    tracing::warn!(operation, %code, "upstream refused an operation");
                    Self::Cannot(format!("the mail server refused: {code}"))
                }
            },
        }
    }
}

/// The one place where upstream errors become SMTP ones.
impl From<UpstreamError> for SubmitError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Unauthorized(_) | UpstreamError::NoMailbox(_) => Self::AuthenticationFailed,
            UpstreamError::SignIn(_) => {
                Self::Unavailable("the gateway can't sign in to the mail server, its administrator must help".into())
            }
            UpstreamError::Unreachable(_) => Self::Unavailable("the mail server can't be reached".into()),
            UpstreamError::TooManyAttempts(wait) => Self::Unavailable(too_many(wait)),
            UpstreamError::Busy(_) => Self::Busy("the mail server is busy, try again later".into()),
            UpstreamError::OutcomeUnknown(_) => Self::OutcomeUnknown(
                "the connection to the mail server was lost while it took the message; look into Sent before retrying"
                    .into(),
            ),
            UpstreamError::SenderDenied(_) => Self::SenderDenied(error.to_string()),
            UpstreamError::Limit(reason) => Self::TooBig(reason),
            UpstreamError::Content(reason) => Self::BadContent(reason),
            UpstreamError::Cannot(reason) => Self::Refused(reason),
            UpstreamError::Ledger(_) | UpstreamError::Internal(_) => {
                tracing::error!(%error, "internal error");
                Self::Internal("internal error".into())
            }
            UpstreamError::Refused { operation, code } => match code {
                ErrorCode::ACCESS_DENIED | ErrorCode::SEND_AS_DENIED => {
                    Self::SenderDenied("not allowed to send as this sender".into())
                }
                code if code.is_over_quota() => Self::OverQuota("the mailbox is full".into()),
                code if code.is_too_large() => Self::TooBig("too big for the mail server".into()),
                ErrorCode::WARN_CANCEL_MESSAGE | ErrorCode::INVALID_RECIPS => {
                    Self::RecipientRefused("the mail server refused a recipient; nobody got the message".into())
                }
                ErrorCode::NO_RECIPIENTS => Self::Refused("the mail server found no recipient in the message".into()),
                ErrorCode::TOO_MANY_RECIPS => Self::TooManyRecipients(
                    "the mail server does not take so many recipients in one message; send to fewer at a time".into(),
                ),
                ErrorCode::MAX_OBJECTS_EXCEEDED | ErrorCode::RPC_FAILED => {
                    Self::Busy("the mail server is busy, try again later".into())
                }
                code if code.is_busy() => Self::Busy("the mail server is busy, try again later".into()),
                ErrorCode::NOT_ENOUGH_MEMORY | ErrorCode::INSUFFICIENT_RESOURCES => {
                    Self::NoSpace("the mail server has no room for the message, try again later".into())
                }
                code => {
                    tracing::warn!(operation, %code, "upstream refused a submission");
                    Self::Refused(format!("the mail server refused: {code}"))
                }
            },
        }
    }
}

fn too_many(wait: std::time::Duration) -> String {
    format!("too many wrong passwords were tried, try again in {} minutes", wait.as_secs().div_ceil(60))
}

/// The one place where errors of the mailbox client become the account's.
impl From<MailboxError> for UpstreamError {
    fn from(error: MailboxError) -> Self {
        match error {
            MailboxError::Upstream { rop, code } => Self::Refused { operation: rop.to_string(), code },
            MailboxError::Transport(error) => super::connector::client_error(&error),
            MailboxError::Protocol(_) => Self::OutcomeUnknown(error.to_string()),
            MailboxError::Limit { .. } => Self::Limit(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_become_what_submitters_can_act_on() {
        type Expected = fn(&SubmitError) -> bool;
        let cases: [(&[ErrorCode], Expected); 7] = [
            (&[ErrorCode::QUOTA_EXCEEDED, ErrorCode::NP_QUOTA_EXCEEDED, ErrorCode::SHUTOFF_QUOTA_EXCEEDED], |error| {
                matches!(error, SubmitError::OverQuota(_))
            }),
            (&[ErrorCode::TOO_BIG, ErrorCode::MAX_SUBMISSION_EXCEEDED, ErrorCode::MAX_ATTACHMENT_EXCEEDED], |error| {
                matches!(error, SubmitError::TooBig(_))
            }),
            (&[ErrorCode::SEND_AS_DENIED, ErrorCode::ACCESS_DENIED], |error| {
                matches!(error, SubmitError::SenderDenied(_))
            }),
            (&[ErrorCode::WARN_CANCEL_MESSAGE, ErrorCode::INVALID_RECIPS], |error| {
                matches!(error, SubmitError::RecipientRefused(_))
            }),
            (&[ErrorCode::SERVER_BUSY, ErrorCode::RPC_FAILED, ErrorCode::MAX_OBJECTS_EXCEEDED], |error| {
                matches!(error, SubmitError::Busy(_))
            }),
            (&[ErrorCode::NOT_ENOUGH_MEMORY, ErrorCode::INSUFFICIENT_RESOURCES], |error| {
                matches!(error, SubmitError::NoSpace(_))
            }),
            (&[ErrorCode::NO_RECIPIENTS, ErrorCode::ERROR, ErrorCode(0xDEAD)], |error| {
                matches!(error, SubmitError::Refused(_))
            }),
        ];
        for (codes, expected) in cases {
            for code in codes {
                let refused = UpstreamError::Refused { operation: "RopSubmitMessage".into(), code: *code };
                let error = SubmitError::from(refused);
                assert!(expected(&error), "{code}: {error:?}");
            }
        }
    }

    #[test]
    fn failures_on_the_way_become_what_submitters_can_act_on() {
        let text = || "why".to_owned();
        for (error, expected) in [
            (UpstreamError::Unreachable(text()), "the mail server can't be reached"),
            (UpstreamError::Busy(text()), "the mail server is busy, try again later"),
            (UpstreamError::SenderDenied("x@example.test".into()), "not allowed to send as x@example.test"),
            (UpstreamError::Limit(text()), "why"),
            (UpstreamError::Internal("a secret path".into()), "internal error"),
        ] {
            let submit = SubmitError::from(error.clone());
            assert_eq!(submit.to_string(), expected);
            let right = match error {
                UpstreamError::Unreachable(_) => matches!(submit, SubmitError::Unavailable(_)),
                UpstreamError::Busy(_) => matches!(submit, SubmitError::Busy(_)),
                UpstreamError::SenderDenied(_) => matches!(submit, SubmitError::SenderDenied(_)),
                UpstreamError::Limit(_) => matches!(submit, SubmitError::TooBig(_)),
                _ => matches!(submit, SubmitError::Internal(_)),
            };
            assert!(right, "{submit:?}");
        }
    }
}

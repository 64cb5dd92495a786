//! What the fronts tell clients of errors.

use imap_front::store::StoreError;
use mapi_core::ErrorCode;
use smtp_front::submit::SubmitError;

use crate::line::UpstreamError;

/// The one place where upstream errors become IMAP ones.
impl From<UpstreamError> for StoreError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Unauthorized(_) | UpstreamError::NoMailbox(_) => Self::AuthenticationFailed,
            UpstreamError::SignIn(_) => {
                Self::Unavailable("the gateway can't sign in to the mail server, its administrator must help".into())
            }
            UpstreamError::Unreachable(_) => {
                Self::Unavailable("the mail server can't be reached, or does not answer".into())
            }
            UpstreamError::TooManyAttempts(wait) => Self::Unavailable(too_many(wait)),
            UpstreamError::Busy(_) => Self::Unavailable("the mail server is busy, try again later".into()),
            UpstreamError::OutcomeUnknown(_) => {
                let why = "the mail server's answer got lost or took too long, and it may have done it: look before you repeat it";
                Self::Unavailable(why.into())
            }
            UpstreamError::Limit(reason) => Self::Limit(reason),
            UpstreamError::NoRoom => Self::Limit(error.to_string()),
            UpstreamError::Expunged => Self::ExpungeIssued,
            UpstreamError::SenderDenied(_) => Self::NoPermission(error.to_string()),
            UpstreamError::HasChildren => Self::HasChildren,
            UpstreamError::TooManyEntries => Self::TooManyEntries,
            UpstreamError::NoPrivateEntries => Self::NoPrivateEntries,
            UpstreamError::Content(reason) | UpstreamError::Cannot(reason) => Self::Cannot(reason),
            UpstreamError::Ledger(error) if error.is_for_now() => {
                Self::Unavailable("the gateway can't store folder state for now, try again later".into())
            }
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
                code if code.is_out_of_resources() => {
                    tracing::warn!(operation, %code, "the upstream has no room for this now");
                    Self::Unavailable(format!("the mail server has no room for this now, try again later: {code}"))
                }
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

/// What a client is told whose login failed. Mail programs ask for another password unless they are told that the server is
/// unavailable, so what is no refusal of the password must not look like one; the reason is in the log.
pub(super) fn login_failed(error: UpstreamError) -> StoreError {
    match StoreError::from(error) {
        error @ (StoreError::AuthenticationFailed
        | StoreError::NoPermission(_)
        | StoreError::Unavailable(_)
        | StoreError::Internal(_)) => error,
        error => StoreError::Unavailable(format!("the mailbox can't be opened now: {error}")),
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
            UpstreamError::Unreachable(_) => Self::Unavailable("the mail server can't be reached, or does not answer".into()),
            UpstreamError::TooManyAttempts(wait) => Self::Unavailable(too_many(wait)),
            UpstreamError::Busy(_) => Self::Busy("the mail server is busy, try again later".into()),
            UpstreamError::OutcomeUnknown(_) => Self::OutcomeUnknown(
                "the mail server's answer got lost or took too long, and it may have sent the message: look into Sent before retrying"
                    .into(),
            ),
            UpstreamError::SenderDenied(_) => Self::SenderDenied(error.to_string()),
            UpstreamError::Limit(reason) => Self::TooBig(reason),
            UpstreamError::NoRoom => Self::Busy(error.to_string()),
            UpstreamError::Content(reason) => Self::BadContent(reason),
            UpstreamError::Cannot(reason) => Self::Refused(reason),
            UpstreamError::Ledger(error) if error.is_for_now() => {
                Self::Unavailable("the gateway can't store folder state for now, try again later".into())
            }
            UpstreamError::Ledger(_)
            | UpstreamError::Internal(_)
            | UpstreamError::Expunged
            | UpstreamError::TooManyEntries
            | UpstreamError::NoPrivateEntries
            | UpstreamError::HasChildren => {
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
                code if code.is_busy() => Self::Busy("the mail server is busy, try again later".into()),
                ErrorCode::NOT_ENOUGH_MEMORY | ErrorCode::INSUFFICIENT_RESOURCES => {
                    Self::NoSpace("the mail server has no room for the message, try again later".into())
                }
                code if code.is_out_of_resources() => {
                    tracing::warn!(operation, %code, "the upstream has no room for this now");
                    Self::Busy("the mail server is busy, try again later".into())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::LedgerError;

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
            (
                &[
                    ErrorCode::SERVER_BUSY,
                    ErrorCode::RPC_FAILED,
                    ErrorCode::MAX_OBJECTS_EXCEEDED,
                    ErrorCode::LOGIN_FAILURE,
                ],
                |error| matches!(error, SubmitError::Busy(_)),
            ),
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
    fn a_ledger_that_is_out_of_service_is_for_now() {
        let path = std::path::PathBuf::from("a");
        let ledger = |error| UpstreamError::from(error);
        let (why, again) = ("full".to_owned(), std::time::Duration::ZERO);
        let full = ledger(LedgerError::OutOfService { path: path.clone(), why, again });
        assert!(matches!(StoreError::from(full.clone()), StoreError::Unavailable(_)));
        assert!(matches!(SubmitError::from(full), SubmitError::Unavailable(_)));
        let newer = ledger(LedgerError::Newer { path, found: 9, known: 1 });
        assert!(matches!(StoreError::from(newer), StoreError::Internal(_)));
    }

    #[test]
    fn only_a_refused_password_looks_like_one() {
        let refused = |code| UpstreamError::Refused { operation: "Connect or Execute".into(), code };
        let codes = [ErrorCode::LOGIN_FAILURE, ErrorCode::ERROR, ErrorCode::NOT_FOUND];
        let trouble = codes.into_iter().chain([ErrorCode(0xDEAD)]).map(refused).chain([
            UpstreamError::Unreachable("no meta-tag at byte 0 of the response".into()),
            UpstreamError::OutcomeUnknown("malformed answer".into()),
            UpstreamError::SignIn("NTLM is not offered".into()),
        ]);
        for error in trouble {
            let told = login_failed(error.clone());
            assert!(matches!(told, StoreError::Unavailable(_)), "{error}: {told:?}");
        }
        let wrong = UpstreamError::Unauthorized(mapi_core::auth::AuthError::Refused);
        assert_eq!(login_failed(wrong), StoreError::AuthenticationFailed);
        assert!(matches!(login_failed(refused(ErrorCode::LOGIN_PERM)), StoreError::NoPermission(_)));
        // In the middle of a session, too: sessions are opened anew.
        assert!(matches!(StoreError::from(refused(ErrorCode::LOGIN_FAILURE)), StoreError::Unavailable(_)));
    }

    #[test]
    fn failures_on_the_way_become_what_submitters_can_act_on() {
        let text = || "why".to_owned();
        for (error, expected) in [
            (UpstreamError::Unreachable(text()), "the mail server can't be reached, or does not answer"),
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

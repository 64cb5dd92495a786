use mail_core::{AppendUid, NewMessage};
use memchr::memchr;

use crate::session::action::{Call, Reply};
use crate::session::outcome::Outcome;
use crate::session::step::{Step, With, then, with_target};
use crate::store::StoreError;

/// RFC 9051 6.3.12, RFC 4315 3
pub(super) fn append(mailbox: String, message: Box<NewMessage>) -> Step {
    if message.content.is_empty() {
        return Step::Done(Outcome::no("CANNOT", "The message is empty"));
    }
    // It could not come back as it is: literals hold none (`CHAR8`, RFC 3501 9), and RFC 5322 knows none.
    if memchr(0, &message.content).is_some() {
        return Step::Done(Outcome::no("CANNOT", "The message contains NUL"));
    }
    with_target(mailbox, |folder| {
        Step::Call(
            Call::Append { folder, message },
            then(|_, with| {
                Step::Done(match with {
                    With::Reply(Reply::Appended(Ok(Some(AppendUid { uid_validity, uid })))) => {
                        Outcome::ok("APPEND completed").code(format!("APPENDUID {uid_validity} {uid}"))
                    }
                    With::Reply(Reply::Appended(Ok(None))) => Outcome::ok("APPEND completed"),
                    With::Reply(Reply::Appended(Err(error))) => failed(&error),
                    _ => Outcome::bug(),
                })
            }),
        )
    })
}

/// A target that was there a moment ago may be made again.
pub(super) fn failed(error: &StoreError) -> Outcome {
    match error {
        StoreError::NoSuchFolder => Outcome::no("TRYCREATE", error.to_string()),
        error => Outcome::failed(error),
    }
}

use mail_core::AppendUid;
use memchr::memchr;

use super::taking_in::TakingIn;
use crate::proto::append_message::{AppendMessage, DataForm};
use crate::proto::sequence::format_set;
use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, with_target};

/// APPEND (RFC 9051 6.3.12, RFC 4315 3) of one message or several (RFC 3502).
pub(super) fn append(core: &Core, mailbox: String, messages: Vec<AppendMessage>) -> Step {
    if let Some(refused) = refused(core, &messages) {
        return Step::Done(refused);
    }
    with_target(mailbox, |folder| {
        TakingIn::new(folder, messages, |_, _, stored| {
            let done = Outcome::ok("APPEND completed");
            Step::Done(match append_uid(&stored) {
                Some(code) => done.code(code),
                None => done,
            })
        })
        .step()
    })
}

/// Why messages are not taken in, as far as that can be told before the first is stored.
pub(super) fn refused(core: &Core, messages: &[AppendMessage]) -> Option<Outcome> {
    if messages.iter().filter(|message| message.apart).count() != core.apart.len() {
        return Some(Outcome::no("CANNOT", "The message contains nothing but NUL"));
    }
    let mut apart = core.apart.iter();
    for AppendMessage { message, form, apart: is_apart } in messages {
        if *form == DataForm::Utf8 && !core.enabled.utf8() {
            return Some(Outcome::no("CANNOT", "Enable UTF8=ACCEPT first"));
        }
        let has_nul = match if *is_apart { apart.next() } else { None } {
            Some(apart) => apart.has_nul,
            None if message.content.is_empty() => return Some(Outcome::no("CANNOT", "The message is empty")),
            None => memchr(0, &message.content).is_some(),
        };
        // Only what is sent as a literal8 may have any, and RFC 5322 knows none.
        if has_nul && *form == DataForm::Literal {
            return Some(Outcome::no("CANNOT", "The message contains NUL"));
        }
    }
    None
}

/// APPENDUID (RFC 4315 3, RFC 3502 6.3.11), if all UIDs are known and of one UIDVALIDITY.
pub(super) fn append_uid(stored: &[Option<AppendUid>]) -> Option<String> {
    let uids: Vec<AppendUid> = stored.iter().copied().collect::<Option<_>>()?;
    let uid_validity = uids.first()?.uid_validity;
    // The set stands for the order in which the messages were sent.
    let ascending = uids.is_sorted_by(|one, other| one.uid < other.uid);
    let known = ascending && uids.iter().all(|uid| uid.uid_validity == uid_validity);
    known.then(|| format!("APPENDUID {uid_validity} {}", format_set(uids.iter().map(|uid| uid.uid))))
}

use mail_core::AppendUid;
use memchr::memchr;

use super::catenate;
use super::taking_in::TakingIn;
use crate::proto::append_message::AppendMessage;
use crate::proto::cat_part::CatPart;
use crate::proto::data_form::DataForm;
use crate::proto::sequence::format_set;
use crate::session::core::Core;
use crate::session::outcome::Outcome;
use crate::session::step::{Step, with_target};

/// APPEND (RFC 9051 6.3.12, RFC 4315 3) of one message or several (RFC 3502).
pub(super) fn append(core: &Core, mailbox: String, messages: Vec<AppendMessage>) -> Step {
    if let Some(refused) = refused(core, &messages) {
        return Step::Done(refused);
    }
    let most = catenate::most(core);
    with_target(mailbox, move |folder| {
        TakingIn::new(folder, messages, most, |_, _, stored| {
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
    let texts: Vec<Text<'_>> = messages.iter().flat_map(texts).collect();
    if texts.iter().filter(|text| text.apart).count() != core.apart.len() {
        return Some(Outcome::no("CANNOT", "The message contains nothing but NUL"));
    }
    let mut apart = core.apart.iter();
    for text in texts {
        if text.form == DataForm::Utf8 && !core.enabled.utf8() {
            return Some(Outcome::no("CANNOT", "Enable UTF8=ACCEPT first"));
        }
        let has_nul = match if text.apart { apart.next() } else { None } {
            Some(apart) => apart.has_nul,
            None if text.is_all && text.content.is_empty() => {
                return Some(Outcome::no("CANNOT", "The message is empty"));
            }
            None => memchr(0, text.content).is_some(),
        };
        // Only what is sent as a literal8 may have any, and RFC 5322 knows none.
        if has_nul && text.form == DataForm::Literal {
            return Some(Outcome::no("CANNOT", "The message contains NUL"));
        }
    }
    messages.iter().find_map(|message| catenate::refused(&message.parts))
}

/// What is sent of a message.
struct Text<'a> {
    content: &'a [u8],
    form: DataForm,
    apart: bool,
    /// Whether it is all of the message.
    is_all: bool,
}

fn texts(message: &AppendMessage) -> Vec<Text<'_>> {
    if message.parts.is_empty() {
        let content = &message.message.content;
        return vec![Text { content, form: message.form, apart: message.apart, is_all: true }];
    }
    let text = |part| match part {
        &CatPart::Text { ref content, form, apart } => Some(Text { content, form, apart, is_all: false }),
        CatPart::Url(_) => None,
    };
    message.parts.iter().filter_map(text).collect()
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

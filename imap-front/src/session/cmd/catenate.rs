//! CATENATE (RFC 4469): a message that is put together of what is sent and of messages and parts that are there.

use mail_core::message::{Extract, Message};
use mail_core::{FetchNeed, FolderList};

use crate::proto::cat_part::CatPart;
use crate::proto::message_url::MessageUrl;
use crate::session::action::Call;
use crate::session::core::Core;
use crate::session::outcome::Outcome;

/// The longest URL that is told in a response code.
const MAX_TOLD: usize = 500;

/// Why parts can't be put together, as far as that can be told before anything is stored.
pub(super) fn refused(parts: &[CatPart]) -> Option<Outcome> {
    let is_bad = |part: &&CatPart| matches!(part, CatPart::Url(url) if MessageUrl::parse(url).is_none());
    match parts.iter().find(is_bad) {
        Some(CatPart::Url(url)) => Some(bad_url(url, "It names no message of this user")),
        _ => None,
    }
}

/// BADURL with the URL, as far as one can stand there (`url-resp-text`, RFC 4469 5).
pub(super) fn bad_url(url: &str, why: &str) -> Outcome {
    let safe = |c: char| if matches!(c, '!'..='~') && !matches!(c, ']' | '"' | '\\') { c } else { '?' };
    let told: String = url.chars().take(MAX_TOLD).map(safe).collect();
    Outcome::no(format!("BADURL \"{told}\""), why.to_owned())
}

/// The answer to a message that would be larger than any may be.
pub(super) fn too_big() -> Outcome {
    Outcome::no("TOOBIG", "The message would be too large")
}

/// The largest message.
pub(super) fn most(core: &Core) -> usize {
    core.config.limits.after_login.append
}

/// How to read what a URL stands for; nothing if there is no such mailbox.
pub(super) fn read(url: &MessageUrl, folders: &FolderList) -> Option<Call> {
    let folder = folders.named(&url.mailbox).filter(|folder| folder.selectable)?;
    let need = if url.section.is_whole() { FetchNeed::Full } else { FetchNeed::Parts };
    Some(Call::Read { folder: folder.id.clone(), uid_validity: url.uid_validity, uid: url.uid, need })
}

/// What a URL stands for of its message: a copy, so that a small part does not hold a large message. Nothing if there is no
/// such part.
pub(super) fn extract(url: &MessageUrl, message: &Message) -> Option<Vec<u8>> {
    let mut bytes = match message.section(&url.section) {
        Extract::Slice(range) => message.bytes().get(range)?.to_vec(),
        Extract::Built(bytes) => bytes,
        Extract::Missing => return None,
    };
    if let Some((first, count)) = url.partial {
        let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).min(bytes.len());
        let end = count.map_or(bytes.len(), |count| index(first.saturating_add(count)));
        let first = index(first);
        bytes.truncate(end);
        bytes.drain(..first);
    }
    Some(bytes)
}

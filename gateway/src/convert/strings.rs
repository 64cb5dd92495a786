use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};
use mapi_core::message::PropertyBag;
use mapi_core::property::{PropertyTag, PropertyType, tags};

/// Stands between the values of several fields of one name where they share a property: no value has it in it.
pub(super) const BETWEEN_FIELDS: char = '\t';

/// The text of a string property, also where the server gave it in a code page (as PtypString8).
pub(super) fn text(bag: &PropertyBag, tag: PropertyTag) -> Option<Cow<'_, str>> {
    if let Some(text) = bag.text(tag) {
        return Some(Cow::Borrowed(text));
    }
    let bytes = bag.binary(tag.with_kind(PropertyType::STRING8))?;
    Some(match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let code_page = bag.integer(tags::PidTagMessageCodepage);
            let encoding = code_page.and_then(encoding_of).unwrap_or(WINDOWS_1252);
            encoding.decode_without_bom_handling(bytes).0
        }
    })
}

/// The same, where an empty or blank text counts as none.
pub(super) fn filled(bag: &PropertyBag, tag: PropertyTag) -> Option<Cow<'_, str>> {
    text(bag, tag).filter(|text| !text.trim().is_empty())
}

/// The tag of a string property that is in so few messages that it has no name. (PidTagOriginalSubject and such.)
pub(super) const fn string_tag(id: u16) -> PropertyTag {
    PropertyTag::new(id, PropertyType::STRING)
}

/// The encoding of a Windows code page.
pub(super) fn encoding_of(code_page: i32) -> Option<&'static Encoding> {
    u16::try_from(code_page).ok().and_then(codepage::to_encoding)
}

/// What of a text may stand in a header as it is: printable ASCII without spaces.
pub(super) fn visible_ascii(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).collect()
}

/// A subject without the prefix of replies and forwards: at most three letters, a colon, a space ([MS-OXCMSG] 3.2.4.4).
pub(super) fn normalized_subject(subject: &str) -> &str {
    match subject.split_once(": ") {
        Some((prefix, rest)) if (1..=3).contains(&prefix.chars().count()) && !prefix.chars().any(char::is_numeric) => {
            rest
        }
        _ => subject,
    }
}

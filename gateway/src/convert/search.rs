//! What a search asks of the content of messages, as restrictions of the table that lists them ([MS-OXCDATA] 2.12).
//!
//! A server compares properties, not the bytes of a message. Where these may differ, the truth lies between two restrictions.

use mail_core::{AddressField, ContentKey};
use mapi_core::property::{
    FileTime, FuzzyLevel, PropertyTag, PropertyType, PropertyValue, RelationalOperator, Restriction, TaggedValue, tags,
};

/// Longer words are not sent to the server.
const LONGEST_WORD: usize = 200;
/// Who writes these searches for more than the name or the address.
const BETWEEN_ADDRESSES: [char; 4] = ['<', '>', '"', ','];
const HOUR: i64 = 3600;
/// A day begins at the earliest so long before midnight in UTC, and at the latest so long after it.
const EASTMOST: i64 = 14 * HOUR;
const WESTMOST: i64 = 12 * HOUR;
/// What is shown of a message has at least a quarter and at most four times the bytes that a server counts for it, beside what
/// every message has.
const FACTOR: u32 = 4;
const BESIDE: u32 = 64 << 10;

/// Restrictions for which messages a key holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// It holds for these; for none if absent.
    pub sure: Option<Restriction>,
    /// It holds for no others; if absent, just for the former.
    pub possible: Option<Restriction>,
}

impl Bounds {
    /// Those of a key; nothing if a table can't tell.
    pub fn of(key: &ContentKey) -> Option<Self> {
        match key {
            ContentKey::Address(field, word) => address(*field, word).map(Self::exactly),
            ContentKey::Header(name, word) => header(name, word),
            ContentKey::Body(word) => word_of(word).map(|word| Self::exactly(body(word))),
            ContentKey::Text(word) => word_of(word).map(|word| Self::exactly(text(word))),
            ContentKey::SentSince(day) => Some(Self::between(sent_since(day + WESTMOST), {
                let without = Restriction::Not(Box::new(Restriction::Exist(tags::PidTagClientSubmitTime)));
                Restriction::Or(vec![sent_since(day - EASTMOST), without])
            })),
            ContentKey::Larger(bytes) => Some(Self::between(
                larger(bytes.saturating_mul(FACTOR).saturating_add(BESIDE)),
                larger((bytes / FACTOR).saturating_sub(BESIDE)),
            )),
        }
    }

    fn exactly(sure: Restriction) -> Self {
        Self { sure: Some(sure), possible: None }
    }

    fn between(sure: Restriction, possible: Restriction) -> Self {
        Self { sure: Some(sure), possible: Some(possible) }
    }
}

/// A word that a server can look for.
fn word_of(word: &str) -> Option<&str> {
    (!word.trim().is_empty() && word.len() <= LONGEST_WORD).then_some(word)
}

fn address(field: AddressField, word: &str) -> Option<Restriction> {
    let word = word_of(word).filter(|word| !word.contains(BETWEEN_ADDRESSES))?;
    let kind = match field {
        AddressField::From => return Some(sender(word)),
        AddressField::To => 1,
        AddressField::Cc => 2,
        AddressField::Bcc => 3,
    };
    Some(recipients(Some(kind), word))
}

fn header(name: &str, word: &str) -> Option<Bounds> {
    let word = word_of(word)?;
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    for (field, tag) in [
        ("Subject", tags::PidTagSubject),
        ("Message-ID", tags::PidTagInternetMessageId),
        ("In-Reply-To", tags::PidTagInReplyToId),
        ("References", tags::PidTagInternetReferences),
    ] {
        if is(field) {
            return Some(Bounds::exactly(contains(tag, word)));
        }
    }
    for field in [AddressField::From, AddressField::To, AddressField::Cc, AddressField::Bcc] {
        if is(name_of(field)) {
            return address(field, word).map(Bounds::exactly);
        }
    }
    // The header as it was received tells of other fields, too, and messages that were not received have none.
    let without = Restriction::Not(Box::new(Restriction::Exist(tags::PidTagTransportMessageHeaders)));
    let possible = Restriction::Or(vec![contains(tags::PidTagTransportMessageHeaders, word), without]);
    Some(Bounds { sure: None, possible: Some(possible) })
}

fn name_of(field: AddressField) -> &'static str {
    match field {
        AddressField::From => "From",
        AddressField::To => "To",
        AddressField::Cc => "Cc",
        AddressField::Bcc => "Bcc",
    }
}

fn sender(word: &str) -> Restriction {
    any(
        &[
            tags::PidTagSentRepresentingName,
            tags::PidTagSentRepresentingSmtpAddress,
            tags::PidTagSentRepresentingEmailAddress,
        ],
        word,
    )
}

fn recipients(kind: Option<i32>, word: &str) -> Restriction {
    let named = any(&[tags::PidTagDisplayName, tags::PidTagSmtpAddress, tags::PidTagEmailAddress], word);
    let restriction = match kind {
        Some(kind) => {
            Restriction::And(vec![compared(tags::PidTagRecipientType, RelationalOperator::Equal, kind), named])
        }
        None => named,
    };
    Restriction::SubObject { tag: tags::PidTagMessageRecipients, restriction: Box::new(restriction) }
}

/// Servers make one body of the other, and the plain one is what people read. HTML counts where there is nothing else.
fn body(word: &str) -> Restriction {
    let without = Restriction::Not(Box::new(Restriction::Exist(tags::PidTagBody)));
    let html = Restriction::And(vec![without, any(&[tags::PidTagHtml], word)]);
    Restriction::Or(vec![any(&[tags::PidTagBody], word), html])
}

fn files(word: &str) -> Restriction {
    let restriction = Box::new(any(&[tags::PidTagAttachLongFilename], word));
    Restriction::SubObject { tag: tags::PidTagMessageAttachments, restriction }
}

fn text(word: &str) -> Restriction {
    let header = any(&[tags::PidTagTransportMessageHeaders, tags::PidTagSubject], word);
    Restriction::Or(vec![header, sender(word), recipients(None, word), files(word), body(word)])
}

fn sent_since(seconds: i64) -> Restriction {
    let tag = tags::PidTagClientSubmitTime;
    let value = TaggedValue::new(tag, PropertyValue::Time(FileTime::from_unix_seconds(seconds)));
    Restriction::Property { operator: RelationalOperator::GreaterOrEqual, tag, value }
}

fn larger(bytes: u32) -> Restriction {
    compared(tags::PidTagMessageSize, RelationalOperator::Greater, i32::try_from(bytes).unwrap_or(i32::MAX))
}

fn compared(tag: PropertyTag, operator: RelationalOperator, value: i32) -> Restriction {
    Restriction::Property { operator, tag, value: TaggedValue::new(tag, PropertyValue::Integer32(value)) }
}

fn any(tags: &[PropertyTag], word: &str) -> Restriction {
    Restriction::Or(tags.iter().flat_map(|tag| spellings(word).into_iter().map(|word| contains(*tag, &word))).collect())
}

/// Some servers tell only letters of ASCII with and without case for the same.
fn spellings(word: &str) -> Vec<String> {
    let mut all = vec![word.to_owned()];
    if !word.is_ascii() {
        let mut letters = word.chars();
        let capitalised: String =
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters.by_ref()).collect();
        all.extend([capitalised, word.to_uppercase()]);
        all.dedup();
    }
    all
}

fn contains(tag: PropertyTag, word: &str) -> Restriction {
    let value = match tag.kind() {
        PropertyType::BINARY => PropertyValue::Binary(word.as_bytes().to_vec()),
        _ => PropertyValue::String(word.to_owned()),
    };
    Restriction::Content { fuzzy: FuzzyLevel::SUBSTRING_IGNORE_CASE, tag, value: TaggedValue::new(tag, value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_key(name: &str, word: &str) -> Option<Bounds> {
        Bounds::of(&ContentKey::Header(name.into(), word.into()))
    }

    #[test]
    fn what_tables_cant_tell_is_not_asked() {
        let long = "x".repeat(LONGEST_WORD + 1);
        for word in ["", " ", &long] {
            assert_eq!(header_key("Subject", word), None, "{word}");
            assert_eq!(Bounds::of(&ContentKey::Body(word.into())), None, "{word}");
        }
        assert_eq!(Bounds::of(&ContentKey::Address(AddressField::From, "a <b@c>".into())), None);
        assert_eq!(header_key("to", "\"a\""), None);
    }

    #[test]
    fn truth_lies_between() {
        let subject = header_key("SUBJECT", "x").expect("a restriction");
        assert_eq!(subject, Bounds::exactly(contains(tags::PidTagSubject, "x")));
        let other = header_key("List-Id", "x").expect("restrictions");
        assert!(other.sure.is_none() && other.possible.is_some());
        let larger = Bounds::of(&ContentKey::Larger(u32::MAX)).expect("restrictions");
        assert!(larger.sure.is_some() && larger.possible.is_some());
    }

    #[test]
    fn letters_beyond_ascii_are_spelt_in_each_case() {
        assert_eq!(spellings("word"), ["word"]);
        assert_eq!(spellings("ärger"), ["ärger", "Ärger", "ÄRGER"]);
        assert_eq!(spellings("grün"), ["grün", "Grün", "GRÜN"]);
        assert_eq!(spellings("日本"), ["日本"]);
    }
}

//! Flags: what properties of a message say in IMAP's words, and what must be written to say something else.
//!
//! | IMAP | MAPI |
//! |---|---|
//! | `\Seen` | PidTagMessageFlags, bit mfRead; set by its own operation |
//! | `\Answered`, `$Forwarded` | PidTagLastVerbExecuted and PidTagIconIndex: together they hold both |
//! | `\Flagged` | PidTagFlagStatus 2 |
//! | `\Draft` | PidTagMessageFlags, bit mfUnsent; can't be changed, a change is kept by the ledger |
//! | `\Deleted` | kept by the ledger |
//! | other keywords | PidNameKeywords, Outlook's categories |
//!
//! Categories may hold what keywords may not. A space is written as `_`, everything else that is not allowed in an atom,
//! and `_` itself, in the form of modified UTF-7 (RFC 3501 5.1.3), so that each category has one keyword and back.

use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mail_core::{FlagChange, FlagChangeMode, FlagSet, Keywords};
use mapi_core::message::PropertyBag;
use mapi_core::property::{
    FileTime, PropertyKey, PropertyName, PropertyTag, PropertyType, PropertyValue, property_set, tags,
};

/// The keyword that says that a message was forwarded.
pub const FORWARDED: &str = "$Forwarded";

const READ: i32 = 0x1;
const UNSENT: i32 = 0x8;
const VERB_REPLY: i32 = 102;
const VERB_REPLY_ALL: i32 = 103;
const VERB_FORWARD: i32 = 104;
const ICON_REPLIED: i32 = 0x105;
const ICON_FORWARDED: i32 = 0x106;
const FLAG_FOLLOW_UP: i32 = 2;
/// Longest category (PidNameKeywords, [MS-OXCMSG] 2.2.1.17), in UTF-16 units.
const MAX_CATEGORY: usize = 255;

/// The properties that [`from_properties`] reads.
pub const FLAG_TAGS: [PropertyTag; 4] =
    [tags::PidTagMessageFlags, tags::PidTagFlagStatus, tags::PidTagLastVerbExecuted, tags::PidTagIconIndex];

/// The name of PidNameKeywords, a list of strings.
pub fn keywords_name() -> PropertyName {
    PropertyName::string(property_set::PS_PUBLIC_STRINGS, "Keywords")
}

/// The flags and keywords that properties say. `\Deleted` is never among them.
pub fn from_properties(properties: &PropertyBag) -> (FlagSet, Keywords) {
    let integer = |tag| properties.integer(tag).unwrap_or(0);
    let (message_flags, verb, icon) =
        (integer(tags::PidTagMessageFlags), integer(tags::PidTagLastVerbExecuted), integer(tags::PidTagIconIndex));
    let mut flags = FlagSet::EMPTY;
    for (flag, on) in [
        (FlagSet::SEEN, message_flags & READ != 0),
        (FlagSet::DRAFT, message_flags & UNSENT != 0),
        (FlagSet::FLAGGED, integer(tags::PidTagFlagStatus) == FLAG_FOLLOW_UP),
        (FlagSet::ANSWERED, verb == VERB_REPLY || verb == VERB_REPLY_ALL || icon == ICON_REPLIED),
    ] {
        if on {
            flags = flags.union(flag);
        }
    }
    let categories = match properties.get_named(&keywords_name(), PropertyType::MULTIPLE_STRING) {
        Some(PropertyValue::MultipleString(list)) => &list[..],
        _ => &[],
    };
    let forwarded = verb == VERB_FORWARD || icon == ICON_FORWARDED;
    let keywords = categories.iter().filter(|category| !category.is_empty()).map(|category| to_keyword(category));
    (flags, keywords.chain(forwarded.then(|| FORWARDED.to_owned())).collect())
}

/// What STORE makes of flags and keywords (RFC 9051 6.4.6).
pub fn changed(flags: FlagSet, keywords: &Keywords, change: &FlagChange) -> (FlagSet, Keywords) {
    match change.mode {
        FlagChangeMode::Replace => (change.flags, change.keywords.clone()),
        FlagChangeMode::Add => (flags.union(change.flags), keywords.iter().chain(change.keywords.iter()).collect()),
        FlagChangeMode::Remove => {
            let kept = keywords.iter().filter(|keyword| !change.keywords.contains(keyword));
            (flags.difference(change.flags), kept.collect())
        }
    }
}

/// What must be done to a message so that it has other flags.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FlagEdit {
    /// Properties to set and save.
    pub set: PropertyBag,
    /// Properties to delete and save.
    pub delete: Vec<PropertyKey>,
    /// The read state to set by its own operation.
    pub seen: Option<bool>,
    /// A change that the ledger keeps.
    pub deleted: Option<bool>,
    /// A change that the ledger keeps.
    pub draft: Option<bool>,
}

impl FlagEdit {
    /// Whether properties must be written, which makes a new version of the message.
    pub fn writes_properties(&self) -> bool {
        !self.set.is_empty() || !self.delete.is_empty()
    }
}

/// What leads from one state to another at the time `now`.
pub fn edit(from: (FlagSet, &Keywords), to: (FlagSet, &Keywords), now: FileTime) -> FlagEdit {
    let ((from_flags, from_keywords), (to_flags, to_keywords)) = (from, to);
    let change = |flag| {
        let wanted = to_flags.contains(flag);
        (from_flags.contains(flag) != wanted).then_some(wanted)
    };
    let mut edit = FlagEdit {
        seen: change(FlagSet::SEEN),
        deleted: change(FlagSet::DELETED),
        draft: change(FlagSet::DRAFT),
        ..FlagEdit::default()
    };
    if let Some(flagged) = change(FlagSet::FLAGGED) {
        follow_up(&mut edit, flagged, now);
    }
    let forwarded = to_keywords.contains(FORWARDED);
    if change(FlagSet::ANSWERED).is_some() || from_keywords.contains(FORWARDED) != forwarded {
        verb(&mut edit, to_flags.contains(FlagSet::ANSWERED), forwarded, now);
    }
    let categories = |keywords: &Keywords| -> Vec<String> {
        keywords.iter().filter(|keyword| !keyword.eq_ignore_ascii_case(FORWARDED)).map(to_category).collect()
    };
    let wanted = categories(to_keywords);
    if categories(from_keywords) != wanted {
        let key = PropertyKey::Named(keywords_name(), PropertyType::MULTIPLE_STRING);
        if wanted.is_empty() {
            edit.delete.push(key);
        } else {
            edit.set.set(key, PropertyValue::MultipleString(wanted));
        }
    }
    edit
}

/// [MS-OXOFLAG] 3.1.4.1
fn follow_up(edit: &mut FlagEdit, flagged: bool, now: FileTime) {
    let named = |set, lid, kind| PropertyKey::Named(PropertyName::lid(set, lid), kind);
    let common = property_set::PSETID_COMMON;
    let task = property_set::PSETID_TASK;
    let request = named(common, 0x8530, PropertyType::STRING);
    let proof = named(common, 0x85BF, PropertyType::TIME);
    if flagged {
        edit.set.extend::<[(PropertyKey, PropertyValue); 8]>([
            (tags::PidTagFlagStatus.into(), PropertyValue::Integer32(FLAG_FOLLOW_UP)),
            (tags::PidTagFollowupIcon.into(), PropertyValue::Integer32(6)),
            (tags::PidTagToDoItemFlags.into(), PropertyValue::Integer32(1)),
            (request, PropertyValue::String("Follow up".into())),
            (proof, PropertyValue::Time(now)),
            (named(task, 0x8101, PropertyType::INTEGER32), PropertyValue::Integer32(0)),
            (named(task, 0x8102, PropertyType::FLOATING64), PropertyValue::Floating64(0.0)),
            (named(task, 0x811C, PropertyType::BOOLEAN), PropertyValue::Boolean(false)),
        ]);
        edit.delete.push(tags::PidTagFlagCompleteTime.into());
    } else {
        edit.set.set(tags::PidTagToDoItemFlags, PropertyValue::Integer32(0));
        edit.delete.extend([
            tags::PidTagFlagStatus.into(),
            tags::PidTagFollowupIcon.into(),
            tags::PidTagFlagCompleteTime.into(),
            request,
            proof,
        ]);
    }
}

fn verb(edit: &mut FlagEdit, answered: bool, forwarded: bool, now: FileTime) {
    let (verb, icon) = match (answered, forwarded) {
        (true, false) => (VERB_REPLY, ICON_REPLIED),
        (true, true) => (VERB_REPLY, ICON_FORWARDED),
        (false, true) => (VERB_FORWARD, ICON_FORWARDED),
        (false, false) => {
            edit.delete.extend([
                tags::PidTagLastVerbExecuted.into(),
                tags::PidTagLastVerbExecutionTime.into(),
                tags::PidTagIconIndex.into(),
            ]);
            return;
        }
    };
    edit.set.set(tags::PidTagLastVerbExecuted, PropertyValue::Integer32(verb));
    edit.set.set(tags::PidTagLastVerbExecutionTime, PropertyValue::Time(now));
    edit.set.set(tags::PidTagIconIndex, PropertyValue::Integer32(icon));
}

/// Base64 of modified UTF-7: `,` for `/`, no padding.
fn modified_base64() -> GeneralPurpose {
    let alphabet = Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,")
        .expect("64 different printable characters");
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(false);
    GeneralPurpose::new(&alphabet, config)
}

/// The keyword of a category.
fn to_keyword(category: &str) -> String {
    let engine = modified_base64();
    let mut out = String::with_capacity(category.len());
    let mut pending: Vec<u8> = Vec::new();
    let flush = |pending: &mut Vec<u8>, out: &mut String| {
        if !pending.is_empty() {
            out.push('&');
            engine.encode_string(&pending[..], out);
            out.push('-');
            pending.clear();
        }
    };
    for c in category.chars() {
        let plain = match c {
            ' ' => Some("_"),
            '&' => Some("&-"),
            '_' | '(' | ')' | '{' | '%' | '*' | '"' | '\\' | ']' => None,
            c if c.is_ascii_graphic() => Some(""),
            _ => None,
        };
        match plain {
            Some(written) => {
                flush(&mut pending, &mut out);
                if written.is_empty() { out.push(c) } else { out.push_str(written) }
            }
            None => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| pending.extend(unit.to_be_bytes())),
        }
    }
    flush(&mut pending, &mut out);
    out
}

/// The category of a keyword.
fn to_category(keyword: &str) -> String {
    let mut out = String::with_capacity(keyword.len());
    let mut rest = keyword;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '_' => out.push(' '),
            '&' => match escaped(rest) {
                Some((text, after)) => {
                    out.push_str(&text);
                    rest = after;
                }
                None => out.push('&'),
            },
            c => out.push(c),
        }
    }
    let mut units = 0;
    out.chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= MAX_CATEGORY
        })
        .collect()
}

/// What stands between `&` and `-`, and what follows.
fn escaped(text: &str) -> Option<(String, &str)> {
    let (inner, after) = text.split_once('-')?;
    if inner.is_empty() {
        return Some(("&".into(), after));
    }
    let bytes = modified_base64().decode(inner).ok().filter(|bytes| bytes.len() % 2 == 0)?;
    let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    Some((text, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: FileTime = FileTime(133_487_065_200_000_000);

    fn applied(mut bag: PropertyBag, edit: &FlagEdit) -> PropertyBag {
        edit.delete.iter().for_each(|key| drop(bag.remove(key)));
        bag.extend(edit.set.iter().map(|(key, value)| (key.clone(), value.clone())));
        let seen = edit.seen.unwrap_or(bag.integer(tags::PidTagMessageFlags).unwrap_or(0) & READ != 0);
        let flags = bag.integer(tags::PidTagMessageFlags).unwrap_or(0) & !READ | i32::from(seen);
        bag.set(tags::PidTagMessageFlags, PropertyValue::Integer32(flags));
        bag
    }

    #[test]
    fn recorded_message() {
        let bag = PropertyBag::from_iter([
            (PropertyKey::from(tags::PidTagMessageFlags), PropertyValue::Integer32(1025)),
            (tags::PidTagFlagStatus.into(), PropertyValue::Integer32(2)),
            (
                PropertyKey::Named(keywords_name(), PropertyType::MULTIPLE_STRING),
                PropertyValue::MultipleString(vec!["blue".into(), "Größe".into(), "Red category".into()]),
            ),
        ]);
        let (flags, keywords) = from_properties(&bag);
        assert_eq!(flags, FlagSet::SEEN.union(FlagSet::FLAGGED));
        assert_eq!(keywords.iter().collect::<Vec<_>>(), ["Gr&APYA3w-e", "Red_category", "blue"]);
    }

    #[test]
    fn nothing_to_do_is_nothing() {
        let keywords = Keywords::from_iter(["a", FORWARDED]);
        let edit = edit((FlagSet::SEEN, &keywords), (FlagSet::SEEN, &keywords), NOW);
        assert_eq!(edit, FlagEdit::default());
        assert!(!edit.writes_properties());
    }

    #[test]
    fn completed_is_not_flagged() {
        let bag = PropertyBag::from_iter([(tags::PidTagFlagStatus, PropertyValue::Integer32(1))]);
        assert_eq!(from_properties(&bag).0, FlagSet::EMPTY);
    }

    #[test]
    fn changes() {
        let keywords = Keywords::from_iter(["a", "B"]);
        let apply = |mode, flags, names: &[&str]| {
            changed(FlagSet::SEEN, &keywords, &FlagChange { mode, flags, keywords: names.iter().collect() })
        };
        let all = FlagSet::SEEN.union(FlagSet::DELETED);
        assert_eq!(apply(FlagChangeMode::Add, FlagSet::DELETED, &["A", "c"]), (all, ["a", "B", "c"].iter().collect()));
        assert_eq!(apply(FlagChangeMode::Remove, all, &["b"]), (FlagSet::EMPTY, ["a"].iter().collect()));
        assert_eq!(apply(FlagChangeMode::Replace, FlagSet::DRAFT, &[]), (FlagSet::DRAFT, Keywords::EMPTY));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn categories_are_reversible(category in "[ -~]{1,20}|\\PC{1,20}") {
            let keyword = to_keyword(&category);
            let atom = keyword.bytes().all(|b| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b));
            prop_assert!(atom, "{}", keyword);
            prop_assert_eq!(to_category(&keyword), category);
        }

        #[test]
        fn keywords_are_survived(keyword in "[!-~]{0,30}") {
            to_category(&keyword);
        }

        #[test]
        fn edits_lead_to_what_was_wanted(
            from_bits in 0u8..32, to_bits in 0u8..32,
            from_names in proptest::collection::btree_set("[a-c]|\\$Forwarded|x_y", 0..4),
            to_names in proptest::collection::btree_set("[a-c]|\\$Forwarded|x_y", 0..4),
        ) {
            let overlays = FlagSet::DELETED.union(FlagSet::DRAFT);
            let (from, to) = (FlagSet::from_bits(from_bits), FlagSet::from_bits(to_bits));
            let (from_names, to_names) = (Keywords::from_iter(from_names), Keywords::from_iter(to_names));
            let start = edit((FlagSet::EMPTY, &Keywords::EMPTY), (from, &from_names), NOW);
            let bag = applied(PropertyBag::new(), &start);
            let (flags, names) = from_properties(&bag);
            prop_assert_eq!((flags, &names), (from.difference(overlays), &from_names));
            let step = edit((from, &from_names), (to, &to_names), NOW);
            prop_assert_eq!(step.deleted.is_some(), from.contains(FlagSet::DELETED) != to.contains(FlagSet::DELETED));
            let (flags, names) = from_properties(&applied(bag, &step));
            prop_assert_eq!((flags, names), (to.difference(overlays), to_names));
        }
    }
}

//! Makes a [`Request`] of a command's bytes: the grammar is imap-codec's, apart from LIST, STATUS, SELECT, ENABLE, AUTHENTICATE, the
//! commands that search, and the modifiers of FETCH; its types end here.

use std::num::NonZeroU32;

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::{CommandBody, StoreModifier};
use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName, Part, Section as WireSection};
use imap_codec::imap_types::flag::StoreResponse;
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};
use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet as WireSet};
use mail_core::message::{Section, SectionText};
use secrecy::SecretString;
use thiserror::Error;

use super::flags::lower_flags;
use super::mailbox_name::Names;
use super::message_set::MessageSet;
use super::plain_form::PlainForm;
use super::quirk::{is_quoting_utf8, normalise};
use super::request::{FetchItem, FetchModifiers, Request, Tagged};
use super::sequence::SequenceSet;
use super::tag::tag_of;
use super::text::text;
use super::{
    append, authenticate, create, enable, fetch_modifier, further_items, list, metadata, notify, search_command,
    select, status, uid_batches, update_items,
};

/// How many items one FETCH may name; each may be a whole message.
const MAX_FETCH_ITEMS: usize = 64;
/// How many part numbers a section may have.
const MAX_PART_DEPTH: usize = 64;

/// A command that is not understood: `BAD`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct SyntaxError {
    /// The command's tag, if it has one.
    pub tag: Option<String>,
    /// For the client.
    pub text: &'static str,
}

/// Understands a command: its lines, each ended by CRLF, with the literals between them. Mailbox names are in modified UTF-7.
///
/// # Errors
/// [`SyntaxError`] if it is not well-formed, not known, or beyond the limits of this module.
pub fn lower(command: &[u8]) -> Result<Tagged, SyntaxError> {
    lower_with(command, Names::ModifiedUtf7)
}

/// The same with mailbox names as the client writes them.
///
/// # Errors
/// Those of [`lower`].
pub fn lower_with(command: &[u8], names: Names) -> Result<Tagged, SyntaxError> {
    if names == Names::Utf8 && !is_quoting_utf8(command) {
        return Err(SyntaxError { tag: tag_of(command), text: "Invalid UTF-8 in a quoted string" });
    }
    if let Some(request) = append::parse(command, names) {
        return match (tag_of(command), request) {
            (Some(tag), Ok(request)) => Ok(Tagged { tag, request }),
            (tag, result) => Err(SyntaxError { tag, text: result.err().unwrap_or("Missing or invalid tag") }),
        };
    }
    let command = normalise(command);
    let Some(tag) = tag_of(&command) else {
        return Err(SyntaxError { tag: None, text: "Missing or invalid tag" });
    };
    match lower_body(&command, tag.len(), names) {
        Ok(request) => Ok(Tagged { tag, request }),
        Err(text) => Err(SyntaxError { tag: Some(tag), text }),
    }
}

fn lower_body(command: &[u8], tag_length: usize, names: Names) -> Result<Request, &'static str> {
    let body = command.get(tag_length + 1..).unwrap_or_default();
    if let Some(arguments) = arguments(body, b"LIST ") {
        return list::parse(arguments, names).map(Request::List).ok_or("Invalid arguments of LIST");
    }
    if let Some(arguments) = arguments(body, b"STATUS ") {
        return status::parse(arguments, names).ok_or("Invalid arguments of STATUS");
    }
    for (verb, read_only) in [(&b"SELECT "[..], false), (b"EXAMINE ", true)] {
        if let Some(arguments) = arguments(body, verb) {
            return select::parse(arguments, read_only, names).ok_or("Invalid arguments of SELECT or EXAMINE");
        }
    }
    if let Some(arguments) = arguments(body, b"ENABLE ") {
        return enable::parse(arguments).ok_or("Invalid arguments of ENABLE");
    }
    if let Some(arguments) = arguments(body, b"AUTHENTICATE ") {
        return authenticate::parse(arguments).ok_or("Invalid arguments of AUTHENTICATE");
    }
    if let Some(arguments) = arguments(body, b"UIDBATCHES ") {
        return uid_batches::parse(arguments).ok_or("Invalid arguments of UIDBATCHES");
    }
    if let Some(created) = arguments(body, b"CREATE ").and_then(|arguments| create::parse(arguments, names)) {
        return created.map(|(mailbox, uses)| Request::Create { mailbox, uses });
    }
    if let Some(arguments) = arguments(body, b"GETMETADATA ") {
        return metadata::parse_get(arguments, names).ok_or("Invalid arguments of GETMETADATA");
    }
    if let Some(arguments) = arguments(body, b"SETMETADATA ") {
        return metadata::parse_set(arguments, names).ok_or("Invalid arguments of SETMETADATA");
    }
    if let Some(arguments) = arguments(body, b"NOTIFY ") {
        return notify::parse(arguments, names, fetch_items).ok_or("Invalid arguments of NOTIFY");
    }
    let update = update_items::take(body);
    if let Some(request) = search_command::parse(update.as_ref().map_or(body, |update| update.body.as_slice())) {
        return match (request?, update) {
            (Request::Search(search, _), Some(update)) => {
                let items = fetch_items(update.items).ok_or("Invalid items of UPDATE")?;
                Ok(Request::Search(search, items))
            }
            (request, _) => Ok(request),
        };
    }
    let plain = PlainForm::of(command, tag_length)?;
    let command = plain.as_ref().map_or(command, |plain| plain.command.as_slice());
    let further = fetch_arguments(command, tag_length).and_then(|at| further_items::take(command, at));
    let command = further.as_ref().map_or(command, |further| further.command.as_slice());
    let split =
        if is_fetch(command.get(tag_length + 1..).unwrap_or_default()) { fetch_modifier::split(command) } else { None };
    let modifiers = split.as_ref().map(|(_, modifiers)| *modifiers).unwrap_or_default();
    let command = split.as_ref().map_or(command, |(command, _)| command.as_slice());
    let (rest, parsed) = CommandCodec::default().decode(command).map_err(|_| "Unknown command or invalid arguments")?;
    if !rest.is_empty() {
        return Err("Unexpected text after the command");
    }
    let mut request = match parsed.body {
        CommandBody::Capability => Request::Capability,
        CommandBody::Noop => Request::Noop,
        CommandBody::Logout => Request::Logout,
        CommandBody::StartTLS => Request::StartTls,
        CommandBody::Compress { .. } => Request::Compress,
        CommandBody::Id { parameters } => Request::Id(
            parameters
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (text(key.as_ref()), value.into_option().map(|value| text(&value))))
                .collect(),
        ),
        CommandBody::Login { username, password } => Request::Login {
            user: utf8(username.as_ref())?,
            password: SecretString::from(utf8(password.declassify().as_ref())?),
        },
        CommandBody::Namespace => Request::Namespace,
        CommandBody::Lsub { reference, mailbox_wildcard } => Request::Lsub {
            reference: mailbox(&reference, names),
            pattern: list_pattern(&mailbox_wildcard, names).ok_or("Pattern too long")?,
        },
        CommandBody::Unselect => Request::Unselect,
        CommandBody::Close => Request::Close,
        CommandBody::Check => Request::Check,
        CommandBody::Expunge => Request::Expunge { uids: None },
        CommandBody::ExpungeUid { sequence_set } => Request::Expunge { uids: Some(lower_set(&sequence_set)) },
        CommandBody::Fetch { sequence_set, macro_or_item_names, uid, modifiers: others } if others.is_empty() => {
            Request::Fetch { set: lower_set(&sequence_set), uid, items: lower_items(macro_or_item_names)?, modifiers }
        }
        CommandBody::Store { sequence_set, kind, response, flags, uid, modifiers } => Request::Store {
            set: lower_set(&sequence_set),
            uid,
            silent: response == StoreResponse::Silent,
            change: lower_flags(kind, &flags)?,
            unchanged_since: match modifiers.as_slice() {
                [] => None,
                [StoreModifier::UnchangedSince(modseq)] => Some(*modseq),
                _ => return Err("Too many modifiers of STORE"),
            },
        },
        CommandBody::GetQuota { root } => Request::GetQuota(astring(&root)),
        CommandBody::GetQuotaRoot { mailbox: name } => Request::GetQuotaRoot(mailbox(&name, names)),
        CommandBody::SetQuota { root, .. } => Request::SetQuota(astring(&root)),
        CommandBody::Idle => Request::Idle,
        CommandBody::Create { mailbox: name } => {
            Request::Create { mailbox: new_mailbox(&name, names)?, uses: Vec::new() }
        }
        CommandBody::Delete { mailbox: name } => Request::Delete(mailbox(&name, names)),
        CommandBody::Rename { from, to } => {
            Request::Rename { from: mailbox(&from, names), to: new_mailbox(&to, names)? }
        }
        CommandBody::Subscribe { mailbox: name } => {
            Request::Subscribe { mailbox: mailbox(&name, names), subscribed: true }
        }
        CommandBody::Unsubscribe { mailbox: name } => {
            Request::Subscribe { mailbox: mailbox(&name, names), subscribed: false }
        }
        CommandBody::Copy { sequence_set, mailbox: name, uid } => {
            Request::Copy { set: lower_set(&sequence_set), uid, mailbox: mailbox(&name, names), remove: false }
        }
        CommandBody::Move { sequence_set, mailbox: name, uid } => {
            Request::Copy { set: lower_set(&sequence_set), uid, mailbox: mailbox(&name, names), remove: true }
        }
        _ => return Err("Command or argument of an extension that is not offered"),
    };
    if let (Some(further), Request::Fetch { items, .. }) = (further, &mut request) {
        further.complete(items);
    }
    if let Some(plain) = plain {
        plain.complete(&mut request);
    }
    Ok(request)
}

/// What FETCH would show if it was given these items.
fn fetch_items(items: &[u8]) -> Option<Vec<FetchItem>> {
    let command = [b"a FETCH 1 ", items, b"\r\n"].concat();
    match lower_body(&command, 1, Names::default()).ok()? {
        Request::Fetch { items, modifiers, .. } if modifiers == FetchModifiers::default() => Some(items),
        _ => None,
    }
}

/// Where the arguments of FETCH begin.
fn fetch_arguments(command: &[u8], tag_length: usize) -> Option<usize> {
    let body = command.get(tag_length + 1..)?;
    let arguments = arguments(body, b"FETCH ").or_else(|| arguments(body, b"UID FETCH "))?;
    command.len().checked_sub(arguments.len() + b"\r\n".len())
}

fn is_fetch(body: &[u8]) -> bool {
    arguments(body, b"FETCH ").or_else(|| arguments(body, b"UID FETCH ")).is_some()
}

/// What follows `verb` up to the line end, if the command is this one.
fn arguments<'a>(body: &'a [u8], verb: &[u8]) -> Option<&'a [u8]> {
    let (first, rest) = body.split_at_checked(verb.len())?;
    first.eq_ignore_ascii_case(verb).then(|| rest.strip_suffix(b"\r\n").unwrap_or_default())
}

fn new_mailbox(name: &Mailbox<'_>, names: Names) -> Result<String, &'static str> {
    match name {
        Mailbox::Inbox => Ok("INBOX".to_owned()),
        Mailbox::Other(other) => create::new_name(other.as_ref(), names),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, &'static str> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "Invalid UTF-8")
}

fn astring(value: &AString<'_>) -> String {
    text(value.as_ref())
}

fn mailbox(name: &Mailbox<'_>, names: Names) -> String {
    match name {
        Mailbox::Inbox => "INBOX".to_owned(),
        Mailbox::Other(other) => names.read(other.as_ref()),
    }
}

fn list_pattern(pattern: &ListMailbox<'_>, names: Names) -> Option<String> {
    match pattern {
        ListMailbox::Token(token) => list::pattern(token.as_ref(), names),
        ListMailbox::String(string) => list::pattern(string.as_ref(), names),
    }
}

fn lower_set(set: &WireSet) -> MessageSet {
    let number = |number: &SeqOrUid| match number {
        SeqOrUid::Value(value) => Some(value.get()),
        SeqOrUid::Asterisk => None,
    };
    SequenceSet(
        set.0
            .as_ref()
            .iter()
            .map(|sequence| match sequence {
                Sequence::Single(single) => (number(single), number(single)),
                Sequence::Range(from, to) => (number(from), number(to)),
            })
            .collect(),
    )
    .into()
}

fn lower_items(items: MacroOrMessageDataItemNames<'_>) -> Result<Vec<FetchItem>, &'static str> {
    let names = match &items {
        MacroOrMessageDataItemNames::Macro(names) => names.expand(),
        MacroOrMessageDataItemNames::MessageDataItemNames(names) => names.clone(),
    };
    if names.is_empty() || names.len() > MAX_FETCH_ITEMS {
        return Err("No FETCH items, or too many");
    }
    names.into_iter().map(lower_item).collect()
}

fn lower_item(item: MessageDataItemName<'_>) -> Result<FetchItem, &'static str> {
    Ok(match item {
        MessageDataItemName::Body => FetchItem::Body,
        MessageDataItemName::BodyStructure => FetchItem::BodyStructure,
        MessageDataItemName::Envelope => FetchItem::Envelope,
        MessageDataItemName::Flags => FetchItem::Flags,
        MessageDataItemName::InternalDate => FetchItem::InternalDate,
        MessageDataItemName::ModSeq => FetchItem::ModSeq,
        MessageDataItemName::Rfc822 => FetchItem::Rfc822,
        MessageDataItemName::Rfc822Header => FetchItem::Rfc822Header,
        MessageDataItemName::Rfc822Size => FetchItem::Size,
        MessageDataItemName::Rfc822Text => FetchItem::Rfc822Text,
        MessageDataItemName::Uid => FetchItem::Uid,
        MessageDataItemName::BodyExt { section, partial, peek } => FetchItem::Section {
            section: lower_section(section)?,
            partial: partial.map(|(first, count)| (first, count.get())),
            peek,
        },
        MessageDataItemName::Binary { section, partial, peek } => FetchItem::Binary {
            part: lower_part(&section)?,
            partial: partial.map(|(first, count)| (first, count.get())),
            peek,
        },
        MessageDataItemName::BinarySize { section } => FetchItem::BinarySize(lower_part(&section)?),
    })
}

fn lower_section(section: Option<WireSection<'_>>) -> Result<Section, &'static str> {
    let names = |names: &[AString<'_>]| names.iter().map(astring).collect();
    let (part, text) = match section {
        None => (None, SectionText::Whole),
        Some(WireSection::Part(part)) => (Some(part), SectionText::Whole),
        Some(WireSection::Header(part)) => (part, SectionText::Header),
        Some(WireSection::HeaderFields(part, fields)) => (part, SectionText::HeaderFields(names(fields.as_ref()))),
        Some(WireSection::HeaderFieldsNot(part, fields)) => {
            (part, SectionText::HeaderFieldsNot(names(fields.as_ref())))
        }
        Some(WireSection::Text(part)) => (part, SectionText::Text),
        Some(WireSection::Mime(part)) => (Some(part), SectionText::Mime),
    };
    let part = lower_part(part.as_ref().map_or(&[], |Part(numbers)| numbers.as_ref()))?;
    Ok(Section { part, text })
}

fn lower_part(numbers: &[NonZeroU32]) -> Result<Vec<u32>, &'static str> {
    if numbers.len() > MAX_PART_DEPTH {
        return Err("Part nested too deeply");
    }
    Ok(numbers.iter().map(|number| number.get()).collect())
}

#[cfg(test)]
mod tests {
    use mail_core::{FlagChange, FlagChangeMode, FlagSet, Keywords};
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn request(command: &str) -> Request {
        lower(command.as_bytes()).unwrap_or_else(|error| panic!("{command}: {error}")).request
    }

    fn section(part: &[u32], text: SectionText, partial: Option<(u32, u32)>, peek: bool) -> FetchItem {
        FetchItem::Section { section: Section { part: part.to_vec(), text }, partial, peek }
    }

    #[test]
    fn logins() {
        let Request::Login { user, password } = request("a login {5}\r\nal ce \"p\\\"w\"\r\n") else { panic!() };
        assert_eq!((user.as_str(), password.expose_secret()), ("al ce", "p\"w"));
        let Request::Authenticate { mechanism, initial } = request("a authenticate plain AGEAYg==\r\n") else {
            panic!()
        };
        assert_eq!((mechanism.as_str(), initial.unwrap().expose_secret()), ("plain", "AGEAYg=="));
        for (command, expected) in [("a AUTHENTICATE  X-y \r\n", None), ("a AUTHENTICATE X-y =\r\n", Some("="))] {
            let Request::Authenticate { mechanism, initial } = request(command) else { panic!() };
            assert_eq!(mechanism, "X-y");
            assert_eq!(initial.as_ref().map(|initial| initial.expose_secret()), expected);
        }
        for command in
            ["a AUTHENTICATE \r\n", "a AUTHENTICATE\r\n", "a AUTHENTICATE X {1}\r\ny\r\n", "a AUTHENTICATE X y z\r\n"]
        {
            assert!(lower(command.as_bytes()).is_err(), "{command}");
        }
    }

    #[test]
    fn mailboxes() {
        for (command, expected) in [
            ("a select inbox\r\n", "INBOX"),
            ("a SELECT \"Inbox/Sub\"\r\n", "INBOX/Sub"),
            ("a SELECT Entw&APw-rfe\r\n", "Entwürfe"),
            ("a SELECT \"A & B\"\r\n", "A & B"),
            ("a SELECT {9}\r\nEntwürfe\r\n", "Entwürfe"),
        ] {
            let Request::Select { mailbox, read_only: false, .. } = request(command) else { panic!() };
            assert_eq!(mailbox, expected);
        }
    }

    #[test]
    fn fetches() {
        let Request::Fetch { set, uid, items, .. } = request(
            "a UID FETCH 1,3:*  (FLAGS  BODY.PEEK[1.2.HEADER.FIELDS (Date \"X y\")]<5.7> body[] RFC822.SIZE ) \r\n",
        ) else {
            panic!()
        };
        assert_eq!(set, SequenceSet(vec![(Some(1), Some(1)), (Some(3), None)]).into());
        assert!(uid);
        let fields = SectionText::HeaderFields(vec!["Date".to_owned(), "X y".to_owned()]);
        assert_eq!(
            items,
            [
                FetchItem::Flags,
                section(&[1, 2], fields, Some((5, 7)), true),
                section(&[], SectionText::Whole, None, false),
                FetchItem::Size,
            ]
        );
        let Request::Fetch { items, .. } = request("a FETCH 1 full\r\n") else { panic!() };
        assert_eq!(
            items,
            [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope, FetchItem::Body]
        );
    }

    #[test]
    fn stores() {
        let Request::Store { silent, change, uid, .. } = request("a STORE 1 +FLAGS.SILENT (\\Seen $Label1)\r\n") else {
            panic!()
        };
        assert!(silent && !uid);
        assert_eq!(
            change,
            FlagChange { mode: FlagChangeMode::Add, flags: FlagSet::SEEN, keywords: Keywords::from_iter(["$Label1"]) }
        );
    }

    #[test]
    fn appends() {
        for (command, flags, date) in [
            ("a APPEND x {5}\r\n{2}\r\n\r\n", FlagSet::EMPTY, None),
            ("a append {1}\r\nx (\\Seen $a) {5+}\r\n{2}\r\n\r\n", FlagSet::SEEN, None),
            (
                "a  APPEND \"x\"  () \" 7-Jul-1996 02:44:25 -0700\" {5}\r\n{2}\r\n\r\n",
                FlagSet::EMPTY,
                Some(836_732_665),
            ),
            ("a APPEND x \"7-Jul-1996 02:44:25 -0700\" {5}\r\n{2}\r\n\r\n", FlagSet::EMPTY, Some(836_732_665)),
        ] {
            let Request::Append { mailbox, messages } = request(command) else { panic!() };
            let message = &messages[0].message;
            assert_eq!((mailbox.as_str(), &message.content[..]), ("x", &b"{2}\r\n"[..]));
            assert_eq!((message.flags, message.internal_date), (flags, date));
        }
        for command in [
            "a APPEND x\r\n",
            "a APPEND x {3}\r\nabc x\r\n",
            "a APPEND x {1}\r\na{1}\r\nb x\r\n",
            "a APPEND x {1}\r\na ()\r\n",
            "a APPEND x UTF8 ({1}\r\nb)\r\n",
            "a APPEND x UTF8 (~{1}\r\nb\r\n",
            "a APPEND x (\\Seen {1}\r\nb\r\n",
            "a APPEND {1}\r\nx\r\n",
        ] {
            assert!(lower(command.as_bytes()).is_err(), "{command}");
        }
    }

    #[test]
    fn copies_and_folders() {
        let Request::Copy { set, uid: true, mailbox, remove: true } = request("a UID MOVE 2:3 inbox\r\n") else {
            panic!()
        };
        assert_eq!((set, mailbox.as_str()), (SequenceSet(vec![(Some(2), Some(3))]).into(), "INBOX"));
        let Request::Create { mailbox: name, .. } = request("a CREATE \"x/y z/\"\r\n") else { panic!() };
        assert_eq!(name, "x/y z");
        let Request::Create { mailbox: name, .. } = request("a CREATE &AOk-&AOk-\r\n") else { panic!() };
        assert_eq!(name, "éé");
        let Request::Create { mailbox: name, .. } = request("a CREATE {2}\r\né\r\n") else { panic!() };
        assert_eq!(name, "é");
        for command in [&b"a CREATE \"A & B\"\r\n"[..], b"a RENAME x &AGE-\r\n", b"a CREATE {1}\r\n\xe9\r\n"] {
            assert!(lower(command).is_err(), "{}", String::from_utf8_lossy(command));
        }
    }

    #[test]
    fn refused() {
        for (command, tag) in [
            ("\r\n", None),
            ("* NOOP\r\n", None),
            ("a\r\n", Some("a")),
            ("a XYZZY\r\n", Some("a")),
            ("a NOOP x\r\n", Some("a")),
            ("a FETCH 0 FLAGS\r\n", Some("a")),
            ("a FETCH 1 ()\r\n", Some("a")),
            ("a SELECT x (X)\r\n", Some("a")),
            ("a FETCH 1 FLAGS (X)\r\n", Some("a")),
            ("a STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS ()\r\n", Some("a")),
            ("a STATUS x ()\r\n", Some("a")),
            ("a LIST x\r\n", Some("a")),
        ] {
            let error = lower(command.as_bytes()).map(|tagged| tagged.request.name()).unwrap_err();
            assert_eq!(error.tag.as_deref(), tag, "{command}");
        }
        let many = format!("a FETCH 1 ({})\r\n", vec!["BODY[]"; 65].join(" "));
        assert!(lower(many.as_bytes()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = lower(&bytes);
        }

        #[test]
        fn nearly_commands_never_panic(
            verb in prop_oneof![
                Just("FETCH 1 "), Just("FETCH $ "), Just("UID FETCH 1 (UID) "), Just("SEARCH "), Just("SEARCH RETURN "),
                Just("SORT "), Just("THREAD REFS "), Just("CANCELUPDATE "), Just("UIDBATCHES "), Just("STORE 1 "), Just("STATUS "), Just("LOGIN "), Just("ID "),
                Just("LIST "), Just("GETMETADATA x "), Just("SETMETADATA x (/private/a "), Just("SELECT "), Just("AUTHENTICATE PLAIN "), Just("APPEND x "), Just("APPEND x {1}\r\ny "), Just("REPLACE 1 x "), Just("UID ")
            ],
            rest in "[ ()\"*:,{}0-9a-zA-Z\\\\\\[\\]<>.=+é\r\n-]{0,60}",
        ) {
            let _ = lower(format!("a {verb}{rest}\r\n").as_bytes());
        }
    }
}

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;
use mail_core::message::charset::guess;
use mail_core::message::one_line;
use mapi_core::message::PropertyBag;
use mapi_core::property::{PropertyType, tags};

use super::encoding::MAX_LINE;
use super::header::{Header, encoded_words};
use crate::convert::strings::filled;

/// Fields that hold addresses, where text is told from addresses by special characters.
const ADDRESS_FIELDS: &[&str] = &[
    "from",
    "to",
    "cc",
    "bcc",
    "sender",
    "reply-to",
    "return-path",
    "resent-from",
    "resent-to",
    "resent-cc",
    "resent-sender",
    "disposition-notification-to",
    "return-receipt-to",
    "errors-to",
    "delivered-to",
];

/// Fields that describe a body that is put together anew. Others whose names begin so say something of the message.
const DESCRIBING: &[&str] = &[
    "content-base",
    "content-disposition",
    "content-duration",
    "content-features",
    "content-id",
    "content-length",
    "content-location",
    "content-md5",
    "content-transfer-encoding",
    "content-type",
    "mime-version",
];

/// The header a message was received with (PidTagTransportMessageHeaders), repaired.
pub(super) struct Fields {
    /// Its fields in their order, without those that describe the body and without Bcc.
    pub(super) header: Header,
    /// Whether a server received it: there is a Received field.
    pub(super) was_received: bool,
}

/// The repaired header; `None` if there is none. One with neither Received nor From is not taken for that of a message:
/// clients may write anything into this property.
///
/// Lines stay as they are where they may: broken line ends become CRLF, control characters go, lines too long are
/// folded, text that is not ASCII is put into encoded words, and first read again if a server took UTF-8 for windows-1252. Lines
/// that are no fields are dropped.
pub(super) fn fields(bag: &PropertyBag) -> Option<Fields> {
    let text = block(bag)?;
    let mut header = Header::new();
    // What is signed or encrypted brings all fields that describe it.
    let class = filled(bag, tags::PidTagMessageClass).unwrap_or_default();
    let is_whole = class.trim().to_ascii_uppercase().starts_with("IPM.NOTE.SMIME");
    let (mut was_received, mut has_author) = (false, false);
    for (name, lines) in parsed(&text) {
        let lower = name.to_ascii_lowercase();
        was_received |= lower == "received";
        has_author |= lower == "from";
        let describes = DESCRIBING.contains(&&lower[..]) || (is_whole && lower.starts_with("content-"));
        if describes || ["bcc", "resent-bcc"].contains(&&lower[..]) {
            continue;
        }
        match subject(bag).filter(|_| lower == "subject" && !lines.iter().all(|line| line.is_ascii())) {
            Some(subject) => header.unstructured(name, &subject),
            None => put(&mut header, name, &lower, &lines),
        }
    }
    (was_received || has_author).then_some(Fields { header, was_received })
}

/// The value of a field, unfolded.
pub(super) fn find(bag: &PropertyBag, wanted: &str) -> Option<String> {
    let text = block(bag)?;
    let (_, lines) = parsed(&text).into_iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
    Some(lines.concat().trim().to_owned())
}

/// The property, also where a server gave its raw bytes.
fn block(bag: &PropertyBag) -> Option<Cow<'_, str>> {
    match bag.text(tags::PidTagTransportMessageHeaders) {
        Some(text) => Some(Cow::Borrowed(text)),
        None => bag.binary(tags::PidTagTransportMessageHeaders.with_kind(PropertyType::STRING8)).map(guess),
    }
}

/// Splits a header block into fields: name, and lines as they are, the first without the name.
fn parsed(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut fields: Vec<(&str, Vec<&str>)> = Vec::new();
    // Continuations of a line that is no field go with it.
    let mut skipping = true;
    for line in text.split(['\r', '\n']).map(|line| line.trim_matches('\0')) {
        if line.trim().is_empty() {
            // CRLF was split into two, and damaged blocks have empty lines between fields.
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let (false, Some((_, lines))) = (skipping, fields.last_mut()) {
                lines.push(line);
            }
            continue;
        }
        let field = line.split_once(':').filter(|(name, _)| {
            let name = name.trim_end();
            !name.is_empty() && name.len() <= 76 && name.bytes().all(|b| b.is_ascii_graphic())
        });
        skipping = field.is_none();
        if let Some((name, value)) = field {
            fields.push((name.trim_end(), vec![value]));
        }
    }
    fields
}

fn put(header: &mut Header, name: &str, lower: &str, lines: &[&str]) {
    let fits =
        |line: &&str| line.len() < MAX_LINE - name.len() && !line.contains(|c: char| c.is_control() && c != '\t');
    if lines.iter().all(|line| line.is_ascii() && fits(line)) {
        let mut out = format!("{name}:{}\r\n", lines[0]);
        for line in &lines[1..] {
            out.push_str(line);
            out.push_str("\r\n");
        }
        header.lines(out.as_bytes());
        return;
    }
    let value: String = lines.concat().chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    let value = reread(&value).unwrap_or(value);
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    header.structured(name, &encode_runs(value.trim(), ADDRESS_FIELDS.contains(&lower)));
}

/// The subject where the header has it with more than ASCII: what a server made of that may be wrong, and the property is right.
fn subject(bag: &PropertyBag) -> Option<String> {
    let subject = one_line(&filled(bag, tags::PidTagSubject)?);
    (!subject.contains(char::REPLACEMENT_CHARACTER)).then_some(subject)
}

/// UTF-8 that was read as windows-1252, read as what it is; nothing if it is no such text.
fn reread(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut buffer = [0; 4];
    for c in value.chars() {
        let (byte, _, unknown) = WINDOWS_1252.encode(c.encode_utf8(&mut buffer));
        match &byte[..] {
            [byte] if !unknown => bytes.push(*byte),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok().filter(|text| text != value)
}

/// Puts the words that are not ASCII, with the spaces between them, into encoded words.
fn encode_runs(value: &str, addresses: bool) -> String {
    let tokens = tokens(value, addresses);
    let mut out = String::with_capacity(value.len() * 2);
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].is_ascii() {
            out.push_str(tokens[at]);
            at += 1;
            continue;
        }
        let mut end = at + 1;
        while let [space, word, ..] = &tokens[end..] {
            if space.trim().is_empty() && !word.is_ascii() { end += 2 } else { break }
        }
        if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
        let run: String = tokens[at..end].iter().map(|token| unquoted(token, addresses)).collect();
        out.push_str(&encoded_words(&run, 40));
        if tokens.get(end).is_some_and(|next| !next.starts_with(' ')) {
            out.push(' ');
        }
        at = end;
    }
    out
}

/// Words, runs of space, quoted strings, and in address fields special characters, each a token.
fn tokens(value: &str, addresses: bool) -> Vec<&str> {
    let special = |c: char| addresses && "<>,;:()".contains(c);
    let mut out = Vec::new();
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        let length = if addresses && first == '"' {
            quoted_length(rest)
        } else if special(first) {
            first.len_utf8()
        } else if first == ' ' {
            rest.find(|c| c != ' ').unwrap_or(rest.len())
        } else {
            rest.find(|c| c == ' ' || special(c) || (addresses && c == '"')).unwrap_or(rest.len()).max(first.len_utf8())
        };
        let (token, after) = rest.split_at(length);
        out.push(token);
        rest = after;
    }
    out
}

fn quoted_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

fn unquoted(token: &str, addresses: bool) -> String {
    match token.strip_prefix('"').and_then(|token| token.strip_suffix('"')) {
        Some(inner) if addresses => {
            let mut out = String::new();
            let mut chars = inner.chars();
            while let Some(c) = chars.next() {
                out.extend(if c == '\\' { chars.next() } else { Some(c) });
            }
            out
        }
        _ => token.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use mapi_core::property::PropertyValue;
    use proptest::prelude::*;

    use super::*;

    fn repaired(text: &str) -> String {
        let text = format!("{text}\r\nFrom: x\r\n");
        let bag = PropertyBag::from_iter([(tags::PidTagTransportMessageHeaders, PropertyValue::String(text))]);
        let header = fields(&bag).expect("there is a From field").header;
        let text = String::from_utf8(header.as_bytes().to_vec()).expect("ASCII");
        text.strip_suffix("From: x\r\n").expect("it is the last field").to_owned()
    }

    #[test]
    fn good_headers_stay() {
        let text = "Received: from a\r\n\tby b;\r\n\tSun\r\nFrom: \"Dave O'Neil\" <d@x>\r\nSubject:  two  spaces\r\n";
        assert_eq!(repaired(text), text);
    }

    #[test]
    fn fragments_are_no_header() {
        let fragment = PropertyValue::String("X-Test: 1\r\nSubject: Re: created\r\n".into());
        assert!(fields(&PropertyBag::from_iter([(tags::PidTagTransportMessageHeaders, fragment)])).is_none());
    }

    #[test]
    fn body_fields_and_bcc_go() {
        let text =
            "To: a@x\r\nContent-Type: text/plain;\r\n charset=x\r\nBCC: b@x,\r\n c@x\r\nMIME-Version: 1.0\r\nX: y\r\n";
        assert_eq!(repaired(text), "To: a@x\r\nX: y\r\n");
    }

    #[test]
    fn fields_that_say_something_of_the_message_stay() {
        let text = "Content-Class: urn:content-classes:message\r\nContent-Description: d\r\nContent-Language: de\r\n";
        assert_eq!(repaired(&format!("{text}Content-ID: <x@y>\r\nContent-Length: 3\r\n")), text);
    }

    #[test]
    fn what_a_server_misread_is_read_again() {
        let right = "=?utf-8?Q?Gr=C3=BC=C3=9Fe?= aus =?utf-8?Q?K=C3=B6ln?=\r\n";
        assert_eq!(repaired("Subject: GrÃ¼ÃŸe aus KÃ¶ln\r\n"), format!("Subject: {right}"));
        assert_eq!(repaired("To: BjÃ¶rn <b@x>\r\n"), "To: =?utf-8?Q?Bj=C3=B6rn?= <b@x>\r\n");
        // What can't have been UTF-8 stays.
        for text in ["Grüße Ã¶", "€uro 日本"] {
            assert_eq!(repaired(&format!("X: {text}\r\n")), format!("X: {}\r\n", encode_runs(text, false)));
        }
        // The property is right where the header has more than ASCII.
        let with_subject = |header: &str, subject: &str| {
            let bag = PropertyBag::from_iter([
                (
                    tags::PidTagTransportMessageHeaders,
                    PropertyValue::String(format!("From: x\r\nSubject: {header}\r\n")),
                ),
                (tags::PidTagSubject, PropertyValue::String(subject.into())),
            ]);
            let header = fields(&bag).expect("a field").header;
            String::from_utf8_lossy(header.as_bytes()).split_once("Subject: ").expect("it is there").1.to_owned()
        };
        assert_eq!(with_subject("Gr??äe", "Grüße"), "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n");
        assert_eq!(with_subject("as it stands", "other"), "as it stands\r\n");
        assert_eq!(with_subject("é", "\u{fffd}"), "=?utf-8?Q?=C3=A9?=\r\n");
    }

    #[test]
    fn damage_is_repaired() {
        assert_eq!(
            repaired("From junk\r\n more\r\nA: 1\n B\nC\rD: 2\r\n \r\nE: \0x\u{1}\r\n"),
            "A: 1\r\n B\r\nD: 2\r\nE: x\r\n"
        );
        assert_eq!(repaired("no fields at all"), "");
        assert_eq!(
            repaired("Subject: Grüße aus Köln\r\n"),
            "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= aus =?utf-8?Q?K=C3=B6ln?=\r\n"
        );
        assert_eq!(
            repaired("To: \"Zoë, \\\"Z\\\" X\" <z@x>,Ö É<y@x>\r\n"),
            "To: =?utf-8?Q?Zo=C3=AB=2C_=22Z=22_X?= <z@x>, =?utf-8?B?w5Ygw4k=?= <y@x>\r\n"
        );
        let long = repaired(&format!("References: {}\r\n", "<a@b>".repeat(300)));
        assert!(long.lines().all(|line| line.len() <= MAX_LINE), "{long}");
        let bytes = PropertyValue::String8(b"From: Gr\xFC\xDFe\r\n".to_vec());
        let bag =
            PropertyBag::from_iter([(tags::PidTagTransportMessageHeaders.with_kind(PropertyType::STRING8), bytes)]);
        let header = fields(&bag).expect("a field").header;
        assert_eq!(header.as_bytes(), b"From: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_becomes_a_header(text in "([A-Za-z-]{1,5}: |[ \\t\\r\\n\"<>,:;\\\\]|\\PC|.){0,80}") {
            let out = repaired(&text);
            prop_assert!(out.is_ascii());
            for line in out.split_terminator("\r\n") {
                prop_assert!(line.len() <= MAX_LINE);
                prop_assert!(!line.contains(['\r', '\n', '\0']));
                prop_assert!(line.starts_with([' ', '\t']) && !line.trim().is_empty() || line.contains(':'), "{out:?}");
            }
        }
    }
}

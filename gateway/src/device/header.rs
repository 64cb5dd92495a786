use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::Range;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use mail_parser::MessageParser;
use smtp_front::submit::{Message, SubmitError};

use crate::config::SenderPolicy;
use crate::convert::mapi_to_mime::phrase;

/// What is done to the header of a submitted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRule {
    /// The mailbox that sends.
    pub mailbox: String,
    /// What is done about another sender in it.
    pub sender: SenderPolicy,
}

/// Reads a message and gives it what is missing in its header: From, Date and Message-ID (RFC 6409 8), and a header at all
/// if it has none. Blocks if the message lies in a file.
///
/// # Errors
/// [`SubmitError::SenderDenied`] if the rule says so, [`SubmitError::Internal`] if the message can't be read.
pub fn complete(mut message: Message, rule: &HeaderRule) -> Result<Vec<u8>, SubmitError> {
    let internal = |error: io::Error| {
        tracing::error!(%error, "a message that was taken in can't be read");
        SubmitError::Internal("internal error".to_owned())
    };
    let len = usize::try_from(message.len()).map_err(|_| internal(io::ErrorKind::OutOfMemory.into()))?;
    let mut bytes = Vec::with_capacity(len);
    message.reader().and_then(|mut reader| reader.read_to_end(&mut bytes)).map_err(internal)?;
    let edit = Header::of(&bytes).edit(rule, SystemTime::now(), rand::random())?;
    Ok(edit.apply(bytes))
}

/// The fields that matter here. Of others there may be millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    From,
    Sender,
    ReplyTo,
    Date,
    MessageId,
}

/// Where a field is, with its line end.
struct Field {
    name: Name,
    range: Range<usize>,
}

struct Header<'a> {
    bytes: &'a [u8],
    fields: Vec<Field>,
    /// Whether the message begins with something that is neither a field nor the empty line before the body.
    missing: bool,
}

/// What makes a header good.
struct Edit {
    /// Fields that go, in order.
    removed: Vec<Range<usize>>,
    /// Lines that come at the start.
    added: String,
}

impl Edit {
    fn apply(self, bytes: Vec<u8>) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.added.len() + bytes.len());
        out.extend_from_slice(self.added.as_bytes());
        let mut kept = 0;
        for range in self.removed {
            out.extend_from_slice(&bytes[kept..range.start]);
            kept = range.end;
        }
        out.extend_from_slice(&bytes[kept..]);
        out
    }
}

impl<'a> Header<'a> {
    /// The fields up to the empty line or to the first line that is none.
    fn of(bytes: &'a [u8]) -> Self {
        let mut fields: Vec<Field> = Vec::new();
        let mut at = 0;
        // Whether folded lines belong to the last one of `fields`, to another field, or to none.
        let mut wanted = None;
        let mut missing = false;
        while at < bytes.len() {
            let line = &bytes[at..];
            let len = line.windows(2).position(|pair| pair == b"\r\n").map_or(line.len(), |end| end + 2);
            let line = &line[..len];
            let folded = line.starts_with(b" ") || line.starts_with(b"\t");
            if folded && let Some(wanted) = wanted {
                if let (true, Some(field)) = (wanted, fields.last_mut()) {
                    field.range.end = at + len;
                }
            } else if let Some(name) = field_name(line) {
                let name = Name::of(name);
                wanted = Some(name.is_some());
                fields.extend(name.map(|name| Field { name, range: at..at + len }));
            } else {
                missing = wanted.is_none() && line != b"\r\n";
                break;
            }
            at += len;
        }
        Self { bytes, fields, missing }
    }

    fn named(&self, name: Name) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.name == name)
    }

    /// What follows the colon, as it is, with its line end.
    fn value(&self, field: &Field) -> &'a [u8] {
        let bytes = &self.bytes[field.range.clone()];
        bytes.iter().position(|byte| *byte == b':').map_or(&[], |colon| &bytes[colon + 1..])
    }

    fn edit(&self, rule: &HeaderRule, now: SystemTime, random: [u8; 16]) -> Result<Edit, SubmitError> {
        let mut added = String::new();
        let mut removed = Vec::new();
        let senders = self.senders();
        let own = |address: &str| address.eq_ignore_ascii_case(&rule.mailbox);
        let foreign = senders.iter().any(|(_, address)| !own(address));
        match rule.sender {
            SenderPolicy::Reject if foreign => {
                return Err(SubmitError::SenderDenied(format!("this device sends as {} only", rule.mailbox)));
            }
            SenderPolicy::Rewrite if foreign || senders.len() != 1 => {
                removed.extend(self.named(Name::From).chain(self.named(Name::Sender)).map(|field| field.range.clone()));
                removed.sort_by_key(|range| range.start);
                let name = senders.first().map(|(name, _)| name.as_ref()).unwrap_or_default();
                added.push_str(&format!("From: {}<{}>\r\n", before_address(name), rule.mailbox));
                let original = self.named(Name::From).next().filter(|_| foreign);
                if let (Some(original), None) = (original, self.named(Name::ReplyTo).next()) {
                    added.push_str("Reply-To:");
                    added.push_str(&String::from_utf8_lossy(self.value(original)));
                    if !added.ends_with("\r\n") {
                        added.push_str("\r\n");
                    }
                }
            }
            _ if self.named(Name::From).next().is_none() => added.push_str(&format!("From: <{}>\r\n", rule.mailbox)),
            _ => {}
        }
        if self.named(Name::Date).next().is_none() {
            added.push_str(&format!("Date: {}\r\n", DateTime::<Utc>::from(now).to_rfc2822()));
        }
        if self.named(Name::MessageId).next().is_none() {
            let domain = rule.mailbox.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
            added.push_str(&format!("Message-ID: <{:032x}@{domain}>\r\n", u128::from_be_bytes(random)));
        }
        if self.missing || self.bytes.is_empty() {
            added.push_str("\r\n");
        }
        Ok(Edit { removed, added })
    }

    /// Names and addresses in From.
    fn senders(&self) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        let mut out = Vec::new();
        for field in self.named(Name::From) {
            let parsed = MessageParser::new().parse_headers(&self.bytes[field.range.clone()]);
            let Some(parsed) = parsed else { continue };
            let Some(from) = parsed.from() else { continue };
            for mailbox in from.iter() {
                if let Some(address) = mailbox.address() {
                    let name = mailbox.name().unwrap_or_default().to_owned();
                    out.push((Cow::Owned(name), Cow::Owned(address.to_owned())));
                }
            }
        }
        out
    }
}

impl Name {
    fn of(name: &[u8]) -> Option<Self> {
        const NAMES: [(&str, Name); 5] = [
            ("from", Name::From),
            ("sender", Name::Sender),
            ("reply-to", Name::ReplyTo),
            ("date", Name::Date),
            ("message-id", Name::MessageId),
        ];
        NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes())).map(|(_, name)| *name)
    }
}

/// The name of the field that begins with this line (RFC 5322 3.6.8 `field-name`).
fn field_name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    let valid = !name.is_empty() && name.len() <= 100 && name.iter().all(u8::is_ascii_graphic);
    valid.then_some(name)
}

/// A display name as it can stand before an address, with a space behind it.
fn before_address(name: &str) -> String {
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(100).collect();
    if name.is_empty() { name } else { phrase(&name) + " " }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn rule(sender: SenderPolicy) -> HeaderRule {
        HeaderRule { mailbox: "scan@example.test".to_owned(), sender }
    }

    fn completed(message: &str, sender: SenderPolicy) -> Result<String, SubmitError> {
        let bytes = complete(Bytes::from(message.to_owned()).into(), &rule(sender))?;
        let text = String::from_utf8(bytes).expect("UTF-8");
        // What differs from run to run is cut out.
        let line = |name: &str, line: &str| line.starts_with(name);
        let stable: Vec<&str> = text
            .split_inclusive("\r\n")
            .map(|text| match text {
                text if line("Date: ", text) && !text.contains("1970") => "Date\r\n",
                text if line("Message-ID: <", text) && text.ends_with("@example.test>\r\n") => "Message-ID\r\n",
                text => text,
            })
            .collect();
        Ok(stable.concat())
    }

    #[test]
    fn what_is_missing_is_added() {
        for (message, expected) in [
            (
                "Subject: x\r\n\r\nbody\r\n",
                "From: <scan@example.test>\r\nDate\r\nMessage-ID\r\nSubject: x\r\n\r\nbody\r\n",
            ),
            ("\r\nbody\r\n", "From: <scan@example.test>\r\nDate\r\nMessage-ID\r\n\r\nbody\r\n"),
            (
                "just text\r\nmore: x\r\n",
                "From: <scan@example.test>\r\nDate\r\nMessage-ID\r\n\r\njust text\r\nmore: x\r\n",
            ),
            ("", "From: <scan@example.test>\r\nDate\r\nMessage-ID\r\n\r\n"),
            ("FROM: scan@example.test\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nmessage-id : <a@b>\r\n", ""),
        ] {
            let expected = if expected.is_empty() { message } else { expected };
            for policy in [SenderPolicy::Keep, SenderPolicy::Rewrite, SenderPolicy::Reject] {
                assert_eq!(completed(message, policy).as_deref(), Ok(expected), "{message:?}");
            }
        }
    }

    #[test]
    fn other_senders_by_rule() {
        let given = "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <a@b>\r\n";
        let message =
            format!("Sender: x@y\r\nFrom: \"Floor 2\"\r\n <copier@printer.local>\r\n{given}\r\nFrom: body\r\n");
        assert_eq!(completed(&message, SenderPolicy::Keep).as_deref(), Ok(message.as_str()));
        let rewritten = completed(&message, SenderPolicy::Rewrite).expect("taken");
        assert_eq!(
            rewritten,
            format!(
                "From: Floor 2 <scan@example.test>\r\nReply-To: \"Floor 2\"\r\n <copier@printer.local>\r\n{given}\r\nFrom: body\r\n"
            )
        );
        assert!(matches!(completed(&message, SenderPolicy::Reject), Err(SubmitError::SenderDenied(_))));
        let replied = format!("From: copier@printer.local\r\nReply-To: boss@example.test\r\n{given}\r\n");
        assert_eq!(
            completed(&replied, SenderPolicy::Rewrite),
            Ok(format!("From: <scan@example.test>\r\nReply-To: boss@example.test\r\n{given}\r\n"))
        );
        let nameless = format!("From: Scanner\r\n{given}\r\n");
        let rewritten = completed(&nameless, SenderPolicy::Rewrite).expect("taken");
        assert!(rewritten.contains("<scan@example.test>\r\n"), "{rewritten}");
    }

    #[test]
    fn names_are_encoded() {
        assert_eq!(before_address(""), "");
        assert_eq!(before_address("a \"b\" \\c"), "\"a \\\"b\\\" \\\\c\" ");
        assert_eq!(before_address("Büro\r\nX: y"), "=?utf-8?Q?B=C3=BCroX=3A_y?= ");
        assert!(before_address(&"ü".repeat(90)).split(' ').all(|word| word.len() <= 75));
    }

    #[test]
    fn any_number_of_fields_is_taken() {
        let many = "a:\r\n".repeat(1 << 16) + &"From: x@y\r\n b\r\n".repeat(1 << 12);
        let given = "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <a@b>\r\n";
        let rewritten = completed(&format!("{given}{many}\r\nbody"), SenderPolicy::Rewrite).expect("taken");
        let head = "From: b <scan@example.test>\r\nReply-To: x@y\r\n b\r\n";
        assert_eq!(rewritten, format!("{head}{given}{}\r\nbody", "a:\r\n".repeat(1 << 16)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn bodies_are_kept_and_headers_made_once(
            header in "((From|Date|X-A|Sender): [a-z@\" ,<>é]{0,12}\r\n( [a-z]{0,4}\r\n)?){0,4}", body in "[a-z:\r\n ]{0,40}") {
            let message = format!("{header}\r\n{body}");
            let once = complete(Bytes::from(message).into(), &rule(SenderPolicy::Rewrite)).expect("taken");
            let end = format!("\r\n\r\n{body}");
            prop_assert!(once.ends_with(end.as_bytes()));
            let twice = complete(Bytes::from(once.clone()).into(), &rule(SenderPolicy::Reject)).expect("taken");
            prop_assert_eq!(twice, once);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = complete(Bytes::from(bytes).into(), &rule(SenderPolicy::Rewrite));
        }
    }
}

use std::borrow::Cow;

use mail_parser::parsers::MessageStream;
use mail_parser::{Address, HeaderValue};
use mapi_core::property::FileTime;

use crate::convert::strings::{guess, one_line};

/// Fields of a header that are looked at.
const MAX_FIELDS: usize = 10_000;

/// A header as it was received.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields<'a> {
    /// The header without its empty line.
    pub(super) raw: &'a [u8],
    fields: Vec<Field<'a>>,
}

#[derive(Debug, Clone)]
struct Field<'a> {
    /// In lower case.
    name: String,
    /// Name, colon, value with its folds and its line end.
    raw: &'a [u8],
    value: &'a [u8],
}

/// Somebody named in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mailbox {
    pub(super) name: String,
    pub(super) address: String,
}

/// A value with parameters (RFC 2045 5.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Structured {
    /// In lower case.
    pub(super) value: String,
    parameters: Vec<(String, String)>,
}

impl Structured {
    /// A value without parameters.
    pub(super) fn plain(value: &str) -> Self {
        Self { value: value.to_owned(), parameters: Vec::new() }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..])
    }
}

impl<'a> Fields<'a> {
    /// Splits a message into its header and its body.
    pub(super) fn split(message: &'a [u8]) -> (Self, &'a [u8]) {
        let mut fields: Vec<Field<'a>> = Vec::new();
        let mut at = 0;
        let mut body = message.len();
        let mut end = message.len();
        // Continuations of a line that is no field go with it.
        let mut skipping = true;
        while at < message.len() {
            let rest = &message[at..];
            let length = rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |at| at + 1);
            let line = &rest[..length];
            if matches!(line, b"\n" | b"\r\n") {
                (end, body) = (at, at + length);
                break;
            }
            if matches!(line.first(), Some(b' ' | b'\t')) {
                if let (false, Some(field)) = (skipping, fields.last_mut()) {
                    // Fields are slices of one message, so that a continuation is what comes next.
                    let start = at - field.raw.len();
                    let value_at = start + (field.raw.len() - field.value.len());
                    field.raw = &message[start..at + length];
                    field.value = &message[value_at..at + length];
                }
            } else {
                let colon = line.iter().position(|&b| b == b':');
                let name = colon.map(|colon| line[..colon].trim_ascii_end());
                let name = name.filter(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic));
                let name = name.filter(|_| fields.len() < MAX_FIELDS);
                skipping = name.is_none();
                if let (Some(name), Some(colon)) = (name, colon) {
                    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                    fields.push(Field { name, raw: line, value: &line[colon + 1..] });
                }
            }
            at += length;
        }
        (Self { raw: &message[..end], fields }, &message[body..])
    }

    /// The names, in lower case, with the text of each field.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, String)> {
        self.fields.iter().map(|field| (&field.name[..], unstructured(field.value)))
    }

    /// The fields whose name starts so, as they are.
    pub(super) fn raw_with_prefix(&self, prefix: &str) -> Vec<u8> {
        self.fields.iter().filter(|field| field.name.starts_with(prefix)).flat_map(|field| field.raw).copied().collect()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value)
    }

    /// A field of free text on one line, decoded; `None` if it is empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.first(name).map(unstructured).filter(|text| !text.is_empty())
    }

    /// A value that is not to be decoded, on one line.
    pub(super) fn verbatim(&self, name: &str) -> Option<String> {
        self.first(name).map(unfolded).filter(|text| !text.is_empty())
    }

    /// Everybody that the fields of this name list.
    pub(super) fn mailboxes(&self, name: &str) -> Vec<Mailbox> {
        self.fields.iter().filter(|field| field.name == name).flat_map(|field| mailboxes(field.value)).collect()
    }

    pub(super) fn date(&self, name: &str) -> Option<FileTime> {
        let value = terminated(self.first(name)?);
        match MessageStream::new(value.as_bytes()).parse_date() {
            HeaderValue::DateTime(date) if date.is_valid() => Some(FileTime::from_unix_seconds(date.to_timestamp())),
            _ => None,
        }
    }

    pub(super) fn structured(&self, name: &str) -> Option<Structured> {
        let value = terminated(self.first(name)?);
        let HeaderValue::ContentType(parsed) = MessageStream::new(value.as_bytes()).parse_content_type() else {
            return None;
        };
        let value = match &parsed.c_subtype {
            Some(subtype) => format!("{}/{subtype}", parsed.c_type),
            None => parsed.c_type.to_string(),
        };
        let decoded = |value: &str| {
            // Not allowed, yet common: encoded words in a parameter.
            if value.contains("=?") { unstructured(value.as_bytes()) } else { one_line(value) }
        };
        let parameters = parsed.attributes.unwrap_or_default();
        let parameters =
            parameters.into_iter().map(|attribute| (attribute.name.to_lowercase(), decoded(&attribute.value)));
        Some(Structured { value: value.trim().to_lowercase(), parameters: parameters.collect() })
    }
}

/// The value as text with the line end that parsers of values look for.
fn terminated(value: &[u8]) -> Cow<'_, str> {
    let text = guess(value.trim_ascii_end());
    // A line end within that is no fold would end the value early.
    Cow::Owned(format!("{}\n", text.replace(['\r', '\0'], "")))
}

fn unstructured(value: &[u8]) -> String {
    let value = terminated(value);
    match MessageStream::new(value.as_bytes()).parse_unstructured() {
        HeaderValue::Text(text) => one_line(&text),
        _ => String::new(),
    }
}

fn unfolded(value: &[u8]) -> String {
    one_line(&guess(value).replace(['\r', '\n'], ""))
}

fn mailboxes(value: &[u8]) -> Vec<Mailbox> {
    let value = terminated(value);
    let HeaderValue::Address(addresses) = MessageStream::new(value.as_bytes()).parse_address() else {
        return Vec::new();
    };
    let list = match addresses {
        Address::List(list) => list,
        Address::Group(groups) => groups.into_iter().flat_map(|group| group.addresses).collect(),
    };
    let mailboxes = list.into_iter().filter_map(|found| {
        let address = one_line(&found.address?).replace([' ', '<', '>'], "");
        let name = found.name.map(|name| one_line(&name)).unwrap_or_default();
        (address.contains('@') || (!address.is_empty() && !name.is_empty())).then_some(Mailbox { name, address })
    });
    mailboxes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting() {
        let message = b"From junk\n more\nSubject: a\r\n b\r\nBAD LINE\r\nX : y\r\n\r\nbody\r\n";
        let (fields, body) = Fields::split(message);
        assert_eq!(body, b"body\r\n");
        assert_eq!(fields.text("subject").as_deref(), Some("a b"));
        assert_eq!(fields.text("x").as_deref(), Some("y"));
        assert_eq!(fields.raw_with_prefix("subj"), b"Subject: a\r\n b\r\n");
        let (fields, body) = Fields::split(b"A: b");
        assert_eq!((fields.raw, body), (&b"A: b"[..], &b""[..]));
    }

    #[test]
    fn values() {
        let header = "From: =?utf-8?Q?Zo=C3=AB?= <z@x>, b@x\r\nTo: G: c@x, \"D, E\" <d@x>;\r\nDate: Tue, 2 Jan 2024 \
                      17:02:00 -0500\r\nContent-Disposition: ATTACHMENT; filename*=utf-8''%C3%A4;\r\n name=\"=?utf-8?Q?=C3=B6?=\"\r\n\
                      Subject: Gr\u{fc}\u{df}e\r\n\r\n";
        let (fields, _) = Fields::split(header.as_bytes());
        let mailbox = |name: &str, address: &str| Mailbox { name: name.into(), address: address.into() };
        assert_eq!(fields.mailboxes("from"), [mailbox("Zoë", "z@x"), mailbox("", "b@x")]);
        assert_eq!(fields.mailboxes("to"), [mailbox("", "c@x"), mailbox("D, E", "d@x")]);
        assert_eq!(fields.date("date"), Some(FileTime(133_487_065_200_000_000)));
        assert_eq!(fields.text("subject").as_deref(), Some("Grüße"));
        let disposition = fields.structured("content-disposition").expect("there");
        assert_eq!(disposition.value, "attachment");
        assert_eq!(disposition.parameter("filename"), Some("ä"));
        assert_eq!(disposition.parameter("name"), Some("ö"));
    }
}

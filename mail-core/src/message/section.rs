use std::collections::HashSet;
use std::ops::Range;

use super::Message;
use super::entity::Entity;
use super::header::{Fields, Header};
use super::structure::{Content, Part};

/// Which piece of a message `BODY[...]` names (RFC 9051 6.4.5.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// Part numbers from the outside in; none for the message itself.
    pub part: Vec<u32>,
    /// What of it.
    pub text: SectionText,
}

/// What of a message or part is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SectionText {
    /// All of the message, or the body of the part.
    #[default]
    Whole,
    /// The header of the message, or of the message in the part.
    Header,
    /// Those fields of that header, and an empty line.
    HeaderFields(Vec<String>),
    /// All other fields of that header, and an empty line.
    HeaderFieldsNot(Vec<String>),
    /// The body of the message, or of the message in the part.
    Text,
    /// The part's own header.
    Mime,
}

impl Section {
    /// Whether it is all of the message.
    pub fn is_whole(&self) -> bool {
        self.part.is_empty() && self.text == SectionText::Whole
    }

    /// Whether the message's [`super::Outline`] suffices to answer it.
    pub fn is_of_headers(&self) -> bool {
        use SectionText::{Header, HeaderFields, HeaderFieldsNot, Mime};
        matches!(self.text, Header | HeaderFields(_) | HeaderFieldsNot(_) | Mime)
    }
}

/// What a section consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extract {
    /// These bytes of the message.
    Slice(Range<usize>),
    /// Bytes put together from it.
    Built(Vec<u8>),
    /// There is no such section: NIL.
    Missing,
}

impl Message {
    /// Finds a section. The structure is looked for only if the section is of a part.
    pub fn section(&self, section: &Section) -> Extract {
        if section.part.is_empty() {
            return match &section.text {
                SectionText::Whole => Extract::Slice(0..self.bytes().len()),
                SectionText::Mime => Extract::Missing,
                text => self.of_message(self.header(), self.header().range().end..self.bytes().len(), text),
            };
        }
        let Some(part) = find(self.structure(), &section.part) else { return Extract::Missing };
        match (&section.text, &part.content) {
            (SectionText::Whole, _) => Extract::Slice(part.body.clone()),
            (SectionText::Mime, _) => Extract::Slice(part.header.range()),
            (text, Content::Message(inner)) => self.of_message(&inner.header, inner.body.clone(), text),
            _ => Extract::Missing,
        }
    }

    /// The part with these numbers; the message itself without any.
    pub fn part(&self, numbers: &[u32]) -> Option<Entity<'_>> {
        find(self.structure(), numbers).map(|part| self.root().other(part))
    }

    fn of_message(&self, header: &Header, body: Range<usize>, text: &SectionText) -> Extract {
        let fields = header.fields(self.bytes());
        match text {
            SectionText::Header => Extract::Slice(header.range()),
            SectionText::HeaderFields(names) => Extract::Built(select(fields, names, true)),
            SectionText::HeaderFieldsNot(names) => Extract::Built(select(fields, names, false)),
            SectionText::Text => Extract::Slice(body),
            SectionText::Whole | SectionText::Mime => Extract::Missing,
        }
    }
}

/// The fields that have one of the names, or none of them, and an empty line.
fn select(header: Fields<'_>, names: &[String], wanted: bool) -> Vec<u8> {
    let names: HashSet<Vec<u8>> = names.iter().map(|name| name.to_ascii_lowercase().into_bytes()).collect();
    // What is left of a large header must not be moved about while it is put together.
    let mut selected = Vec::with_capacity(if wanted { 0 } else { header.raw().len() + 2 });
    for field in header.iter() {
        if names.contains(&field.name.to_ascii_lowercase()) == wanted {
            selected.extend_from_slice(field.raw);
            if !field.raw.ends_with(b"\n") {
                selected.extend_from_slice(b"\r\n");
            }
        }
    }
    selected.extend_from_slice(b"\r\n");
    selected
}

/// The part with these numbers. A message that is not multipart has one part, its body.
fn find<'a>(root: &'a Part, numbers: &[u32]) -> Option<&'a Part> {
    // Whether the next number counts within `part` as a message.
    let mut as_message = true;
    let mut part = root;
    for number in numbers {
        let level = match &part.content {
            Content::Message(inner) if !as_message => inner,
            Content::Leaf | Content::Opaque if !as_message => return None,
            _ => part,
        };
        part = match &level.content {
            Content::Multipart(parts) => {
                usize::try_from(*number).ok()?.checked_sub(1).and_then(|index| parts.get(index))?
            }
            Content::Undivided(part) if *number == 1 => part,
            Content::Undivided(_) => return None,
            _ if *number == 1 => level,
            _ => return None,
        };
        as_message = false;
    }
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = "From: a@b\r\nTo: c@d\r\nfrom: e@f\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
        pre\r\n--x\r\nA: 1\r\n\r\none\r\n--x\r\nContent-Type: message/rfc822\r\nB: 2\r\n\r\nSubject: in\r\n\
        Content-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\n\r\nalt one\r\n--y\r\nC: 3\r\n\r\nalt two\r\n--y--\r\n\
        \r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: flat\r\n\r\nflat body\r\n--x--\r\n";

    fn get(raw: &str, part: &[u32], text: SectionText) -> Option<String> {
        let message = Message::new(raw.to_owned().into());
        match message.section(&Section { part: part.to_vec(), text }) {
            Extract::Slice(range) => Some(raw[range].to_owned()),
            Extract::Built(bytes) => Some(String::from_utf8(bytes).unwrap()),
            Extract::Missing => None,
        }
    }

    #[test]
    fn of_the_message() {
        use SectionText::*;
        let header = RAW.find("pre").unwrap();
        assert_eq!(get(RAW, &[], Whole).as_deref(), Some(RAW));
        assert_eq!(get(RAW, &[], Header).as_deref(), Some(&RAW[..header]));
        assert_eq!(get(RAW, &[], Text).as_deref(), Some(&RAW[header..]));
        let names = vec!["FROM".to_owned(), "X".to_owned()];
        assert_eq!(get(RAW, &[], HeaderFields(names.clone())).as_deref(), Some("From: a@b\r\nfrom: e@f\r\n\r\n"));
        assert_eq!(
            get(RAW, &[], HeaderFieldsNot(names)).as_deref(),
            Some("To: c@d\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n")
        );
    }

    #[test]
    fn of_parts() {
        use SectionText::*;
        for (part, text, expected) in [
            (&[1][..], Whole, Some("one")),
            (&[1], Mime, Some("A: 1\r\n\r\n")),
            (&[1], Header, None),
            (&[1, 1], Whole, None),
            (&[2, 1], Whole, Some("alt one")),
            (&[2, 2], Whole, Some("alt two")),
            (&[2, 2], Mime, Some("C: 3\r\n\r\n")),
            (&[2], Mime, Some("Content-Type: message/rfc822\r\nB: 2\r\n\r\n")),
            (&[2], HeaderFields(vec!["subject".to_owned()]), Some("Subject: in\r\n\r\n")),
            (&[3], Header, Some("Subject: flat\r\n\r\n")),
            (&[3], Text, Some("flat body")),
            (&[3, 1], Whole, Some("flat body")),
            (&[3, 2], Whole, None),
            (&[4], Whole, None),
            (&[0], Whole, None),
        ] {
            assert_eq!(get(RAW, part, text.clone()).as_deref(), expected, "{part:?} {text:?}");
        }
        assert_eq!(get("A: b\r\n\r\nbody", &[1], Whole).as_deref(), Some("body"));
        assert_eq!(get("A: b\r\n\r\nbody", &[1], Mime).as_deref(), Some("A: b\r\n\r\n"));
        assert_eq!(get("A: b\r\n\r\nbody", &[1, 1], Whole), None);
        let undivided = "Content-Type: multipart/mixed\r\n\r\nbody";
        assert_eq!(get(undivided, &[1], Whole).as_deref(), Some(""));
        assert_eq!(get(undivided, &[2], Whole), None);
        assert_eq!(get("A: b", &[], HeaderFields(vec!["a".to_owned()])).as_deref(), Some("A: b\r\n\r\n"));
    }
}

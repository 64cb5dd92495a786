use std::borrow::Cow;
use std::cell::OnceCell;

use chrono::{Datelike, NaiveDate};
use mail_core::message::{Address, Content, Entity, Field, Message, html};
use mail_core::work::{is_cancelled, spend};
use memchr::memmem::Finder;

/// So many bytes of text are one piece of work.
const PIECE: usize = 32 << 10;

/// What SEARCH looks at of a message: decoded and in lower case, once for all keys, and no more than they ask for.
pub(crate) struct Searched<'a> {
    message: &'a Message,
    /// All of it is there, and not just its header.
    full: bool,
    sent: OnceCell<Option<NaiveDate>>,
    /// A place for each line of the header block.
    fields: OnceCell<Vec<OnceCell<Option<Box<FieldText<'a>>>>>>,
    /// The headers of the parts, from the outermost on.
    part_headers: OnceCell<String>,
    body: OnceCell<Vec<BodyText<'a>>>,
}

struct FieldText<'a> {
    field: Field<'a>,
    name: OnceCell<String>,
    value: OnceCell<String>,
    addresses: OnceCell<String>,
}

/// A piece of a body that has text.
struct BodyText<'a> {
    entity: Entity<'a>,
    kind: TextKind,
    texts: OnceCell<Texts>,
}

/// The texts of an entity, decoded and in lower case.
struct Texts {
    /// What clients show.
    shown: String,
    /// HTML as it is written: with the addresses of links, and whatever else is not shown. Of all else nothing.
    written: String,
}

/// What of an entity the text is. Where it is not plain, space is what [`spaced`] makes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TextKind {
    Header,
    Plain,
    Html,
}

impl<'a> Searched<'a> {
    /// A message, of which only the header may be there.
    pub fn new(message: &'a Message, full: bool) -> Self {
        let (sent, fields, part_headers, body) = (OnceCell::new(), OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { message, full, sent, fields, part_headers, body }
    }

    /// The day that the `Date` field names, in its own time zone.
    pub fn sent_day(&self) -> Option<NaiveDate> {
        *self.sent.get_or_init(|| {
            let date = self.message.fields().date("Date")?;
            NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))
                .filter(|date| date.year() > 0)
        })
    }

    /// Whether a field of that name contains `text`, which is in lower case.
    pub fn field_contains(&self, name: &str, text: &str) -> bool {
        let text = spaced(text);
        let finder = Finder::new(&*text);
        self.named(name).any(|field| occurs(&finder, field.value()))
    }

    /// Whether an address in a field of that name contains `text`, which is in lower case: its name or the address itself, as
    /// ENVELOPE shows them.
    pub fn address_contains(&self, name: &str, text: &str) -> bool {
        let text = spaced(text);
        let finder = Finder::new(&*text);
        self.named(name).any(|field| occurs(&finder, field.addresses()))
    }

    /// Whether the body contains `text`, which is in lower case; nothing if it is not there. Of HTML both count: what it shows
    /// and how it is written.
    pub fn body_contains(&self, text: &str) -> Option<bool> {
        let spaced = spaced(text);
        let (as_it_is, spaced) = (Finder::new(text), Finder::new(&*spaced));
        let found = |piece: &BodyText<'_>| {
            let texts = piece.texts();
            match piece.kind {
                TextKind::Header => occurs(&spaced, &texts.shown),
                TextKind::Plain => occurs(&as_it_is, &texts.shown),
                TextKind::Html => occurs(&spaced, &texts.shown) || occurs(&as_it_is, &texts.written),
            }
        };
        self.full.then(|| self.body().iter().any(found))
    }

    /// Whether the header, that of a part, or the body contains `text`, which is in lower case; nothing if not all is there.
    pub fn contains(&self, text: &str) -> Option<bool> {
        if !self.full {
            return None;
        }
        let in_header = || {
            let text = spaced(text);
            let finder = Finder::new(&*text);
            let found = |field: &FieldText<'_>| field.name().contains(&*text) || occurs(&finder, field.value());
            self.fields(|_| true).any(found) || occurs(&finder, self.part_headers())
        };
        Some(in_header() || self.body_contains(text)?)
    }

    /// The fields of a name.
    fn named(&self, name: &str) -> impl Iterator<Item = &FieldText<'a>> {
        let begins =
            move |line: &[u8]| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()));
        self.fields(begins).filter(move |field| field.field.is(name))
    }

    /// The fields on lines that `may_be` says; no other is taken apart.
    fn fields(&self, may_be: impl Fn(&[u8]) -> bool) -> impl Iterator<Item = &FieldText<'a>> {
        let places = self.fields.get_or_init(|| self.message.fields().lines().map(|_| OnceCell::new()).collect());
        let lines = self.message.fields().lines().zip(places).filter(move |(line, _)| may_be(line));
        lines.filter_map(|(line, place)| {
            place.get_or_init(|| Field::of(line).map(FieldText::new).map(Box::new)).as_deref()
        })
    }

    fn part_headers(&self) -> &str {
        self.part_headers.get_or_init(|| {
            let mut text = String::new();
            self.message.root().children().for_each(|part| add_headers(part, &mut text));
            lower(&text)
        })
    }

    fn body(&self) -> &[BodyText<'a>] {
        self.body.get_or_init(|| {
            let mut found = Vec::new();
            collect(self.message.root(), &mut found);
            found
        })
    }
}

impl<'a> FieldText<'a> {
    fn new(field: Field<'a>) -> Self {
        Self { field, name: OnceCell::new(), value: OnceCell::new(), addresses: OnceCell::new() }
    }

    fn name(&self) -> &str {
        self.name.get_or_init(|| String::from_utf8_lossy(self.field.name).to_ascii_lowercase())
    }

    fn value(&self) -> &str {
        self.value.get_or_init(|| lower(&spaced(&self.field.text())))
    }

    fn addresses(&self) -> &str {
        self.addresses.get_or_init(|| {
            let shown: Vec<String> = self.field.addresses().iter().map(Address::text).collect();
            lower(&spaced(&shown.join(", ")))
        })
    }
}

/// A text in which all white space between words is one space: how a field is folded means nothing, and clients show it in
/// different manners.
fn spaced(text: &str) -> Cow<'_, str> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let bytes = text.as_bytes();
    let even = !bytes.iter().any(|byte| is_space(byte) && *byte != b' ') && !bytes.windows(2).any(|pair| pair == b"  ");
    if even {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' | '\t' | '\r' | '\n' if out.ends_with(' ') => {}
            '\t' | '\r' | '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Adds what the headers of a part and of those in it say, attachments' names decoded. Recursion is as deep as the structure,
/// which is bounded.
fn add_headers(part: Entity<'_>, text: &mut String) {
    for field in part.fields().iter() {
        text.push_str(&spaced(&field.text()));
        text.push('\n');
    }
    for name in [part.disposition().parameters.text("filename"), part.part().media.parameters.text("name")] {
        text.push_str(&name.unwrap_or_default());
        text.push('\n');
    }
    part.children().for_each(|part| add_headers(part, text));
}

/// Whether a text is found in another.
fn occurs(finder: &Finder<'_>, text: &str) -> bool {
    let (text, overlap) = (text.as_bytes(), finder.needle().len().saturating_sub(1));
    let mut at = 0;
    loop {
        let piece = text.get(at..).unwrap_or_default();
        let piece = piece.get(..PIECE + overlap).unwrap_or(piece);
        spend(piece.len());
        if is_cancelled() {
            // Nobody hears the answer.
            return false;
        }
        if finder.find(piece).is_some() {
            return true;
        }
        at += PIECE;
        if at >= text.len() {
            return false;
        }
    }
}

/// A text in lower case.
fn lower(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        // Between words if there are some: what ends a word may look different.
        let piece = rest.get(..rest.floor_char_boundary(PIECE)).unwrap_or(rest);
        let end = if piece.len() < rest.len() {
            piece.rfind([' ', '\n']).map_or(piece.len(), |space| space + 1)
        } else {
            piece.len()
        };
        let (piece, after) = rest.split_at(end);
        spend(piece.len());
        out.push_str(&piece.to_lowercase());
        rest = after;
    }
    out
}

/// Recursion is as deep as the structure, which is bounded.
fn collect<'a>(entity: Entity<'a>, found: &mut Vec<BodyText<'a>>) {
    let piece = |entity, kind| BodyText { entity, kind, texts: OnceCell::new() };
    let media = &entity.part().media;
    match &entity.part().content {
        Content::Leaf if media.is_exactly("text", "html") => found.push(piece(entity, TextKind::Html)),
        Content::Leaf if media.is("text") => found.push(piece(entity, TextKind::Plain)),
        Content::Leaf | Content::Opaque | Content::Undivided(_) => {}
        Content::Multipart(_) => entity.children().for_each(|part| collect(part, found)),
        Content::Message(_) => {
            for message in entity.children() {
                found.push(piece(message, TextKind::Header));
                collect(message, found);
            }
        }
    }
}

impl BodyText<'_> {
    /// Decoded once, whatever is looked for.
    fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| {
            let body = || self.entity.text_of(&self.entity.decoded());
            let (shown, written) = match self.kind {
                TextKind::Header => {
                    let values: Vec<String> = self.entity.fields().iter().map(|field| field.text()).collect();
                    (lower(&values.iter().map(|value| spaced(value)).collect::<Vec<_>>().join("\n")), String::new())
                }
                TextKind::Plain => (lower(&body()), String::new()),
                TextKind::Html => {
                    let html = body();
                    (lower(&spaced(&html::text(&html))), lower(&html))
                }
            };
            Texts { shown, written }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_no_difference() {
        let text = format!("{} ΟΔΟΣ {}needle{}", "Ä".repeat(PIECE), "İ x".repeat(PIECE), "é".repeat(PIECE));
        assert_eq!(lower(&text), text.to_lowercase());
        assert_eq!(lower(&"Ä".repeat(PIECE)), "ä".repeat(PIECE));
        for at in [0, 1, PIECE - 7, PIECE - 6, PIECE - 3, PIECE, PIECE + 1, 3 * PIECE - 2] {
            let text = format!("{}needle{}", "n".repeat(at), "e".repeat(10));
            assert!(occurs(&Finder::new("needle"), &text), "{at}");
            assert!(!occurs(&Finder::new("needles"), &text));
        }
        assert!(occurs(&Finder::new(""), "") && !occurs(&Finder::new("x"), ""));
    }
}

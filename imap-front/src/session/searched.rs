use std::cell::OnceCell;

use chrono::{Datelike, NaiveDate};
use mail_core::message::{Content, Entity, Message};
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
    fields: OnceCell<Vec<FieldText>>,
    body: OnceCell<Vec<BodyText<'a>>>,
}

struct FieldText {
    name: String,
    value: String,
}

/// A piece of a body that has text.
struct BodyText<'a> {
    entity: Entity<'a>,
    /// Its header is the text, and not its body.
    is_header: bool,
    text: OnceCell<String>,
}

impl<'a> Searched<'a> {
    /// A message, of which only the header may be there.
    pub fn new(message: &'a Message, full: bool) -> Self {
        let (sent, fields, body) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { message, full, sent, fields, body }
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
        let finder = Finder::new(text);
        self.fields().iter().any(|field| field.name.eq_ignore_ascii_case(name) && occurs(&finder, &field.value))
    }

    /// Whether the body contains `text`, which is in lower case; nothing if it is not there.
    pub fn body_contains(&self, text: &str) -> Option<bool> {
        let finder = Finder::new(text);
        self.full.then(|| self.body().iter().any(|piece| occurs(&finder, piece.get())))
    }

    /// Whether the header or the body contains `text`, which is in lower case; nothing if not all is there.
    pub fn contains(&self, text: &str) -> Option<bool> {
        if !self.full {
            return None;
        }
        let finder = Finder::new(text);
        let in_header = || self.fields().iter().any(|field| field.name.contains(text) || occurs(&finder, &field.value));
        Some(in_header() || self.body_contains(text)?)
    }

    fn fields(&self) -> &[FieldText] {
        self.fields.get_or_init(|| {
            let fields = self.message.fields().iter();
            let named = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_lowercase();
            fields.map(|field| FieldText { name: named(field.name), value: lower(&field.text()) }).collect()
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
    let piece = |entity, is_header| BodyText { entity, is_header, text: OnceCell::new() };
    match &entity.part().content {
        Content::Leaf if entity.part().media.is("text") => found.push(piece(entity, false)),
        Content::Leaf | Content::Opaque | Content::Undivided(_) => {}
        Content::Multipart(_) => entity.children().for_each(|part| collect(part, found)),
        Content::Message(_) => {
            for message in entity.children() {
                found.push(piece(message, true));
                collect(message, found);
            }
        }
    }
}

impl BodyText<'_> {
    fn get(&self) -> &str {
        self.text.get_or_init(|| {
            if self.is_header {
                let values: Vec<String> = self.entity.fields().iter().map(|field| field.text()).collect();
                lower(&values.join("\n"))
            } else {
                lower(&self.entity.text_of(&self.entity.decoded()))
            }
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

use std::cell::OnceCell;

use chrono::{Datelike, NaiveDate};
use mail_core::message::{Content, Entity, Message};

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
        self.fields().iter().any(|field| field.name.eq_ignore_ascii_case(name) && field.value.contains(text))
    }

    /// Whether the body contains `text`, which is in lower case; nothing if it is not there.
    pub fn body_contains(&self, text: &str) -> Option<bool> {
        self.full.then(|| self.body().iter().any(|piece| piece.get().contains(text)))
    }

    /// Whether the header or the body contains `text`, which is in lower case; nothing if not all is there.
    pub fn contains(&self, text: &str) -> Option<bool> {
        if !self.full {
            return None;
        }
        let in_header = || self.fields().iter().any(|field| field.name.contains(text) || field.value.contains(text));
        Some(in_header() || self.body_contains(text)?)
    }

    fn fields(&self) -> &[FieldText] {
        self.fields.get_or_init(|| {
            let fields = self.message.fields().iter();
            let lower = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_lowercase();
            fields.map(|field| FieldText { name: lower(field.name), value: field.text().to_lowercase() }).collect()
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
                values.join("\n").to_lowercase()
            } else {
                self.entity.text_of(&self.entity.decoded()).to_lowercase()
            }
        })
    }
}

use std::borrow::Cow;

use mail_core::message::{Content, Entity, Parameters};

/// What a part is to Exchange.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) entity: Entity<'a>,
    /// Type and subtype, in lower case.
    pub(super) kind: String,
    /// Content-Disposition, in lower case.
    pub(super) disposition: String,
    name: Option<String>,
}

/// What a part holds.
#[derive(Debug)]
pub(super) enum Held<'a> {
    /// A body of its own, decoded.
    Data(Cow<'a, [u8]>),
    Parts(Vec<Item<'a>>),
    /// `message/rfc822`
    Message(Entity<'a>),
    /// `message/rfc822` that was encoded although it must not be: its own parts can't refer to the transferred bytes.
    EncodedMessage(Vec<u8>),
    /// A multipart that was encoded as a whole although it must not be, decoded and with the fields that describe it.
    EncodedParts(Vec<u8>),
    /// Not taken apart: too deep, or one too many.
    Opaque,
}

impl<'a> Item<'a> {
    pub(super) fn of(entity: Entity<'a>) -> Self {
        let disposition = entity.disposition();
        let name = disposition.parameters.text("filename").or_else(|| entity.part().media.parameters.text("name"));
        let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let disposition = String::from_utf8_lossy(&disposition.value).to_lowercase();
        let media = &entity.part().media;
        // Whatever a file is of which that can't be read, it is no text to be shown.
        let is_unreadable = !media.declared && name.is_some() && entity.fields().has("Content-Type");
        let kind = if is_unreadable { "application/octet-stream".to_owned() } else { media.essence() };
        Self { entity, kind, disposition, name }
    }

    pub(super) fn held(&self) -> Held<'a> {
        match &self.entity.part().content {
            Content::Leaf => Held::Data(self.entity.decoded()),
            Content::Undivided(_) if self.entity.is_encoded() => {
                let kind = self.entity.fields().first("Content-Type").map(|field| field.raw).unwrap_or_default();
                Held::EncodedParts([kind, b"\r\n", &self.entity.decoded()].concat())
            }
            Content::Undivided(_) => Held::Data(Cow::Borrowed(self.entity.body())),
            Content::Multipart(_) => Held::Parts(self.entity.children().map(Item::of).collect()),
            Content::Message(_) if self.entity.is_encoded() => Held::EncodedMessage(self.entity.decoded().into_owned()),
            Content::Message(message) => Held::Message(self.entity.other(message)),
            Content::Opaque => Held::Opaque,
        }
    }

    pub(super) fn parameters(&self) -> &'a Parameters {
        &self.entity.part().media.parameters
    }

    /// Content-ID without `<>`.
    pub(super) fn content_id(&self) -> Option<String> {
        let id = self.entity.fields().verbatim("Content-ID")?;
        let id = id.trim_matches(['<', '>', ' ']).to_owned();
        (!id.is_empty()).then_some(id)
    }

    /// The file name, if there is one.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Which of the parts of this `multipart/related` the others belong to (RFC 2387 3.2).
    pub(super) fn root_of(&self, parts: &[Item<'_>]) -> usize {
        let start = self.parameters().text("start").unwrap_or_default();
        let start = start.trim_matches(['<', '>', ' ']);
        let named = |part: &Item<'_>| part.content_id().is_some_and(|id| id == start);
        parts.iter().position(named).filter(|_| !start.is_empty()).unwrap_or(0)
    }

    /// Whether it is HTML and only its header fails to say so.
    pub(super) fn is_html_unsaid(&self, data: &[u8]) -> bool {
        let is_unreadable = !self.entity.part().media.declared && self.entity.fields().has("Content-Type");
        let start = data.trim_ascii_start();
        let begins = |tag: &[u8]| start.get(..tag.len()).is_some_and(|found| found.eq_ignore_ascii_case(tag));
        is_unreadable && (begins(b"<html") || begins(b"<!doctype html") || begins(b"<body"))
    }
}

/// Whether there is something in it that was encoded although it must not be; taking those apart within each other would have
/// no bound.
pub(super) fn holds_encoded(entity: Entity<'_>) -> bool {
    let must_not_be = matches!(entity.part().content, Content::Message(_) | Content::Undivided(_));
    (must_not_be && entity.is_encoded()) || entity.children().any(holds_encoded)
}

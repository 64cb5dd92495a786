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
    /// Not taken apart: too deep, or one too many.
    Opaque,
}

impl<'a> Item<'a> {
    pub(super) fn of(entity: Entity<'a>) -> Self {
        let disposition = entity.disposition();
        let name = disposition.parameters.text("filename").or_else(|| entity.part().media.parameters.text("name"));
        let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let disposition = String::from_utf8_lossy(&disposition.value).to_lowercase();
        Self { entity, kind: entity.part().media.essence(), disposition, name }
    }

    pub(super) fn held(&self) -> Held<'a> {
        match &self.entity.part().content {
            Content::Leaf => Held::Data(self.entity.decoded()),
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

    /// Whether the sender wants it shown apart from the text.
    pub(super) fn is_attached(&self) -> bool {
        self.disposition == "attachment" || self.name.is_some()
    }
}

/// Whether there is a message in it that was encoded; taking those apart within each other would have no bound.
pub(super) fn holds_encoded_message(entity: Entity<'_>) -> bool {
    let is_message = matches!(entity.part().content, Content::Message(_));
    (is_message && entity.is_encoded()) || entity.children().any(holds_encoded_message)
}

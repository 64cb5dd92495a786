use mail_core::{FlagSet, Keywords};
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::{FileTime, PropertyTag, PropertyType, PropertyValue, tags};
use mapi_core::rtf;

use super::entity::{Budget, Content, Entity};
use super::limits::ParseLimits;
use super::purpose::Purpose;
use super::{decode, properties, recipients, smime};

/// PidTagAttachFlags: attRenderedInBody
const IN_BODY: i32 = 4;
/// RTF bodies above this are attached.
const MAX_RTF: usize = 4 << 20;
const PID_TAG_TEXT_ATTACHMENT_CHARSET: PropertyTag = PropertyTag::new(0x371B, PropertyType::STRING);

/// Sets body and attachments.
pub(super) fn set(content: &mut MessageContent, entity: &Entity<'_>) {
    let mut collected = Collected::default();
    collected.entity(entity, Place { is_root: true, ..Place::default() });
    let Collected { text, html, rtf, attachments } = collected;
    let bag = &mut content.properties;
    // One body alone: servers make the others of it, and compute PidTagNativeBody.
    if let Some(html) = html {
        bag.set(tags::PidTagHtml, PropertyValue::Binary(html.into_bytes()));
    } else if let Some(rtf) = rtf {
        bag.set(tags::PidTagRtfCompressed, PropertyValue::Binary(rtf::compress(&rtf)));
    } else {
        bag.set(tags::PidTagBody, PropertyValue::String(text.unwrap_or_default()));
    }
    content.attachments = attachments;
}

/// Where an entity stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// It is the message's own body.
    is_root: bool,
    /// Within `multipart/alternative`.
    alternative: bool,
    /// Within `multipart/related`, but not its first part.
    related: bool,
}

#[derive(Default)]
struct Collected {
    text: Option<String>,
    html: Option<String>,
    rtf: Option<Vec<u8>>,
    attachments: Vec<Attachment>,
}

impl Collected {
    fn entity(&mut self, entity: &Entity<'_>, place: Place) {
        match &entity.content {
            Content::Multipart(parts) => self.parts(entity, parts, place),
            Content::Leaf(data) => self.leaf(entity, data, place),
            Content::Message(message) => self.message(entity, embedded(message)),
            Content::EncodedMessage(decoded) => {
                // Its own splitting starts anew, at the depth of nothing but messages that were encoded.
                let mut budget = Budget { depth: ParseLimits::default().max_depth / 2, parts: 200 };
                let inner = Entity::parse(decoded, &mut budget);
                if inner.holds_encoded_message() {
                    self.attach(entity, decoded, place);
                } else {
                    self.message(entity, embedded(&inner));
                }
            }
            Content::Opaque => {
                let header = entity.fields.raw_with_prefix("content-");
                let raw = [&header[..], b"\r\n", entity.body].concat();
                let raw = if entity.content_type.value.starts_with("message/") { entity.body } else { &raw };
                self.attach(entity, raw, place);
            }
        }
    }

    fn parts(&mut self, entity: &Entity<'_>, parts: &[Entity<'_>], place: Place) {
        let kind = &entity.content_type.value[..];
        let alternative = place.alternative || kind == "multipart/alternative";
        for (index, part) in parts.iter().enumerate() {
            let related = place.related || (kind == "multipart/related" && index > 0);
            self.entity(part, Place { is_root: false, alternative, related });
        }
    }

    fn leaf(&mut self, entity: &Entity<'_>, data: &[u8], place: Place) {
        let charset = entity.content_type.parameter("charset");
        let shown =
            !place.related && (!entity.is_attached() || (place.is_root && entity.disposition.value != "attachment"));
        match &entity.content_type.value[..] {
            "text/plain" if shown && (self.text.is_none() || (self.html.is_none() && !place.alternative)) => {
                let text = decode::text(charset, data).replace('\0', "");
                match &mut self.text {
                    // Footers of mailing lists are parts of their own.
                    Some(before) => {
                        if !before.is_empty() && !before.ends_with('\n') {
                            before.push_str("\r\n");
                        }
                        before.push_str(&text);
                    }
                    None => self.text = Some(text),
                }
            }
            "text/html" if shown && self.html.is_none() && (place.alternative || self.text.is_none()) => {
                self.html = Some(decode::text(charset, data).replace('\0', ""));
            }
            "text/rtf" | "application/rtf"
                if shown && place.alternative && self.rtf.is_none() && data.len() <= MAX_RTF =>
            {
                self.rtf = Some(data.to_vec());
            }
            // A body that isn't taken apart, since there is nothing in it.
            kind if kind.starts_with("multipart/") && place.is_root => {
                self.text = Some(decode::text(charset, data).replace('\0', ""));
            }
            _ => self.attach(entity, data, place),
        }
    }

    fn message(&mut self, entity: &Entity<'_>, message: MessageContent) {
        let mut properties = attributes(entity);
        properties.set(tags::PidTagAttachMethod, PropertyValue::Integer32(5));
        let subject = message.properties.text(tags::PidTagSubject).unwrap_or_default().to_owned();
        properties.set(tags::PidTagDisplayName, PropertyValue::String(subject));
        self.push(properties, Some(Box::new(message)));
    }

    fn attach(&mut self, entity: &Entity<'_>, data: &[u8], place: Place) {
        let mut properties = attributes(entity);
        properties.set(tags::PidTagAttachMethod, PropertyValue::Integer32(1));
        properties.set(tags::PidTagAttachDataBinary, PropertyValue::Binary(data.to_vec()));
        let identified = properties.get(tags::PidTagAttachContentId).is_some()
            || properties.get(tags::PidTagAttachContentLocation).is_some();
        if place.related && identified && entity.disposition.value != "attachment" {
            properties.set(tags::PidTagAttachFlags, PropertyValue::Integer32(IN_BODY));
            properties.set(tags::PidTagAttachmentHidden, PropertyValue::Boolean(true));
        }
        self.push(properties, None);
    }

    fn push(&mut self, mut properties: PropertyBag, embedded: Option<Box<MessageContent>>) {
        let number = u32::try_from(self.attachments.len()).unwrap_or(u32::MAX);
        properties.set(tags::PidTagRenderingPosition, PropertyValue::Integer32(-1));
        self.attachments.push(Attachment { number, properties, embedded });
    }
}

/// What the header of a part says about it.
fn attributes(entity: &Entity<'_>) -> PropertyBag {
    let mut bag = PropertyBag::new();
    let mut set = |tag, value: String| drop(bag.set(tag, PropertyValue::String(value)));
    set(tags::PidTagAttachMimeTag, entity.content_type.value.clone());
    if let Some(name) = entity.name() {
        if let Some((_, extension)) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) {
            set(tags::PidTagAttachExtension, format!(".{extension}"));
        }
        set(tags::PidTagDisplayName, name.clone());
        set(tags::PidTagAttachLongFilename, name);
    }
    if let Some(id) = entity.content_id() {
        set(tags::PidTagAttachContentId, id);
    }
    if let Some(location) = entity.fields.verbatim("content-location") {
        set(tags::PidTagAttachContentLocation, location);
    }
    if entity.content_type.value.starts_with("text/")
        && let Some(charset) = entity.content_type.parameter("charset")
    {
        set(PID_TAG_TEXT_ATTACHMENT_CHARSET, charset.to_owned());
    }
    bag
}

impl Entity<'_> {
    /// Whether there is a message in it that was encoded; taking those apart within each other would have no bound.
    fn holds_encoded_message(&self) -> bool {
        match &self.content {
            Content::EncodedMessage(_) => true,
            Content::Multipart(parts) => parts.iter().any(Self::holds_encoded_message),
            Content::Message(message) => message.holds_encoded_message(),
            Content::Leaf(_) | Content::Opaque => false,
        }
    }
}

/// A message within a message; its depth was bounded when it was split.
fn embedded(entity: &Entity<'_>) -> MessageContent {
    let mut content = MessageContent::default();
    let purpose =
        Purpose::Append { flags: FlagSet::SEEN, keywords: &Keywords::EMPTY, internal_date: FileTime::default() };
    properties::set(&mut content.properties, &entity.fields, purpose);
    content.recipients = recipients::of_header(&entity.fields);
    if !smime::set(&mut content, entity) {
        set(&mut content, entity);
    }
    content
}

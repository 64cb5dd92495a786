use bytes::Bytes;
use mail_core::message::{Entity, Limits, Message};
use mail_core::{FlagSet, Keywords};
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::{FileTime, PropertyTag, PropertyType, PropertyValue, tags};
use mapi_core::rtf;

use super::item::{Held, Item, holds_encoded_message};
use super::purpose::Purpose;
use super::{properties, recipients, smime};

/// PidTagAttachFlags: attRenderedInBody
const IN_BODY: i32 = 4;
/// RTF bodies above this are attached.
const MAX_RTF: usize = 4 << 20;
/// What is taken apart of a message that was encoded within another.
const ENCODED: Limits = Limits { depth: 8, parts: 200 };
const PID_TAG_TEXT_ATTACHMENT_CHARSET: PropertyTag = PropertyTag::new(0x371B, PropertyType::STRING);

/// Sets body and attachments.
pub(super) fn set(content: &mut MessageContent, item: &Item<'_>) {
    let mut collected = Collected::default();
    collected.item(item, Place { is_root: true, ..Place::default() });
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
    fn item(&mut self, item: &Item<'_>, place: Place) {
        match item.held() {
            Held::Parts(parts) => self.parts(item, &parts, place),
            Held::Data(data) => self.leaf(item, &data, place),
            Held::Message(message) => self.message(item, embedded(message)),
            Held::EncodedMessage(decoded) => {
                let decoded = Bytes::from(decoded);
                let inner = Message::within(decoded.clone(), ENCODED);
                if holds_encoded_message(inner.root()) {
                    self.attach(item, &decoded, place);
                } else {
                    self.message(item, embedded(inner.root()));
                }
            }
            Held::Opaque => {
                let header = item.entity.fields().raw_with_prefix("content-");
                let raw = [&header[..], b"\r\n", item.entity.body()].concat();
                let raw = if item.kind.starts_with("message/") { item.entity.body() } else { &raw };
                self.attach(item, raw, place);
            }
        }
    }

    fn parts(&mut self, item: &Item<'_>, parts: &[Item<'_>], place: Place) {
        let kind = &item.kind[..];
        let alternative = place.alternative || kind == "multipart/alternative";
        for (index, part) in parts.iter().enumerate() {
            let related = place.related || (kind == "multipart/related" && index > 0);
            self.item(part, Place { is_root: false, alternative, related });
        }
    }

    fn leaf(&mut self, item: &Item<'_>, data: &[u8], place: Place) {
        let shown = !place.related && (!item.is_attached() || (place.is_root && item.disposition != "attachment"));
        let decode = || {
            let text = item.entity.text_of(data);
            if text.contains('\0') { text.replace('\0', "") } else { text }
        };
        match &item.kind[..] {
            "text/plain" if shown && (self.text.is_none() || (self.html.is_none() && !place.alternative)) => {
                let text = decode();
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
                self.html = Some(decode());
            }
            "text/rtf" | "application/rtf"
                if shown && place.alternative && self.rtf.is_none() && data.len() <= MAX_RTF =>
            {
                self.rtf = Some(data.to_vec());
            }
            // A body that isn't taken apart, since there is nothing in it.
            kind if kind.starts_with("multipart/") && place.is_root => {
                self.text = Some(decode());
            }
            _ => self.attach(item, data, place),
        }
    }

    fn message(&mut self, item: &Item<'_>, message: MessageContent) {
        let mut properties = attributes(item);
        properties.set(tags::PidTagAttachMethod, PropertyValue::Integer32(5));
        let subject = message.properties.text(tags::PidTagSubject).unwrap_or_default().to_owned();
        properties.set(tags::PidTagDisplayName, PropertyValue::String(subject));
        self.push(properties, Some(Box::new(message)));
    }

    fn attach(&mut self, item: &Item<'_>, data: &[u8], place: Place) {
        let mut properties = attributes(item);
        properties.set(tags::PidTagAttachMethod, PropertyValue::Integer32(1));
        properties.set(tags::PidTagAttachDataBinary, PropertyValue::Binary(data.to_vec()));
        let identified = properties.get(tags::PidTagAttachContentId).is_some()
            || properties.get(tags::PidTagAttachContentLocation).is_some();
        if place.related && identified && item.disposition != "attachment" {
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
fn attributes(item: &Item<'_>) -> PropertyBag {
    let mut bag = PropertyBag::new();
    let mut set = |tag, value: String| drop(bag.set(tag, PropertyValue::String(value)));
    set(tags::PidTagAttachMimeTag, item.kind.clone());
    if let Some(name) = item.name() {
        if let Some((_, extension)) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) {
            set(tags::PidTagAttachExtension, format!(".{extension}"));
        }
        set(tags::PidTagDisplayName, name.to_owned());
        set(tags::PidTagAttachLongFilename, name.to_owned());
    }
    if let Some(id) = item.content_id() {
        set(tags::PidTagAttachContentId, id);
    }
    if let Some(location) = item.entity.fields().verbatim("Content-Location") {
        set(tags::PidTagAttachContentLocation, location);
    }
    if item.kind.starts_with("text/")
        && let Some(charset) = item.parameters().text("charset")
    {
        set(PID_TAG_TEXT_ATTACHMENT_CHARSET, charset);
    }
    bag
}

/// Sets what an entity says: as it is if it is signed or encrypted as a whole, else taken apart.
pub(super) fn of_entity(content: &mut MessageContent, entity: Entity<'_>) {
    let item = Item::of(entity);
    if !smime::set(content, &item) {
        set(content, &item);
    }
}

/// A message within a message; its depth was bounded when it was split.
fn embedded(entity: Entity<'_>) -> MessageContent {
    let mut content = MessageContent::default();
    let purpose =
        Purpose::Append { flags: FlagSet::SEEN, keywords: &Keywords::EMPTY, internal_date: FileTime::default() };
    properties::set(&mut content.properties, entity.fields(), purpose);
    content.recipients = recipients::of_header(entity.fields());
    of_entity(&mut content, entity);
    content
}

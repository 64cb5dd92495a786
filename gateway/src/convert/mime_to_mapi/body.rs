use bytes::Bytes;
use mail_core::message::{Entity, Fields, Limits, Message};
use mail_core::{FlagSet, Keywords};
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::{FileTime, PropertyTag, PropertyType, PropertyValue, tags};
use mapi_core::rtf;

use super::flowed;
use super::item::{Held, Item, holds_encoded};
use super::joined::{Text, joined};
use super::purpose::Purpose;
use super::{properties, recipients, report, smime};

/// PidTagAttachFlags: attRenderedInBody
const IN_BODY: i32 = 4;
/// RTF bodies above this are attached.
const MAX_RTF: usize = 4 << 20;
/// What is taken apart of a message that was encoded within another.
const ENCODED: Limits = Limits::lenient(8, 200);
const PID_TAG_TEXT_ATTACHMENT_CHARSET: PropertyTag = PropertyTag::new(0x371B, PropertyType::STRING);

/// Sets body and attachments.
pub(super) fn set(content: &mut MessageContent, item: &Item<'_>) {
    let mut collected = Collected::default();
    collected.item(item, Place { is_root: true, ..Place::default() });
    let Collected { texts, rtf, attachments } = collected;
    let bag = &mut content.properties;
    // One body alone: servers make the others of it, and compute PidTagNativeBody.
    match (joined(texts), rtf) {
        (Text::Html(html), _) => drop(bag.set(tags::PidTagHtml, PropertyValue::Binary(html.into_bytes()))),
        (Text::Plain(_), Some(rtf)) => {
            bag.set(tags::PidTagRtfCompressed, PropertyValue::Binary(rtf::compress(&rtf)));
        }
        (Text::Plain(text), None) => drop(bag.set(tags::PidTagBody, PropertyValue::String(text))),
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
    /// Within `multipart/related`, but not its root.
    related: bool,
}

#[derive(Default)]
struct Collected {
    /// What is shown, in the order in which it stands there.
    texts: Vec<Text>,
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
                if holds_encoded(inner.root()) {
                    self.attach(item, &decoded, place);
                } else {
                    self.message(item, embedded(inner.root()));
                }
            }
            Held::EncodedParts(whole) => {
                let inner = Message::within(Bytes::from(whole), ENCODED);
                let inner_item = Item::of(inner.root());
                if holds_encoded(inner.root()) {
                    self.attach(item, inner.body(), place);
                } else {
                    self.item(&inner_item, place);
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
        let within = Place { is_root: false, ..place };
        match &item.kind[..] {
            "multipart/alternative" => self.alternatives(parts, within),
            "multipart/related" => {
                let root = item.root_of(parts);
                if let Some(part) = parts.get(root) {
                    self.item(part, within);
                }
                for (_, part) in parts.iter().enumerate().filter(|(index, _)| *index != root) {
                    self.item(part, Place { related: true, ..within });
                }
            }
            // Whoever looks at the signature needs its bytes, and whoever does not the text.
            "multipart/signed" if !place.is_root => {
                if let Some(text) = parts.first() {
                    let attached = self.attachments.len();
                    self.item(text, within);
                    self.attachments.truncate(attached);
                }
                self.message(item, whole(item));
            }
            "multipart/encrypted" if !place.is_root => self.message(item, whole(item)),
            _ => parts.iter().for_each(|part| self.item(part, within)),
        }
    }

    /// Of several forms of one text the best is shown: HTML, else the first. What is another text is attached.
    fn alternatives(&mut self, parts: &[Item<'_>], place: Place) {
        let before = std::mem::take(&mut self.texts);
        let mut forms = Vec::new();
        for part in parts {
            self.item(part, Place { alternative: true, ..place });
            forms.push(std::mem::take(&mut self.texts));
        }
        self.texts = before;
        let shows = |texts: &Vec<Text>| texts.iter().any(|text| !text.is_blank());
        let has_html = |texts: &Vec<Text>| texts.iter().any(|text| text.is_html() && !text.is_blank());
        let chosen = forms.iter().position(has_html).or_else(|| forms.iter().position(shows));
        let Some(chosen) = chosen.or_else(|| forms.iter().position(|texts| !texts.is_empty())) else { return };
        let is_html = forms.get(chosen).is_some_and(has_html);
        for (index, texts) in forms.into_iter().enumerate() {
            if index == chosen {
                self.texts.extend(texts);
                continue;
            }
            // HTML says what the plain text says that stands before it.
            let others = texts.into_iter().filter(|text| (text.is_html() || !is_html) && !text.is_blank());
            others.for_each(|text| self.attach_text(text));
        }
    }

    fn leaf(&mut self, item: &Item<'_>, data: &[u8], place: Place) {
        let is_body = item.name().is_none() || place.is_root || (item.disposition == "inline" && self.is_empty());
        let shown = !place.related && item.disposition != "attachment" && is_body;
        let decode = || {
            let text = item.entity.text_of(data);
            if text.contains('\0') { text.replace('\0', "") } else { text }
        };
        match &item.kind[..] {
            "text/plain" if shown => {
                let says =
                    |name, value: &str| item.parameters().text(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
                let text = decode();
                let is_flowed = says("format", "flowed");
                let text = if is_flowed { flowed::unwrapped(&text, says("delsp", "yes")) } else { text };
                self.texts.push(if item.is_html_unsaid(data) { Text::Html(text) } else { Text::Plain(text) });
            }
            "text/html" if shown => self.texts.push(Text::Html(decode())),
            "text/rtf" | "application/rtf"
                if shown && place.alternative && self.rtf.is_none() && data.len() <= MAX_RTF =>
            {
                self.rtf = Some(data.to_vec());
            }
            // A body that isn't taken apart, since there is nothing in it.
            kind if kind.starts_with("multipart/") && shown => self.texts.push(Text::Plain(decode())),
            _ => self.attach(item, data, place),
        }
    }

    fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.attachments.is_empty()
    }

    /// A further form of a text.
    fn attach_text(&mut self, text: Text) {
        let (kind, text) = match text {
            Text::Plain(text) => ("text/plain", text),
            Text::Html(text) => ("text/html", text),
        };
        let properties = PropertyBag::from_iter([
            (tags::PidTagAttachMimeTag, PropertyValue::String(kind.into())),
            (PID_TAG_TEXT_ATTACHMENT_CHARSET, PropertyValue::String("utf-8".into())),
            (tags::PidTagAttachMethod, PropertyValue::Integer32(1)),
            (tags::PidTagAttachDataBinary, PropertyValue::Binary(text.into_bytes())),
        ]);
        self.push(properties, None);
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
        report::set(content, &item);
    }
}

/// A part that stays as it is, as the body of a message of its own.
fn whole(item: &Item<'_>) -> MessageContent {
    let mut content = MessageContent::default();
    let purpose =
        Purpose::Append { flags: FlagSet::SEEN, keywords: &Keywords::EMPTY, internal_date: FileTime::default() };
    properties::set(&mut content.properties, Fields::default(), purpose);
    if !smime::set(&mut content, item) {
        set(&mut content, item);
    }
    content
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

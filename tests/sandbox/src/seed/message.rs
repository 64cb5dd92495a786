use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::tags::*;
use mapi_core::property::{
    FileTime, PropertyKey, PropertyName, PropertyTag, PropertyType, PropertyValue, property_set,
};

use crate::store::entry_id;

/// Builds the content of a message as it lies in a store.
#[derive(Debug, Clone, Default)]
pub struct MessageBuilder {
    content: MessageContent,
}

fn text(text: impl Into<String>) -> PropertyValue {
    PropertyValue::String(text.into())
}

impl MessageBuilder {
    /// A received note with this subject.
    pub fn new(subject: impl Into<String>) -> Self {
        Self::default()
            .set(PidTagMessageClass, text("IPM.Note"))
            .set(PidTagSubject, text(subject))
            .set(PidTagImportance, PropertyValue::Integer32(1))
            .set(PidTagMessageFlags, PropertyValue::Integer32(0))
    }

    /// Sets a property.
    #[must_use]
    pub fn set(mut self, tag: PropertyTag, value: PropertyValue) -> Self {
        self.content.properties.set(tag, value);
        self
    }

    /// Who wrote it.
    #[must_use]
    pub fn from(self, name: &str, address: &str) -> Self {
        let entry = PropertyValue::Binary(entry_id::one_off(name, address));
        self.set(PidTagSenderName, text(name))
            .set(PidTagSenderAddressType, text("SMTP"))
            .set(PidTagSenderEmailAddress, text(address))
            .set(PidTagSenderSmtpAddress, text(address))
            .set(PidTagSenderEntryId, entry.clone())
            .set(PidTagSentRepresentingName, text(name))
            .set(PidTagSentRepresentingAddressType, text("SMTP"))
            .set(PidTagSentRepresentingEmailAddress, text(address))
            .set(PidTagSentRepresentingSmtpAddress, text(address))
            .set(PidTagSentRepresentingEntryId, entry)
    }

    /// A recipient: `kind` 1 To, 2 Cc, 3 Bcc.
    #[must_use]
    pub fn recipient(mut self, kind: i32, name: &str, address: &str) -> Self {
        let row = i32::try_from(self.content.recipients.len()).unwrap_or(i32::MAX);
        self.content.recipients.push(PropertyBag::from_iter([
            (PidTagRowid, PropertyValue::Integer32(row)),
            (PidTagRecipientType, PropertyValue::Integer32(kind)),
            (PidTagDisplayName, text(name)),
            (PidTagAddressType, text("SMTP")),
            (PidTagEmailAddress, text(address)),
            (PidTagSmtpAddress, text(address)),
            (PidTagEntryId, PropertyValue::Binary(entry_id::one_off(name, address))),
        ]));
        self
    }

    /// When it was sent and delivered.
    #[must_use]
    pub fn date(self, time: FileTime) -> Self {
        self.set(PidTagClientSubmitTime, PropertyValue::Time(time))
            .set(PidTagMessageDeliveryTime, PropertyValue::Time(FileTime(time.0 + 30_000_000)))
            .set(PidTagCreationTime, PropertyValue::Time(FileTime(time.0 + 30_000_000)))
            .set(PidTagLastModificationTime, PropertyValue::Time(FileTime(time.0 + 30_000_000)))
    }

    /// Message-ID, with its angle brackets.
    #[must_use]
    pub fn message_id(self, id: impl Into<String>) -> Self {
        self.set(PidTagInternetMessageId, text(id))
    }

    /// A plain text body.
    #[must_use]
    pub fn body(self, body: impl Into<String>) -> Self {
        self.set(PidTagBody, text(body))
    }

    /// An HTML body in UTF-8.
    #[must_use]
    pub fn html(self, html: impl Into<String>) -> Self {
        self.set(PidTagHtml, PropertyValue::Binary(html.into().into_bytes()))
            .set(PidTagInternetCodepage, PropertyValue::Integer32(65001))
    }

    /// A file.
    #[must_use]
    pub fn attach(self, name: &str, mime: &str, data: Vec<u8>) -> Self {
        self.attachment(attachment(name, mime, data), None)
    }

    /// An image that the HTML body refers to as `cid:…`.
    #[must_use]
    pub fn inline(self, name: &str, mime: &str, content_id: &str, data: Vec<u8>) -> Self {
        let mut bag = attachment(name, mime, data);
        bag.set(PidTagAttachContentId, text(content_id));
        bag.set(PidTagAttachFlags, PropertyValue::Integer32(4));
        bag.set(PidTagAttachmentHidden, PropertyValue::Boolean(true));
        self.attachment(bag, None)
    }

    /// Another message.
    #[must_use]
    pub fn attach_message(self, name: &str, message: MessageContent) -> Self {
        let bag = PropertyBag::from_iter([
            (PidTagAttachMethod, PropertyValue::Integer32(5)),
            (PidTagDisplayName, text(name)),
            (PidTagRenderingPosition, PropertyValue::Integer32(-1)),
        ]);
        self.attachment(bag, Some(message))
    }

    fn attachment(mut self, properties: PropertyBag, embedded: Option<MessageContent>) -> Self {
        let number = u32::try_from(self.content.attachments.len()).unwrap_or(u32::MAX);
        self.content.attachments.push(Attachment { number, properties, embedded: embedded.map(Box::new) });
        self
    }

    /// Flagged for follow-up.
    #[must_use]
    pub fn flagged(self) -> Self {
        self.set(PidTagFlagStatus, PropertyValue::Integer32(2)).set(PidTagFollowupIcon, PropertyValue::Integer32(6))
    }

    /// Replied to.
    #[must_use]
    pub fn answered(self) -> Self {
        self.set(PidTagLastVerbExecuted, PropertyValue::Integer32(102))
            .set(PidTagIconIndex, PropertyValue::Integer32(0x105))
    }

    /// With these categories.
    #[must_use]
    pub fn categories(mut self, names: &[&str]) -> Self {
        let name = PropertyName::string(property_set::PS_PUBLIC_STRINGS, "Keywords");
        let key = PropertyKey::Named(name, PropertyType::MULTIPLE_STRING);
        let values = names.iter().map(|name| (*name).to_owned()).collect();
        self.content.properties.set(key, PropertyValue::MultipleString(values));
        self
    }

    /// The content.
    pub fn build(self) -> MessageContent {
        self.content
    }
}

fn attachment(name: &str, mime: &str, data: Vec<u8>) -> PropertyBag {
    let extension = name.rsplit_once('.').map(|(_, extension)| format!(".{extension}"));
    let mut bag = PropertyBag::from_iter([
        (PidTagAttachMethod, PropertyValue::Integer32(1)),
        (PidTagAttachLongFilename, text(name)),
        (PidTagDisplayName, text(name)),
        (PidTagAttachMimeTag, text(mime)),
        (PidTagAttachDataBinary, PropertyValue::Binary(data)),
        (PidTagRenderingPosition, PropertyValue::Integer32(-1)),
    ]);
    if let Some(extension) = extension {
        bag.set(PidTagAttachExtension, text(extension));
    }
    bag
}

/// Messages of different kinds, made from a few words.
pub mod kinds {
    use super::*;
    use crate::seed::Random;

    /// A picture of one pixel.
    pub const PNG: [u8; 70] = [
        0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0x0D, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1,
        8, 6, 0, 0, 0, 0x1F, 0x15, 0xC4, 0x89, 0, 0, 0, 0x0D, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9C, 0x63, 0xF8, 0xCF,
        0xC0, 0xF0, 0x1F, 0, 5, 0, 1, 0xFF, 0x89, 0x99, 0x3D, 0x1D, 0, 0, 0, 0, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42,
        0x60, 0x82,
    ];

    const WORDS: [&str; 24] = [
        "report",
        "meeting",
        "invoice",
        "draft",
        "project",
        "release",
        "review",
        "budget",
        "holiday",
        "server",
        "backup",
        "contract",
        "customer",
        "question",
        "answer",
        "schedule",
        "training",
        "Grüße",
        "façade",
        "naïve",
        "日本",
        "проект",
        "café",
        "Straße",
    ];

    /// A line of some words.
    pub fn words(random: &mut Random, count: usize) -> String {
        (0..count).filter_map(|_| random.pick(&WORDS)).collect::<Vec<_>>().join(" ")
    }

    /// Lines of words, about `size` bytes.
    pub fn paragraphs(random: &mut Random, size: usize) -> String {
        let mut out = String::new();
        while out.len() < size {
            out.push_str(&words(random, 9));
            out.push_str(".\r\n");
        }
        out
    }

    /// The kind of message number `n`: plain, UTF-8, HTML, pictures, files, attached messages, long, empty, meetings.
    pub fn build(random: &mut Random, n: usize, base: MessageBuilder) -> MessageBuilder {
        let page = |inner: &str| format!("<html><head><meta charset=\"utf-8\"></head><body>{inner}</body></html>\r\n");
        match n % 12 {
            0 => base.body("A plain message in ASCII.\r\n\r\n-- \r\nsent without colour\r\n"),
            1 => base.body(paragraphs(random, 600)),
            2 => base.html(page(&format!("<p><b>{}</b></p><p>{}</p>", words(random, 4), words(random, 30)))),
            3 => base.html(page(&format!("<p>{}</p><img src=\"cid:dot{n}@example.test\">", words(random, 12)))).inline(
                "dot.png",
                "image/png",
                &format!("dot{n}@example.test"),
                PNG.to_vec(),
            ),
            4 => base.body(words(random, 20)).attach("notes.txt", "text/plain", paragraphs(random, 900).into_bytes()),
            5 => base
                .body(words(random, 12))
                .attach("Übersicht 2026.pdf", "application/pdf", bytes(random, 20_000))
                .attach("dot.png", "image/png", PNG.to_vec()),
            6 => {
                let inner = MessageBuilder::new(format!("Inner: {}", words(random, 3)))
                    .from("Carol Example", "carol@elsewhere.test")
                    .recipient(1, "Alice Example", "alice@example.test")
                    .message_id(format!("<inner-{n}@elsewhere.test>"))
                    .body(paragraphs(random, 300))
                    .attach("inner.txt", "text/plain", words(random, 30).into_bytes());
                base.body("See the attached message.\r\n").attach_message("Inner", inner.build())
            }
            7 => base.body(paragraphs(random, 40_000)),
            8 => base,
            9 => base
                .set(PidTagMessageClass, text("IPM.Schedule.Meeting.Request"))
                .body(format!("When: tomorrow\r\nWhere: {}\r\n", words(random, 2))),
            10 => base
                .body(words(random, 15))
                .html(page(&format!("<p>{}</p>", words(random, 15))))
                .set(PidTagInReplyToId, text(format!("<demo-{}@example.test>", n.saturating_sub(1)))),
            _ => base.set(PidTagImportance, PropertyValue::Integer32(2)).body(paragraphs(random, 2_000)),
        }
    }

    fn bytes(random: &mut Random, count: usize) -> Vec<u8> {
        (0..count.div_ceil(8)).flat_map(|_| random.number().to_le_bytes()).take(count).collect()
    }
}

//! Messages and renderings for tests.

use gateway::convert::mapi_to_mime::{RenderContext, RenderLimits, ResolvedAddresses, render};
use gateway::convert::mime_to_mapi::LIMITS;
use mail_core::message::Message;
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::{FileTime, PropertyTag, PropertyValue, tags};

/// 2024-01-02 22:02:00 UTC
pub const TIME: FileTime = FileTime(133_487_065_200_000_000);

/// A message as the gateway reads it.
pub fn read(message: &[u8]) -> Message {
    Message::within(message.to_vec().into(), LIMITS)
}

pub fn string(value: &str) -> PropertyValue {
    PropertyValue::String(value.into())
}

pub fn bag<const N: usize>(values: [(PropertyTag, PropertyValue); N]) -> PropertyBag {
    PropertyBag::from_iter(values)
}

pub fn recipient(row: i32, kind: i32, name: &str, address: &str) -> PropertyBag {
    bag([
        (tags::PidTagRowid, PropertyValue::Integer32(row)),
        (tags::PidTagRecipientType, PropertyValue::Integer32(kind)),
        (tags::PidTagDisplayName, string(name)),
        (tags::PidTagAddressType, string("SMTP")),
        (tags::PidTagEmailAddress, string(address)),
    ])
}

/// A message from `Ann` to `Bo` with nothing in it.
pub fn note(subject: &str) -> MessageContent {
    MessageContent {
        properties: bag([
            (tags::PidTagMessageClass, string("IPM.Note")),
            (tags::PidTagSubject, string(subject)),
            (tags::PidTagClientSubmitTime, PropertyValue::Time(TIME)),
            (tags::PidTagSentRepresentingName, string("Ann")),
            (tags::PidTagSentRepresentingAddressType, string("SMTP")),
            (tags::PidTagSentRepresentingEmailAddress, string("ann@example.test")),
            (tags::PidTagInternetMessageId, string("<id@example.test>")),
        ]),
        recipients: vec![recipient(0, 1, "Bo", "bo@example.test")],
        attachments: Vec::new(),
    }
}

pub fn file(number: u32, name: &str, media_type: &str, data: &[u8]) -> Attachment {
    let properties = bag([
        (tags::PidTagAttachMethod, PropertyValue::Integer32(1)),
        (tags::PidTagAttachLongFilename, string(name)),
        (tags::PidTagAttachMimeTag, string(media_type)),
        (tags::PidTagAttachDataBinary, PropertyValue::Binary(data.to_vec())),
    ]);
    Attachment { number, properties, embedded: None }
}

pub fn context(addresses: &ResolvedAddresses) -> RenderContext<'_> {
    let limits = RenderLimits::default();
    RenderContext { source_key: &[0x5A; 22], addresses, domain: "gateway.test", limits }
}

/// The bytes of a rendering, checked for what holds for all of them but S/MIME.
pub fn rendered(message: &MessageContent) -> Vec<u8> {
    let bytes = raw_rendered(message);
    assert!(bytes.is_ascii(), "not ASCII: {}", String::from_utf8_lossy(&bytes));
    for line in bytes.strip_suffix(b"\r\n").expect("ends with a line end").split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(line.len() <= 998, "{} characters in a line", line.len());
        assert!(!line.contains(&b'\r') && !line.contains(&0));
    }
    bytes
}

pub fn raw_rendered(message: &MessageContent) -> Vec<u8> {
    let addresses = ResolvedAddresses::default();
    let rendering = render(message, &context(&addresses)).expect("can be rendered");
    let (header, _) = rendering.bytes.split_at(rendering.header_len);
    assert!(header.ends_with(b"\r\n\r\n"), "{}", String::from_utf8_lossy(header));
    assert!(!header[..header.len() - 2].windows(4).any(|window| window == b"\r\n\r\n"));
    rendering.bytes.to_vec()
}

pub fn rendered_text(message: &MessageContent) -> String {
    String::from_utf8(rendered(message)).expect("ASCII")
}

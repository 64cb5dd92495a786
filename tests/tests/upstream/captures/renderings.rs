//! Recorded messages as MIME: what the properties say is what an independent parser finds.

use gateway::convert::mapi_to_mime::{RenderContext, RenderLimits, ResolvedAddresses, needed_dns, render};
use mail_parser::{Message, MessageParser, MimeHeaders};
use mapi_core::message::MessageContent;
use mapi_core::property::{PropertyValue, tags};

/// Renders a message and compares.
pub fn check(content: &MessageContent) {
    let mut addresses = ResolvedAddresses::default();
    for name in needed_dns(content) {
        addresses.insert(&name, Some("resolved@lab.test".to_owned()));
    }
    let limits = RenderLimits::default();
    let context = RenderContext { source_key: &[1; 22], addresses: &addresses, domain: "gateway.test", limits };
    let rendering = render(content, &context).expect("can be rendered");
    let bytes = &rendering.bytes[..];
    let signed = content.properties.text(tags::PidTagMessageClass).is_some_and(|class| class.contains("SMIME"));
    assert!(signed || bytes.is_ascii());
    let parsed = MessageParser::new().parse(bytes).expect("a message");
    compare(content, &parsed);
    // Neither flags nor what a save changes may show.
    let mut touched = content.clone();
    touched.properties.set(tags::PidTagFlagStatus, PropertyValue::Integer32(2));
    touched.properties.set(tags::PidTagMessageFlags, flags_but_read(content));
    touched.properties.set(tags::PidTagInternetArticleNumber, PropertyValue::Integer32(12345));
    assert_eq!(render(&touched, &context).as_ref(), Ok(&rendering));
}

fn flags_but_read(content: &MessageContent) -> PropertyValue {
    PropertyValue::Integer32(content.properties.integer(tags::PidTagMessageFlags).unwrap_or(0) ^ 1)
}

fn compare(content: &MessageContent, parsed: &Message<'_>) {
    let bag = &content.properties;
    assert_eq!(parsed.subject().unwrap_or_default(), bag.text(tags::PidTagSubject).unwrap_or_default().trim());
    if let Some(id) = bag.text(tags::PidTagInternetMessageId) {
        assert_eq!(parsed.message_id().map(|id| format!("<{id}>")).as_deref(), Some(id));
    }
    if bag.text(tags::PidTagSentRepresentingAddressType) == Some("SMTP") {
        let from = parsed.from().and_then(|from| from.first()).and_then(|from| from.address());
        assert_eq!(from, bag.text(tags::PidTagSentRepresentingEmailAddress));
    }
    if bag.text(tags::PidTagMessageClass).is_some_and(|class| class.contains("SMIME")) {
        return;
    }
    for attachment in &content.attachments {
        let properties = &attachment.properties;
        if let Some(embedded) = &attachment.embedded {
            let inner = parsed.attachments().filter_map(|part| part.message());
            let subject = embedded.properties.text(tags::PidTagSubject).unwrap_or_default().trim();
            assert!(inner.into_iter().any(|inner| inner.subject().unwrap_or_default() == subject), "{subject}");
            continue;
        }
        let Some(data) = properties.binary(tags::PidTagAttachDataBinary) else { continue };
        let name = properties.text(tags::PidTagAttachLongFilename);
        let mut same = parsed.attachments().filter(|part| part.contents() == data);
        assert!(same.any(|part| name.is_none() || part.attachment_name() == name), "{name:?}");
    }
}

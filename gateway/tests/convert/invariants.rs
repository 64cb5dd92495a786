//! Properties of every conversion.

use gateway::convert::ConvertError;
use gateway::convert::mapi_to_mime::{RenderLimits, ResolvedAddresses, needed_dns, render};
use gateway::convert::mime_to_mapi::{Purpose, parse, parse_within};
use gateway::convert::size_bound::largest_size;
use mail_core::{FlagSet, Keywords};
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::{
    FileTime, PropertyKey, PropertyName, PropertyTag, PropertyType, PropertyValue, property_set, tags,
};
use proptest::prelude::*;

use crate::corpus::corpus;
use crate::observe::observe;
use crate::support::{context, file, note, raw_rendered, read, recipient, rendered, rendered_text, string};

const TEXTS: &[PropertyTag] = &[
    tags::PidTagSubject,
    tags::PidTagNormalizedSubject,
    tags::PidTagSentRepresentingName,
    tags::PidTagSentRepresentingAddressType,
    tags::PidTagSentRepresentingEmailAddress,
    tags::PidTagSenderName,
    tags::PidTagSenderEmailAddress,
    tags::PidTagSenderSmtpAddress,
    tags::PidTagInternetMessageId,
    tags::PidTagInReplyToId,
    tags::PidTagInternetReferences,
    tags::PidTagConversationTopic,
    tags::PidTagReplyRecipientNames,
    tags::PidTagMessageClass,
    tags::PidTagBody,
];

const ATTACHMENT_TEXTS: &[PropertyTag] = &[
    tags::PidTagAttachLongFilename,
    tags::PidTagAttachMimeTag,
    tags::PidTagAttachContentId,
    tags::PidTagAttachContentLocation,
    tags::PidTagAttachLongPathname,
    tags::PidTagDisplayName,
    PropertyTag::new(0x371B, PropertyType::STRING),
];

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,30}",
        "(\r\n|\r|\n|\0|\u{85}|\u{2028}| |:|<|>|\"|\\\\|=\\?|\\?=|;|Injected: yes|--|a@b|\u{e4}){0,12}",
    ]
}

/// The names of the fields of a header block, and of those of parts.
fn injected(message: &str) -> bool {
    message.split("\r\n").any(|line| line.starts_with("Injected:"))
}

/// A message with much in it.
fn rich() -> MessageContent {
    let mut message = note("Stable");
    message.properties.set(tags::PidTagHtml, PropertyValue::Binary(b"<img src=cid:i>\xC3\xA4".to_vec()));
    message.properties.set(tags::PidTagInternetCodepage, PropertyValue::Integer32(65001));
    for name in ["x-b", "x-a"] {
        let name = PropertyName::string(property_set::PS_INTERNET_HEADERS, name);
        message.properties.set(PropertyKey::Named(name, PropertyType::STRING), string("v"));
    }
    message.recipients.push(recipient(1, 2, "Cy", "cy@example.test"));
    message.recipients.push(recipient(2, 1, "Di", "di@example.test"));
    let mut image = file(0, "i.png", "image/png", b"png");
    image.properties.set(tags::PidTagAttachContentId, string("i"));
    let embedded = Some(Box::new(note("Inner")));
    let properties = PropertyBag::from_iter([(tags::PidTagAttachMethod, PropertyValue::Integer32(5))]);
    message.attachments =
        vec![image, file(1, "a.pdf", "application/pdf", b"pdf"), Attachment { number: 2, properties, embedded }];
    message
}

#[test]
fn limits_hold() {
    let addresses = ResolvedAddresses::default();
    let message = rich();
    let size = rendered(&message).len();
    let mut context = context(&addresses);
    context.limits.max_bytes = size;
    assert_eq!(render(&message, &context).map(|rendering| rendering.bytes.len()), Ok(size));
    context.limits.max_bytes = size - 1;
    assert_eq!(render(&message, &context), Err(ConvertError::TooLarge { limit: size - 1 }));

    let mut deep = note("0");
    for level in 1..40 {
        let mut outer = note(&level.to_string());
        outer.attachments.push(Attachment {
            number: 0,
            properties: PropertyBag::new(),
            embedded: Some(Box::new(deep)),
        });
        deep = outer;
    }
    let text = rendered_text(&deep);
    assert_eq!(text.matches("message/rfc822").count(), RenderLimits::default().max_depth);
    assert!(text.contains("nested too deeply"));

    let many = format!("To: {}\r\n\r\n", ["a@x"; 9].join(", "));
    let many = read(many.as_bytes());
    let purpose = Purpose::Append { flags: FlagSet::EMPTY, keywords: &Keywords::EMPTY, internal_date: FileTime(0) };
    let stored = parse_within(&many, purpose, 8).expect("stored with those there is room for");
    assert_eq!(stored.recipients.len(), 8);
    let addresses: Vec<_> = (0..9).map(|n| format!("r{n}@example.org")).collect();
    let purpose = Purpose::Submit { own_addresses: &[], recipients: &addresses };
    let refused = parse_within(&many, purpose, 8);
    assert_eq!(refused, Err(ConvertError::TooMany { what: "recipients", limit: 8 }));
}

#[test]
fn names_of_the_address_book_are_asked_for() {
    let mut message = note("x");
    let mut row = recipient(0, 1, "Ex", "/o=Org/cn=Ex");
    row.set(tags::PidTagAddressType, string("EX"));
    message.recipients = vec![row];
    let inner = message.clone();
    message.properties.set(tags::PidTagSenderAddressType, string("EX"));
    message.properties.set(tags::PidTagSenderEmailAddress, string("/o=Org/cn=Sender"));
    message.attachments =
        vec![Attachment { number: 0, properties: PropertyBag::new(), embedded: Some(Box::new(inner)) }];
    let needed = needed_dns(&message);
    assert_eq!(needed, ["/o=Org/cn=Ex", "/o=Org/cn=Sender"]);
    let mut addresses = ResolvedAddresses::default();
    assert!(matches!(render(&message, &context(&addresses)), Err(ConvertError::UnresolvedAddress(_))));
    addresses.insert(&needed[0], Some("ex@example.test".into()));
    addresses.insert(&needed[1], None);
    let out = render(&message, &context(&addresses)).expect("all are known").bytes;
    assert_eq!(observe(&out).to, [("Ex".to_owned(), "ex@example.test".to_owned())]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn renderings_are_stable(order in any::<u64>(), bits in any::<i32>(), text in "[a-z]{0,9}", time in any::<u32>()) {
        let message = rich();
        let expected = rendered(&message);
        let mut changed = message.clone();
        let bag = &mut changed.properties;
        // Everything that flags, moves and copies change.
        bag.set(tags::PidTagMessageFlags, PropertyValue::Integer32(bits & !8));
        for tag in [
            tags::PidTagMessageStatus, tags::PidTagFlagStatus, tags::PidTagFollowupIcon, tags::PidTagIconIndex,
            tags::PidTagLastVerbExecuted, tags::PidTagMessageSize, tags::PidTagInternetArticleNumber, tags::PidTagToDoItemFlags,
        ] {
            bag.set(tag, PropertyValue::Integer32(bits));
        }
        bag.set(tags::PidTagReadReceiptRequested, PropertyValue::Boolean(bits & 1 == 1));
        bag.set(tags::PidTagLastModificationTime, PropertyValue::Time(FileTime(u64::from(time) << 30)));
        bag.set(tags::PidTagChangeKey, PropertyValue::Binary(text.clone().into_bytes()));
        bag.set(tags::PidTagMid, PropertyValue::Integer64(i64::from(bits)));
        let categories = PropertyName::string(property_set::PS_PUBLIC_STRINGS, "Keywords");
        bag.set(PropertyKey::Named(categories, PropertyType::MULTIPLE_STRING), PropertyValue::MultipleString(vec![text]));
        // The order in which a server tells things.
        changed.attachments.rotate_left((order % 3) as usize);
        changed.recipients.rotate_left((order / 3 % 3) as usize);
        changed.attachments[0].properties.set(tags::PidTagAttachSize, PropertyValue::Integer32(bits));
        prop_assert_eq!(rendered(&changed), expected);
    }

    #[test]
    fn no_text_becomes_a_field(
        texts in proptest::collection::vec(hostile(), TEXTS.len() + ATTACHMENT_TEXTS.len() + 4),
        method in 0i32..8, draft in any::<bool>(),
    ) {
        let mut texts = texts.into_iter();
        let mut next = || string(&texts.next().unwrap_or_default());
        let mut message = rich();
        for tag in TEXTS.iter().filter(|tag| **tag != tags::PidTagBody) {
            message.properties.set(*tag, next());
        }
        message.properties.set(tags::PidTagMessageFlags, PropertyValue::Integer32(if draft { 8 } else { 0 }));
        message.properties.set(tags::PidTagReadReceiptRequested, PropertyValue::Boolean(true));
        let field = PropertyName::string(property_set::PS_INTERNET_HEADERS, next().as_str().unwrap_or_default());
        message.properties.set(PropertyKey::Named(field, PropertyType::STRING), next());
        message.recipients[0].set(tags::PidTagDisplayName, next());
        message.recipients[0].set(tags::PidTagEmailAddress, next());
        for tag in ATTACHMENT_TEXTS {
            message.attachments[1].properties.set(*tag, next());
        }
        message.attachments[1].properties.set(tags::PidTagAttachMethod, PropertyValue::Integer32(method));
        if needed_dns(&message).is_empty() {
            let out = rendered_text(&message);
            prop_assert!(!injected(&out), "{}", out);
        }
    }

    #[test]
    fn what_is_shown_survives(
        subject in "[^\\p{C}\\p{Z}]([^\\p{C}\\p{Z}]| ){0,80}[^\\p{C}\\p{Z}]",
        name in "[^\\p{C}\\p{Z}=]([^\\p{C}\\p{Z}]| ){0,30}[^\\p{C}\\p{Z}]",
        filename in "[^\\p{C}\\p{Z}]([^\\p{C}\\p{Z}]| ){0,80}[^\\p{C}\\p{Z}]",
        data in proptest::collection::vec(any::<u8>(), 0..500),
        body in "(\\PC|\r\n){0,200}",
    ) {
        let mut message = note(&subject);
        message.properties.set(tags::PidTagSentRepresentingName, string(&name));
        message.properties.set(tags::PidTagBody, string(&body));
        message.attachments.push(file(0, &filename, "application/x-test", &data));
        let found = observe(&rendered(&message));
        prop_assert_eq!(found.subject, subject);
        prop_assert_eq!(&found.from, &[(name, "ann@example.test".to_owned())]);
        prop_assert_eq!(found.attachments[0].name.as_ref(), Some(&filename));
        let mut plain = note("x");
        plain.attachments.push(file(0, "f", "application/x-test", &data));
        prop_assert_eq!(&observe(&rendered(&plain)).attachments[0].digest, &found.attachments[0].digest);
    }

    #[test]
    fn arbitrary_bytes_are_survived(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        survive(&data)?;
    }

    #[test]
    fn spoiled_messages_are_survived(
        which in any::<prop::sample::Index>(), cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
    ) {
        let corpus = corpus();
        let mut message = which.get(&corpus).1.clone();
        for (at, byte) in cuts {
            let at = at.index(message.len());
            message[at] = byte;
        }
        message.truncate(end.index(message.len()) + 1);
        survive(&message)?;
    }

    #[test]
    fn stored_headers_are_survived(text in "(From|To|Subject|Bcc|Content-Type|X-A): |[ -~]{0,20}|\\PC{0,5}|\r\n|\r|\n|\0| ") {
        let mut message = note("x");
        message.properties.set(tags::PidTagTransportMessageHeaders, string(&format!("From: a@x\r\n{}", text.repeat(3))));
        rendered(&message);
    }
}

fn survive(data: &[u8]) -> Result<(), TestCaseError> {
    for flags in [FlagSet::EMPTY, FlagSet::DRAFT] {
        let purpose = Purpose::Append { flags, keywords: &Keywords::EMPTY, internal_date: FileTime(0) };
        let content = parse(&read(data), purpose).expect("few recipients");
        let addresses = ResolvedAddresses::default();
        let out = render(&content, &context(&addresses)).expect("small");
        prop_assert!(out.bytes.len() <= data.len() * 24 + 4000, "{} of {}", out.bytes.len(), data.len());
    }
    let recipients = ["a@x".to_owned()];
    parse(&read(data), Purpose::Submit { own_addresses: &[], recipients: &recipients }).expect("few recipients");
    Ok(())
}

/// Bytes that a server counts of a message: half as many of text as Exchange does, which keeps UTF-16.
fn counted(content: &MessageContent) -> usize {
    let value = |value: &PropertyValue| match value {
        PropertyValue::String(text) => text.encode_utf16().count(),
        PropertyValue::Binary(bytes) => bytes.len(),
        _ => 4,
    };
    let bag = |bag: &PropertyBag| bag.iter().map(|(_, it)| value(it)).sum::<usize>();
    let attachments = content
        .attachments
        .iter()
        .map(|attachment| bag(&attachment.properties) + attachment.embedded.as_deref().map_or(0, counted));
    bag(&content.properties) + content.recipients.iter().map(bag).sum::<usize>() + attachments.sum::<usize>()
}

fn never_larger(name: &str, content: &MessageContent, counted: usize) {
    let size = PropertyValue::Integer32(i32::try_from(counted).expect("small"));
    let mut known = PropertyBag::from_iter([(tags::PidTagMessageSize, size)]);
    if let Some(body) = content.properties.get(tags::PidTagNativeBody) {
        known.set(tags::PidTagNativeBody, body.clone());
    }
    let (bytes, bound) = (raw_rendered(content).len() as u64, largest_size(&known));
    assert!(bytes <= bound, "{name}: {bytes} bytes of {counted} counted, at most {bound} expected");
}

#[test]
fn renderings_are_no_larger_than_was_expected() {
    for (name, message) in corpus() {
        let purpose = Purpose::Append { flags: FlagSet::EMPTY, keywords: &Keywords::EMPTY, internal_date: FileTime(0) };
        let content = parse(&read(&message), purpose).expect("can be stored");
        never_larger(&name, &content, counted(&content));
    }
    // The worst that there is: HTML in a charset with a byte for each character, and the text of it, which is not counted.
    let cyrillic = "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442} ".repeat(100_000);
    let mut content = note("worst");
    let html = encoding_rs::KOI8_R.encode(&cyrillic).0.into_owned();
    content.properties.set(tags::PidTagInternetCodepage, PropertyValue::Integer32(20866));
    content.properties.set(tags::PidTagHtml, PropertyValue::Binary(html));
    content.properties.set(tags::PidTagNativeBody, PropertyValue::Integer32(3));
    let size = counted(&content);
    content.properties.set(tags::PidTagBody, string(&cyrillic));
    never_larger("HTML", &content, size);
    content.attachments = vec![file(0, "a.bin", "application/octet-stream", &[0xAB; 300_000])];
    never_larger("attachment", &content, size + 300_000);
}

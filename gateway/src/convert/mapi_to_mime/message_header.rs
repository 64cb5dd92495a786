use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_core::message::one_line;
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{NamedId, PropertyKey, PropertyType, property_set, tags};

use super::address::{Party, RECIPIENT, REPRESENTING, Route, SENDER, flat_entry_list};
use super::context::RenderContext;
use super::header::{Header, phrase};
use super::{date, report_kind, transport};
use crate::convert::ConvertError;
use crate::convert::strings::{BETWEEN_FIELDS, filled, normalized_subject, text, visible_ascii};

/// PidTagMessageFlags: the message is a draft.
const UNSENT: i32 = 0x8;
const TO: i32 = 1;
const CC: i32 = 2;
const BCC: i32 = 3;

/// Names of PS_INTERNET_HEADERS that are fields made from other properties, or that describe the body.
const NOT_CUSTOM: &[&str] = &[
    "date",
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "resent-bcc",
    "subject",
    "message-id",
    "in-reply-to",
    "references",
    "thread-topic",
    "thread-index",
    "importance",
    "x-priority",
    "sensitivity",
    "mime-version",
    "disposition-notification-to",
    "return-receipt-to",
    "x-auto-response-suppress",
    "received",
    "return-path",
];

/// The header of a message, without the fields that describe its body. `depth` counts the messages around it.
pub(super) fn build(
    message: &MessageContent,
    context: &RenderContext<'_>,
    depth: usize,
) -> Result<Header, ConvertError> {
    let mut header = Header::new();
    match received_fields(message) {
        Some(fields) => {
            header.append(fields.header);
            if !fields.was_received {
                recipients(&mut header, message, context, &[("Bcc", BCC)])?;
            }
        }
        None => rebuild(&mut header, message, context, depth)?,
    }
    header.structured("MIME-Version", "1.0");
    Ok(header)
}

/// Everybody whose address [`build`] or a report needs.
pub(super) fn parties(message: &MessageContent) -> Vec<Party> {
    let bag = &message.properties;
    let is_report = report_kind::kind(message).is_some();
    let fields = received_fields(message);
    let mut out = Vec::new();
    if fields.is_none() || is_report {
        out.extend(Party::read(bag, &REPRESENTING));
        out.extend(Party::read(bag, &SENDER));
    }
    if fields.is_none() {
        out.extend(bag.binary(tags::PidTagReplyRecipientEntries).map(flat_entry_list).unwrap_or_default());
    }
    let only_bcc = !is_report && fields.as_ref().is_some_and(|fields| !fields.was_received);
    if is_report || fields.is_none() || only_bcc {
        let rows = message.recipients.iter();
        out.extend(rows.filter(|row| !only_bcc || kind(row) == BCC).filter_map(|row| Party::read(row, &RECIPIENT)));
    }
    out
}

/// The header the message came with. Drafts are rebuilt: they are edited after they got it.
fn received_fields(message: &MessageContent) -> Option<transport::Fields> {
    let bag = &message.properties;
    if bag.integer(tags::PidTagMessageFlags).unwrap_or(0) & UNSENT != 0 {
        return None;
    }
    transport::fields(bag)
}

fn rebuild(
    header: &mut Header,
    message: &MessageContent,
    context: &RenderContext<'_>,
    depth: usize,
) -> Result<(), ConvertError> {
    let bag = &message.properties;
    // When an embedded message was created some servers say otherwise each time.
    let created = (depth == 0).then_some(tags::PidTagCreationTime);
    let times = [tags::PidTagClientSubmitTime, tags::PidTagMessageDeliveryTime].into_iter().chain(created);
    if let Some(date) = { times }.find_map(|tag| bag.time(tag)).and_then(date::format) {
        header.structured("Date", &date);
    }
    let sender = Party::read(bag, &SENDER);
    let from = Party::read(bag, &REPRESENTING).or_else(|| sender.clone());
    if let Some(from) = &from {
        header.structured("From", &from.render(context)?);
    }
    if let (Some(sender), Some(from)) = (&sender, &from) {
        let (sender_address, from_address) = (sender.smtp(context)?, from.smtp(context)?);
        let same = match (&sender_address, &from_address) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            _ => true,
        };
        if !same {
            header.structured("Sender", &sender.render(context)?);
        }
    }
    reply_to(header, bag, context)?;
    recipients(header, message, context, &[("To", TO), ("Cc", CC), ("Bcc", BCC)])?;
    header.unstructured("Subject", &subject(bag));
    identifiers(header, bag, context, depth);
    thread(header, bag);
    importance(header, bag);
    if bag.integer(tags::PidTagMessageFlags).unwrap_or(0) & UNSENT != 0 {
        // Servers drop the request once they have sent the receipt, so that only drafts may show it.
        for (name, tag) in [
            ("Disposition-Notification-To", tags::PidTagReadReceiptRequested),
            ("Return-Receipt-To", tags::PidTagOriginatorDeliveryReportRequested),
        ] {
            if let (Some(true), Some(from)) = (bag.boolean(tag), &from) {
                header.structured(name, &from.render(context)?);
            }
        }
    }
    custom(header, bag);
    Ok(())
}

/// PidTagSubject, or what it is made of.
pub(super) fn subject(bag: &PropertyBag) -> String {
    let part = |tag| text(bag, tag).unwrap_or_default();
    match text(bag, tags::PidTagSubject) {
        Some(subject) => one_line(&subject),
        None => one_line(&format!("{}{}", part(tags::PidTagSubjectPrefix), part(tags::PidTagNormalizedSubject))),
    }
}

fn kind(row: &PropertyBag) -> i32 {
    // The upper bits tell what became of a resent message's recipient.
    row.integer(tags::PidTagRecipientType).unwrap_or(TO) & 0xF
}

fn recipients(
    header: &mut Header,
    message: &MessageContent,
    context: &RenderContext<'_>,
    fields: &[(&str, i32)],
) -> Result<(), ConvertError> {
    let mut rows: Vec<_> = message.recipients.iter().collect();
    let is_draft = message.properties.integer(tags::PidTagMessageFlags).unwrap_or(0) & UNSENT != 0;
    // Without row ids the order given is the order of the rows.
    rows.sort_by_key(|row| row.integer(tags::PidTagRowid).map_or(i64::MAX, i64::from));
    for (name, wanted) in fields {
        let mut list = String::new();
        for row in rows.iter().filter(|row| kind(row) == *wanted) {
            let Some(party) = Party::read(row, &RECIPIENT) else { continue };
            if !list.is_empty() {
                list.push_str(", ");
            }
            match &party.route {
                // Who has no address yet is what the writer of the draft typed.
                Route::Other { address, .. } if is_draft && address.is_empty() => list.push_str(&phrase(&party.name)),
                _ => list.push_str(&party.render(context)?),
            }
        }
        if !list.is_empty() {
            header.structured(name, &list);
        }
    }
    Ok(())
}

fn reply_to(header: &mut Header, bag: &PropertyBag, context: &RenderContext<'_>) -> Result<(), ConvertError> {
    let entries = bag.binary(tags::PidTagReplyRecipientEntries).map(flat_entry_list).unwrap_or_default();
    let names = text(bag, tags::PidTagReplyRecipientNames).unwrap_or_default();
    let names: Vec<_> = names.split(';').map(one_line).collect();
    let count = entries.len();
    let mut list = Vec::new();
    for (index, mut party) in entries.into_iter().enumerate() {
        if party.name.is_empty() && names.len() == count {
            party.name.clone_from(&names[index]);
        }
        list.push(party.render(context)?);
    }
    if !list.is_empty() {
        header.structured("Reply-To", &list.join(", "));
    }
    Ok(())
}

fn identifiers(header: &mut Header, bag: &PropertyBag, context: &RenderContext<'_>, depth: usize) {
    let id = filled(bag, tags::PidTagInternetMessageId).map(|id| visible_ascii(&id)).filter(|id| !id.is_empty());
    match id {
        Some(id) => header.structured("Message-ID", &id),
        None if depth == 0 => {
            let key: String = context.source_key.iter().map(|byte| format!("{byte:02x}")).collect();
            header.structured("Message-ID", &format!("<{key}@{}>", visible_ascii(context.domain)));
        }
        None => {}
    }
    for (name, tag) in [("In-Reply-To", tags::PidTagInReplyToId), ("References", tags::PidTagInternetReferences)] {
        if let Some(value) = filled(bag, tag) {
            let ids: Vec<_> = value.split_whitespace().map(visible_ascii).filter(|id| !id.is_empty()).collect();
            if !ids.is_empty() {
                header.structured(name, &ids.join(" "));
            }
        }
    }
}

fn thread(header: &mut Header, bag: &PropertyBag) {
    let topic = filled(bag, tags::PidTagConversationTopic);
    let subject = subject(bag);
    let normalized = text(bag, tags::PidTagNormalizedSubject).map(|text| one_line(&text));
    let normalized = normalized.as_deref().unwrap_or_else(|| normalized_subject(&subject));
    if let Some(topic) = topic.filter(|topic| one_line(topic) != normalized) {
        header.unstructured("Thread-Topic", &topic);
    }
    if let Some(index) = bag.binary(tags::PidTagConversationIndex).filter(|index| !index.is_empty()) {
        // Deep threads grow without end; the bytes that name the conversation come first.
        header.structured("Thread-Index", &STANDARD.encode(&index[..index.len().min(600)]));
    }
}

fn importance(header: &mut Header, bag: &PropertyBag) {
    match bag.integer(tags::PidTagImportance) {
        Some(0) => {
            header.structured("Importance", "low");
            header.structured("X-Priority", "5");
        }
        Some(2) => {
            header.structured("Importance", "high");
            header.structured("X-Priority", "1");
        }
        _ => {}
    }
    let sensitivity = match bag.integer(tags::PidTagSensitivity) {
        Some(1) => "Personal",
        Some(2) => "Private",
        Some(3) => "Company-Confidential",
        _ => "",
    };
    if !sensitivity.is_empty() {
        header.structured("Sensitivity", sensitivity);
    }
    let suppressed = bag.integer(tags::PidTagAutoResponseSuppress).unwrap_or(0);
    let names = ["DR", "NDR", "RN", "NRN", "OOF", "AutoReply"];
    let names: Vec<_> =
        names.into_iter().enumerate().filter(|(bit, _)| suppressed >> bit & 1 != 0).map(|(_, name)| name).collect();
    if suppressed == -1 {
        header.structured("X-Auto-Response-Suppress", "All");
    } else if !names.is_empty() {
        header.structured("X-Auto-Response-Suppress", &names.join(", "));
    }
}

/// The fields kept as named properties of PS_INTERNET_HEADERS, in the order of their names.
fn custom(header: &mut Header, bag: &PropertyBag) {
    for (key, value) in bag.iter() {
        let PropertyKey::Named(name, PropertyType::STRING) = key else { continue };
        let Some(NamedId::Name(field)) = &name.id else { continue };
        let lower = field.to_ascii_lowercase();
        let excluded = lower.starts_with("content-") || NOT_CUSTOM.contains(&&lower[..]);
        if name.guid == property_set::PS_INTERNET_HEADERS && field.is_ascii() && !excluded {
            let values = value.as_str().unwrap_or_default().split(BETWEEN_FIELDS);
            values.for_each(|value| header.unstructured(&titled(&lower), value));
        }
    }
}

/// A field name in its usual spelling: the store keeps it in lower case.
fn titled(lower: &str) -> String {
    let words = lower.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    words.collect::<Vec<_>>().join("-")
}

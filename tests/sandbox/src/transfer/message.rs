use mapi_core::fasttransfer::{Marker, StreamWriter};
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyValue};

use super::Filter;
use super::order::Order;
use crate::store::view::{ACCESS_LEVEL, MessageView, Properties};
use crate::store::{Mailbox, Message};

/// Computed properties that mean something to this mailbox only and stay out of streams.
const LOCAL: [PropertyTag; 7] = [
    PidTagEntryId,
    PidTagParentEntryId,
    PidTagRecordKey,
    PidTagObjectType,
    PidTagAccess,
    ACCESS_LEVEL,
    PidTagDisplayBcc,
];

/// How deep embedded messages may nest.
const MAX_DEPTH: usize = 32;

/// Writes messageContent ([MS-OXCFXICS] 2.2.4.3.11) of a message, PidTagMid first. `header` lists properties that stand
/// elsewhere in the stream.
pub fn write_message_content(out: &mut StreamWriter, view: MessageView<'_>, filter: &Filter, header: &[PropertyTag]) {
    message_at(out, view, filter, header, 0, &mut Order::next(view.mailbox));
}

/// Writes attachmentContent ([MS-OXCFXICS] 2.2.4.3.1) of one attachment.
pub fn write_attachment_content(out: &mut StreamWriter, mailbox: &Mailbox, attachment: &Attachment, filter: &Filter) {
    let mut order = Order::next(mailbox);
    attachment_properties(out, attachment, filter, &mut order);
    embedded(out, mailbox, attachment, 0, &mut order);
}

fn message_at(
    out: &mut StreamWriter,
    view: MessageView<'_>,
    filter: &Filter,
    header: &[PropertyTag],
    depth: usize,
    order: &mut Order,
) {
    let in_header = |key: &PropertyKey| matches!(key, PropertyKey::Tag(tag) if header.contains(tag));
    if !header.contains(&PidTagMid)
        && filter.wants(&PidTagMid.into())
        && let Some(mid) = view.value(PidTagMid)
    {
        out.tagged(PidTagMid, mid.into_owned());
    }
    let mut keys = view.keys();
    keys.retain(|key| {
        let skip = matches!(key, PropertyKey::Tag(tag) if *tag == PidTagMid || LOCAL.contains(tag));
        !skip && !in_header(key) && filter.wants(key)
    });
    order.apply(&mut keys);
    keys.iter().for_each(|key| write_value(out, view, key));
    // Include lists may name computed properties that are not listed otherwise.
    for key in filter.included().into_iter().flatten() {
        if let PropertyKey::Tag(tag) = key
            && let Some(known) = UNLISTED.iter().find(|known| known.id() == tag.id())
            && !header.contains(known)
            && let Some(value) = view.value(*known)
        {
            out.tagged(*known, value.into_owned());
        }
    }
    for (wanted, tag) in
        [(filter.wants_recipients(), PidTagMessageRecipients), (filter.wants_attachments(), PidTagMessageAttachments)]
    {
        if !wanted {
            let tag = PropertyValue::Integer32(tag.0.cast_signed());
            out.tagged(mapi_core::fasttransfer::meta::MetaTagFXDelProp, tag);
        }
    }
    let MessageContent { recipients, attachments, .. } = view.message.content.as_ref();
    if filter.wants_recipients() {
        for (row, recipient) in recipients.iter().enumerate() {
            write_recipient(out, recipient, row, order);
        }
    }
    if filter.wants_attachments() {
        for attachment in attachments {
            let number = PropertyValue::Integer32(attachment.number.cast_signed());
            out.marker(Marker::NewAttach).tagged(PidTagAttachNumber, number);
            attachment_properties(out, attachment, &Filter::everything(), order);
            embedded(out, view.mailbox, attachment, depth, order);
            out.marker(Marker::EndAttach);
        }
    }
}

/// Computed properties that only an include list brings.
const UNLISTED: [PropertyTag; 1] = [PidTagMessageStatus];

fn write_value(out: &mut StreamWriter, view: MessageView<'_>, key: &PropertyKey) {
    let value = match key {
        PropertyKey::Tag(tag) => view.value(*tag),
        PropertyKey::Named(name, kind) => {
            view.message.content.properties.get_named(name, *kind).map(std::borrow::Cow::Borrowed)
        }
    };
    if let Some(value) = value {
        out.property(key, &value);
    }
}

fn write_recipient(out: &mut StreamWriter, recipient: &PropertyBag, row: usize, order: &mut Order) {
    let row = recipient.integer(PidTagRowid).unwrap_or(i32::try_from(row).unwrap_or(i32::MAX));
    out.marker(Marker::StartRecip).tagged(PidTagRowid, PropertyValue::Integer32(row));
    write_bag(out, recipient, order, |key| *key != PropertyKey::Tag(PidTagRowid));
    out.marker(Marker::EndToRecip);
}

fn attachment_properties(out: &mut StreamWriter, attachment: &Attachment, filter: &Filter, order: &mut Order) {
    write_bag(out, &attachment.properties, order, |key| {
        *key != PropertyKey::Tag(PidTagAttachNumber) && filter.wants(key)
    });
}

fn write_bag(out: &mut StreamWriter, bag: &PropertyBag, order: &mut Order, wanted: impl Fn(&PropertyKey) -> bool) {
    let mut entries: Vec<_> = bag.iter().filter(|(key, _)| wanted(key)).collect();
    order.apply(&mut entries);
    for (key, value) in entries {
        out.property(key, value);
    }
}

fn embedded(out: &mut StreamWriter, mailbox: &Mailbox, attachment: &Attachment, depth: usize, order: &mut Order) {
    let Some(content) = attachment.embedded.as_deref().filter(|_| depth < MAX_DEPTH) else { return };
    let mut message = Message::from_content(content.clone(), mailbox.now());
    message.measure();
    out.marker(Marker::StartEmbed);
    let view = MessageView { mailbox, message: &message };
    message_at(out, view, &Filter::everything(), &[], depth + 1, order);
    out.marker(Marker::EndEmbed);
}

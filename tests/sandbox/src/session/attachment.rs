//! Attachments ([MS-OXCROPS] 2.2.6.12 to 2.2.6.17, [MS-OXCMSG] 3.2.5.12 to 3.2.5.15).

use std::borrow::Cow;
use std::sync::Arc;

use mapi_core::ErrorCode;
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyValue};
use mapi_core::rop::*;

use super::context::{Cx, RopResult};
use super::folder;
use super::object::{AttachmentObject, Entry, Object};
use crate::store::Mailbox;
use crate::store::message::value_size;
use crate::store::view::{BagView, Properties};

pub fn table(cx: &mut Cx<'_>, request: &GetTableRequest) -> RopResult {
    let content = cx.message(cx.index)?.message.content.clone();
    let rows = content.attachments.iter().map(|attachment| {
        let mut bag = attachment.properties.clone();
        for tag in COMPUTED {
            bag.extend(computed(attachment, tag).map(|value| (tag, value)));
        }
        // A table never carries the bytes.
        bag.remove(&PidTagAttachDataBinary.into());
        bag
    });
    folder::fixed(cx, request, rows.collect())
}

pub fn open(cx: &mut Cx<'_>, request: &OpenAttachmentRequest) -> RopResult {
    let message = cx.handle(cx.index)?;
    let mailbox = cx.entry(cx.index)?.mailbox;
    let holder = cx.message(cx.index)?;
    let mut all = holder.message.content.attachments.iter();
    let attachment = all.find(|a| a.number == request.attachment_id).cloned().ok_or(ErrorCode::NOT_FOUND)?;
    let writable = request.open_attachment_flags & 3 != 0 && holder.writable;
    if request.open_attachment_flags & 3 == 1 && !holder.writable {
        return Err(ErrorCode::ACCESS_DENIED);
    }
    let object = AttachmentObject { message, attachment, writable };
    cx.add(request.output_handle_index, mailbox, Object::Attachment(Box::new(object)))?;
    Ok(ResponseBody::Empty)
}

pub fn create(cx: &mut Cx<'_>, request: &CreateAttachmentRequest) -> RopResult {
    let message = cx.handle(cx.index)?;
    let mailbox = cx.entry(cx.index)?.mailbox;
    let holder = cx.message_mut(cx.index)?;
    let number = holder.next_attachment;
    holder.next_attachment += 1;
    let properties = PropertyBag::from_iter([
        (PidTagAttachMethod, PropertyValue::Integer32(0)),
        (PidTagRenderingPosition, PropertyValue::Integer32(-1)),
    ]);
    let attachment = Attachment { number, properties, embedded: None };
    let object = AttachmentObject { message, attachment, writable: true };
    cx.add(request.output_handle_index, mailbox, Object::Attachment(Box::new(object)))?;
    Ok(ResponseBody::CreateAttachment(CreateAttachmentResponse { attachment_id: number }))
}

pub fn delete(cx: &mut Cx<'_>, request: &DeleteAttachmentRequest) -> RopResult {
    let content = Arc::make_mut(&mut cx.message_mut(cx.index)?.message.content);
    let before = content.attachments.len();
    content.attachments.retain(|attachment| attachment.number != request.attachment_id);
    if content.attachments.len() == before { Err(ErrorCode::NOT_FOUND) } else { Ok(ResponseBody::Empty) }
}

/// The attachment becomes part of the open message; that is saved separately.
pub fn save(cx: &mut Cx<'_>, request: &SaveChangesAttachmentRequest) -> RopResult {
    super::message::check_save_flags(cx, request.save_flags)?;
    let Object::Attachment(object) = &cx.entry(request.input_handle_index)?.object else {
        return Err(ErrorCode::NOT_SUPPORTED);
    };
    if !object.writable {
        return Err(ErrorCode::ACCESS_DENIED);
    }
    let (message, attachment) = (object.message, object.attachment.clone());
    let Some(Entry { object: Object::Message(holder), .. }) = cx.session.objects.get_mut(&message) else {
        return Err(ErrorCode::OBJECT_DELETED);
    };
    if !holder.writable {
        return Err(ErrorCode::ACCESS_DENIED);
    }
    let MessageContent { attachments, .. } = Arc::make_mut(&mut holder.message.content);
    attachments.retain(|known| known.number != attachment.number);
    attachments.push(attachment);
    attachments.sort_by_key(|attachment| attachment.number);
    Ok(ResponseBody::Empty)
}

const COMPUTED: [PropertyTag; 3] = [PidTagAttachNumber, PidTagAttachSize, PidTagObjectType];

/// Whether the store computes this property of attachments.
pub fn is_computed(tag: PropertyTag) -> bool {
    COMPUTED.contains(&tag)
}

fn computed(attachment: &Attachment, tag: PropertyTag) -> Option<PropertyValue> {
    Some(match tag {
        PidTagAttachNumber => PropertyValue::Integer32(attachment.number.cast_signed()),
        PidTagAttachSize => {
            let own: usize = attachment.properties.iter().map(|(_, value)| value_size(value)).sum();
            let inner = attachment
                .embedded
                .as_deref()
                .map_or(0, |content| content.properties.iter().map(|(_, value)| value_size(value)).sum::<usize>());
            PropertyValue::Integer32(i32::try_from(own + inner).unwrap_or(i32::MAX))
        }
        PidTagObjectType => PropertyValue::Integer32(7),
        _ => return None,
    })
}

/// An attachment with its computed properties.
#[derive(Clone, Copy)]
pub struct AttachmentView<'a> {
    /// The mailbox it is in.
    pub mailbox: &'a Mailbox,
    /// The attachment.
    pub attachment: &'a Attachment,
}

impl Properties for AttachmentView<'_> {
    fn value(&self, tag: PropertyTag) -> Option<Cow<'_, PropertyValue>> {
        if let Some(value) = computed(self.attachment, tag) {
            return Some(Cow::Owned(value));
        }
        let bag = BagView { mailbox: self.mailbox, bag: &self.attachment.properties };
        // The view borrows what `self` borrows, but its own life is short.
        bag.value(tag).map(|value| Cow::Owned(value.into_owned()))
    }

    fn keys(&self) -> Vec<PropertyKey> {
        let mut keys: Vec<PropertyKey> = self.attachment.properties.iter().map(|(key, _)| key.clone()).collect();
        keys.extend(COMPUTED.map(PropertyKey::Tag));
        keys.sort();
        keys.dedup();
        keys
    }
}

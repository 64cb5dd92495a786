//! Messages ([MS-OXCROPS] 2.2.6, [MS-OXCMSG] 3.2.5): opening, creating, saving.

use std::sync::Arc;

use mapi_core::ErrorCode;
use mapi_core::property::PropertyKey;
use mapi_core::property::tags::*;
use mapi_core::rop::*;

use super::object::{MessageObject, Object};
use super::recipient;
use super::{Cx, Entry, RopResult};
use crate::store::view::counter;
use crate::store::{Message, object_id, right};

/// OpenModeFlags that insist on write access ([MS-OXCMSG] 2.2.3.1.1).
const READ_WRITE: u8 = 1;

pub fn open(cx: &mut Cx<'_>, request: &OpenMessageRequest) -> RopResult {
    let mailbox = cx.entry(cx.index)?.mailbox;
    let store = cx.mailbox()?;
    let id = counter(request.message_id).ok_or(ErrorCode::NOT_FOUND)?;
    let message = store.any_message(id)?;
    if message.deleted && request.open_mode_flags & 4 == 0 {
        return Err(ErrorCode::NOT_FOUND);
    }
    let folder = message.folder;
    cx.require(mailbox, folder, right::READ_ANY)?;
    let editable = cx.require(mailbox, folder, right::EDIT_ANY).is_ok();
    let wanted = request.open_mode_flags & 3;
    if wanted == READ_WRITE && !editable {
        return Err(ErrorCode::ACCESS_DENIED);
    }
    let writable = wanted != OpenMessageRequest::READ_ONLY && editable;
    let object = object_of(message.clone(), writable, None);
    let response = describe(&object, cx.store.manners().open_message_rows);
    cx.add(request.output_handle_index, mailbox, Object::Message(Box::new(object)))?;
    Ok(ResponseBody::OpenMessage(response))
}

pub fn reload(cx: &mut Cx<'_>) -> RopResult {
    let rows = cx.store.manners().open_message_rows;
    Ok(ResponseBody::OpenMessage(describe(cx.message(cx.index)?, rows)))
}

pub fn create(cx: &mut Cx<'_>, request: &CreateMessageRequest) -> RopResult {
    let mailbox = cx.entry(cx.index)?.mailbox;
    let folder = super::folder::known(cx.mailbox()?, request.folder_id)?;
    cx.require(mailbox, folder, right::CREATE)?;
    let message = cx.mailbox_mut()?.draft(folder, request.associated_flag)?;
    let id = object_id(message.id);
    let message_id = cx.store.manners().create_returns_id.then_some(id);
    cx.add(request.output_handle_index, mailbox, Object::Message(Box::new(object_of(message, true, None))))?;
    Ok(ResponseBody::CreateMessage(CreateMessageResponse { message_id }))
}

pub fn save(cx: &mut Cx<'_>, request: &SaveChangesMessageRequest) -> RopResult {
    let index = request.input_handle_index;
    let mailbox = cx.entry(index)?.mailbox;
    let object = cx.message_mut(index)?;
    let message = object.message.clone();
    let (base, embedded_in) = (object.base, object.embedded_in);
    let now = cx.store.mailbox(mailbox).ok_or(ErrorCode::NULL_OBJECT)?.now();
    let saved = match embedded_in {
        Some(attachment) => embed(cx, attachment, message, now)?,
        None => {
            let force = request.save_flags & SaveChangesMessageRequest::FORCE_SAVE != 0;
            let store = cx.store.mailbox_mut(mailbox).ok_or(ErrorCode::NULL_OBJECT)?;
            store.save(message, base, force)?.clone()
        }
    };
    let message_id = object_id(saved.id);
    let object = cx.message_mut(index)?;
    object.base = saved.change_number;
    object.message = saved;
    if request.save_flags & 3 == SaveChangesMessageRequest::KEEP_OPEN_READ_ONLY {
        object.writable = false;
    }
    let input_handle_index = request.input_handle_index;
    Ok(ResponseBody::SaveChangesMessage(SaveChangesMessageResponse { input_handle_index, message_id }))
}

/// An embedded message is saved into its attachment.
fn embed(
    cx: &mut Cx<'_>,
    attachment: u32,
    mut message: Message,
    now: mapi_core::property::FileTime,
) -> Result<Message, ErrorCode> {
    let Some(Entry { object: Object::Attachment(holder), .. }) = cx.session.objects.get_mut(&attachment) else {
        return Err(ErrorCode::OBJECT_DELETED);
    };
    if !holder.writable {
        return Err(ErrorCode::ACCESS_DENIED);
    }
    message.modified = now;
    message.measure();
    holder.attachment.embedded = Some(Box::new(message.clone().into_content()));
    Ok(message)
}

pub fn open_embedded(cx: &mut Cx<'_>, request: &OpenEmbeddedMessageRequest) -> RopResult {
    let handle = cx.handle(cx.index)?;
    let mailbox = cx.entry(cx.index)?.mailbox;
    let now = cx.mailbox()?.now();
    let Object::Attachment(holder) = &cx.entry(cx.index)?.object else { return Err(ErrorCode::NOT_SUPPORTED) };
    let create = request.open_mode_flags & OpenEmbeddedMessageRequest::CREATE != 0;
    let writable = request.open_mode_flags != 0;
    if writable && !holder.writable {
        return Err(ErrorCode::ACCESS_DENIED);
    }
    let message = match &holder.attachment.embedded {
        Some(content) if !create => {
            let mut message = Message::from_content(content.as_ref().clone(), now);
            message.measure();
            message
        }
        None if !create => return Err(ErrorCode::NOT_FOUND),
        _ => {
            let id = cx.mailbox_mut()?.next_message_id();
            let key = cx.mailbox()?.search_key(id);
            Message::draft(0, 0, false, key, now)
        }
    };
    let object = object_of(message, writable, Some(handle));
    let message = describe(&object, cx.store.manners().open_message_rows);
    cx.add(request.output_handle_index, mailbox, Object::Message(Box::new(object)))?;
    let message_id = Default::default();
    Ok(ResponseBody::OpenEmbeddedMessage(OpenEmbeddedMessageResponse { reserved: 0, message_id, message }))
}

fn object_of(message: Message, writable: bool, embedded_in: Option<u32>) -> MessageObject {
    let next_attachment = message.content.attachments.iter().map(|a| a.number + 1).max().unwrap_or(0);
    MessageObject { base: message.change_number, message, writable, embedded_in, next_attachment }
}

/// What the answer to opening a message tells of it.
fn describe(object: &MessageObject, most_rows: usize) -> OpenMessageResponse {
    let content = &object.message.content;
    let text = |tag| content.properties.text(tag).map_or(TypedString::None, TypedString::of);
    let rows = content.recipients.iter().take(most_rows.min(255)).map(recipient::open_row);
    OpenMessageResponse {
        has_named_properties: content.properties.iter().any(|(key, _)| matches!(key, PropertyKey::Named(..))),
        subject_prefix: text(PidTagSubjectPrefix),
        normalized_subject: text(PidTagNormalizedSubject),
        recipient_count: u16::try_from(content.recipients.len()).unwrap_or(u16::MAX),
        recipient_columns: Arc::from(recipient::COLUMNS),
        recipient_rows: rows.collect(),
    }
}

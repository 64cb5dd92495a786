//! Messages ([MS-OXCROPS] 2.2.6, [MS-OXCMSG] 3.2.5): opening, creating, saving.

use std::sync::Arc;

use mapi_core::ErrorCode;
use mapi_core::property::PropertyKey;
use mapi_core::property::tags::*;
use mapi_core::rop::*;
use mapi_core::wire::Writer;

use super::context::{Cx, RopResult};
use super::object::{Entry, MessageObject, Object};
use super::recipient;
use crate::StaleSave;
use crate::store::{Message, counter, object_id, right};

/// RopId, handle index and ReturnValue.
const HEAD: usize = 6;
/// The same, the reserved byte and the MessageId of an embedded message.
const EMBEDDED_HEAD: usize = HEAD + 9;
/// What a server that leaves RowCount unwritten keeps free at the end of an answer: one that had 294 bytes left wrote no
/// row of half that size.
const ROW_SLACK: usize = 256;
/// OpenModeFlags that insist on write access ([MS-OXCMSG] 2.2.3.1.1).
const READ_WRITE: u8 = 1;

pub fn open(cx: &mut Cx<'_>, request: &OpenMessageRequest) -> RopResult {
    let mailbox = cx.entry(cx.index)?.mailbox;
    let store = cx.mailbox()?;
    let id = counter(request.message_id).ok_or(ErrorCode::NOT_FOUND)?;
    let message = store.any_message(id)?;
    if message.deleted && (request.open_mode_flags & 4 == 0 || !store.manners().lists_soft_deleted) {
        return Err(ErrorCode::NOT_FOUND);
    }
    let folder = message.folder;
    cx.require(mailbox, folder, right::READ_ANY)?;
    let editable = cx.require(mailbox, folder, right::EDIT_ANY).is_ok();
    let wanted = request.open_mode_flags & 3;
    if wanted == READ_WRITE && !editable {
        return Err(ErrorCode::ACCESS_DENIED);
    }
    // Best access is write access; without the right to it the save fails ([MS-OXCMSG] R3009).
    let writable = wanted != OpenMessageRequest::READ_ONLY;
    let object = MessageObject { editable, ..object_of(message.clone(), writable, None) };
    let response = describe(cx, &object, HEAD);
    cx.add(request.output_handle_index, mailbox, Object::Message(Box::new(object)))?;
    Ok(ResponseBody::OpenMessage(response))
}

pub fn reload(cx: &mut Cx<'_>) -> RopResult {
    Ok(ResponseBody::OpenMessage(describe(cx, cx.message(cx.index)?, HEAD)))
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
    check_save_flags(cx, request.save_flags)?;
    let object = cx.message_mut(index)?;
    if !object.editable {
        return Err(ErrorCode::ACCESS_DENIED);
    }
    if object.spoiled {
        return Err(ErrorCode::ERROR);
    }
    let message = object.message.clone();
    let (base, embedded_in) = (object.base, object.embedded_in);
    let now = cx.store.mailbox(mailbox).ok_or(ErrorCode::NULL_OBJECT)?.now();
    let saved = match embedded_in {
        Some(attachment) => embed(cx, attachment, message, now)?,
        None => {
            let force = request.save_flags & SaveChangesMessageRequest::FORCE_SAVE != 0;
            let store = cx.store.mailbox_mut(mailbox).ok_or(ErrorCode::NULL_OBJECT)?;
            let (force, id) = (force && !store.manners().ignores_force, message.id);
            let ignored = store.manners().stale_save == StaleSave::Ignored;
            match store.save(message, base, force) {
                Ok(saved) => saved.clone(),
                Err(ErrorCode::OBJECT_MODIFIED) if ignored => {
                    // The handle keeps what it has, and what it is based on.
                    let response = SaveChangesMessageResponse { input_handle_index: index, message_id: object_id(id) };
                    return Ok(ResponseBody::SaveChangesMessage(response));
                }
                Err(code) => return Err(code),
            }
        }
    };
    let read_only = request.save_flags & 3 == SaveChangesMessageRequest::KEEP_OPEN_READ_ONLY;
    let closes = read_only && cx.store.manners().read_only_after_save;
    let message_id = object_id(saved.id);
    let object = cx.message_mut(index)?;
    object.base = saved.change_number;
    object.message = saved;
    object.writable = !closes;
    let input_handle_index = request.input_handle_index;
    Ok(ResponseBody::SaveChangesMessage(SaveChangesMessageResponse { input_handle_index, message_id }))
}

/// Refuses combinations of SaveFlags: at most one of KeepOpenReadOnly, KeepOpenReadWrite and ForceSave may be set
/// ([MS-OXCMSG] 2.2.3.3.1). Outlook adds 0x08 to them.
///
/// # Errors
/// `ecNotSupported`.
pub fn check_save_flags(cx: &Cx<'_>, save_flags: u8) -> Result<(), ErrorCode> {
    let fine = save_flags & 7 == 0 || (save_flags & 7).is_power_of_two();
    if fine || cx.store.manners().combined_save_flags { Ok(()) } else { Err(ErrorCode::NOT_SUPPORTED) }
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
    let writable = holder.writable;
    if request.open_mode_flags != 0 && !writable {
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
    let message = describe(cx, &object, EMBEDDED_HEAD);
    cx.add(request.output_handle_index, mailbox, Object::Message(Box::new(object)))?;
    let message_id = Default::default();
    Ok(ResponseBody::OpenEmbeddedMessage(OpenEmbeddedMessageResponse { reserved: 0, message_id, message }))
}

fn object_of(message: Message, writable: bool, embedded_in: Option<u32>) -> MessageObject {
    let next_attachment = message.content.attachments.iter().map(|a| a.number + 1).max().unwrap_or(0);
    MessageObject {
        base: message.change_number,
        message,
        writable,
        editable: true,
        spoiled: false,
        embedded_in,
        next_attachment,
    }
}

/// What the answer to opening a message tells of it, behind a head of so many bytes: as many recipients as fit.
fn describe(cx: &Cx<'_>, object: &MessageObject, head: usize) -> OpenMessageResponse {
    let content = &object.message.content;
    let text = |tag| content.properties.text(tag).map_or(TypedString::None, TypedString::of);
    let manners = cx.store.manners();
    let mut response = OpenMessageResponse {
        has_named_properties: content.properties.iter().any(|(key, _)| matches!(key, PropertyKey::Named(..))),
        subject_prefix: text(PidTagSubjectPrefix),
        normalized_subject: text(PidTagNormalizedSubject),
        recipient_count: u16::try_from(content.recipients.len()).unwrap_or(u16::MAX),
        recipient_columns: Arc::from(recipient::COLUMNS),
        recipient_rows: Vec::new(),
    };
    let kept = if manners.unwritten_row_count { ROW_SLACK } else { 0 };
    let most = cx.room.saturating_sub(kept);
    let mut used = head + size_of(&response);
    for row in content.recipients.iter().take(manners.open_message_rows.unwrap_or(usize::MAX).min(255)) {
        let row = recipient::open_row(row);
        used += recipient::open_row_size(&row);
        if used > most {
            break;
        }
        response.recipient_rows.push(row);
    }
    response
}

/// Bytes of the answer without recipient rows.
fn size_of(response: &OpenMessageResponse) -> usize {
    let strings = [&response.subject_prefix, &response.normalized_subject];
    let strings = strings.map(|text| {
        let mut writer = Writer::new();
        text.encode(&mut writer);
        writer.len()
    });
    // HasNamedProperties, RecipientCount, the columns with their count, RowCount.
    1 + strings.iter().sum::<usize>() + 2 + 2 + 4 * response.recipient_columns.len() + 1
}

//! What ROPs do with the messages of a folder: delete, move, copy, mark ([MS-OXCROPS] 2.2.4.6, 2.2.4.11, 2.2.6.8 to
//! 2.2.6.10).

use mapi_core::ErrorCode;
use mapi_core::id::MessageId;
use mapi_core::rop::*;

use super::context::{Cx, RopResult};
use super::folder::{destination, partly_denied};
use super::object::{Entry, Object};
use crate::store::message::flag;
use crate::store::{Mailbox, counter, right};

pub fn delete(cx: &mut Cx<'_>, request: &DeleteMessagesRequest, hard: bool) -> RopResult {
    let (index, folder) = cx.folder(cx.index)?;
    if let Err(code) = cx.require(index, folder, right::DELETE_ANY) {
        partly_denied(cx, code)?;
        return Ok(ResponseBody::PartialCompletion(PartialCompletionResponse { partial_completion: true }));
    }
    let ids = counters(&request.message_ids);
    let mailbox = cx.mailbox_mut()?;
    let reached = reached(mailbox, &ids);
    let deleted = mailbox.delete_messages(folder, reached, hard)?;
    let partial_completion = is_partial(mailbox, deleted, reached);
    Ok(ResponseBody::PartialCompletion(PartialCompletionResponse { partial_completion }))
}

pub fn move_copy(cx: &mut Cx<'_>, request: &MoveCopyMessagesRequest) -> RopResult {
    let (source, folder) = cx.folder(cx.index)?;
    let (target, to) = destination(cx, request.dest_handle_index)?;
    if source != target {
        return Err(ErrorCode::NOT_SUPPORTED);
    }
    cx.require(source, folder, right::READ_ANY)?;
    let leaves = if request.want_copy { Ok(()) } else { cx.require(source, folder, right::DELETE_ANY) };
    if let Err(code) = leaves.and_then(|()| cx.require(target, to, right::CREATE)) {
        partly_denied(cx, code)?;
        let answer = MoveCopyResponse { dest_handle_index: None, partial_completion: true };
        return Ok(ResponseBody::MoveCopy(answer));
    }
    let ids = counters(&request.message_ids);
    let mailbox = cx.mailbox_mut()?;
    let done = mailbox.move_copy(folder, reached(mailbox, &ids), to, request.want_copy)?.len();
    let partial_completion = is_partial(mailbox, done, &ids);
    Ok(ResponseBody::MoveCopy(MoveCopyResponse { dest_handle_index: None, partial_completion }))
}

pub fn set_read_flags(cx: &mut Cx<'_>, request: &SetReadFlagsRequest) -> RopResult {
    let (_, folder) = cx.folder_for(cx.index, right::EDIT_ANY)?;
    let mut ids = counters(&request.message_ids);
    let mailbox = cx.mailbox_mut()?;
    if ids.is_empty() {
        // No ids: every message of the folder ([MS-OXCMSG] 2.2.3.10.1).
        ids = mailbox.folder(folder)?.messages.iter().copied().collect();
    }
    let flags = request.read_flags;
    let cleared =
        if flags & 0x20 != 0 { flag::NOTIFY_READ } else { 0 } | if flags & 0x40 != 0 { flag::NOTIFY_UNREAD } else { 0 };
    mailbox.clear_flags(&ids, cleared);
    let read = flags & 4 == 0;
    let mut partial_completion = false;
    if flags & 0x70 == 0 {
        mailbox.set_read(folder, &ids, read)?;
        let is_set =
            |id: &&u64| mailbox.message(**id).is_ok_and(|message| message.folder == folder && message.read == read);
        let told = mailbox.manners().honest_read_completion;
        partial_completion = told && ids.iter().filter(is_set).count() < ids.len();
    }
    Ok(ResponseBody::PartialCompletion(PartialCompletionResponse { partial_completion }))
}

pub fn set_message_read_flag(cx: &mut Cx<'_>, request: &SetMessageReadFlagRequest) -> RopResult {
    let object = cx.message(request.input_handle_index)?;
    let (folder, id) = (object.message.folder, object.message.id);
    let mailbox = cx.entry(request.input_handle_index)?.mailbox;
    cx.require(mailbox, folder, right::EDIT_ANY)?;
    let read = request.read_flags & 4 == 0;
    let store = cx.store.mailbox_mut(mailbox).ok_or(ErrorCode::NULL_OBJECT)?;
    store.set_read(folder, &[id], read)?;
    if let Ok(Entry { object: Object::Message(open), .. }) = cx.entry_mut(request.input_handle_index) {
        open.message.read = read;
    }
    Ok(ResponseBody::SetMessageReadFlag(SetMessageReadFlagResponse { read_status_change: None }))
}

pub fn set_status(cx: &mut Cx<'_>, request: &SetMessageStatusRequest) -> RopResult {
    let (_, folder) = cx.folder_for(cx.index, right::EDIT_ANY)?;
    let mailbox = cx.mailbox_mut()?;
    let id = within(mailbox, folder, request.message_id)?;
    let before = mailbox.set_status(id, request.message_status_flags, request.message_status_mask)?;
    let now = mailbox.message(id)?.status;
    let message_status_flags = if mailbox.manners().status_answers_new { now } else { before };
    Ok(ResponseBody::SetMessageStatus(SetMessageStatusResponse { message_status_flags }))
}

pub fn get_status(cx: &Cx<'_>, request: &GetMessageStatusRequest) -> RopResult {
    let (_, folder) = cx.folder(cx.index)?;
    let mailbox = cx.mailbox()?;
    let id = within(mailbox, folder, request.message_id)?;
    let message_status_flags = mailbox.message(id)?.status;
    Ok(ResponseBody::SetMessageStatus(SetMessageStatusResponse { message_status_flags }))
}

/// The counters of ids; those of other replicas name nothing here.
pub fn counters(ids: &[MessageId]) -> Vec<u64> {
    ids.iter().filter_map(|id| counter(*id)).collect()
}

fn within(mailbox: &Mailbox, folder: u64, id: MessageId) -> Result<u64, ErrorCode> {
    let id = counter(id).ok_or(ErrorCode::NOT_FOUND)?;
    let message = mailbox.message(id)?;
    if message.folder == folder { Ok(id) } else { Err(ErrorCode::NOT_FOUND) }
}

/// The messages that an operation on `ids` comes to.
fn reached<'a>(mailbox: &Mailbox, ids: &'a [u64]) -> &'a [u64] {
    let gone = ids.iter().position(|id| mailbox.manners().stops_at_gone && mailbox.message(*id).is_err());
    gone.and_then(|at| ids.get(..at)).unwrap_or(ids)
}

/// Whether a server tells that only `done` of `ids` were treated.
fn is_partial(mailbox: &Mailbox, done: usize, ids: &[u64]) -> bool {
    mailbox.manners().honest_completion && done < ids.len()
}

//! FastTransfer downloads ([MS-OXCROPS] 2.2.12, [MS-OXCFXICS] 3.2.5.8).

use mapi_core::ErrorCode;
use mapi_core::fasttransfer::StreamWriter;
use mapi_core::property::PropertyTag;
use mapi_core::rop::*;

use super::busy::due;
use super::context::{Cx, RopResult};
use super::object::{Entry, Object, SyncScope};
use crate::store::right;
use crate::store::view::MessageView;
use crate::transfer::{Filter, Source, Step, folder_steps, hierarchy, write_attachment_content, write_message_content};

/// Room that the fields around TransferBuffer take in an answer.
const FRAME: usize = 15;
/// BufferSize of requests that leave it to the server.
const LARGEST: usize = 0x7FFF;

pub fn copy_messages(cx: &mut Cx<'_>, request: &FastTransferSourceCopyMessagesRequest) -> RopResult {
    let (mailbox, folder) = cx.folder_for(cx.index, right::READ_ANY)?;
    let store = cx.mailbox()?;
    let ids = super::folder_content::counters(&request.message_ids);
    let here = ids.into_iter().filter(|id| store.message(*id).is_ok_and(|message| message.folder == folder));
    let source = Source::new(here.map(|id| Step::Message { id }), Filter::everything());
    cx.add(request.output_handle_index, mailbox, Object::Source(Box::new(source)))?;
    Ok(ResponseBody::Empty)
}

pub fn copy_folder(cx: &mut Cx<'_>, request: &FastTransferSourceCopyFolderRequest) -> RopResult {
    let (mailbox, folder) = cx.folder_for(cx.index, right::READ_ANY)?;
    let steps = folder_steps(cx.mailbox()?, folder, request.copy_flags & 0x10 != 0)?;
    let source = Source::new(steps, Filter::everything());
    cx.add(request.output_handle_index, mailbox, Object::Source(Box::new(source)))?;
    Ok(ResponseBody::Empty)
}

pub fn copy_to(cx: &mut Cx<'_>, request: &FastTransferSourceCopyToRequest) -> RopResult {
    let mut excluded = request.property_tags.clone();
    if request.level != 0 {
        excluded.extend([
            mapi_core::property::tags::PidTagMessageRecipients,
            mapi_core::property::tags::PidTagMessageAttachments,
        ]);
    }
    let filter = Filter::excluding(cx.mailbox()?, &excluded);
    content(cx, request.output_handle_index, &filter)
}

pub fn copy_properties(cx: &mut Cx<'_>, request: &FastTransferSourceCopyPropertiesRequest) -> RopResult {
    let filter = Filter::including(cx.mailbox()?, &request.property_tags);
    content(cx, request.output_handle_index, &filter)
}

/// The content of the message, attachment or folder in the head, as it is now.
fn content(cx: &mut Cx<'_>, output: u8, filter: &Filter) -> RopResult {
    let entry = cx.entry(cx.index)?;
    let (index, mailbox) = (entry.mailbox, cx.mailbox()?);
    let mut out = StreamWriter::new();
    match &entry.object {
        Object::Message(object) => {
            let view = MessageView { mailbox, message: &object.message };
            write_message_content(&mut out, view, filter, &[]);
        }
        Object::Attachment(object) => write_attachment_content(&mut out, mailbox, &object.attachment, filter),
        Object::Folder(id) => {
            let view = mailbox.folder_view(*id)?;
            for (key, value) in view.folder.properties.iter().filter(|(key, _)| filter.wants(key)) {
                out.property(key, value);
            }
        }
        _ => return Err(ErrorCode::NOT_SUPPORTED),
    }
    cx.add(output, index, Object::Source(Box::new(Source::ready(out))))?;
    Ok(ResponseBody::Empty)
}

pub fn get_buffer(cx: &mut Cx<'_>, request: &FastTransferSourceGetBufferRequest) -> RopResult {
    if due(&mut cx.session.pieces, cx.store.manners().transfer_busy_every) {
        return Err(ErrorCode::SERVER_BUSY);
    }
    let wanted = match request {
        FastTransferSourceGetBufferRequest::BufferSize(size) => usize::from(*size),
        FastTransferSourceGetBufferRequest::MaximumBufferSize(size) => usize::from(*size),
    };
    let maximum = wanted.min(LARGEST).min(cx.room.saturating_sub(FRAME));
    let handle = cx.handle(cx.index)?;
    let Some(Entry { mailbox, object, .. }) = cx.session.objects.get_mut(&handle) else {
        return Err(ErrorCode::NULL_OBJECT);
    };
    let mailbox = cx.store.mailbox(*mailbox).ok_or(ErrorCode::NULL_OBJECT)?;
    let source = match object {
        Object::Source(source) => source.as_mut(),
        Object::Sync(sync) => {
            if sync.source.is_none() {
                sync.source = Some(match &sync.scope {
                    SyncScope::Contents(contents) => contents.begin(mailbox, &sync.state.state)?,
                    SyncScope::Hierarchy(root, flags, extra, tags) => {
                        hierarchy(mailbox, *root, *flags, *extra, tags, &sync.state.state)?
                    }
                });
            }
            sync.source.as_mut().ok_or(ErrorCode::NULL_OBJECT)?
        }
        _ => return Err(ErrorCode::NOT_SUPPORTED),
    };
    let transfer_buffer = source.next_piece(mailbox, maximum)?;
    let done = source.is_done();
    let (steps, total) = source.progress();
    let short = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    Ok(ResponseBody::FastTransferSourceGetBuffer(FastTransferSourceGetBufferResponse {
        transfer_status: if done {
            FastTransferSourceGetBufferResponse::DONE
        } else {
            FastTransferSourceGetBufferResponse::PARTIAL
        },
        in_progress_count: short(steps),
        total_step_count: short(total.max(1)),
        reserved: 0,
        transfer_buffer,
        backoff_time: None,
    }))
}

/// The tags that stand for the properties in `tags` are all that matter here.
pub fn shared(tags: &[PropertyTag]) -> std::sync::Arc<[PropertyTag]> {
    tags.into()
}

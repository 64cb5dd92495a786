//! Synchronisation downloads and states ([MS-OXCROPS] 2.2.13, [MS-OXCFXICS] 3.2.5.9).

use mapi_core::ErrorCode;
use mapi_core::fasttransfer::StreamWriter;
use mapi_core::id::ReplicaGuidSet;
use mapi_core::property::tags::*;
use mapi_core::rop::*;

use super::context::{Cx, RopResult};
use super::object::{CollectorObject, Object, StateUpload, SyncObject, SyncScope};
use crate::store::right;
use crate::transfer::{ContentsSync, Source};

/// SynchronizationFlags that are defined ([MS-OXCFXICS] 2.2.3.2.1.1.1) and not reserved: others fail the ROP (R3498).
const KNOWN_FLAGS: u16 = 0xE1BF;
/// SendOptions that are defined ([MS-OXCFXICS] 2.2.3.1.1.1.2): others fail the ROP (R3463).
const KNOWN_OPTIONS: u8 = 0x1F;
/// Largest element of an uploaded state.
const STATE_LIMIT: usize = 16 << 20;

pub fn configure(cx: &mut Cx<'_>, request: &SynchronizationConfigureRequest) -> RopResult {
    // A tree shows every folder: it is for owners.
    let wanted = if request.synchronization_type == 1 { right::READ_ANY } else { right::OWNER };
    let (mailbox, folder) = cx.folder_for(cx.index, wanted)?;
    let flags = request.synchronization_flags;
    let unicode = flags & synchronization_flags::UNICODE != 0;
    let unknown = flags & !KNOWN_FLAGS != 0 || request.send_options & !KNOWN_OPTIONS != 0;
    if unknown || unicode != (request.send_options & send_options::UNICODE != 0) {
        return Err(ErrorCode::INVALID_PARAM);
    }
    let scope = match request.synchronization_type {
        1 => SyncScope::Contents(ContentsSync {
            folder,
            flags,
            extra: request.synchronization_extra_flags,
            tags: request.property_tags.clone(),
            restriction: request.restriction.clone(),
        }),
        2 => SyncScope::Hierarchy(
            folder,
            flags,
            request.synchronization_extra_flags,
            super::transfer::shared(&request.property_tags),
        ),
        _ => return Err(ErrorCode::INVALID_PARAM),
    };
    let object = SyncObject { scope, state: StateUpload::default(), source: None };
    cx.add(request.output_handle_index, mailbox, Object::Sync(Box::new(object)))?;
    Ok(ResponseBody::Empty)
}

pub fn open_collector(cx: &mut Cx<'_>, request: &OpenCollectorRequest) -> RopResult {
    let (mailbox, folder) = cx.folder_for(cx.index, right::OWNER)?;
    let contents = request.is_contents_collector;
    let object = CollectorObject { folder, contents, state: StateUpload::default() };
    cx.add(request.output_handle_index, mailbox, Object::Collector(Box::new(object)))?;
    Ok(ResponseBody::Empty)
}

fn upload<'a>(cx: &'a mut Cx<'_>) -> Result<&'a mut StateUpload, ErrorCode> {
    let index = cx.index;
    match &mut cx.entry_mut(index)?.object {
        Object::Sync(sync) if sync.source.is_none() => Ok(&mut sync.state),
        Object::Collector(collector) => Ok(&mut collector.state),
        _ => Err(ErrorCode::NOT_SUPPORTED),
    }
}

pub fn upload_begin(cx: &mut Cx<'_>, request: &UploadStateStreamBeginRequest) -> RopResult {
    let state = upload(cx)?;
    let known = [MetaTagIdsetGiven, MetaTagCnsetSeen, MetaTagCnsetSeenFAI, MetaTagCnsetRead];
    let tag = known.into_iter().find(|known| known.id() == request.state_property.id());
    let tag = tag.ok_or(ErrorCode::INVALID_PARAM)?;
    if state.open.is_some() || request.transfer_buffer_size as usize > STATE_LIMIT {
        return Err(ErrorCode::INVALID_PARAM);
    }
    state.open = Some((tag, Vec::new()));
    Ok(ResponseBody::Empty)
}

pub fn upload_continue(cx: &mut Cx<'_>, request: &UploadStateStreamContinueRequest) -> RopResult {
    let (_, bytes) = upload(cx)?.open.as_mut().ok_or(ErrorCode::INVALID_PARAM)?;
    if bytes.len() + request.stream_data.len() > STATE_LIMIT {
        return Err(ErrorCode::TOO_BIG);
    }
    bytes.extend_from_slice(&request.stream_data);
    Ok(ResponseBody::Empty)
}

pub fn upload_end(cx: &mut Cx<'_>) -> RopResult {
    let upload = upload(cx)?;
    let (tag, bytes) = upload.open.take().ok_or(ErrorCode::INVALID_PARAM)?;
    if ReplicaGuidSet::from_bytes(&bytes).is_err() {
        return Err(ErrorCode::RPC_FORMAT);
    }
    let state = &mut upload.state;
    let element = match tag {
        MetaTagIdsetGiven => &mut state.idset_given,
        MetaTagCnsetSeen => &mut state.cnset_seen,
        MetaTagCnsetSeenFAI => &mut state.cnset_seen_fai,
        _ => &mut state.cnset_read,
    };
    *element = Some(bytes);
    Ok(ResponseBody::Empty)
}

pub fn get_transfer_state(cx: &mut Cx<'_>, request: &GetTransferStateRequest) -> RopResult {
    let entry = cx.entry(cx.index)?;
    let mailbox = entry.mailbox;
    let mut state = match &entry.object {
        Object::Sync(sync) => sync.state.state.clone(),
        Object::Collector(collector) => collector.state.state.clone(),
        _ => return Err(ErrorCode::NOT_SUPPORTED),
    };
    if !cx.store.manners().transfer_state_with_given {
        // The client merges MetaTagIdsetGiven itself ([MS-OXCFXICS] 3.3.5.2.3).
        state.idset_given = None;
    }
    let mut stream = StreamWriter::new();
    state.write(&mut stream);
    cx.add(request.output_handle_index, mailbox, Object::Source(Box::new(Source::ready(stream))))?;
    Ok(ResponseBody::Empty)
}

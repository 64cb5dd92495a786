//! Synchronisation uploads ([MS-OXCROPS] 2.2.13.2, [MS-OXCFXICS] 3.2.5.9.4).

use mapi_core::ErrorCode;
use mapi_core::id::Gid;
use mapi_core::property::PropertyValue;
use mapi_core::rop::*;

use super::context::{Cx, RopResult};
use super::object::Object;
use crate::store::Mailbox;

/// The collector in the head: its folder, and whether it takes messages.
fn collector(cx: &Cx<'_>) -> Result<(u64, bool), ErrorCode> {
    match &cx.entry(cx.index)?.object {
        Object::Collector(collector) => Ok((collector.folder, collector.contents)),
        _ => Err(ErrorCode::NOT_SUPPORTED),
    }
}

pub fn deletes(cx: &mut Cx<'_>, request: &ImportDeletesRequest) -> RopResult {
    let (folder, contents) = collector(cx)?;
    let folders = request.import_delete_flags & 1 != 0;
    if folders == contents {
        return Err(ErrorCode::NOT_SUPPORTED);
    }
    let hard = request.import_delete_flags & 2 != 0;
    let [value] = request.property_values.as_slice() else { return Err(ErrorCode::INVALID_PARAM) };
    let PropertyValue::MultipleBinary(keys) = &value.value else { return Err(ErrorCode::INVALID_PARAM) };
    let mailbox = cx.mailbox_mut()?;
    let ids: Vec<u64> = keys.iter().filter_map(|key| local(mailbox, key)).collect();
    if contents {
        mailbox.delete_messages(folder, &ids, hard)?;
    } else {
        for id in ids {
            // What is gone already needs no deletion.
            let Ok(parent) = mailbox.folder(id).map(|folder| folder.parent.unwrap_or(id)) else { continue };
            mailbox.delete_folder(parent, id, true, true)?;
        }
    }
    Ok(ResponseBody::Empty)
}

pub fn message_move(cx: &mut Cx<'_>, request: &ImportMessageMoveRequest) -> RopResult {
    let (target, contents) = collector(cx)?;
    if !contents {
        return Err(ErrorCode::NOT_SUPPORTED);
    }
    let mailbox = cx.mailbox_mut()?;
    let id = |key: &[u8]| local(mailbox, key).ok_or(ErrorCode::NOT_FOUND);
    let source = id(&request.source_folder_id)?;
    let old = id(&request.source_message_id)?;
    let new = local(mailbox, &request.destination_message_id).ok_or(ErrorCode::INVALID_PARAM)?;
    mailbox.move_to(source, old, target, new)?;
    Ok(ResponseBody::ImportMessage(ImportMessageResponse { message_id: Default::default() }))
}

pub fn read_state_changes(cx: &mut Cx<'_>, request: &ImportReadStateChangesRequest) -> RopResult {
    let (folder, contents) = collector(cx)?;
    if !contents {
        return Err(ErrorCode::NOT_SUPPORTED);
    }
    let mailbox = cx.mailbox_mut()?;
    for state in &request.message_read_states {
        if let Some(id) = local(mailbox, &state.message_id) {
            mailbox.set_read(folder, &[id], state.mark_as_read)?;
        }
    }
    Ok(ResponseBody::Empty)
}

pub fn get_local_replica_ids(cx: &mut Cx<'_>, request: &GetLocalReplicaIdsRequest) -> RopResult {
    /// More ids than this at once are refused ([MS-OXCFXICS] 3.2.5.9.4.6 leaves the limit to the server).
    const MOST: u32 = 0x1_0000;
    if request.id_count == 0 || request.id_count > MOST {
        return Err(ErrorCode::INVALID_PARAM);
    }
    let mailbox = cx.mailbox_mut()?;
    let first = mailbox.reserve_ids(request.id_count);
    Ok(ResponseBody::GetLocalReplicaIds(GetLocalReplicaIdsResponse {
        repl_guid: mailbox.replica_guid(),
        global_count: crate::store::object_id(first).counter,
    }))
}

/// The counter of a GID of this mailbox.
fn local(mailbox: &Mailbox, key: &[u8]) -> Option<u64> {
    let gid = Gid::from_slice(key)?;
    (gid.replica_guid == mailbox.replica_guid()).then(|| gid.counter.value())
}

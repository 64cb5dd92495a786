//! Logon and store ([MS-OXCROPS] 2.2.3, [MS-OXCSTOR] 3.2.5).

use mapi_core::ErrorCode;
use mapi_core::id::{Gid, LongTermId, ObjectId};
use mapi_core::property::{FileTime, PropertyRow, PropertyValue, RowValue};
use mapi_core::rop::*;

use super::context::{Cx, RopResult};
use super::object::Object;
use crate::store::{Mailbox, REPLICA_ID, Special, counter, guid_of, object_id, right};

/// The special folders in the order of FolderIds.
const LOGON_FOLDERS: [Special; 13] = [
    Special::Root,
    Special::DeferredAction,
    Special::SpoolerQueue,
    Special::IpmSubtree,
    Special::Inbox,
    Special::Outbox,
    Special::SentItems,
    Special::DeletedItems,
    Special::CommonViews,
    Special::Schedule,
    Special::Finder,
    Special::Views,
    Special::Shortcuts,
];

/// OpenFlags: every logon has replica ids of its own.
const USE_PER_MDB_REPLID_MAPPING: u32 = 0x0100_0000;
/// A replica id that no object has.
const FOREIGN_REPLICA: u16 = 5;

pub fn logon(cx: &mut Cx<'_>, request: &LogonRequest) -> RopResult {
    if let Some(code) = cx.session.refused_logon {
        return Err(code);
    }
    if !request.is_private() {
        // There are no public folders here.
        return Err(ErrorCode::LOGIN_FAILURE);
    }
    let owner = cx.store.user_by_dn(&request.essdn).ok_or(ErrorCode::UNKNOWN_USER)?;
    let me = cx.store.users().get(cx.session.user).ok_or(ErrorCode::UNKNOWN_USER)?;
    let theirs = cx.store.mailbox(owner).ok_or(ErrorCode::UNKNOWN_USER)?;
    let is_own = owner == cx.session.user;
    if !is_own && !theirs.knows(&me.legacy_dn) && !cx.store.manners().logon_without_rights {
        return Err(ErrorCode::LOGIN_PERM);
    }
    let logons = cx.session.logons.values().filter_map(|handle| cx.session.objects.get(handle));
    let elsewhere = logons.into_iter().any(|entry| entry.mailbox != owner && entry.logon_id != cx.logon_id);
    if elsewhere && request.open_flags & USE_PER_MDB_REPLID_MAPPING == 0 {
        // Ids of two mailboxes could not be told apart ([MS-OXCSTOR] R1204).
        return Err(ErrorCode::INVALID_PARAM);
    }
    let root = theirs.folder(theirs.special(Special::Root))?;
    let owns = is_own || root.permissions.of(&me.legacy_dn) & right::OWNER != 0;
    let sends = is_own || theirs.delegates().send_as.contains(&me.legacy_dn.to_ascii_lowercase());
    let allowed = 1 | if owns { 2 } else { 0 } | if sends { 4 } else { 0 };
    if let Some(former) = cx.session.logons.get(&cx.logon_id).copied() {
        cx.session.release(cx.store, former);
    }
    let handle = cx.add(cx.index, owner, Object::Logon)?;
    cx.session.logons.insert(cx.logon_id, handle);
    let mailbox = cx.store.mailbox(owner).ok_or(ErrorCode::UNKNOWN_USER)?;
    let now = mailbox.now();
    let away = mailbox.properties().boolean(mapi_core::property::tags::PidTagOutOfOfficeState).unwrap_or(false);
    let (repl_id, repl_guid) = match cx.store.manners().foreign_logon_replica {
        true => (FOREIGN_REPLICA, guid_of(&format!("logon replica {}", mailbox.guid()))),
        false => (REPLICA_ID, mailbox.replica_guid()),
    };
    Ok(ResponseBody::Logon(LogonResponse::Private(PrivateLogon {
        logon_flags: request.logon_flags,
        folder_ids: LOGON_FOLDERS.map(|which| object_id(mailbox.special(which))),
        response_flags: allowed | if away { 0x10 } else { 0 },
        mailbox_guid: mailbox.guid(),
        repl_id,
        repl_guid,
        logon_time: logon_time(now),
        gwart_time: now.0,
        store_state: 0,
    })))
}

pub fn long_term_id_from_id(cx: &Cx<'_>, request: &LongTermIdFromIdRequest) -> RopResult {
    let mailbox = cx.mailbox()?;
    if let Some(replica_guid) = mailbox.foreign_replica(request.object_id.replica_id) {
        let gid = Gid { replica_guid, counter: request.object_id.counter };
        return Ok(ResponseBody::LongTermIdFromId(LongTermIdFromIdResponse { long_term_id: LongTermId::from(gid) }));
    }
    let id = counter(request.object_id).filter(|id| *id <= mailbox.last_counter()).ok_or(ErrorCode::NOT_FOUND)?;
    let gid = Gid { replica_guid: mailbox.replica_guid(), counter: object_id(id).counter };
    Ok(ResponseBody::LongTermIdFromId(LongTermIdFromIdResponse { long_term_id: LongTermId::from(gid) }))
}

pub fn id_from_long_term_id(cx: &mut Cx<'_>, request: &IdFromLongTermIdRequest) -> RopResult {
    let gid = request.long_term_id.gid;
    let mailbox = cx.mailbox_mut()?;
    let object_id = if gid.replica_guid == mailbox.replica_guid() {
        object_id(gid.counter.value())
    } else if mailbox.manners().registers_replicas {
        ObjectId { replica_id: mailbox.learn_replica(gid.replica_guid)?, counter: gid.counter }
    } else {
        return Err(ErrorCode::NOT_FOUND);
    };
    Ok(ResponseBody::IdFromLongTermId(IdFromLongTermIdResponse { object_id }))
}

pub fn get_receive_folder(cx: &Cx<'_>, request: &GetReceiveFolderRequest) -> RopResult {
    let mailbox = cx.mailbox()?;
    let class = request.message_class.to_ascii_uppercase();
    let (which, class) = receive_folder(&class);
    Ok(ResponseBody::GetReceiveFolder(GetReceiveFolderResponse {
        folder_id: object_id(mailbox.special(which)),
        explicit_message_class: class.to_owned(),
    }))
}

pub fn get_receive_folder_table(cx: &Cx<'_>) -> RopResult {
    let mailbox = cx.mailbox()?;
    let rows = [("", Special::Inbox), ("IPM", Special::Inbox), ("IPC", Special::Root)].map(|(class, which)| {
        PropertyRow::new(vec![
            RowValue::Value(PropertyValue::Integer64(object_id(mailbox.special(which)).to_i64())),
            RowValue::Value(PropertyValue::String8(class.as_bytes().to_vec())),
            RowValue::Value(PropertyValue::Time(created(mailbox))),
        ])
    });
    Ok(ResponseBody::GetReceiveFolderTable(GetReceiveFolderTableResponse { rows: rows.to_vec() }))
}

pub fn get_store_state(cx: &Cx<'_>) -> RopResult {
    cx.mailbox()?;
    Ok(ResponseBody::GetStoreState(GetStoreStateResponse { store_state: 0 }))
}

pub fn get_transport_folder(cx: &Cx<'_>) -> RopResult {
    let folder_id = object_id(cx.mailbox()?.special(Special::Outbox));
    Ok(ResponseBody::GetTransportFolder(GetTransportFolderResponse { folder_id }))
}

pub fn get_address_types(cx: &Cx<'_>) -> RopResult {
    cx.mailbox()?;
    let address_types = vec!["EX".to_owned(), "SMTP".to_owned()];
    Ok(ResponseBody::GetAddressTypes(GetAddressTypesResponse { address_types }))
}

fn receive_folder(class: &str) -> (Special, &'static str) {
    if class == "IPC" || class.starts_with("IPC.") {
        (Special::Root, "IPC")
    } else if class == "IPM" || class.starts_with("IPM.") {
        (Special::Inbox, "IPM")
    } else {
        (Special::Inbox, "")
    }
}

fn created(mailbox: &Mailbox) -> FileTime {
    mailbox.folder(mailbox.special(Special::Inbox)).map(|inbox| inbox.created).unwrap_or_default()
}

fn logon_time(now: FileTime) -> LogonTime {
    let date = crate::store::calendar(now);
    LogonTime {
        seconds: date.second,
        minutes: date.minute,
        hour: date.hour,
        day_of_week: date.weekday,
        day: date.day,
        month: date.month,
        year: date.year,
    }
}

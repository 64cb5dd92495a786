//! Permissions of folders ([MS-OXCROPS] 2.2.10, [MS-OXCPERM] 3.2.5).

use mapi_core::ErrorCode;
use mapi_core::message::PropertyBag;
use mapi_core::property::PropertyValue;
use mapi_core::property::tags::*;
use mapi_core::rop::*;

use super::context::{Cx, RopResult};
use super::folder;
use crate::store::{ANONYMOUS_MEMBER, DEFAULT_MEMBER, Permissions, entry_id, right};

/// ModifyFlags: the rows are all there will be.
const REPLACE_ROWS: u8 = 1;

pub fn table(cx: &mut Cx<'_>, request: &GetTableRequest) -> RopResult {
    let (mailbox, id) = cx.folder_for(cx.index, right::REVIEWER)?;
    let store = cx.store.mailbox(mailbox).ok_or(ErrorCode::NULL_OBJECT)?;
    let permissions = &store.folder(id)?.permissions;
    let row = |id: i64, name: &str, rights: u32, entry: Vec<u8>| {
        PropertyBag::from_iter([
            (PidTagMemberId, PropertyValue::Integer64(id)),
            (PidTagMemberName, PropertyValue::String(name.to_owned())),
            (PidTagMemberRights, PropertyValue::Integer32(rights.cast_signed())),
            (PidTagEntryId, PropertyValue::Binary(entry)),
        ])
    };
    let mut rows = vec![
        row(DEFAULT_MEMBER, "", permissions.default, Vec::new()),
        row(ANONYMOUS_MEMBER, "Anonymous", permissions.anonymous, Vec::new()),
    ];
    for member in &permissions.members {
        let user = cx.store.user_by_dn(&member.dn).and_then(|index| cx.store.users().get(index));
        let name = user.map_or(member.dn.as_str(), |user| user.display_name.as_str());
        rows.push(row(member.id, name, member.rights, entry_id::address_book(&member.dn, 0)));
    }
    folder::fixed(cx, request, rows)
}

pub fn modify(cx: &mut Cx<'_>, request: &ModifyRowsRequest) -> RopResult {
    let (_, id) = cx.folder_for(cx.index, right::OWNER)?;
    // Names are checked before anything changes.
    let changes = request.rows.iter().map(|row| change(cx, row)).collect::<Result<Vec<_>, _>>()?;
    let replace = request.modify_flags & REPLACE_ROWS != 0;
    cx.mailbox_mut()?.set_permissions(id, |permissions| {
        if replace {
            *permissions = Permissions::default();
        }
        changes.into_iter().try_for_each(|change| match change {
            Change::Add(dn, rights) => {
                permissions.grant(&dn, rights);
                Ok(())
            }
            Change::Modify(id, rights) => permissions.modify(id, rights),
            Change::Remove(id) => permissions.remove(id),
        })
    })?;
    Ok(ResponseBody::Empty)
}

enum Change {
    Add(String, u32),
    Modify(i64, u32),
    Remove(i64),
}

fn change(cx: &Cx<'_>, row: &RowChange) -> Result<Change, ErrorCode> {
    let bag: PropertyBag = row.property_values.iter().map(|value| (value.tag, value.value.clone())).collect();
    let rights = || bag.integer(PidTagMemberRights).map(i32::cast_unsigned).ok_or(ErrorCode::INVALID_PARAM);
    let id = || bag.integer64(PidTagMemberId).ok_or(ErrorCode::INVALID_PARAM);
    Ok(match row.flags {
        RowChange::ADD => {
            let entry = bag.get(PidTagEntryId).and_then(|value| value.as_bytes()).ok_or(ErrorCode::INVALID_PARAM)?;
            let of_user = |user: &&crate::store::User| user.entry_id() == entry;
            let user = cx.store.users().iter().find(of_user).ok_or(ErrorCode::INVALID_PARAM)?;
            Change::Add(user.legacy_dn.clone(), rights()?)
        }
        RowChange::MODIFY => Change::Modify(id()?, rights()?),
        RowChange::REMOVE => Change::Remove(id()?),
        _ => return Err(ErrorCode::INVALID_PARAM),
    })
}

//! ROPs on permissions and rules ([MS-OXCROPS] 2.2.10, 2.2.11; [MS-OXCPERM] 2.2, [MS-OXORULE] 2.2).

use crate::property::TaggedValue;
use crate::wire::{Reader, WireResult, Writer};

use super::codec::{Count16, Wire, list, wire_struct};

wire_struct! {
    /// A PermissionData ([MS-OXCPERM] 2.2.2.1) or RuleData ([MS-OXORULE] 2.2.1.3) structure.
    pub struct RowChange {
        /// 1 add, 2 modify, 4 remove.
        pub flags: u8,
        /// Permissions: add PidTagEntryId and PidTagMemberRights; modify PidTagMemberId and rights; remove
        /// PidTagMemberId.
        pub property_values: Vec<TaggedValue> as Count16,
    }
}

impl RowChange {
    /// A new row.
    pub const ADD: u8 = 1;
    /// Other values for a row.
    pub const MODIFY: u8 = 2;
    /// A row less.
    pub const REMOVE: u8 = 4;
}

/// RopModifyPermissions and RopModifyRules request ([MS-OXCROPS] 2.2.10.1.1, 2.2.11.1.1).
#[derive(Debug, Clone, PartialEq)]
pub struct ModifyRowsRequest {
    /// 1 replace all rows; permissions: 2 with free/busy rights.
    pub modify_flags: u8,
    /// The rows to change.
    pub rows: Vec<RowChange>,
}

impl Wire for ModifyRowsRequest {
    const MIN_SIZE: usize = 3;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let modify_flags = reader.u8("ModifyFlags")?;
        let count = usize::from(reader.u16("ModifyCount")?);
        Ok(Self { modify_flags, rows: list(reader, count, "PermissionsData")? })
    }

    fn put(&self, writer: &mut Writer) {
        writer.u8(self.modify_flags).len16(self.rows.len());
        self.rows.iter().for_each(|row| row.put(writer));
    }
}

//! ROPs on the store: receive folders, ids, servers ([MS-OXCROPS] 2.2.3, [MS-OXCSTOR] 2.2.1).

use std::sync::Arc;

use crate::id::{FolderId, LongTermId, ObjectId};
use crate::property::{Form, PropertyRow, PropertyTag, tags};
use crate::wire::{Reader, WireResult, Writer};

use super::codec::{Wire, Z8, get_names, latin1, wire_struct};

wire_struct! {
    /// RopGetReceiveFolder request ([MS-OXCROPS] 2.2.3.2.1).
    pub struct GetReceiveFolderRequest {
        /// ASCII; empty asks for the folder of every class that has no folder of its own.
        pub message_class: String as Z8,
    }

    /// RopGetReceiveFolder response ([MS-OXCROPS] 2.2.3.2.2).
    pub struct GetReceiveFolderResponse {
        pub folder_id: FolderId,
        /// The class that the folder is set for, a parent of the one asked for.
        pub explicit_message_class: String as Z8,
    }

    /// RopSetReceiveFolder request ([MS-OXCROPS] 2.2.3.3.1).
    pub struct SetReceiveFolderRequest {
        /// The null id unsets.
        pub folder_id: FolderId,
        pub message_class: String as Z8,
    }

    /// RopGetStoreState response ([MS-OXCROPS] 2.2.3.5.2).
    pub struct GetStoreStateResponse {
        /// 0x01000000: searches are active.
        pub store_state: u32,
    }

    /// RopGetOwningServers request ([MS-OXCROPS] 2.2.3.6.1).
    pub struct GetOwningServersRequest {
        pub folder_id: FolderId,
    }

    /// RopLongTermIdFromId request ([MS-OXCROPS] 2.2.3.8.1).
    pub struct LongTermIdFromIdRequest {
        pub object_id: ObjectId,
    }

    /// RopLongTermIdFromId response ([MS-OXCROPS] 2.2.3.8.2).
    pub struct LongTermIdFromIdResponse {
        pub long_term_id: LongTermId,
    }

    /// RopIdFromLongTermId request ([MS-OXCROPS] 2.2.3.9.1).
    pub struct IdFromLongTermIdRequest {
        pub long_term_id: LongTermId,
    }

    /// RopIdFromLongTermId response ([MS-OXCROPS] 2.2.3.9.2).
    pub struct IdFromLongTermIdResponse {
        pub object_id: ObjectId,
    }
}

/// The servers that hold a ghosted public folder: in RopOpenFolder, RopCreateFolder and RopGetOwningServers responses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwningServers {
    /// How many of `servers`, from the first, are cheap to reach.
    pub cheap_server_count: u16,
    /// Distinguished names, ASCII.
    pub servers: Vec<String>,
}

impl Wire for OwningServers {
    const MIN_SIZE: usize = 4;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let count = usize::from(reader.u16("ServerCount")?);
        let cheap_server_count = reader.u16("CheapServerCount")?;
        Ok(Self { cheap_server_count, servers: get_names(reader, count, "Servers")? })
    }

    fn put(&self, writer: &mut Writer) {
        writer.len16(self.servers.len()).u16(self.cheap_server_count);
        for server in &self.servers {
            writer.z8(&latin1(server));
        }
    }
}

/// RopGetReceiveFolderTable response ([MS-OXCROPS] 2.2.3.4.2).
#[derive(Debug, Clone, PartialEq)]
pub struct GetReceiveFolderTableResponse {
    /// Rows over [`GetReceiveFolderTableResponse::columns`].
    pub rows: Vec<PropertyRow>,
}

impl GetReceiveFolderTableResponse {
    /// The fixed columns of the rows ([MS-OXCSTOR] 2.2.1.4.2): folder id, message class (8-bit), last change.
    pub fn columns() -> Arc<[PropertyTag]> {
        Arc::new([tags::PidTagFolderId, PropertyTag(0x001A_001E), tags::PidTagLastModificationTime])
    }
}

impl Wire for GetReceiveFolderTableResponse {
    const MIN_SIZE: usize = 4;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let count = reader.u32("RowCount")? as usize;
        reader.check_count(count, 1, "Rows")?;
        let columns = Self::columns();
        let rows = (0..count).map(|_| PropertyRow::decode(reader, &columns, Form::Rop)).collect::<WireResult<_>>()?;
        Ok(Self { rows })
    }

    fn put(&self, writer: &mut Writer) {
        writer.len32(self.rows.len());
        let columns = Self::columns();
        self.rows.iter().for_each(|row| row.encode(writer, &columns, Form::Rop));
    }
}

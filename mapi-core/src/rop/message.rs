//! ROPs on messages ([MS-OXCROPS] 2.2.6, [MS-OXCMSG] 2.2.3).

use crate::id::{FolderId, MessageId};
use crate::wire::{Reader, WireResult, Writer};

use super::codec::{Count16, Wire, wire_struct};

wire_struct! {
    /// RopOpenMessage request ([MS-OXCROPS] 2.2.6.1.1).
    pub struct OpenMessageRequest {
        pub output_handle_index: u8,
        /// 0x0FFF: the logon's.
        pub code_page_id: u16,
        pub folder_id: FolderId,
        /// 0 read only, 1 read and write, 3 best access, 4 soft-deleted.
        pub open_mode_flags: u8,
        pub message_id: MessageId,
    }

    /// RopCreateMessage request ([MS-OXCROPS] 2.2.6.2.1).
    pub struct CreateMessageRequest {
        pub output_handle_index: u8,
        /// 0x0FFF: the logon's.
        pub code_page_id: u16,
        pub folder_id: FolderId,
        /// A folder-associated message.
        pub associated_flag: bool,
    }

    /// RopSaveChangesMessage request ([MS-OXCROPS] 2.2.6.3.1); the head's index is the response handle index.
    pub struct SaveChangesMessageRequest {
        pub input_handle_index: u8,
        /// 1 keep open read only, 2 keep open for writing, 4 force; other bits are ignored.
        pub save_flags: u8,
    }

    /// RopSaveChangesMessage response ([MS-OXCROPS] 2.2.6.3.2).
    pub struct SaveChangesMessageResponse {
        pub input_handle_index: u8,
        pub message_id: MessageId,
    }

    /// RopReloadCachedInformation request ([MS-OXCROPS] 2.2.6.7.1).
    pub struct ReloadCachedInformationRequest {
        pub reserved: u16,
    }

    /// RopSetMessageStatus request ([MS-OXCROPS] 2.2.6.8.1), on a folder.
    pub struct SetMessageStatusRequest {
        pub message_id: MessageId,
        /// The values of the masked bits.
        pub message_status_flags: u32,
        /// The bits to change.
        pub message_status_mask: u32,
    }

    /// RopSetMessageStatus response ([MS-OXCROPS] 2.2.6.8.2), also the answer to RopGetMessageStatus.
    pub struct SetMessageStatusResponse {
        /// The status before the change (some servers: after it).
        pub message_status_flags: u32,
    }

    /// RopGetMessageStatus request ([MS-OXCROPS] 2.2.6.9.1), on a folder; answered by RopSetMessageStatus.
    pub struct GetMessageStatusRequest {
        pub message_id: MessageId,
    }

    /// RopSetReadFlags request ([MS-OXCROPS] 2.2.6.10.1), on a folder.
    pub struct SetReadFlagsRequest {
        pub want_asynchronous: bool,
        /// 0 read, 1 suppress the receipt, 4 unread (sent as 5), 0x10 receipt only, 0x20 clear the pending read
        /// receipt, 0x40 clear the pending non-read receipt.
        pub read_flags: u8,
        pub message_ids: Vec<MessageId> as Count16,
    }

    /// LogonId and ClientData of a RopSetMessageReadFlag response ([MS-OXCROPS] 2.2.6.11.2).
    pub struct ReadStatusChange {
        pub logon_id: u8,
        pub client_data: [u8; 24],
    }
}

impl OpenMessageRequest {
    /// CodePageId: that of the logon.
    pub const LOGON_CODE_PAGE: u16 = 0x0FFF;
    /// OpenModeFlags: read only.
    pub const READ_ONLY: u8 = 0x00;
    /// OpenModeFlags: read and write.
    pub const READ_WRITE: u8 = 0x01;
    /// OpenModeFlags: for writing if allowed, else read only.
    pub const BEST_ACCESS: u8 = 0x03;
}

impl SaveChangesMessageRequest {
    /// The object stays open, read only.
    pub const KEEP_OPEN_READ_ONLY: u8 = 0x01;
    /// The object stays open for writing.
    pub const KEEP_OPEN_READ_WRITE: u8 = 0x02;
    /// Override changes saved by others since the object was opened.
    pub const FORCE_SAVE: u8 = 0x04;
}

impl SetReadFlagsRequest {
    /// ReadFlags that mark as read without ever sending a read receipt.
    pub const READ: u8 = 0x01;
    /// ReadFlags that mark as unread.
    pub const UNREAD: u8 = 0x05;
}

/// RopCreateMessage response ([MS-OXCROPS] 2.2.6.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateMessageResponse {
    /// The id, if the server hands it out before the first save.
    pub message_id: Option<MessageId>,
}

impl Wire for CreateMessageResponse {
    const MIN_SIZE: usize = 1;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let has_message_id = reader.bool8("HasMessageId")?;
        Ok(Self { message_id: if has_message_id { Some(MessageId::decode(reader, "MessageId")?) } else { None } })
    }

    fn put(&self, writer: &mut Writer) {
        writer.bool8(self.message_id.is_some());
        if let Some(id) = self.message_id {
            id.encode(writer);
        }
    }
}

/// RopSetMessageReadFlag request ([MS-OXCROPS] 2.2.6.11.1); the head's index is the response handle index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMessageReadFlagRequest {
    /// The message.
    pub input_handle_index: u8,
    /// As in [`SetReadFlagsRequest::read_flags`].
    pub read_flags: u8,
    /// Present exactly on logons to public folders.
    pub client_data: Option<[u8; 24]>,
}

impl SetMessageReadFlagRequest {
    pub(super) fn get(reader: &mut Reader<'_>, public: bool) -> WireResult<Self> {
        let input_handle_index = reader.u8("InputHandleIndex")?;
        let read_flags = reader.u8("ReadFlags")?;
        let client_data = if public { Some(reader.array("ClientData")?) } else { None };
        Ok(Self { input_handle_index, read_flags, client_data })
    }

    pub(super) fn put(&self, writer: &mut Writer) {
        writer.u8(self.input_handle_index).u8(self.read_flags);
        if let Some(data) = &self.client_data {
            writer.bytes(data);
        }
    }
}

/// RopSetMessageReadFlag response ([MS-OXCROPS] 2.2.6.11.2).
#[derive(Debug, Clone, PartialEq)]
pub struct SetMessageReadFlagResponse {
    /// Present if ReadStatusChanged is set: the read state of a public message changed.
    pub read_status_change: Option<ReadStatusChange>,
}

impl Wire for SetMessageReadFlagResponse {
    const MIN_SIZE: usize = 1;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        let changed = reader.bool8("ReadStatusChanged")?;
        Ok(Self { read_status_change: if changed { Some(Wire::get(reader, context)?) } else { None } })
    }

    fn put(&self, writer: &mut Writer) {
        writer.bool8(self.read_status_change.is_some());
        if let Some(change) = &self.read_status_change {
            change.put(writer);
        }
    }
}

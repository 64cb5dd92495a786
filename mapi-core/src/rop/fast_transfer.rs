//! ROPs that copy objects as FastTransfer streams ([MS-OXCROPS] 2.2.12, [MS-OXCFXICS] 2.2.3.1).

use crate::ErrorCode;
use crate::id::MessageId;
use crate::property::PropertyTag;
use crate::wire::{Reader, WireResult, Writer};

use super::ResponseContext;
use super::codec::{Answer, Bytes16, Codec, Count16, Wire, wire_struct};
use super::stream::SIZE_FOLLOWS;

/// Bits of SendOptions ([MS-OXCFXICS] 2.2.3.1.1.1.2).
#[allow(missing_docs, reason = "the names are those of the specification")]
pub mod send_options {
    pub const UNICODE: u8 = 0x01;
    pub const USE_CPID: u8 = 0x02;
    pub const RECOVER_MODE: u8 = 0x04;
    pub const FORCE_UNICODE: u8 = 0x08;
    pub const PARTIAL_ITEM: u8 = 0x10;
}

wire_struct! {
    /// RopFastTransferSourceCopyTo request.
    pub struct FastTransferSourceCopyToRequest {
        pub output_handle_index: u8,
        /// 0 with everything below the object, else without.
        pub level: u8,
        /// 1 move, 0x2000 best body.
        pub copy_flags: u32,
        /// See [`send_options`].
        pub send_options: u8,
        /// The properties to leave out.
        pub property_tags: Vec<PropertyTag> as Count16,
    }

    /// RopFastTransferSourceCopyProperties request.
    pub struct FastTransferSourceCopyPropertiesRequest {
        pub output_handle_index: u8,
        /// 0 with everything below the object, else without.
        pub level: u8,
        /// 1 move.
        pub copy_flags: u8,
        /// See [`send_options`].
        pub send_options: u8,
        /// The properties to copy.
        pub property_tags: Vec<PropertyTag> as Count16,
    }

    /// RopFastTransferSourceCopyMessages request, on a folder.
    pub struct FastTransferSourceCopyMessagesRequest {
        pub output_handle_index: u8,
        pub message_ids: Vec<MessageId> as Count16,
        /// 1 move, 0x10 best body, 0x20 with EntryIDs.
        pub copy_flags: u8,
        /// See [`send_options`].
        pub send_options: u8,
    }

    /// RopFastTransferSourceCopyFolder request.
    pub struct FastTransferSourceCopyFolderRequest {
        pub output_handle_index: u8,
        /// 1 move, 0x10 with the folders below.
        pub copy_flags: u8,
        /// See [`send_options`].
        pub send_options: u8,
    }

    /// RopFastTransferDestinationConfigure request.
    pub struct FastTransferDestinationConfigureRequest {
        pub output_handle_index: u8,
        /// The stream to come was made by: 1 CopyTo, 2 CopyProperties, 3 CopyMessages, 4 CopyFolder.
        pub source_operation: u8,
        /// 1 move.
        pub copy_flags: u8,
    }

    /// RopFastTransferDestinationPutBuffer and RopFastTransferDestinationPutBufferExtended request.
    pub struct FastTransferDestinationPutBufferRequest {
        pub transfer_data: Vec<u8> as Bytes16,
    }

    /// RopFastTransferDestinationPutBuffer response.
    pub struct FastTransferDestinationPutBufferResponse {
        pub transfer_status: u16,
        pub in_progress_count: u16,
        pub total_step_count: u16,
        pub reserved: u8,
        /// Bytes taken of what was sent.
        pub buffer_used_size: u16,
    }

    /// RopFastTransferDestinationPutBufferExtended response.
    pub struct FastTransferDestinationPutBufferExtendedResponse {
        pub transfer_status: u16,
        pub in_progress_count: u32,
        pub total_step_count: u32,
        pub reserved: u8,
        /// Bytes taken of what was sent.
        pub buffer_used_size: u16,
    }

    /// RopTellVersion request: the version of the other server in a server-to-client-to-server copy.
    pub struct TellVersionRequest {
        pub version: [u8; 6],
    }
}

/// RopFastTransferSourceGetBuffer request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FastTransferSourceGetBufferRequest {
    /// BufferSize, other than 0xBABE.
    BufferSize(u16),
    /// BufferSize 0xBABE and this MaximumBufferSize.
    MaximumBufferSize(u16),
}

impl Wire for FastTransferSourceGetBufferRequest {
    const MIN_SIZE: usize = 2;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        match reader.u16("BufferSize")? {
            SIZE_FOLLOWS => reader.u16("MaximumBufferSize").map(Self::MaximumBufferSize),
            size => Ok(Self::BufferSize(size)),
        }
    }

    fn put(&self, writer: &mut Writer) {
        match self {
            // 0xBABE itself can only be told by the second field.
            Self::BufferSize(SIZE_FOLLOWS) => drop(writer.u16(SIZE_FOLLOWS).u16(SIZE_FOLLOWS)),
            Self::BufferSize(size) => drop(writer.u16(*size)),
            Self::MaximumBufferSize(size) => drop(writer.u16(SIZE_FOLLOWS).u16(*size)),
        }
    }
}

/// What follows ReturnValue of RopFastTransferSourceGetBuffer, on failure too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FastTransferSourceGetBufferResponse {
    /// 0 error, 1 more to come, 2 no room for the next element, 3 done.
    pub transfer_status: u16,
    /// Steps done; for display only.
    pub in_progress_count: u16,
    /// Steps in all; for display only.
    pub total_step_count: u16,
    /// 0.
    pub reserved: u8,
    /// The next part of the stream.
    pub transfer_buffer: Vec<u8>,
    /// Milliseconds to wait before asking again; present exactly if ReturnValue is ecServerBusy.
    pub backoff_time: Option<u32>,
}

impl FastTransferSourceGetBufferResponse {
    /// TransferStatus: the stream broke.
    pub const ERROR: u16 = 0;
    /// TransferStatus: more to come.
    pub const PARTIAL: u16 = 1;
    /// TransferStatus: the buffer was too small for the next element.
    pub const NO_ROOM: u16 = 2;
    /// TransferStatus: this was the last part.
    pub const DONE: u16 = 3;
}

impl Answer for FastTransferSourceGetBufferResponse {
    fn get_answer(reader: &mut Reader<'_>, return_value: ErrorCode, _: &ResponseContext) -> WireResult<Option<Self>> {
        let transfer_status = reader.u16("TransferStatus")?;
        let in_progress_count = reader.u16("InProgressCount")?;
        let total_step_count = reader.u16("TotalStepCount")?;
        let reserved = reader.u8("Reserved")?;
        let transfer_buffer = Bytes16::get(reader, "TransferBuffer")?;
        let backoff_time = if return_value == ErrorCode::SERVER_BUSY { Some(reader.u32("BackoffTime")?) } else { None };
        Ok(Some(Self { transfer_status, in_progress_count, total_step_count, reserved, transfer_buffer, backoff_time }))
    }

    fn put_answer(&self, writer: &mut Writer, return_value: ErrorCode) {
        writer.u16(self.transfer_status).u16(self.in_progress_count).u16(self.total_step_count).u8(self.reserved);
        Bytes16::put(&self.transfer_buffer, writer);
        if return_value == ErrorCode::SERVER_BUSY {
            writer.u32(self.backoff_time.unwrap_or_default());
        }
    }
}

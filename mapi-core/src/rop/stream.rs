//! ROPs on streams ([MS-OXCROPS] 2.2.9, [MS-OXCPRPT] 2.2.14 to 2.2.24).

use crate::ErrorCode;
use crate::property::PropertyTag;
use crate::wire::{Reader, WireResult, Writer};

use super::ResponseContext;
use super::codec::{Answer, Bytes16, Codec, Wire, wire_struct};
use super::folder::{get_null_destination, put_null_destination};

wire_struct! {
    /// RopOpenStream request ([MS-OXCROPS] 2.2.9.1.1).
    pub struct OpenStreamRequest {
        pub output_handle_index: u8,
        pub property_tag: PropertyTag,
        /// 0 read only, 1 read and write, 2 create (an existing value is cut to nothing), 3 best access.
        pub open_mode_flags: u8,
    }

    /// RopOpenStream and RopGetStreamSize response ([MS-OXCROPS] 2.2.9.1.2, 2.2.9.6.2).
    pub struct StreamSizeResponse {
        /// Bytes.
        pub stream_size: u32,
    }

    /// RopWriteStream, RopWriteStreamExtended and RopWriteAndCommitStream request ([MS-OXCROPS] 2.2.9.3.1, 2.2.9.4.1,
    /// 2.2.9.12.1).
    pub struct WriteStreamRequest {
        pub data: Vec<u8> as Bytes16,
    }

    /// RopSetStreamSize request ([MS-OXCROPS] 2.2.9.7.1).
    pub struct SetStreamSizeRequest {
        /// Bytes.
        pub stream_size: u64,
    }

    /// RopSeekStream request ([MS-OXCROPS] 2.2.9.8.1).
    pub struct SeekStreamRequest {
        /// 0 beginning, 1 current position, 2 end.
        pub origin: u8,
        /// Bytes from there.
        pub offset: i64,
    }

    /// RopSeekStream response ([MS-OXCROPS] 2.2.9.8.2).
    pub struct SeekStreamResponse {
        /// Bytes from the beginning.
        pub new_position: u64,
    }

    /// RopCopyToStream request ([MS-OXCROPS] 2.2.9.9.1); the head's index is the source's.
    pub struct CopyToStreamRequest {
        pub dest_handle_index: u8,
        pub byte_count: u64,
    }
}

impl OpenStreamRequest {
    /// Read only.
    pub const READ_ONLY: u8 = 0;
    /// Read and write what there is.
    pub const READ_WRITE: u8 = 1;
    /// Write a value from its beginning.
    pub const CREATE: u8 = 2;
}

/// The 16-bit size that says: a wider field follows.
pub(super) const SIZE_FOLLOWS: u16 = 0xBABE;

/// RopReadStream request ([MS-OXCROPS] 2.2.9.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadStreamRequest {
    /// ByteCount, other than 0xBABE.
    ByteCount(u16),
    /// ByteCount 0xBABE and this MaximumByteCount.
    MaximumByteCount(u32),
}

impl Wire for ReadStreamRequest {
    const MIN_SIZE: usize = 2;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        match reader.u16("ByteCount")? {
            SIZE_FOLLOWS => reader.u32("MaximumByteCount").map(Self::MaximumByteCount),
            count => Ok(Self::ByteCount(count)),
        }
    }

    fn put(&self, writer: &mut Writer) {
        match self {
            // 0xBABE itself can only be told by the wider field.
            Self::ByteCount(SIZE_FOLLOWS) => drop(writer.u16(SIZE_FOLLOWS).u32(u32::from(SIZE_FOLLOWS))),
            Self::ByteCount(count) => drop(writer.u16(*count)),
            Self::MaximumByteCount(count) => drop(writer.u16(SIZE_FOLLOWS).u32(*count)),
        }
    }
}

/// What follows ReturnValue of RopReadStream, on failure too ([MS-OXCROPS] 2.2.9.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadStreamResponse {
    /// Nothing at the end of the stream and on failure.
    pub data: Vec<u8>,
}

impl Answer for ReadStreamResponse {
    fn get_answer(reader: &mut Reader<'_>, _: ErrorCode, _: &ResponseContext) -> WireResult<Option<Self>> {
        Ok(Some(Self { data: Bytes16::get(reader, "ReadStream Data")? }))
    }

    fn put_answer(&self, writer: &mut Writer, _: ErrorCode) {
        Bytes16::put(&self.data, writer);
    }
}

/// What follows ReturnValue of RopWriteStream and RopWriteAndCommitStream, on failure too ([MS-OXCROPS] 2.2.9.3.2,
/// 2.2.9.12.2). Gromox leaves it out then: such an answer has [`super::ResponseBody::Empty`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteStreamResponse {
    /// Bytes written.
    pub written_size: u16,
}

impl Answer for WriteStreamResponse {
    fn get_answer(reader: &mut Reader<'_>, _: ErrorCode, _: &ResponseContext) -> WireResult<Option<Self>> {
        Ok(Some(Self { written_size: reader.u16("WrittenSize")? }))
    }

    fn put_answer(&self, writer: &mut Writer, _: ErrorCode) {
        writer.u16(self.written_size);
    }
}

/// What follows ReturnValue of RopWriteStreamExtended, on failure too ([MS-OXCROPS] 2.2.9.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteStreamExtendedResponse {
    /// Bytes written.
    pub written_size: u32,
}

impl Answer for WriteStreamExtendedResponse {
    fn get_answer(reader: &mut Reader<'_>, _: ErrorCode, _: &ResponseContext) -> WireResult<Option<Self>> {
        Ok(Some(Self { written_size: reader.u32("WrittenSize")? }))
    }

    fn put_answer(&self, writer: &mut Writer, _: ErrorCode) {
        writer.u32(self.written_size);
    }
}

/// What follows ReturnValue of RopCopyToStream, on failure too ([MS-OXCROPS] 2.2.9.9.2, 2.2.9.9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyToStreamResponse {
    /// DestHandleIndex of the request, present exactly if ReturnValue is ecDstNullObject.
    pub dest_handle_index: Option<u32>,
    /// Bytes read from the source.
    pub read_byte_count: u64,
    /// Bytes written to the destination.
    pub written_byte_count: u64,
}

impl Answer for CopyToStreamResponse {
    fn get_answer(reader: &mut Reader<'_>, return_value: ErrorCode, _: &ResponseContext) -> WireResult<Option<Self>> {
        Ok(Some(Self {
            dest_handle_index: get_null_destination(reader, return_value)?,
            read_byte_count: reader.u64("ReadByteCount")?,
            written_byte_count: reader.u64("WrittenByteCount")?,
        }))
    }

    fn put_answer(&self, writer: &mut Writer, return_value: ErrorCode) {
        put_null_destination(writer, return_value, self.dest_handle_index);
        writer.u64(self.read_byte_count).u64(self.written_byte_count);
    }
}

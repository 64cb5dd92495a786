use super::extended::{Packing, Payload, pack, unpack};
use crate::wire::{Reader, WireResult, Writer};

/// A block of an auxiliary buffer ([MS-OXCRPC] 2.2.2.2): AUX_HEADER and what it describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuxiliaryBlock {
    /// Version of the block's layout.
    pub version: u8,
    /// What the block is.
    pub kind: u8,
    /// Its data, without the header.
    pub data: Vec<u8>,
}

/// What AUX_SERVER_CAPABILITIES announces ([MS-OXCRPC] 2.2.2.2.19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerCapabilities(pub u32);

impl ServerCapabilities {
    /// RopFastTransferDestinationPutBufferExtended may be packed.
    pub const PACKED_FAST_TRANSFER_UPLOAD: u32 = 1;
    /// RopWriteStreamExtended may be packed.
    pub const PACKED_WRITE_STREAM_UPLOAD: u32 = 2;
    /// MaxRopOut up to 0x00100000.
    pub const ULTRA_LARGE_PACKED_DOWNLOAD: u32 = 8;
}

impl AuxiliaryBlock {
    /// AUX_EXORGINFO: how public folders are found.
    pub const ORGANISATION_INFO: u8 = 0x17;
    /// AUX_SERVER_CAPABILITIES.
    pub const SERVER_CAPABILITIES: u8 = 0x46;
    /// AUX_ENDPOINT_CAPABILITIES.
    pub const ENDPOINT_CAPABILITIES: u8 = 0x48;

    /// A block of version 1 that holds one u32.
    pub fn word(kind: u8, value: u32) -> Self {
        Self { version: 1, kind, data: value.to_le_bytes().to_vec() }
    }

    /// The u32 the data begins with.
    pub fn as_word(&self) -> Option<u32> {
        self.data.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Reads all blocks of an auxiliary buffer, extended headers included.
    ///
    /// # Errors
    /// Damaged extended headers, or blocks whose size is less than their header or more than what is left.
    pub fn decode_buffer(buffer: &[u8]) -> WireResult<Vec<Self>> {
        let mut blocks = Vec::new();
        for Payload { data, .. } in unpack(buffer)? {
            let mut reader = Reader::new(&data);
            while !reader.is_empty() {
                let at = reader.clone();
                let size = reader.u16("AUX_HEADER size")?;
                let (version, kind) = (reader.u8("AUX_HEADER version")?, reader.u8("AUX_HEADER type")?);
                let Some(rest) = usize::from(size).checked_sub(4) else {
                    return Err(at.invalid("AUX_HEADER size", size));
                };
                blocks.push(Self { version, kind, data: reader.bytes(rest, "AUX_HEADER data")?.to_vec() });
            }
        }
        Ok(blocks)
    }

    /// An auxiliary buffer of `blocks`, extended header included; empty if there are none.
    ///
    /// # Errors
    /// Blocks of more than 32 KiB together.
    pub fn encode_buffer(blocks: &[Self]) -> WireResult<Vec<u8>> {
        if blocks.is_empty() {
            return Ok(Vec::new());
        }
        let mut writer = Writer::new();
        for block in blocks {
            writer.u16(u16::try_from(block.data.len() + 4).unwrap_or(u16::MAX));
            writer.u8(block.version).u8(block.kind).bytes(&block.data);
        }
        pack(&[writer.into_vec()], Packing::default())
    }

    /// The capabilities that `blocks` announce.
    pub fn server_capabilities(blocks: &[Self]) -> ServerCapabilities {
        let block = blocks.iter().find(|block| block.kind == Self::SERVER_CAPABILITIES);
        ServerCapabilities(block.and_then(Self::as_word).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The auxiliary buffer of a recorded Connect answer.
    const RECORDED: &[u8] =
        b"\x00\x00\x04\x00\x1c\x00\x1c\x00\x08\x00\x01\x17\x03\x00\x00\x00\x0c\x00\x01\x0a\x0c\x00\x00\x00\
        \x00\x84\x0c\x24\x08\x00\x01\x48\x01\x00\x00\x00";

    #[test]
    fn a_recorded_buffer_reads_and_writes_the_same() {
        let blocks = AuxiliaryBlock::decode_buffer(RECORDED).expect("a recorded buffer");
        let kinds: Vec<_> = blocks.iter().map(|block| (block.kind, block.as_word())).collect();
        assert_eq!(kinds, [(0x17, Some(3)), (0x0A, Some(12)), (0x48, Some(1))]);
        assert_eq!(AuxiliaryBlock::encode_buffer(&blocks).expect("small"), RECORDED);
        assert_eq!(AuxiliaryBlock::server_capabilities(&blocks), ServerCapabilities(0));
        assert_eq!(AuxiliaryBlock::decode_buffer(&[]).expect("none"), []);
    }

    #[test]
    fn sizes_below_the_header_are_refused() {
        let buffer = pack(&[[3u8, 0, 1, 0x17]], Packing::default()).expect("small");
        assert_eq!(AuxiliaryBlock::decode_buffer(&buffer).expect_err("too small").context, "AUX_HEADER size");
    }
}

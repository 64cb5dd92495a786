use super::lz77;
use crate::wire::{Reader, WireError, WireErrorKind, WireResult, Writer};

/// Largest payload, uncompressed ([MS-OXCRPC] 3.1.4.2.1.1).
pub const MAX_PAYLOAD: usize = 32 * 1024;
/// Most payloads in a buffer ([MS-OXCRPC] 3.1.4.2.1.2.2).
pub const MAX_PAYLOADS: usize = 96;
/// Largest request buffer (cbIn).
pub const MAX_REQUEST: usize = 0x0004_0000;
/// Largest response buffer a client may ask for without announcing more.
pub const MAX_RESPONSE: u32 = 0x0004_0000;

/// Payloads accepted when reading: a few more than [`MAX_PAYLOADS`], still at most 8 MiB.
const MAX_READ: usize = 128;
const XOR: u8 = 0xA5;

/// Flags of RPC_HEADER_EXT ([MS-OXCRPC] 2.2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExtendedFlags(pub u16);

impl ExtendedFlags {
    /// The payload is compressed.
    pub const COMPRESSED: u16 = 1;
    /// Every byte of the payload is XORed with 0xA5.
    pub const XOR_MAGIC: u16 = 2;
    /// No other payload follows.
    pub const LAST: u16 = 4;

    /// Whether all bits of `flag` are set.
    pub fn has(self, flag: u16) -> bool {
        self.0 & flag == flag
    }
}

/// RPC_HEADER_EXT ([MS-OXCRPC] 2.2.2.1), eight bytes before every payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedHeader {
    /// How the payload is packed.
    pub flags: ExtendedFlags,
    /// Bytes of payload on the wire.
    pub size: u16,
    /// Bytes of payload once unpacked.
    pub size_actual: u16,
}

impl ExtendedHeader {
    /// Reads eight bytes and checks that version and sizes agree.
    pub fn decode(reader: &mut Reader<'_>) -> WireResult<Self> {
        let at = reader.clone();
        let version = reader.u16("RPC_HEADER_EXT version")?;
        if version != 0 {
            return Err(at.invalid("RPC_HEADER_EXT version", version));
        }
        let flags = ExtendedFlags(reader.u16("RPC_HEADER_EXT flags")?);
        let (size, size_actual) = (reader.u16("RPC_HEADER_EXT size")?, reader.u16("RPC_HEADER_EXT actual size")?);
        if !flags.has(ExtendedFlags::COMPRESSED) && size != size_actual {
            return Err(at.invalid("RPC_HEADER_EXT actual size", size_actual));
        }
        Ok(Self { flags, size, size_actual })
    }

    /// Writes eight bytes.
    pub fn encode(&self, writer: &mut Writer) {
        writer.u16(0).u16(self.flags.0).u16(self.size).u16(self.size_actual);
    }
}

/// A payload and how it was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Flags of its header.
    pub flags: ExtendedFlags,
    /// The unpacked bytes.
    pub data: Vec<u8>,
}

/// How to pack payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packing {
    /// Compress payloads of at least this many bytes, where that makes them smaller.
    pub compress_from: Option<usize>,
    /// XOR payloads with 0xA5.
    pub xor_magic: bool,
}

/// Packs `payloads`, each under a header of its own; the last header has the Last flag.
///
/// # Errors
/// A payload above [`MAX_PAYLOAD`], with its offset from the start of the first payload.
pub fn pack(payloads: &[impl AsRef<[u8]>], packing: Packing) -> WireResult<Vec<u8>> {
    let mut writer = Writer::new();
    let mut offset = 0;
    for (number, plain) in payloads.iter().enumerate() {
        let plain = plain.as_ref();
        let size_actual = u16::try_from(plain.len()).ok().filter(|_| plain.len() <= MAX_PAYLOAD).ok_or_else(|| {
            let kind = WireErrorKind::TooLarge { asked: plain.len() as u64, limit: MAX_PAYLOAD as u64 };
            WireError::new(offset, "extended buffer payload", kind)
        })?;
        offset += plain.len();
        let mut flags = if number + 1 == payloads.len() { ExtendedFlags::LAST } else { 0 };
        let mut wire = plain.to_vec();
        let mut size = size_actual;
        if packing.compress_from.is_some_and(|from| plain.len() >= from) {
            let packed = lz77::compress(plain);
            if let Some(smaller) = u16::try_from(packed.len()).ok().filter(|len| *len < size_actual) {
                (wire, size) = (packed, smaller);
                flags |= ExtendedFlags::COMPRESSED;
            }
        }
        if packing.xor_magic {
            wire.iter_mut().for_each(|byte| *byte ^= XOR);
            flags |= ExtendedFlags::XOR_MAGIC;
        }
        ExtendedHeader { flags: ExtendedFlags(flags), size, size_actual }.encode(&mut writer);
        writer.bytes(&wire);
    }
    Ok(writer.into_vec())
}

/// Unpacks a buffer of payloads, whatever their headers say. An empty buffer holds none.
///
/// # Errors
/// Truncated or damaged payloads, more than 128 of them, a missing Last flag, bytes after the last payload.
pub fn unpack(buffer: &[u8]) -> WireResult<Vec<Payload>> {
    let mut reader = Reader::new(buffer);
    let mut payloads = Vec::new();
    if buffer.is_empty() {
        return Ok(payloads);
    }
    loop {
        if payloads.len() == MAX_READ {
            let kind = WireErrorKind::TooLarge { asked: MAX_READ as u64 + 1, limit: MAX_READ as u64 };
            return Err(reader.error("extended buffer payloads", kind));
        }
        let header = ExtendedHeader::decode(&mut reader)?;
        let base = reader.offset();
        let mut data = reader.bytes(usize::from(header.size), "extended buffer payload")?.to_vec();
        if header.flags.has(ExtendedFlags::XOR_MAGIC) {
            data.iter_mut().for_each(|byte| *byte ^= XOR);
        }
        if header.flags.has(ExtendedFlags::COMPRESSED) {
            data = lz77::decompress(&data, usize::from(header.size_actual)).map_err(|mut error| {
                error.offset += base;
                error
            })?;
        }
        payloads.push(Payload { flags: header.flags, data });
        if header.flags.has(ExtendedFlags::LAST) {
            reader.finish("extended buffer")?;
            return Ok(payloads);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_empty_rop_list() {
        let buffer = pack(&[[2, 0]], Packing::default()).expect("small");
        assert_eq!(buffer, [0, 0, 4, 0, 2, 0, 2, 0, 2, 0]);
    }

    #[test]
    fn xor_is_an_involution_per_byte() {
        let buffer = pack(&[[0x00, 0x5A, 0xFF]], Packing { xor_magic: true, compress_from: None }).expect("small");
        assert_eq!(buffer, [0, 0, 6, 0, 3, 0, 3, 0, 0xA5, 0xFF, 0x5A]);
        assert_eq!(unpack(&buffer).expect("our own")[0].data, [0x00, 0x5A, 0xFF]);
    }

    #[test]
    fn damage_is_an_error_with_its_offset() {
        let plain = pack(&[[7u8; 4], [8; 4]], Packing::default()).expect("small");
        assert_eq!(unpack(&plain[..12]).expect_err("no Last").offset, 12);
        assert_eq!(unpack(&plain[..15]).expect_err("cut in a header").context, "RPC_HEADER_EXT flags");
        let trailing = [plain.as_slice(), &[0]].concat();
        assert_eq!(unpack(&trailing).expect_err("trailing").kind, WireErrorKind::TrailingBytes(1));
        let mut sizes = plain.clone();
        sizes[6] = 5;
        assert_eq!(unpack(&sizes).expect_err("sizes differ").kind, WireErrorKind::Invalid(5));
        assert_eq!(unpack(&[1, 0, 4, 0, 0, 0, 0, 0]).expect_err("version").kind, WireErrorKind::Invalid(1));
        let endless = [0u8; 8].repeat(200);
        assert!(matches!(unpack(&endless).expect_err("too many").kind, WireErrorKind::TooLarge { .. }));
        assert!(pack(&[vec![0; MAX_PAYLOAD + 1]], Packing::default()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn round_trip(
            payloads in proptest::collection::vec(proptest::collection::vec(0u8..5, 0..400), 1..6),
            compress_from in proptest::option::of(0usize..200),
            xor_magic: bool,
        ) {
            let buffer = pack(&payloads, Packing { compress_from, xor_magic }).expect("small");
            let read = unpack(&buffer).expect("our own");
            let plain: Vec<_> = read.into_iter().map(|payload| payload.data).collect();
            prop_assert_eq!(plain, payloads);
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
            flags in 0u8..8,
        ) {
            let _ = unpack(&bytes);
            if bytes.len() >= 8 {
                let (size, rest) = ((bytes.len() - 8) as u8, bytes.split_off(8));
                let framed = [[0, 0, flags | 4, 0, size, 0, size, 1].as_slice(), &rest].concat();
                let _ = unpack(&framed);
            }
        }
    }
}

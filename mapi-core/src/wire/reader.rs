use encoding_rs::UTF_16LE;

use super::{WireError, WireErrorKind, WireResult};
use crate::id::Guid;

/// Reads little-endian fields from a byte slice. Every error carries the offset from the start of the outermost buffer.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    data: &'a [u8],
    position: usize,
    base: usize,
}

impl<'a> Reader<'a> {
    /// Reads `data` from its start.
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0, base: 0 }
    }

    /// Reads `data`, which starts at `base` of the buffer that errors are to speak of.
    pub fn with_base(data: &'a [u8], base: usize) -> Self {
        Self { data, position: 0, base }
    }

    /// Offset of the next byte from the start of the outermost buffer.
    pub fn offset(&self) -> usize {
        self.base + self.position
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.data.len() - self.position
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The bytes not yet read, without consuming them.
    pub fn peek_rest(&self) -> &'a [u8] {
        &self.data[self.position..]
    }

    /// The next byte, without consuming it.
    pub fn peek_u8(&self) -> Option<u8> {
        self.data.get(self.position).copied()
    }

    /// An error of `kind` at the current offset.
    pub fn error(&self, context: &'static str, kind: WireErrorKind) -> WireError {
        WireError::new(self.offset(), context, kind)
    }

    /// The error for a field that holds `value`, which is not allowed there.
    pub fn invalid(&self, context: &'static str, value: impl Into<u64>) -> WireError {
        self.error(context, WireErrorKind::Invalid(value.into()))
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize, context: &'static str) -> WireResult<&'a [u8]> {
        let left = self.remaining();
        if count > left {
            return Err(self.error(context, WireErrorKind::Truncated { needed: count, left }));
        }
        let taken = &self.data[self.position..self.position + count];
        self.position += count;
        Ok(taken)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let taken = &self.data[self.position..];
        self.position = self.data.len();
        taken
    }

    /// A reader over the next `count` bytes, which keeps counting offsets from the outermost buffer.
    pub fn sub(&mut self, count: usize, context: &'static str) -> WireResult<Reader<'a>> {
        let base = self.offset();
        Ok(Reader::with_base(self.bytes(count, context)?, base))
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self, context: &'static str) -> WireResult<[u8; N]> {
        let bytes = self.bytes(N, context)?;
        let mut out = [0; N];
        out.copy_from_slice(bytes);
        Ok(out)
    }

    /// An unsigned byte.
    pub fn u8(&mut self, context: &'static str) -> WireResult<u8> {
        Ok(self.array::<1>(context)?[0])
    }

    /// A byte that is a Boolean: 0 is false, everything else true.
    pub fn bool8(&mut self, context: &'static str) -> WireResult<bool> {
        Ok(self.u8(context)? != 0)
    }

    /// A 16-bit unsigned integer.
    pub fn u16(&mut self, context: &'static str) -> WireResult<u16> {
        Ok(u16::from_le_bytes(self.array(context)?))
    }

    /// A 32-bit unsigned integer.
    pub fn u32(&mut self, context: &'static str) -> WireResult<u32> {
        Ok(u32::from_le_bytes(self.array(context)?))
    }

    /// A 32-bit signed integer.
    pub fn i32(&mut self, context: &'static str) -> WireResult<i32> {
        Ok(i32::from_le_bytes(self.array(context)?))
    }

    /// A 64-bit unsigned integer.
    pub fn u64(&mut self, context: &'static str) -> WireResult<u64> {
        Ok(u64::from_le_bytes(self.array(context)?))
    }

    /// A 64-bit signed integer.
    pub fn i64(&mut self, context: &'static str) -> WireResult<i64> {
        Ok(i64::from_le_bytes(self.array(context)?))
    }

    /// A GUID.
    pub fn guid(&mut self, context: &'static str) -> WireResult<Guid> {
        Ok(Guid(self.array(context)?))
    }

    /// A NUL-terminated 8-bit string, without its NUL.
    pub fn z8(&mut self, context: &'static str) -> WireResult<&'a [u8]> {
        let rest = self.peek_rest();
        let Some(end) = rest.iter().position(|&b| b == 0) else {
            return Err(self.error(context, WireErrorKind::Unterminated));
        };
        self.position += end + 1;
        Ok(&rest[..end])
    }

    /// A NUL-terminated 8-bit string as text (bytes above 0x7F as Latin-1).
    pub fn z8_text(&mut self, context: &'static str) -> WireResult<String> {
        Ok(self.z8(context)?.iter().map(|&b| char::from(b)).collect())
    }

    /// A NUL-terminated UTF-16LE string; lone surrogates become U+FFFD.
    pub fn z16(&mut self, context: &'static str) -> WireResult<String> {
        let rest = self.peek_rest();
        let Some(end) = rest.chunks_exact(2).position(|unit| unit == [0, 0]) else {
            return Err(self.error(context, WireErrorKind::Unterminated));
        };
        self.position += end * 2 + 2;
        Ok(utf16_lossy(&rest[..end * 2]))
    }

    /// UTF-16LE text of `size` bytes; one terminating NUL is dropped, lone surrogates become U+FFFD.
    pub fn utf16(&mut self, size: usize, context: &'static str) -> WireResult<String> {
        let bytes = self.bytes(size, context)?;
        Ok(utf16_lossy(bytes.strip_suffix(&[0, 0]).filter(|b| b.len() % 2 == 0).unwrap_or(bytes)))
    }

    /// Checks that `count` elements of at least `minimum` bytes can follow, so that nobody reserves memory for elements
    /// that are not there.
    pub fn check_count(&self, count: usize, minimum: usize, context: &'static str) -> WireResult<usize> {
        let needed = count.saturating_mul(minimum.max(1));
        if needed > self.remaining() {
            return Err(self.error(context, WireErrorKind::Truncated { needed, left: self.remaining() }));
        }
        Ok(count)
    }

    /// Fails unless everything was read.
    pub fn finish(self, context: &'static str) -> WireResult<()> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(self.error(context, WireErrorKind::TrailingBytes(left))),
        }
    }
}

fn utf16_lossy(bytes: &[u8]) -> String {
    // Bodies of many megabytes come this way.
    let whole = &bytes[..bytes.len() & !1];
    UTF_16LE.decode_without_bom_handling(whole).0.into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_count_from_the_outermost_buffer() {
        let mut outer = Reader::new(&[1, 2, 3, 4, 5]);
        outer.u8("skipped").expect("one byte is there");
        let mut inner = outer.sub(2, "inner").expect("two bytes are there");
        inner.u8("first").expect("one byte is there");
        let error = inner.u16("pair").expect_err("one byte is not two");
        assert_eq!(error.offset, 2);
        assert_eq!(error.to_string(), "pair at byte 2: 2 bytes needed, 1 left");
    }

    #[test]
    fn strings_end_at_their_nul_and_tolerate_lone_surrogates() {
        let mut reader = Reader::new(&[b'a', 0, 0x00, 0xD8, 0, 0, b'b', 0, 0, 0]);
        assert_eq!(reader.z16("unicode").expect("terminated"), "a\u{FFFD}");
        assert_eq!(reader.z8("eight bit").expect("terminated"), b"b");
        assert_eq!(reader.z16("unicode").expect("terminated"), "");
        assert_eq!(reader.z16("unicode").expect_err("nothing left").kind, WireErrorKind::Unterminated);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_units_are_read_one_by_one(high in proptest::collection::vec(0xD7u8..0xE1, 0..12), odd: bool) {
            let mut bytes: Vec<u8> = high.iter().flat_map(|high| [b'a', *high]).collect();
            let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
            let expected: String =
                char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
            bytes.extend(odd.then_some(b'x'));
            prop_assert_eq!(utf16_lossy(&bytes), expected);
        }
    }
}

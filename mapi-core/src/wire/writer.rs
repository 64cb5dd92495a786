use crate::id::Guid;

/// Builds a byte buffer of little-endian fields. Sizes are the caller's to bound: what is written here was made by us.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    data: Vec<u8>,
}

impl Writer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The bytes written so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.data
    }

    /// The finished buffer.
    pub fn into_vec(self) -> Vec<u8> {
        self.data
    }

    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.data.extend_from_slice(bytes);
        self
    }

    /// An unsigned byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    /// A Boolean of one byte.
    pub fn bool8(&mut self, value: bool) -> &mut Self {
        self.u8(u8::from(value))
    }

    /// A 16-bit unsigned integer.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A 32-bit unsigned integer.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A 32-bit signed integer.
    pub fn i32(&mut self, value: i32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A 64-bit unsigned integer.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A 64-bit signed integer.
    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A GUID.
    pub fn guid(&mut self, value: Guid) -> &mut Self {
        self.bytes(&value.0)
    }

    /// A length as u16. Lengths above 65,535 are cut to 65,535: callers bound what they write before.
    pub fn len16(&mut self, len: usize) -> &mut Self {
        debug_assert!(len <= usize::from(u16::MAX), "a length of {len} does not fit 16 bits");
        self.u16(u16::try_from(len).unwrap_or(u16::MAX))
    }

    /// A length as u32, cut like [`Writer::len16`].
    pub fn len32(&mut self, len: usize) -> &mut Self {
        debug_assert!(u32::try_from(len).is_ok(), "a length of {len} does not fit 32 bits");
        self.u32(u32::try_from(len).unwrap_or(u32::MAX))
    }

    /// A NUL-terminated 8-bit string; stops at a NUL inside.
    pub fn z8(&mut self, text: &[u8]) -> &mut Self {
        let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
        self.bytes(&text[..end]).u8(0)
    }

    /// A NUL-terminated UTF-16LE string; stops at a NUL inside.
    pub fn z16(&mut self, text: &str) -> &mut Self {
        for unit in text.encode_utf16().take_while(|&unit| unit != 0) {
            self.u16(unit);
        }
        self.u16(0)
    }

    /// Overwrites the u16 at `position` (a size known only after its content was written).
    pub fn patch_u16(&mut self, position: usize, value: u16) {
        self.data[position..position + 2].copy_from_slice(&value.to_le_bytes());
    }

    /// Overwrites the u32 at `position`.
    pub fn patch_u32(&mut self, position: usize, value: u32) {
        self.data[position..position + 4].copy_from_slice(&value.to_le_bytes());
    }
}

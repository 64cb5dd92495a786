use super::field::Field;
use crate::id::Guid;
use crate::wire::{Reader, WireResult, Writer};

/// A NUL-terminated 8-bit string (bytes above 0x7F as Latin-1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnsiText(pub String);

/// A NUL-terminated UTF-16LE string.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnicodeText(pub String);

/// The name of a property that GetMatches looks links up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedProperty {
    /// Property set.
    pub guid: Guid,
    /// Id within it.
    pub id: u32,
}

impl From<&str> for AnsiText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<&str> for UnicodeText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Field for AnsiText {
    const MINIMUM: usize = 1;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        reader.z8_text(context).map(Self)
    }

    fn put(&self, writer: &mut Writer) {
        let bytes: Vec<u8> = self.0.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
        writer.z8(&bytes);
    }
}

impl Field for UnicodeText {
    const MINIMUM: usize = 2;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        reader.z16(context).map(Self)
    }

    fn put(&self, writer: &mut Writer) {
        writer.z16(&self.0);
    }
}

impl Field for NamedProperty {
    const MINIMUM: usize = 20;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        Ok(Self { guid: reader.guid(context)?, id: reader.u32(context)? })
    }

    fn put(&self, writer: &mut Writer) {
        writer.guid(self.guid).u32(self.id);
    }
}

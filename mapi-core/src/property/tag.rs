use std::fmt;

use super::{PropertyType, tags};
use crate::wire::{Reader, WireResult};

/// A property tag ([MS-OXCDATA] 2.9): 16-bit id above a 16-bit type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyTag(pub u32);

impl PropertyTag {
    /// The tag of an id and a type.
    pub const fn new(id: u16, kind: PropertyType) -> Self {
        Self(((id as u32) << 16) | kind.0 as u32)
    }

    /// The property id.
    pub const fn id(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The property type.
    pub const fn kind(self) -> PropertyType {
        PropertyType((self.0 & 0xFFFF) as u16)
    }

    /// The same id with another type.
    pub const fn with_kind(self, kind: PropertyType) -> Self {
        Self::new(self.id(), kind)
    }

    /// Whether the id is one of a named property (0x8000 and above), meaningful only within its mailbox.
    pub const fn is_named(self) -> bool {
        self.id() >= 0x8000
    }

    /// The PidTag name, where this crate has a constant for the tag.
    pub fn name(self) -> Option<&'static str> {
        tags::NAMES.iter().find(|(tag, _)| *tag == self).map(|(_, name)| *name)
    }

    /// Reads four bytes.
    pub fn decode(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        Ok(Self(reader.u32(context)?))
    }
}

impl fmt::Debug for PropertyTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name}({:#010X})", self.0),
            None => write!(f, "{:#010X}", self.0),
        }
    }
}

impl fmt::Display for PropertyTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

use super::{PropertyTag, PropertyType};
use crate::id::Guid;
use crate::wire::{Reader, WireResult, Writer};

/// The property sets ([MS-OXPROPS] 1.3.2) that this project names.
pub mod property_set {
    use super::Guid;

    /// PS_MAPI; ids below 0x8000 are reported under it.
    pub const PS_MAPI: Guid = Guid::from_groups(0x0002_0328, 0, 0, 0xC000, 0x46);
    /// PS_PUBLIC_STRINGS.
    pub const PS_PUBLIC_STRINGS: Guid = Guid::from_groups(0x0002_0329, 0, 0, 0xC000, 0x46);
    /// PS_INTERNET_HEADERS: the name is the lower-case header name.
    pub const PS_INTERNET_HEADERS: Guid = Guid::from_groups(0x0002_0386, 0, 0, 0xC000, 0x46);
    /// PSETID_Common.
    pub const PSETID_COMMON: Guid = Guid::from_groups(0x0006_2008, 0, 0, 0xC000, 0x46);
    /// PSETID_Task.
    pub const PSETID_TASK: Guid = Guid::from_groups(0x0006_2003, 0, 0, 0xC000, 0x46);
    /// PSETID_Appointment.
    pub const PSETID_APPOINTMENT: Guid = Guid::from_groups(0x0006_2002, 0, 0, 0xC000, 0x46);
    /// PSETID_Address.
    pub const PSETID_ADDRESS: Guid = Guid::from_groups(0x0006_2004, 0, 0, 0xC000, 0x46);
    /// PSETID_Meeting.
    pub const PSETID_MEETING: Guid = Guid::from_groups(0x6ED8_DA90, 0x450B, 0x101B, 0x98DA, 0x00AA_003F_1305);
}

/// How a named property is told apart within its set ([MS-OXCDATA] 2.6.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamedId {
    /// A numeric name (LID).
    Lid(u32),
    /// A string name.
    Name(String),
}

/// A PropertyName ([MS-OXCDATA] 2.6.1): property set and name within it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyName {
    /// The property set.
    pub guid: Guid,
    /// `None` is kind 0xFF: the id has no name.
    pub id: Option<NamedId>,
}

impl PropertyName {
    /// The property with number `lid` of the set `guid`.
    pub fn lid(guid: Guid, lid: u32) -> Self {
        Self { guid, id: Some(NamedId::Lid(lid)) }
    }

    /// The property called `name` of the set `guid`.
    pub fn string(guid: Guid, name: impl Into<String>) -> Self {
        Self { guid, id: Some(NamedId::Name(name.into())) }
    }

    /// Reads the form of ROP buffers: kind, GUID, then LID or a sized UTF-16LE name.
    pub fn decode(reader: &mut Reader<'_>) -> WireResult<Self> {
        let at = reader.clone();
        let kind = reader.u8("PropertyName kind")?;
        let guid = reader.guid("PropertyName GUID")?;
        let id = match kind {
            0x00 => Some(NamedId::Lid(reader.u32("PropertyName LID")?)),
            0x01 => {
                let size = usize::from(reader.u8("PropertyName NameSize")?);
                Some(NamedId::Name(reader.utf16(size, "PropertyName Name")?))
            }
            0xFF => None,
            other => return Err(at.invalid("PropertyName kind", other)),
        };
        Ok(Self { guid, id })
    }

    /// Writes the form of ROP buffers. Names are cut to the 126 UTF-16 units that the size byte can tell.
    pub fn encode(&self, writer: &mut Writer) {
        match &self.id {
            None => drop(writer.u8(0xFF).guid(self.guid)),
            Some(NamedId::Lid(lid)) => drop(writer.u8(0x00).guid(self.guid).u32(*lid)),
            Some(NamedId::Name(name)) => {
                writer.u8(0x01).guid(self.guid);
                let units: Vec<u16> = name.encode_utf16().take(126).collect();
                writer.u8(u8::try_from(units.len() * 2 + 2).unwrap_or(u8::MAX));
                for unit in units {
                    writer.u16(unit);
                }
                writer.u16(0);
            }
        }
    }
}

/// What identifies a property beyond one mailbox: its tag, or for ids of 0x8000 and above its name and type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PropertyKey {
    /// A property with a fixed id.
    Tag(PropertyTag),
    /// A named property.
    Named(PropertyName, PropertyType),
}

impl From<PropertyTag> for PropertyKey {
    fn from(tag: PropertyTag) -> Self {
        Self::Tag(tag)
    }
}

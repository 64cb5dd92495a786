use std::fmt;

use super::Guid;
use crate::wire::{Reader, WireResult, Writer};

/// The 48-bit counter of an id within its replica (GLOBCNT, [MS-OXCDATA] 2.2.1.4), big-endian on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GlobalCounter(u64);

impl GlobalCounter {
    /// The largest counter.
    pub const MAX: Self = Self(0xFFFF_FFFF_FFFF);

    /// The counter `value`; the upper 16 bits are dropped.
    pub const fn new(value: u64) -> Self {
        Self(value & 0xFFFF_FFFF_FFFF)
    }

    /// The counter as a number.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The counter of its six wire bytes.
    pub const fn from_bytes(b: [u8; 6]) -> Self {
        Self(u64::from_be_bytes([0, 0, b[0], b[1], b[2], b[3], b[4], b[5]]))
    }

    /// Its six wire bytes.
    pub const fn to_bytes(self) -> [u8; 6] {
        let b = self.0.to_be_bytes();
        [b[2], b[3], b[4], b[5], b[6], b[7]]
    }
}

/// A folder id, message id or change number as ROPs carry it ([MS-OXCDATA] 2.2.1.1, 2.2.1.2): a replica id that is
/// meaningful only within its logon, and a counter. Eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ObjectId {
    /// REPLID of the replica.
    pub replica_id: u16,
    /// The counter within the replica.
    pub counter: GlobalCounter,
}

/// FID.
pub type FolderId = ObjectId;
/// MID.
pub type MessageId = ObjectId;
/// CN.
pub type ChangeNumber = ObjectId;

impl ObjectId {
    /// The id of its parts.
    pub const fn new(replica_id: u16, counter: u64) -> Self {
        Self { replica_id, counter: GlobalCounter::new(counter) }
    }

    /// Whether all eight bytes are zero (no object).
    pub fn is_null(self) -> bool {
        self == Self::default()
    }

    /// The id as the value of a PtypInteger64 property (its eight wire bytes read little-endian).
    pub fn to_i64(self) -> i64 {
        i64::from_le_bytes(self.to_bytes())
    }

    /// The id of a PtypInteger64 property.
    pub fn from_i64(value: i64) -> Self {
        Self::from_bytes(value.to_le_bytes())
    }

    /// Its eight wire bytes.
    pub fn to_bytes(self) -> [u8; 8] {
        let (r, c) = (self.replica_id.to_le_bytes(), self.counter.to_bytes());
        [r[0], r[1], c[0], c[1], c[2], c[3], c[4], c[5]]
    }

    /// The id of its eight wire bytes.
    pub fn from_bytes(b: [u8; 8]) -> Self {
        Self {
            replica_id: u16::from_le_bytes([b[0], b[1]]),
            counter: GlobalCounter::from_bytes([b[2], b[3], b[4], b[5], b[6], b[7]]),
        }
    }

    /// Reads eight bytes.
    pub fn decode(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        Ok(Self::from_bytes(reader.array(context)?))
    }

    /// Writes eight bytes.
    pub fn encode(self, writer: &mut Writer) {
        writer.bytes(&self.to_bytes());
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}-{:012X}", self.replica_id, self.counter.value())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A global id (GID, [MS-OXCDATA] 2.2.1.3): replica GUID and counter, 22 bytes. The SourceKey of objects made by the
/// server, valid beyond a logon.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Gid {
    /// REPLGUID of the replica.
    pub replica_guid: Guid,
    /// The counter within the replica.
    pub counter: GlobalCounter,
}

impl Gid {
    /// The GID of its 22 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 22] = bytes.try_into().ok()?;
        let (guid, counter) = bytes.split_at(16);
        Some(Self {
            replica_guid: Guid(guid.try_into().ok()?),
            counter: GlobalCounter::from_bytes(counter.try_into().ok()?),
        })
    }

    /// Its 22 bytes.
    pub fn to_bytes(self) -> [u8; 22] {
        let mut out = [0; 22];
        out[..16].copy_from_slice(&self.replica_guid.0);
        out[16..].copy_from_slice(&self.counter.to_bytes());
        out
    }
}

impl fmt::Display for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:012X}", self.replica_guid, self.counter.value())
    }
}

impl fmt::Debug for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A LongTermID ([MS-OXCDATA] 2.2.1.3.1): a GID and two bytes of padding, 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LongTermId {
    /// The global id.
    pub gid: Gid,
    /// Padding; zero except in odd servers, kept for exact re-encoding.
    pub padding: u16,
}

impl LongTermId {
    /// Reads 24 bytes.
    pub fn decode(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        let replica_guid = reader.guid(context)?;
        let counter = GlobalCounter::from_bytes(reader.array(context)?);
        Ok(Self { gid: Gid { replica_guid, counter }, padding: reader.u16(context)? })
    }

    /// Writes 24 bytes.
    pub fn encode(self, writer: &mut Writer) {
        writer.bytes(&self.gid.to_bytes()).u16(self.padding);
    }
}

impl From<Gid> for LongTermId {
    fn from(gid: Gid) -> Self {
        Self { gid, padding: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_bytes_of_the_specification() {
        let bytes = [0x01, 0x00, 0x00, 0x00, 0x0E, 0x8E, 0xDF, 0x36];
        let id = ObjectId::from_bytes(bytes);
        assert_eq!(id.to_string(), "0001-00000E8EDF36");
        assert_eq!(id.to_bytes(), bytes);
        assert_eq!(ObjectId::from_i64(id.to_i64()), id);
    }
}

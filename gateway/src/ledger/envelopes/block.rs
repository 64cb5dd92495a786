//! The form of a block: a head, a table of its messages, and what is kept of them, compressed. All of it is under checksums,
//! so that damage is seen before anything is served.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use mapi_core::id::Gid;
use sha2::{Digest, Sha256};

/// Entries of a full block.
pub(super) const FULL: usize = 64;
/// Bytes of the entries of a full block, uncompressed.
pub(super) const FULL_BYTES: usize = 128 << 10;
/// The largest entry that is kept.
pub(super) const MAX_ENTRY: usize = 64 << 10;
/// Bytes of a head.
pub(super) const HEAD: usize = 4 * 4 + 2 * CHECKSUM;
/// Bytes of a message in the table.
const ROW: usize = 22 + 32 + 4;
const CHECKSUM: usize = 16;
const MAGIC: u32 = u32::from_le_bytes(*b"BLK1");
/// Bytes of the entries of a block at most: one that was not full before its last entry.
const MAX_UNPACKED: usize = FULL_BYTES + MAX_ENTRY;
/// The length of an entry that is none: the message is gone.
const GONE: u32 = u32::MAX;

/// What is kept of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which message.
    pub gid: Gid,
    /// SHA-256 over the rendering of which it was made.
    pub digest: [u8; 32],
    /// What was made.
    pub bytes: Bytes,
}

/// What becomes of what is kept of a message.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// This is kept.
    Kept(Entry),
    /// The message is gone, and so is what was kept of it.
    Gone(Gid),
}

impl Change {
    /// The message.
    pub fn gid(&self) -> Gid {
        match self {
            Self::Kept(entry) => entry.gid,
            Self::Gone(gid) => *gid,
        }
    }

    /// Bytes that it takes, uncompressed.
    pub fn len(&self) -> usize {
        match self {
            Self::Kept(entry) => entry.bytes.len(),
            Self::Gone(_) => 0,
        }
    }
}

/// A message of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub gid: Gid,
    pub digest: [u8; 32],
    /// Bytes of the entry; `None` if the message is gone.
    pub len: Option<u32>,
}

/// What a block says of itself in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    rows: usize,
    packed: usize,
    unpacked: usize,
    payload: [u8; CHECKSUM],
    table: [u8; CHECKSUM],
}

impl Head {
    /// Reads the head of a block; nothing if there is none, or one that can't be.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.get(..HEAD)?;
        let mut number = || {
            let (number, after) = rest.split_first_chunk::<4>()?;
            rest = after;
            Some(u32::from_le_bytes(*number))
        };
        if number()? != MAGIC {
            return None;
        }
        let mut size = |most: usize| number().and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= most);
        let (rows, packed, unpacked) = (size(FULL)?, size(2 * MAX_UNPACKED)?, size(MAX_UNPACKED)?);
        let (payload, table) = rest.split_first_chunk::<CHECKSUM>()?;
        Some(Self { rows, packed, unpacked, payload: *payload, table: table.try_into().ok()? })
    }

    /// Bytes of head and table.
    pub fn table_end(&self) -> usize {
        HEAD + self.rows * ROW
    }

    /// Bytes of the block.
    pub fn block_len(&self) -> usize {
        self.table_end() + self.packed
    }
}

/// Reads head and table of a block, of which more may follow; nothing if they are damaged.
pub(super) fn read_table(bytes: &[u8]) -> Option<(Head, Vec<Row>)> {
    let head = Head::read(bytes)?;
    let table = bytes.get(HEAD..head.table_end())?;
    if checksum(&[&bytes[..HEAD - CHECKSUM], table]) != head.table {
        return None;
    }
    let rows = table.chunks_exact(ROW).map(|row| {
        let (gid, row) = row.split_at(22);
        let (digest, len) = row.split_first_chunk::<32>()?;
        let len = u32::from_le_bytes(len.try_into().ok()?);
        Some(Row { gid: Gid::from_slice(gid)?, digest: *digest, len: (len != GONE).then_some(len) })
    });
    Some((head, rows.collect::<Option<_>>()?))
}

/// Reads a whole block: its messages with what is kept of them. Nothing if it is damaged.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<(Row, Bytes)>> {
    let (head, rows) = read_table(bytes)?;
    let packed = bytes.get(head.table_end()..head.block_len())?;
    if checksum(&[packed]) != head.payload {
        return None;
    }
    let mut unpacked = Vec::with_capacity(head.unpacked);
    let most = u64::try_from(head.unpacked).ok()?.saturating_add(1);
    DeflateDecoder::new(packed).take(most).read_to_end(&mut unpacked).ok()?;
    if unpacked.len() != head.unpacked {
        return None;
    }
    let mut rest = Bytes::from(unpacked);
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let len = usize::try_from(row.len.unwrap_or(0)).ok().filter(|len| *len <= rest.len())?;
        entries.push((row, rest.split_to(len)));
    }
    rest.is_empty().then_some(entries)
}

/// The block of these changes. There are at most [`FULL`], and no entry is larger than [`MAX_ENTRY`]; all but the last have
/// fewer than [`FULL_BYTES`].
pub(super) fn write(changes: &[Change]) -> std::io::Result<Vec<u8>> {
    let mut table = Vec::with_capacity(changes.len() * ROW);
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
    let mut unpacked = 0;
    for change in changes {
        table.extend_from_slice(&change.gid().to_bytes());
        match change {
            Change::Kept(Entry { digest, bytes, .. }) => {
                table.extend_from_slice(digest);
                table.extend_from_slice(&number(bytes.len())?);
                packer.write_all(bytes)?;
                unpacked += bytes.len();
            }
            Change::Gone(_) => {
                table.extend_from_slice(&[0; 32]);
                table.extend_from_slice(&GONE.to_le_bytes());
            }
        }
    }
    let packed = packer.finish()?;
    let mut block = Vec::with_capacity(HEAD + table.len() + packed.len());
    block.extend_from_slice(&MAGIC.to_le_bytes());
    for size in [changes.len(), packed.len(), unpacked] {
        block.extend_from_slice(&number(size)?);
    }
    block.extend_from_slice(&checksum(&[&packed]));
    let own = checksum(&[&block, &table]);
    block.extend_from_slice(&own);
    block.extend_from_slice(&table);
    block.extend_from_slice(&packed);
    Ok(block)
}

/// How many of these changes make a block.
pub(super) fn fitting(changes: &[Change]) -> usize {
    let mut bytes = 0;
    let fits = |change: &&Change| {
        let has_room = bytes < FULL_BYTES;
        bytes += change.len();
        has_room
    };
    changes.iter().take(FULL).take_while(fits).count()
}

fn number(size: usize) -> std::io::Result<[u8; 4]> {
    u32::try_from(size).map(u32::to_le_bytes).map_err(std::io::Error::other)
}

fn checksum(pieces: &[&[u8]]) -> [u8; CHECKSUM] {
    let mut hash = Sha256::new();
    pieces.iter().for_each(|piece| hash.update(piece));
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest.split_first_chunk::<CHECKSUM>().expect("half of it");
    *first
}

#[cfg(test)]
mod tests {
    use mapi_core::id::{GlobalCounter, Guid};
    use proptest::prelude::*;

    use super::*;

    fn change(number: u64, bytes: &[u8]) -> Change {
        let gid = Gid { replica_guid: Guid([3; 16]), counter: GlobalCounter::new(number) };
        let digest = Sha256::digest(bytes).into();
        Change::Kept(Entry { gid, digest, bytes: Bytes::copy_from_slice(bytes) })
    }

    fn some() -> Vec<Change> {
        let mut changes: Vec<_> =
            (0..5).map(|n| change(n, format!("Subject: {n}\r\n\r\n").repeat(9).as_bytes())).collect();
        changes.insert(2, Change::Gone(changes[4].gid()));
        changes
    }

    #[test]
    fn what_is_written_is_read() {
        let (changes, block) = (some(), write(&some()).expect("written"));
        let read = read(&block).expect("whole");
        assert_eq!(read.len(), changes.len());
        for ((row, bytes), change) in read.iter().zip(&changes) {
            match change {
                Change::Kept(entry) => {
                    assert_eq!((row.gid, row.digest, bytes), (entry.gid, entry.digest, &entry.bytes))
                }
                Change::Gone(gid) => assert_eq!((row.gid, row.len), (*gid, None)),
            }
        }
        assert!(block.len() < HEAD + changes.len() * ROW + 100, "{}: compressed together", block.len());
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_seen() {
        let block = write(&some()).expect("written");
        for at in 0..block.len() {
            let mut damaged = block.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(read(&damaged).is_none(), "{at}");
            assert!(read(&block[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn full_blocks_can_be_read() {
        let large: Vec<u8> = (0..MAX_ENTRY as u64).map(|n| (n * n % 251) as u8 ^ (n >> 8) as u8).collect();
        let changes: Vec<_> = (0..9).map(|n| change(n, &large)).collect();
        assert_eq!(fitting(&changes), 2);
        assert!(read(&write(&changes[..2]).expect("written")).is_some());
        let almost: Vec<_> = [change(0, &large[..1]), change(1, &large), change(2, &large), change(3, b"")].into();
        assert_eq!(fitting(&almost), 3);
        assert!(read(&write(&almost[..3]).expect("written")).is_some());
        let small: Vec<_> = (0..99).map(|n| change(n, b"small")).collect();
        assert_eq!(fitting(&small), FULL);
        assert!(read(&write(&small[..FULL]).expect("written")).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(mut bytes: Vec<u8>, is_block: bool) {
            if is_block {
                bytes.splice(..0, MAGIC.to_le_bytes());
            }
            prop_assert!(read(&bytes).is_none());
        }
    }
}

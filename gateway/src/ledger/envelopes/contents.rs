use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use mapi_core::id::Gid;

use super::block::{FULL, Row};

/// Blocks of fewer bytes and few messages are better written together.
const SMALL_BYTES: u32 = 4 << 10;
/// So many small blocks are let be.
const MOST_SMALL: usize = 256;
/// So many messages that nobody wants any more are let be, beside half as many as are wanted.
const MOST_DEAD: usize = 64;

/// What stands where in a file: 16 bytes for each message. A message is known by a hash, so another one may push it out, which
/// costs no more than asking the upstream for it.
#[derive(Default)]
pub(super) struct Contents {
    blocks: Vec<Block>,
    spots: HashMap<u64, Spot>,
    hasher: RandomState,
    dead: usize,
    small: usize,
}

/// A block of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub offset: u64,
    pub len: u32,
    /// Messages in it.
    pub rows: usize,
    /// Those of them that are wanted: no later block has something newer.
    pub live: usize,
}

#[derive(Debug, Clone, Copy)]
struct Spot {
    block: u32,
    /// The first bytes of the digest.
    digest: [u8; 4],
}

impl Contents {
    /// A block with these messages follows.
    pub fn add(&mut self, offset: u64, len: u32, rows: &[Row]) {
        let Ok(number) = u32::try_from(self.blocks.len()) else { return };
        self.blocks.push(Block { offset, len, rows: rows.len(), live: 0 });
        self.small += usize::from(rows.len() < FULL / 4 && len < SMALL_BYTES);
        for row in rows {
            let key = self.key(row.gid);
            let before = match row.len {
                Some(_) => self.spots.insert(key, Spot { block: number, digest: first(&row.digest) }),
                None => self.spots.remove(&key),
            };
            if row.len.is_some() {
                self.count(number, 1);
            } else {
                self.dead += 1;
            }
            if let Some(before) = before {
                self.count(before.block, -1);
                self.dead += 1;
            }
        }
    }

    /// The number of the block in which this may stand.
    pub fn block_of(&self, gid: Gid, digest: &[u8; 32]) -> Option<usize> {
        let spot = self.spots.get(&self.key(gid)).filter(|spot| spot.digest == first(digest))?;
        usize::try_from(spot.block).ok()
    }

    /// Whether anything stands there of a message.
    pub fn has(&self, gid: Gid) -> bool {
        self.spots.contains_key(&self.key(gid))
    }

    /// A block can't be read: what is in it is not there any more.
    pub fn lose(&mut self, number: usize) {
        self.spots.retain(|_, spot| usize::try_from(spot.block) != Ok(number));
        if let Some(block) = self.blocks.get_mut(number) {
            self.dead += std::mem::take(&mut block.live);
        }
    }

    /// The blocks, oldest first.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Whether it is worth the while to write the file anew.
    pub fn is_wasteful(&self) -> bool {
        self.dead > self.spots.len() / 2 + MOST_DEAD || self.small > MOST_SMALL
    }

    fn count(&mut self, block: u32, change: isize) {
        if let Some(block) = usize::try_from(block).ok().and_then(|number| self.blocks.get_mut(number)) {
            block.live = block.live.saturating_add_signed(change);
        }
    }

    fn key(&self, gid: Gid) -> u64 {
        self.hasher.hash_one(gid)
    }
}

fn first(digest: &[u8; 32]) -> [u8; 4] {
    let [a, b, c, d, ..] = *digest;
    [a, b, c, d]
}

use std::time::{SystemTime, UNIX_EPOCH};

use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::LedgerError;
use super::redb_file::RedbFile;
use super::tables::{FolderBytes, TOMBSTONE_HEADS, TOMBSTONES};

/// Of how many messages that went, and for how long, a folder remembers this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TombstoneBound {
    /// Messages.
    count: u32,
    /// Days.
    days: u32,
    /// The day on which it is, in days since 1970-01-01 UTC.
    today: u32,
}

/// What is stored of a folder's tombstones beside them.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TombstoneHead {
    /// How many there are; none is written for folders of older releases until the first is added.
    count: u32,
    /// The highest MODSEQ of each day on which messages went, in order.
    days: Vec<(u32, u64)>,
    /// Tombstones up to this MODSEQ may have been dropped.
    pub(super) dropped: u64,
}

impl TombstoneBound {
    /// So many messages and days, as of now.
    pub(super) fn now(count: u32, days: u32) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { count, days, today: u32::try_from(since / 86_400).unwrap_or(u32::MAX) }
    }
}

/// Forgets all tombstones of a folder.
pub(super) fn forget(file: &RedbFile, transaction: &WriteTransaction, key: &FolderBytes) -> Result<(), LedgerError> {
    let mut table = transaction.open_table(TOMBSTONES).map_err(|e| file.storage(e))?;
    table.retain_in((key, 0)..=(key, u32::MAX), |_, _| false).map_err(|e| file.storage(e))?;
    let mut heads = transaction.open_table(TOMBSTONE_HEADS).map_err(|e| file.storage(e))?;
    heads.remove(key).map_err(|e| file.storage(e))?;
    Ok(())
}

/// Adds tombstones, and drops the oldest ones beyond `bound`. They are looked through only when there are an eighth more of them
/// than wanted, or when a day has passed that is not kept.
pub(super) fn add(
    file: &RedbFile,
    transaction: &WriteTransaction,
    key: &FolderBytes,
    added: &[(u32, u64)],
    bound: TombstoneBound,
) -> Result<(), LedgerError> {
    let Some(newest) = added.iter().map(|(_, modseq)| *modseq).max() else { return Ok(()) };
    let mut table = transaction.open_table(TOMBSTONES).map_err(|e| file.storage(e))?;
    let mut heads = transaction.open_table(TOMBSTONE_HEADS).map_err(|e| file.storage(e))?;
    let all = || (key, 0)..=(key, u32::MAX);
    let mut head = match heads.get(key).map_err(|e| file.storage(e))? {
        Some(head) => file.decode::<TombstoneHead>(head.value(), "tombstone head")?,
        None => {
            let before = table.range(all()).map_err(|e| file.storage(e))?;
            TombstoneHead { count: u32::try_from(before.count()).unwrap_or(u32::MAX), ..TombstoneHead::default() }
        }
    };
    for (uid, modseq) in added {
        if table.insert((key, *uid), *modseq).map_err(|e| file.storage(e))?.is_none() {
            head.count = head.count.saturating_add(1);
        }
    }
    head.note(newest, bound.today);
    let mut floor = head.expire(bound);
    let too_many = head.count > bound.count.saturating_add(bound.count / 8);
    if too_many {
        let mut kept = Vec::new();
        for entry in table.range(all()).map_err(|e| file.storage(e))? {
            kept.push(entry.map_err(|e| file.storage(e))?.1.value());
        }
        kept.sort_unstable_by(|one, other| other.cmp(one));
        // All of one MODSEQ or none: what is complete is told by MODSEQ.
        let first_too_many = kept.get(usize::try_from(bound.count).unwrap_or(usize::MAX));
        floor = floor.max(first_too_many.copied());
    }
    if let Some(floor) = floor {
        let mut left = 0;
        table
            .retain_in(all(), |_, modseq| {
                let stays = modseq > floor;
                left += u32::from(stays);
                stays
            })
            .map_err(|e| file.storage(e))?;
        (head.count, head.dropped) = (left, head.dropped.max(floor));
    }
    let value = file.encode(&head, "tombstone head")?;
    heads.insert(key, value.as_slice()).map_err(|e| file.storage(e))?;
    Ok(())
}

impl TombstoneHead {
    fn note(&mut self, modseq: u64, today: u32) {
        match self.days.last_mut() {
            // A clock that was set back makes no new day.
            Some((day, newest)) if *day >= today => *newest = modseq.max(*newest),
            _ => self.days.push((today, modseq)),
        }
    }

    /// Takes days away that are not kept; the MODSEQ up to which tombstones go with them.
    fn expire(&mut self, bound: TombstoneBound) -> Option<u64> {
        let oldest = bound.today.saturating_sub(bound.days);
        let expired = self.days.iter().take_while(|(day, _)| *day < oldest).count();
        self.days.drain(..expired).map(|(_, modseq)| modseq).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(today: u32) -> TombstoneBound {
        TombstoneBound { count: 16, days: 90, today }
    }

    #[test]
    fn days_end() {
        let mut head = TombstoneHead::default();
        for (day, modseq) in [(100, 5), (100, 7), (99, 8), (150, 9), (190, 11)] {
            head.note(modseq, day);
        }
        assert_eq!(head.days, [(100, 8), (150, 9), (190, 11)]);
        assert_eq!(head.expire(on(190)), None);
        assert_eq!(head.expire(on(191)), Some(8));
        assert_eq!(head.expire(on(400)), Some(11));
        assert_eq!(head, TombstoneHead::default());
    }
}

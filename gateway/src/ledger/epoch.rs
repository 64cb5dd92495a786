use mapi_core::id::Guid;

/// How many ledger instances the epoch remembers; the one written longest ago goes first.
const MAX_ENTRIES: usize = 8;
/// Format 1 had neither runs nor what was forgotten.
const OLD_FORMAT: u8 = 1;
const OLD_ENTRY_SIZE: usize = 24;
const FORMAT: u8 = 2;
const ENTRY_SIZE: usize = 28;
const FORGOTTEN_SIZE: usize = 8;

/// UIDs are reserved in blocks of this size.
const BLOCK: u32 = 1000;

/// Runs have numbers below this, so that MODSEQs made of them have 63 bits (RFC 7162 3.1).
pub const MAX_RUN: u32 = 1 << 31;
/// UIDNEXT and ceilings stay below this.
pub const MAX_UID: u32 = u32::MAX - 4096;

/// The epoch of a folder: what is remembered outside of the ledgers of those that gave its messages UIDs. A ledger that was
/// restored from an old copy finds a run or a ceiling here which it does not know of, and goes on above them instead of
/// giving UIDs a second time. Small enough for a binary named property on the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Epoch {
    entries: Vec<EpochEntry>,
    /// What the entries that had to go had reached. It may have been any ledger's.
    forgotten: Reached,
}

/// What the epoch remembers of one ledger instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEntry {
    /// The ledger's instance id.
    pub instance: Guid,
    /// UIDVALIDITY of the folder in that ledger.
    pub uid_validity: u32,
    /// UIDs below this may have been given out.
    pub ceiling: u32,
    /// The number of its last run.
    pub run: u32,
}

/// How far a ledger may have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// The number of its last run; 0 if it had none.
    pub run: u32,
    /// UIDs below this may have been given out.
    pub ceiling: u32,
}

impl Epoch {
    /// Reads the property. Anything that isn't a known epoch reads as empty: it can't prove anything.
    pub fn decode(bytes: &[u8]) -> Self {
        let (forgotten, entries, size) = match bytes.split_first() {
            Some((&OLD_FORMAT, rest)) => (Reached::default(), rest, OLD_ENTRY_SIZE),
            Some((&FORMAT, rest)) if rest.len() >= FORGOTTEN_SIZE => {
                (Reached { run: number(rest, 0), ceiling: number(rest, 4) }, &rest[FORGOTTEN_SIZE..], ENTRY_SIZE)
            }
            _ => return Self::default(),
        };
        let entry = |bytes: &[u8]| {
            let instance = Guid(bytes.first_chunk().copied().unwrap_or_default());
            let (uid_validity, ceiling) = (number(bytes, 16), number(bytes, 20));
            EpochEntry { instance, uid_validity, ceiling, run: number(bytes, 24) }
        };
        // No gateway writes numbers that leave no room for higher ones; whoever did must not stop the folder for good.
        let sound = |reached: &Reached| reached.run < MAX_RUN - 1 && reached.ceiling < MAX_UID;
        let entries = entries.chunks_exact(size).take(MAX_ENTRIES).map(entry);
        let entries = entries.filter(|entry| sound(&entry.reached())).collect();
        Self { entries, forgotten: Some(forgotten).filter(sound).unwrap_or_default() }
    }

    /// The bytes of the property.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend_from_slice(&self.forgotten.run.to_le_bytes());
        out.extend_from_slice(&self.forgotten.ceiling.to_le_bytes());
        for entry in &self.entries {
            out.extend_from_slice(&entry.instance.0);
            for number in [entry.uid_validity, entry.ceiling, entry.run] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        out
    }

    /// What is remembered of a ledger instance.
    pub fn entry(&self, instance: Guid) -> Option<EpochEntry> {
        self.entries.iter().find(|entry| entry.instance == instance).copied()
    }

    /// How far a ledger instance may have come: what is remembered of it, or of those that were forgotten.
    pub fn reached(&self, instance: Guid) -> Reached {
        self.entry(instance).map_or(self.forgotten, |entry| entry.reached())
    }

    /// The highest UIDVALIDITY that any ledger used; 0 if none did.
    pub fn highest_uid_validity(&self) -> u32 {
        self.entries.iter().map(|entry| entry.uid_validity).max().unwrap_or(0)
    }

    /// Remembers `entry` as the one written last.
    pub fn set(&mut self, entry: EpochEntry) {
        self.entries.retain(|known| known.instance != entry.instance);
        if self.entries.len() >= MAX_ENTRIES {
            let oldest = self.entries.remove(0);
            self.forgotten.run = self.forgotten.run.max(oldest.run);
            self.forgotten.ceiling = self.forgotten.ceiling.max(oldest.ceiling);
        }
        self.entries.push(entry);
    }

    /// The ceiling to reserve so that `uid_next` can grow to `needed`.
    pub fn ceiling_for(needed: u32) -> u32 {
        needed.div_ceil(BLOCK).saturating_mul(BLOCK).saturating_add(BLOCK)
    }
}

impl EpochEntry {
    fn reached(&self) -> Reached {
        Reached { run: self.run, ceiling: self.ceiling }
    }
}

/// The number at a place; 0 beyond the end.
fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u8, ceiling: u32) -> EpochEntry {
        EpochEntry { instance: Guid([n; 16]), uid_validity: 100 + u32::from(n), ceiling, run: 10 + u32::from(n) }
    }

    #[test]
    fn remembers_the_last_few_instances() {
        let mut epoch = Epoch::default();
        (1..=9).for_each(|n| epoch.set(entry(n, 1000 * u32::from(n))));
        epoch.set(entry(2, 9900));
        let epoch = Epoch::decode(&epoch.encode());
        assert_eq!(epoch.entry(Guid([1; 16])), None, "the oldest went");
        assert_eq!(epoch.reached(Guid([1; 16])), Reached { run: 11, ceiling: 1000 }, "but not how far it came");
        assert_eq!(epoch.entry(Guid([2; 16])), Some(entry(2, 9900)));
        assert_eq!(epoch.reached(Guid([2; 16])), Reached { run: 12, ceiling: 9900 });
        assert_eq!(epoch.highest_uid_validity(), 109);
        assert!(epoch.encode().len() < 510, "fits a table column");
    }

    #[test]
    fn reads_what_releases_before_runs_wrote() {
        let mut bytes = vec![OLD_FORMAT];
        for n in [1u8, 2] {
            bytes.extend_from_slice(&[n; 16]);
            bytes.extend_from_slice(&(100 + u32::from(n)).to_le_bytes());
            bytes.extend_from_slice(&2000u32.to_le_bytes());
        }
        let epoch = Epoch::decode(&bytes);
        assert_eq!(epoch.entry(Guid([2; 16])), Some(EpochEntry { run: 0, ..entry(2, 2000) }));
        assert_eq!(Epoch::decode(&epoch.encode()), epoch);
    }

    #[test]
    fn rubbish_proves_nothing() {
        for bytes in [&b"rubbish"[..], b"", &[FORMAT], &[FORMAT, 1, 2, 3], &[OLD_FORMAT, 9, 9]] {
            assert_eq!(Epoch::decode(bytes), Epoch::default(), "{bytes:?}");
        }
        let mut epoch = Epoch::default();
        epoch.set(EpochEntry { run: u32::MAX, ..entry(1, 1000) });
        epoch.set(entry(2, u32::MAX));
        epoch.set(entry(3, 1000));
        let epoch = Epoch::decode(&epoch.encode());
        let known = [1, 2, 3].map(|n| epoch.entry(Guid([n; 16])).is_some());
        assert_eq!(known, [false, false, true], "nobody can be kept from going on by numbers that leave no room");
    }

    #[test]
    fn ceilings_leave_room() {
        assert_eq!(Epoch::ceiling_for(1), 2000);
        assert_eq!(Epoch::ceiling_for(1000), 2000);
        assert_eq!(Epoch::ceiling_for(10_001), 12_000);
    }
}

use mapi_core::id::Guid;

/// How many ledger instances the epoch remembers; the one written longest ago goes first.
const MAX_ENTRIES: usize = 8;
const ENTRY_SIZE: usize = 24;
const FORMAT: u8 = 1;

/// UIDs are reserved in blocks of this size.
const BLOCK: u32 = 1000;

/// The epoch of a folder: what the mailbox itself remembers of the ledgers that gave its messages UIDs. A ledger that was
/// restored from an old copy finds a ceiling here which it does not know of, and takes a higher UIDVALIDITY instead of
/// giving UIDs a second time. Kept in a small binary named property on the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Epoch {
    entries: Vec<EpochEntry>,
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
}

impl Epoch {
    /// Reads the property. Anything that isn't a known epoch reads as empty: it can't prove anything.
    pub fn decode(bytes: &[u8]) -> Self {
        let Some((&FORMAT, rest)) = bytes.split_first() else { return Self::default() };
        let number = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).unwrap_or(0);
        let entry = |bytes: &[u8]| EpochEntry {
            instance: Guid(bytes[..16].try_into().expect("chunks_exact gives 24 bytes")),
            uid_validity: number(&bytes[16..20]),
            ceiling: number(&bytes[20..24]),
        };
        Self { entries: rest.chunks_exact(ENTRY_SIZE).take(MAX_ENTRIES).map(entry).collect() }
    }

    /// The bytes of the property.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        for entry in &self.entries {
            out.extend_from_slice(&entry.instance.0);
            out.extend_from_slice(&entry.uid_validity.to_le_bytes());
            out.extend_from_slice(&entry.ceiling.to_le_bytes());
        }
        out
    }

    /// What is remembered of a ledger instance.
    pub fn entry(&self, instance: Guid) -> Option<EpochEntry> {
        self.entries.iter().find(|entry| entry.instance == instance).copied()
    }

    /// The highest UIDVALIDITY that any ledger used; 0 if none did.
    pub fn highest_uid_validity(&self) -> u32 {
        self.entries.iter().map(|entry| entry.uid_validity).max().unwrap_or(0)
    }

    /// Remembers `entry` as the one written last.
    pub fn set(&mut self, entry: EpochEntry) {
        self.entries.retain(|known| known.instance != entry.instance);
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(entry);
    }

    /// Whether the mailbox remembers more than a ledger with these values knows: the ledger is an old copy.
    pub fn is_ahead_of(&self, instance: Guid, uid_validity: u32, ceiling: u32) -> bool {
        self.entry(instance).is_some_and(|entry| (entry.uid_validity, entry.ceiling) > (uid_validity, ceiling))
    }

    /// The ceiling to reserve so that `uid_next` can grow to `needed`.
    pub fn ceiling_for(needed: u32) -> u32 {
        needed.div_ceil(BLOCK).saturating_mul(BLOCK).saturating_add(BLOCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u8, ceiling: u32) -> EpochEntry {
        EpochEntry { instance: Guid([n; 16]), uid_validity: 100 + u32::from(n), ceiling }
    }

    #[test]
    fn remembers_the_last_few_instances() {
        let mut epoch = Epoch::default();
        (1..=9).for_each(|n| epoch.set(entry(n, 1000)));
        epoch.set(entry(2, 2000));
        let epoch = Epoch::decode(&epoch.encode());
        assert_eq!(epoch.entry(Guid([1; 16])), None, "the oldest went");
        assert_eq!(epoch.entry(Guid([2; 16])), Some(entry(2, 2000)));
        assert_eq!(epoch.highest_uid_validity(), 109);
        assert!(epoch.encode().len() < 510, "fits a table column");
    }

    #[test]
    fn an_old_copy_is_behind() {
        let mut epoch = Epoch::default();
        epoch.set(entry(1, 2000));
        let instance = Guid([1; 16]);
        assert!(epoch.is_ahead_of(instance, 101, 1000));
        assert!(!epoch.is_ahead_of(instance, 101, 2000));
        assert!(!epoch.is_ahead_of(instance, 101, 3000), "a crash between ledger and mailbox");
        assert!(epoch.is_ahead_of(instance, 100, 9000));
        assert!(!epoch.is_ahead_of(Guid([5; 16]), 1, 1), "other ledgers don't matter");
        assert_eq!(Epoch::decode(b"rubbish"), Epoch::default());
    }

    #[test]
    fn ceilings_leave_room() {
        assert_eq!(Epoch::ceiling_for(1), 2000);
        assert_eq!(Epoch::ceiling_for(1000), 2000);
        assert_eq!(Epoch::ceiling_for(10_001), 12_000);
    }
}

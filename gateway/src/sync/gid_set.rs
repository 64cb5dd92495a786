use std::ops::RangeInclusive;

use mapi_core::id::{Gid, Guid};

/// A set of global ids as ranges of counters per replica: what ICS says of deleted, read and unread messages. May
/// cover ids that were never in the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GidSet {
    ranges: Vec<(Guid, RangeInclusive<u64>)>,
}

impl GidSet {
    /// No ids.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the counters `range` of a replica.
    pub fn insert_range(&mut self, replica: Guid, range: RangeInclusive<u64>) {
        self.ranges.push((replica, range));
    }

    /// Whether `gid` is in the set.
    pub fn contains(&self, gid: &Gid) -> bool {
        self.ranges.iter().any(|(replica, range)| *replica == gid.replica_guid && range.contains(&gid.counter.value()))
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

impl FromIterator<Gid> for GidSet {
    fn from_iter<I: IntoIterator<Item = Gid>>(gids: I) -> Self {
        let ranges =
            gids.into_iter().map(|gid| (gid.replica_guid, gid.counter.value()..=gid.counter.value())).collect();
        Self { ranges }
    }
}

use std::collections::BTreeMap;

use mapi_core::id::{Gid, GlobalCounter, Guid, ReplicaGuidSet};

/// Which UID a folder's messages have. It is ordered as sets of messages are, so that what a round names by ranges is found
/// without looking at the other messages.
#[derive(Debug, Clone, Default)]
pub(super) struct Uids {
    /// Per replica, by counter.
    replicas: BTreeMap<Guid, BTreeMap<u64, u32>>,
}

impl Uids {
    pub fn get(&self, gid: &Gid) -> Option<u32> {
        self.replicas.get(&gid.replica_guid)?.get(&gid.counter.value()).copied()
    }

    /// Gives the UID that the message had before.
    pub fn insert(&mut self, gid: &Gid, uid: u32) -> Option<u32> {
        self.replicas.entry(gid.replica_guid).or_default().insert(gid.counter.value(), uid)
    }

    pub fn remove(&mut self, gid: &Gid) {
        if let Some(counters) = self.replicas.get_mut(&gid.replica_guid) {
            counters.remove(&gid.counter.value());
        }
    }

    /// The UIDs of the folder's messages that are in a set.
    pub fn among<'a>(&'a self, set: &'a ReplicaGuidSet) -> impl Iterator<Item = u32> + 'a {
        set.replicas().filter_map(|(replica, set)| Some((self.replicas.get(&replica)?, set))).flat_map(
            |(counters, set)| {
                let range = |(low, high): (GlobalCounter, GlobalCounter)| counters.range(low.value()..=high.value());
                set.ranges().flat_map(range).map(|(_, uid)| *uid)
            },
        )
    }
}

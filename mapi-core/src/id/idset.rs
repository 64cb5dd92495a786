use std::collections::BTreeMap;
use std::fmt;

use super::{Gid, GlobSet, Guid, ObjectId};
use crate::wire::{Reader, WireResult, Writer};

/// How a set names its replicas: by REPLGUID (valid beyond a logon) or by REPLID (within one).
pub trait ReplicaKey: Copy + Ord + fmt::Debug + Sized {
    /// Reads the replica of the next element.
    fn decode(reader: &mut Reader<'_>) -> WireResult<Self>;
    /// Writes it.
    fn encode(self, writer: &mut Writer);
}

impl ReplicaKey for Guid {
    fn decode(reader: &mut Reader<'_>) -> WireResult<Self> {
        reader.guid("IDSET REPLGUID")
    }

    fn encode(self, writer: &mut Writer) {
        writer.guid(self);
    }
}

impl ReplicaKey for u16 {
    fn decode(reader: &mut Reader<'_>) -> WireResult<Self> {
        reader.u16("IDSET REPLID")
    }

    fn encode(self, writer: &mut Writer) {
        writer.u16(self);
    }
}

/// A set of ids or change numbers (IDSET, CNSET; [MS-OXCFXICS] 2.2.2.4): a [`GlobSet`] per replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdSet<K> {
    replicas: BTreeMap<K, GlobSet>,
}

/// The REPLGUID form: synchronisation state.
pub type ReplicaGuidSet = IdSet<Guid>;
/// The REPLID form: deletions and read-state changes.
pub type ReplicaIdSet = IdSet<u16>;

impl<K: ReplicaKey> IdSet<K> {
    /// No ids.
    pub fn new() -> Self {
        Self { replicas: BTreeMap::new() }
    }

    /// Whether no id is in the set.
    pub fn is_empty(&self) -> bool {
        self.replicas.values().all(GlobSet::is_empty)
    }

    /// How many ids are in the set.
    pub fn count(&self) -> u64 {
        self.replicas.values().map(GlobSet::count).fold(0, u64::saturating_add)
    }

    /// The replicas with their counters, ascending.
    pub fn replicas(&self) -> impl Iterator<Item = (K, &GlobSet)> {
        self.replicas.iter().map(|(key, set)| (*key, set))
    }

    /// The counters of one replica.
    pub fn replica(&self, key: K) -> Option<&GlobSet> {
        self.replicas.get(&key)
    }

    /// The counters of one replica, to be changed.
    pub fn replica_mut(&mut self, key: K) -> &mut GlobSet {
        self.replicas.entry(key).or_default()
    }

    /// Adds every id of `other`.
    pub fn extend(&mut self, other: &Self) {
        for (key, set) in &other.replicas {
            self.replica_mut(*key).extend(set);
        }
    }

    /// The ids of this set that are not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        let none = GlobSet::new();
        let rest = |(key, set): (&K, &GlobSet)| (*key, set.difference(other.replicas.get(key).unwrap_or(&none)));
        Self { replicas: self.replicas.iter().map(rest).filter(|(_, set)| !set.is_empty()).collect() }
    }

    /// Reads elements until the reader is empty. Accepts replicas in any order and more than once.
    pub fn decode(reader: &mut Reader<'_>) -> WireResult<Self> {
        let mut out = Self::new();
        while !reader.is_empty() {
            let key = K::decode(reader)?;
            let set = GlobSet::decode(reader)?;
            match out.replicas.get_mut(&key) {
                Some(known) => known.extend(&set),
                None => drop(out.replicas.insert(key, set)),
            }
        }
        Ok(out)
    }

    /// Reads a whole property value.
    pub fn from_bytes(bytes: &[u8]) -> WireResult<Self> {
        Self::decode(&mut Reader::new(bytes))
    }

    /// Writes the elements, replicas ascending, empty ones left out.
    pub fn encode(&self, writer: &mut Writer) {
        for (key, set) in self.replicas.iter().filter(|(_, set)| !set.is_empty()) {
            key.encode(writer);
            set.encode(writer);
        }
    }

    /// The bytes of a property value.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.encode(&mut writer);
        writer.into_vec()
    }
}

impl ReplicaGuidSet {
    /// Adds a global id.
    pub fn insert(&mut self, id: Gid) {
        self.replica_mut(id.replica_guid).insert(id.counter);
    }

    /// Removes a global id.
    pub fn remove(&mut self, id: Gid) {
        if let Some(set) = self.replicas.get_mut(&id.replica_guid) {
            set.remove(id.counter);
        }
    }

    /// Whether a global id is in the set.
    pub fn contains(&self, id: Gid) -> bool {
        self.replica(id.replica_guid).is_some_and(|set| set.contains(id.counter))
    }

    /// Every id, ascending. Bound what is taken: see [`GlobSet::counters`].
    pub fn ids(&self) -> impl Iterator<Item = Gid> + '_ {
        self.replicas().flat_map(|(replica_guid, set)| set.counters().map(move |counter| Gid { replica_guid, counter }))
    }
}

impl ReplicaIdSet {
    /// Adds an id of this logon.
    pub fn insert(&mut self, id: ObjectId) {
        self.replica_mut(id.replica_id).insert(id.counter);
    }

    /// Removes an id of this logon.
    pub fn remove(&mut self, id: ObjectId) {
        if let Some(set) = self.replicas.get_mut(&id.replica_id) {
            set.remove(id.counter);
        }
    }

    /// Whether an id of this logon is in the set.
    pub fn contains(&self, id: ObjectId) -> bool {
        self.replica(id.replica_id).is_some_and(|set| set.contains(id.counter))
    }

    /// Every id, ascending. Bound what is taken: see [`GlobSet::counters`].
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.replicas()
            .flat_map(|(replica_id, set)| set.counters().map(move |counter| ObjectId { replica_id, counter }))
    }
}

impl<K: ReplicaKey> Default for IdSet<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// MetaTagIdsetGiven and MetaTagIdsetDeleted as an independent server sent them.
    #[test]
    fn recorded_sets() {
        let given = [
            4, 0, 0, 0, 0xA5, 0x18, 0x7B, 0x6F, 0xBC, 0xDC, 0xEA, 0x1E, 0xD0, 0x3C, 0x56, 0x57, 0x52, 0, 0, 0, 3, 0, 0,
            0, 0, 0, 3, 0, 0x1D, 0,
        ];
        let set = ReplicaGuidSet::from_bytes(&given).expect("a valid set");
        assert_eq!(set.count(), 30);
        assert_eq!(set.to_bytes(), given);
        let first = set.ids().next().expect("not empty");
        assert_eq!(first.to_string(), "00000004-18a5-6f7b-bcdc-ea1ed03c5657/000000030000");
        assert!(set.contains(first));
    }

    #[test]
    fn ids_of_this_logon() {
        let mut set = ReplicaIdSet::new();
        set.insert(ObjectId::new(1, 0x30002));
        set.insert(ObjectId::new(1, 0x30001));
        set.insert(ObjectId::new(7, 5));
        assert_eq!(ReplicaIdSet::from_bytes(&set.to_bytes()), Ok(set.clone()));
        set.remove(ObjectId::new(7, 5));
        assert_eq!(set.ids().map(|id| id.to_string()).collect::<Vec<_>>(), ["0001-000000030001", "0001-000000030002"]);
        assert!(!set.contains(ObjectId::new(7, 5)));
        assert_eq!(set.to_bytes().len(), 16);
    }

    proptest! {
        #[test]
        fn decode_inverts_encode(ids in proptest::collection::vec((0u16..4, 0u64..5000), 0..60)) {
            let mut set = ReplicaIdSet::new();
            for (replica, counter) in &ids {
                set.insert(ObjectId::new(*replica, *counter));
            }
            prop_assert_eq!(ReplicaIdSet::from_bytes(&set.to_bytes()), Ok(set.clone()));
            prop_assert!(set.difference(&set).is_empty());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ReplicaIdSet::from_bytes(&bytes);
            let _ = ReplicaGuidSet::from_bytes(&bytes);
        }
    }
}

use super::{Atom, AtomParser, Marker, ParserLimits, StreamWriter};
use crate::id::{GlobalCounter, ReplicaGuidSet};
use crate::property::{PropertyKey, PropertyTag, PropertyValue, tags};
use crate::wire::{WireErrorKind, WireResult};

/// The state of a synchronisation ([MS-OXCFXICS] 2.2.1.1), as the server told it: what to upload next time so that only
/// what changed since comes down. The sets stay opaque bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct SyncState {
    /// MetaTagIdsetGiven: ids of the objects the client has.
    pub idset_given: Option<Vec<u8>>,
    /// MetaTagCnsetSeen: changes of normal messages (or folders) the client has.
    pub cnset_seen: Option<Vec<u8>>,
    /// MetaTagCnsetSeenFAI: changes of FAI messages.
    pub cnset_seen_fai: Option<Vec<u8>>,
    /// MetaTagCnsetRead: read-state changes.
    pub cnset_read: Option<Vec<u8>>,
}

/// A state is never larger than this.
const STATE_LIMIT: usize = 64 << 20;

impl SyncState {
    /// The state of a client that has nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The elements that have content, with the property tags to upload them under.
    pub fn elements(&self) -> impl Iterator<Item = (PropertyTag, &[u8])> {
        [
            (tags::MetaTagIdsetGiven, &self.idset_given),
            (tags::MetaTagCnsetSeen, &self.cnset_seen),
            (tags::MetaTagCnsetSeenFAI, &self.cnset_seen_fai),
            (tags::MetaTagCnsetRead, &self.cnset_read),
        ]
        .into_iter()
        .filter_map(|(tag, bytes)| Some((tag, bytes.as_deref()?)))
        .filter(|(_, bytes)| !bytes.is_empty())
    }

    /// The state to store after a round that began with `before` and ended with `self`: elements the server left out keep
    /// their value, and a MetaTagCnsetRead that reaches the largest counter is dropped. Gromox sends such a set for
    /// folders without any read-state change, and would then leave out the changes to come; without the element read
    /// states that are known come again, which is harmless.
    pub fn after(self, before: &Self) -> Self {
        let keep = |new: Option<Vec<u8>>, old: &Option<Vec<u8>>| new.or_else(|| old.clone());
        let cnset_read = keep(self.cnset_read, &before.cnset_read).filter(|bytes| !reaches_the_end(bytes));
        Self {
            idset_given: keep(self.idset_given, &before.idset_given),
            cnset_seen: keep(self.cnset_seen, &before.cnset_seen),
            cnset_seen_fai: keep(self.cnset_seen_fai, &before.cnset_seen_fai),
            cnset_read,
        }
    }

    /// The decoded MetaTagIdsetGiven.
    pub fn given(&self) -> WireResult<ReplicaGuidSet> {
        ReplicaGuidSet::from_bytes(self.idset_given.as_deref().unwrap_or_default())
    }

    /// The state as the `state` element of a stream; [`SyncState::from_bytes`] reads it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = StreamWriter::new();
        self.write(&mut writer);
        writer.into_vec()
    }

    /// Reads what [`SyncState::to_bytes`] wrote, or the stream of RopSynchronizationGetTransferState.
    pub fn from_bytes(bytes: &[u8]) -> WireResult<Self> {
        let mut parser = AtomParser::new(ParserLimits { value: STATE_LIMIT, ..ParserLimits::default() });
        parser.push(bytes)?;
        let mut state = Self::new();
        let mut open = None;
        while let Some(atom) = parser.next_atom()? {
            match atom {
                Atom::Marker(Marker::IncrSyncStateBegin) if open.is_none() => open = Some(true),
                Atom::Marker(Marker::IncrSyncStateEnd) if open == Some(true) => open = Some(false),
                Atom::Property(key, value) if open == Some(true) => state.set(&key, value),
                Atom::Marker(marker) => {
                    return Err(parser.error("state", WireErrorKind::Invalid(marker.to_u32().into())));
                }
                _ => return Err(parser.error("state", WireErrorKind::Invalid(0))),
            }
        }
        parser.finish()?;
        match open {
            Some(false) => Ok(state),
            _ => Err(parser.error("state", WireErrorKind::Truncated { needed: 4, left: 0 })),
        }
    }

    /// Writes the `state` element ([MS-OXCFXICS] 2.2.4.3.25).
    pub fn write(&self, writer: &mut StreamWriter) {
        writer.marker(Marker::IncrSyncStateBegin);
        for (tag, bytes) in [
            (tags::MetaTagIdsetGiven, &self.idset_given),
            (tags::MetaTagCnsetSeen, &self.cnset_seen),
            (tags::MetaTagCnsetSeenFAI, &self.cnset_seen_fai),
            (tags::MetaTagCnsetRead, &self.cnset_read),
        ] {
            if let Some(bytes) = bytes {
                writer.tagged(tag, PropertyValue::Binary(bytes.clone()));
            }
        }
        writer.marker(Marker::IncrSyncStateEnd);
    }

    /// Takes one property of the `state` element; others than the four are passed over.
    pub(super) fn set(&mut self, key: &PropertyKey, value: PropertyValue) {
        let (PropertyKey::Tag(tag), PropertyValue::Binary(bytes)) = (key, value) else { return };
        match *tag {
            tags::MetaTagIdsetGiven => self.idset_given = Some(bytes),
            tags::MetaTagCnsetSeen => self.cnset_seen = Some(bytes),
            tags::MetaTagCnsetSeenFAI => self.cnset_seen_fai = Some(bytes),
            tags::MetaTagCnsetRead => self.cnset_read = Some(bytes),
            _ => {}
        }
    }
}

fn reaches_the_end(cnset: &[u8]) -> bool {
    ReplicaGuidSet::from_bytes(cnset).is_ok_and(|set| {
        set.replicas()
            .any(|(_, counters)| counters.ranges().next_back().is_some_and(|(_, high)| high == GlobalCounter::MAX))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Gid, Guid};

    fn set(low: u64, high: u64) -> Option<Vec<u8>> {
        let mut set = ReplicaGuidSet::new();
        set.replica_mut(Guid([7; 16])).insert_range(GlobalCounter::new(low), GlobalCounter::new(high));
        Some(set.to_bytes())
    }

    #[test]
    fn stored_form_round_trips() {
        let state = SyncState {
            idset_given: set(5, 9),
            cnset_seen: set(1, 90),
            cnset_seen_fai: Some(Vec::new()),
            cnset_read: None,
        };
        assert_eq!(SyncState::from_bytes(&state.to_bytes()), Ok(state.clone()));
        assert!(
            state.given().expect("a set").contains(Gid { replica_guid: Guid([7; 16]), counter: GlobalCounter::new(7) })
        );
        assert_eq!(
            state.elements().map(|(tag, _)| tag).collect::<Vec<_>>(),
            [tags::MetaTagIdsetGiven, tags::MetaTagCnsetSeen]
        );
        assert!(SyncState::from_bytes(&state.to_bytes()[..9]).is_err());
    }

    #[test]
    fn elements_left_out_stay_and_an_endless_read_set_goes() {
        let before = SyncState {
            idset_given: set(1, 2),
            cnset_seen: set(1, 2),
            cnset_seen_fai: set(1, 1),
            cnset_read: set(3, 4),
        };
        let after = SyncState { cnset_seen: set(1, 8), cnset_read: set(1, 0xFFFF_FFFF_FFFF), ..SyncState::new() }
            .after(&before);
        assert_eq!(after, SyncState { cnset_seen: set(1, 8), cnset_read: None, ..before.clone() });
        let kept = SyncState { cnset_read: set(3, 9), ..SyncState::new() }.after(&before);
        assert_eq!(kept.cnset_read, set(3, 9));
    }
}

use super::content::{ContentBuilder, unexpected};
use super::{Atom, AtomParser, FolderChange, Marker, MessageChange, MessageLimits, ParserLimits, SyncState};
use crate::id::ReplicaIdSet;
use crate::message::PropertyBag;
use crate::property::{PropertyKey, tags};
use crate::wire::{WireError, WireErrorKind, WireResult};

/// What a synchronisation stream tells.
#[derive(Debug, Clone, PartialEq)]
pub enum SyncEvent {
    /// A message is new or changed (contents synchronisation).
    Message(Box<MessageChange>),
    /// A folder is new or changed (hierarchy synchronisation).
    Folder(FolderChange),
    /// Objects that are gone: deleted, expired or no longer in scope.
    Deleted(ReplicaIdSet),
    /// Messages whose read state changed, without any other change.
    ReadState {
        /// Now read.
        read: ReplicaIdSet,
        /// Now unread.
        unread: ReplicaIdSet,
    },
    /// The state after this round, the last event. Store [`SyncState::after`] of it.
    State(SyncState),
}

/// Turns the stream of a contents or hierarchy synchronisation (contentsSync, hierarchySync, [MS-OXCFXICS] 2.2.4.3.5,
/// 2.2.4.3.9) into events. Partial changes do not occur, as nobody asks for them (SendOptions PartialItem).
#[derive(Debug)]
pub struct SyncStream {
    parser: AtomParser,
    limits: MessageLimits,
    hierarchy: bool,
    phase: Phase,
    start: u64,
}

#[derive(Debug)]
enum Phase {
    /// Before the first element, or inside progress information.
    Idle,
    Header(PropertyBag),
    Message(PropertyBag, ContentBuilder),
    Folder(PropertyBag),
    Deleted(ReplicaIdSet),
    Read {
        read: ReplicaIdSet,
        unread: ReplicaIdSet,
    },
    State(SyncState),
    Complete,
    End,
}

impl SyncStream {
    /// For a contents synchronisation. `limits` bound each change.
    pub fn contents(limits: MessageLimits) -> Self {
        Self::new(limits, false)
    }

    /// For a hierarchy synchronisation. `limits` bound each change.
    pub fn hierarchy(limits: MessageLimits) -> Self {
        Self::new(limits, true)
    }

    fn new(limits: MessageLimits, hierarchy: bool) -> Self {
        let value = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
        let parser = AtomParser::new(ParserLimits { value, ..ParserLimits::default() });
        Self { parser, limits, hierarchy, phase: Phase::Idle, start: 0 }
    }

    /// Takes the next bytes of the stream. Call [`SyncStream::next_event`] until it returns `None` before the next push.
    pub fn push(&mut self, bytes: &[u8]) -> WireResult<()> {
        self.parser.push(bytes)
    }

    /// The next event that is complete. A change is complete when the element behind it begins.
    ///
    /// # Errors
    /// Malformed atoms, atoms the grammar does not allow there, changes above the limits.
    pub fn next_event(&mut self) -> WireResult<Option<SyncEvent>> {
        while let Some(atom) = self.parser.next_atom()? {
            let event = match atom {
                Atom::Marker(marker) => self.marker(marker)?,
                atom => {
                    self.property(atom)?;
                    None
                }
            };
            if matches!(self.phase, Phase::Header(_) | Phase::Message(..) | Phase::Folder(_)) {
                let bytes = self.parser.position() - self.start;
                if bytes > self.limits.bytes {
                    let kind = WireErrorKind::TooLarge { asked: bytes, limit: self.limits.bytes };
                    return Err(self.parser.error("change", kind));
                }
            }
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// Whether the stream has told everything.
    pub fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::End)
    }

    /// The end of the stream.
    ///
    /// # Errors
    /// The stream stopped before IncrSyncEnd.
    pub fn finish(self) -> WireResult<()> {
        self.parser.finish()?;
        match self.phase {
            Phase::End => Ok(()),
            _ => Err(self.parser.error("synchronisation", WireErrorKind::Truncated { needed: 4, left: 0 })),
        }
    }

    fn marker(&mut self, marker: Marker) -> WireResult<Option<SyncEvent>> {
        let next = match (&mut self.phase, marker) {
            (Phase::Header(header), Marker::IncrSyncMessage) => {
                let builder = ContentBuilder::new(self.limits);
                self.phase = Phase::Message(std::mem::take(header), builder);
                return Ok(None);
            }
            (Phase::State(_), Marker::IncrSyncStateEnd) => Phase::Complete,
            (Phase::Complete, Marker::IncrSyncEnd) => Phase::End,
            (
                Phase::Idle | Phase::Message(..) | Phase::Folder(_),
                Marker::IncrSyncChg | Marker::IncrSyncProgressMode | Marker::IncrSyncProgressPerMsg,
            )
            | (Phase::Idle | Phase::Message(..) | Phase::Folder(_), Marker::IncrSyncDel)
            | (Phase::Idle | Phase::Message(..) | Phase::Folder(_) | Phase::Deleted(_), Marker::IncrSyncRead)
            | (
                Phase::Idle | Phase::Message(..) | Phase::Folder(_) | Phase::Deleted(_) | Phase::Read { .. },
                Marker::IncrSyncStateBegin,
            ) => match marker {
                Marker::IncrSyncChg if self.hierarchy => Phase::Folder(PropertyBag::new()),
                Marker::IncrSyncChg => Phase::Header(PropertyBag::new()),
                Marker::IncrSyncDel => Phase::Deleted(ReplicaIdSet::new()),
                Marker::IncrSyncRead => Phase::Read { read: ReplicaIdSet::new(), unread: ReplicaIdSet::new() },
                Marker::IncrSyncStateBegin => Phase::State(SyncState::new()),
                _ => Phase::Idle,
            },
            (Phase::Message(_, builder), marker) => {
                return builder
                    .take(Atom::Marker(marker))
                    .map(|()| None)
                    .map_err(|kind| self.parser.error("change", kind));
            }
            _ => {
                let kind = WireErrorKind::Invalid(marker.to_u32().into());
                return Err(self.parser.error("synchronisation", kind));
            }
        };
        if let Phase::Message(_, builder) = &self.phase
            && !builder.is_at_top()
        {
            let kind = WireErrorKind::Invalid(marker.to_u32().into());
            return Err(self.parser.error("change", kind));
        }
        self.start = self.parser.offset();
        let done = std::mem::replace(&mut self.phase, next);
        self.event(done)
    }

    /// What the element that just ended tells.
    fn event(&self, done: Phase) -> WireResult<Option<SyncEvent>> {
        Ok(match done {
            Phase::Message(header, builder) => {
                let change = MessageChange::from_parts(header, builder.finish())
                    .ok_or_else(|| self.parser.error("message change without its header", WireErrorKind::Invalid(0)))?;
                Some(SyncEvent::Message(Box::new(change)))
            }
            Phase::Folder(properties) => Some(SyncEvent::Folder(FolderChange { properties })),
            Phase::Deleted(ids) => Some(SyncEvent::Deleted(ids)),
            Phase::Read { read, unread } => Some(SyncEvent::ReadState { read, unread }),
            Phase::State(state) => Some(SyncEvent::State(state)),
            Phase::Idle | Phase::Header(_) | Phase::Complete | Phase::End => None,
        })
    }

    fn property(&mut self, atom: Atom) -> WireResult<()> {
        let at = self.parser.offset();
        let set = |bytes: Option<&[u8]>| -> WireResult<ReplicaIdSet> {
            ReplicaIdSet::from_bytes(bytes.unwrap_or_default()).map_err(|error| WireError {
                offset: usize::try_from(at).unwrap_or(usize::MAX) + error.offset,
                ..error
            })
        };
        match (&mut self.phase, atom) {
            (Phase::Message(_, builder), atom) => {
                builder.take(atom).map_err(|kind| self.parser.error("change", kind))?;
            }
            (Phase::Header(bag) | Phase::Folder(bag), Atom::Property(key, value)) => drop(bag.set(key, value)),
            (Phase::Deleted(ids), Atom::Property(PropertyKey::Tag(tag), value)) => {
                if matches!(
                    tag,
                    tags::MetaTagIdsetDeleted | tags::MetaTagIdsetNoLongerInScope | tags::MetaTagIdsetExpired
                ) {
                    ids.extend(&set(value.as_bytes())?);
                }
            }
            (Phase::Read { read, unread }, Atom::Property(PropertyKey::Tag(tag), value)) => match tag {
                tags::MetaTagIdsetRead => read.extend(&set(value.as_bytes())?),
                tags::MetaTagIdsetUnread => unread.extend(&set(value.as_bytes())?),
                _ => {}
            },
            (Phase::State(state), Atom::Property(key, value)) => state.set(&key, value),
            // Progress information.
            (Phase::Idle, _) => {}
            (_, Atom::Property(key, _) | Atom::Skipped(key, _)) => {
                return Err(self.parser.error("synchronisation", unexpected(&key)));
            }
            (_, Atom::Marker(_)) => {}
        }
        Ok(())
    }
}

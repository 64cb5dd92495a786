use mapi_core::ErrorCode;
use mapi_core::fasttransfer::{SyncState, SyncStreamWriter};
use mapi_core::id::{GlobSet, GlobalCounter, ReplicaGuidSet, ReplicaIdSet};
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyTag, Restriction};

use super::{Filter, Source, Step};
use crate::store::restrict::matches;
use crate::store::{Folder, Mailbox, Message, REPLICA_ID, StoreResult};

/// SynchronizationFlags and SynchronizationExtraFlags ([MS-OXCFXICS] 2.2.3.2.1.1).
pub mod flag {
    /// No deletions are told.
    pub const NO_DELETIONS: u16 = 0x0002;
    /// Messages that left the restriction's scope are not told.
    pub const IGNORE_NO_LONGER_IN_SCOPE: u16 = 0x0004;
    /// Read-state changes are told.
    pub const READ_STATE: u16 = 0x0008;
    /// FAI messages are told.
    pub const FAI: u16 = 0x0010;
    /// Normal messages are told.
    pub const NORMAL: u16 = 0x0020;
    /// The property list is an include list.
    pub const ONLY_SPECIFIED: u16 = 0x0080;
    /// PidTagMid in headers.
    pub const EXTRA_EID: u32 = 0x1;
    /// PidTagMessageSize in headers.
    pub const EXTRA_SIZE: u32 = 0x2;
    /// PidTagChangeNumber in headers.
    pub const EXTRA_CHANGE_NUMBER: u32 = 0x4;
    /// Newest first.
    pub const EXTRA_ORDER_BY_DELIVERY_TIME: u32 = 0x8;
}

/// The largest counter there can be.
const COUNTER_END: u64 = 0xFFFF_FFFF_FFFF;

/// A contents synchronisation as it was configured.
#[derive(Debug, Clone)]
pub struct ContentsSync {
    /// The folder.
    pub folder: u64,
    /// SynchronizationFlags.
    pub flags: u16,
    /// SynchronizationExtraFlags.
    pub extra: u32,
    /// PropertyTags: an include or an exclude list.
    pub tags: Vec<PropertyTag>,
    /// Which messages are in scope.
    pub restriction: Option<Restriction>,
}

impl ContentsSync {
    /// The difference between what the client's `state` tells and what there is, as a stream.
    ///
    /// # Errors
    /// `ecNotFound`; `ecRpcFormat` for a state that cannot be read.
    pub fn begin(&self, mailbox: &Mailbox, state: &SyncState) -> StoreResult<Source> {
        let folder = mailbox.folder(self.folder)?;
        let known = Known::read(mailbox, state)?;
        let wants = |flag: u16| self.flags & flag != 0;
        let mut changed: Vec<&Message> = Vec::new();
        let (mut read, mut unread) = (ReplicaIdSet::new(), ReplicaIdSet::new());
        let (mut present, mut left_scope) = (GlobSet::new(), GlobSet::new());
        let all = folder.messages.iter().chain(&folder.associated);
        for message in all.filter_map(|id| mailbox.message(*id).ok()) {
            let id = GlobalCounter::new(message.id);
            let given = known.given.contains(id);
            if !wants(if message.associated { flag::FAI } else { flag::NORMAL }) {
                // Nothing was asked about these: the client keeps what it has.
                if given {
                    present.insert(id);
                }
                continue;
            }
            let in_scope = self.restriction.as_ref().is_none_or(|restriction| {
                let view = crate::store::view::MessageView { mailbox, message };
                matches(restriction, mailbox, &view)
            });
            if !in_scope {
                if given {
                    left_scope.insert(id);
                }
                continue;
            }
            present.insert(id);
            let seen = if message.associated { &known.seen_fai } else { &known.seen };
            if !given || !seen.contains(GlobalCounter::new(message.change_number)) {
                changed.push(message);
            } else if wants(flag::READ_STATE)
                && message.read_change != 0
                && !known.read.contains(GlobalCounter::new(message.read_change))
            {
                let set = if message.read { &mut read } else { &mut unread };
                set.replica_mut(REPLICA_ID).insert(id);
            }
        }
        if self.extra & flag::EXTRA_ORDER_BY_DELIVERY_TIME != 0 {
            changed.sort_by_key(|message| {
                std::cmp::Reverse(
                    message.content.properties.time(PidTagMessageDeliveryTime).unwrap_or(message.modified),
                )
            });
        }
        if mailbox.manners().soft_deletes_leave_scope {
            let soft = folder.recoverable.iter().map(|id| GlobalCounter::new(*id));
            soft.filter(|id| known.given.contains(*id)).for_each(|id| left_scope.insert(id));
        }
        let deleted = replica_id_set(known.given.difference(&present).difference(&left_scope));
        let left_scope = replica_id_set(left_scope);
        let mut tail = SyncStreamWriter::new();
        if !wants(flag::NO_DELETIONS) {
            let scope = if wants(flag::IGNORE_NO_LONGER_IN_SCOPE) { ReplicaIdSet::new() } else { left_scope };
            tail.deleted(&[(MetaTagIdsetDeleted, &deleted), (MetaTagIdsetNoLongerInScope, &scope)]);
        }
        tail.read_state(&read, &unread);
        let tail = tail.finish(&self.final_state(mailbox, folder, state, present));
        let steps = changed.iter().map(|message| Step::Change {
            id: message.id,
            eid: self.extra & flag::EXTRA_EID != 0,
            size: self.extra & flag::EXTRA_SIZE != 0,
            change_number: self.extra & flag::EXTRA_CHANGE_NUMBER != 0,
        });
        let filter = if wants(flag::ONLY_SPECIFIED) {
            Filter::including(mailbox, &self.tags)
        } else {
            Filter::excluding(mailbox, &self.tags)
        };
        Ok(Source::new(steps.chain([Step::Ready(tail.into_source())]), filter))
    }

    /// The state of a client that has applied everything: all change numbers given out so far are seen, those of other
    /// folders included, as no message here has one that is not.
    fn final_state(&self, mailbox: &Mailbox, folder: &Folder, before: &SyncState, given: GlobSet) -> SyncState {
        let here = || folder.messages.iter().chain(&folder.associated).filter_map(|id| mailbox.message(*id).ok());
        let read_changes = here().map(|message| message.read_change).max().filter(|change| *change != 0);
        let seen_end = match mailbox.manners().cnset_of_folder {
            true => here().map(|message| message.change_number).max().unwrap_or(0),
            false => mailbox.last_counter(),
        };
        let read_end = match (read_changes, mailbox.manners().cnset_of_folder) {
            (None, _) if mailbox.manners().cnset_read_trap => COUNTER_END,
            (Some(change), true) => change,
            _ => mailbox.last_counter(),
        };
        let now = |wanted: u16, before: &Option<Vec<u8>>| {
            if self.flags & wanted != 0 {
                let end = if wanted == flag::READ_STATE { read_end } else { seen_end };
                let mut claimed = GlobSet::new();
                if end > 0 {
                    claimed.insert_range(GlobalCounter::new(1), GlobalCounter::new(end));
                }
                Some(to_bytes(mailbox, &claimed))
            } else {
                before.clone().or(Some(Vec::new()))
            }
        };
        SyncState {
            idset_given: Some(to_bytes(mailbox, &given)),
            cnset_seen: now(flag::NORMAL, &before.cnset_seen),
            cnset_seen_fai: now(flag::FAI, &before.cnset_seen_fai),
            cnset_read: now(flag::READ_STATE, &before.cnset_read),
        }
    }
}

/// The counters of this mailbox's replica in a client's state; other replicas mean nothing here.
pub(super) struct Known {
    pub given: GlobSet,
    pub seen: GlobSet,
    pub seen_fai: GlobSet,
    pub read: GlobSet,
}

impl Known {
    pub(super) fn read(mailbox: &Mailbox, state: &SyncState) -> StoreResult<Self> {
        let set = |bytes: &Option<Vec<u8>>| {
            let set = ReplicaGuidSet::from_bytes(bytes.as_deref().unwrap_or_default());
            let set = set.map_err(|_| ErrorCode::RPC_FORMAT)?;
            Ok(set.replica(mailbox.replica_guid()).cloned().unwrap_or_default())
        };
        Ok(Self {
            given: set(&state.idset_given)?,
            seen: set(&state.cnset_seen)?,
            seen_fai: set(&state.cnset_seen_fai)?,
            read: set(&state.cnset_read)?,
        })
    }
}

pub(super) fn to_bytes(mailbox: &Mailbox, counters: &GlobSet) -> Vec<u8> {
    let mut set = ReplicaGuidSet::new();
    set.replica_mut(mailbox.replica_guid()).extend(counters);
    set.to_bytes()
}

pub(super) fn replica_id_set(counters: GlobSet) -> ReplicaIdSet {
    let mut set = ReplicaIdSet::new();
    set.replica_mut(REPLICA_ID).extend(&counters);
    set
}

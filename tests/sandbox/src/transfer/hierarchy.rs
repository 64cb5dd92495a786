use mapi_core::fasttransfer::{FolderChange, SyncState, SyncStreamWriter};
use mapi_core::id::{GlobSet, GlobalCounter};
use mapi_core::message::PropertyBag;
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyValue};

use super::contents::{Known, flag, replica_id_set, to_bytes};
use super::{Filter, Source};
use crate::store::view::Properties;
use crate::store::{FolderView, Mailbox, StoreResult};

/// Properties of folders that are computed for this mailbox, or that change without the folder changing.
const LOCAL: [PropertyTag; 10] = [
    PidTagEntryId,
    PidTagParentEntryId,
    PidTagRecordKey,
    PidTagObjectType,
    PidTagAccess,
    PidTagFolderId,
    PidTagLocalCommitTimeMax,
    PidTagDeletedCountTotal,
    PidTagArticleNumNext,
    PidTagMessageSize,
];

/// A hierarchy synchronisation below `root`: the folders that the client's `state` lacks, parents first.
///
/// # Errors
/// `ecNotFound`; `ecRpcFormat` for a state that cannot be read.
pub fn hierarchy(
    mailbox: &Mailbox,
    root: u64,
    flags: u16,
    extra: u32,
    tags: &[PropertyTag],
    state: &SyncState,
) -> StoreResult<Source> {
    mailbox.folder(root)?;
    let known = Known::read(mailbox, state)?;
    let filter = if flags & flag::ONLY_SPECIFIED != 0 {
        Filter::including(mailbox, tags)
    } else {
        Filter::excluding(mailbox, tags)
    };
    let mut present = GlobSet::new();
    let mut stream = SyncStreamWriter::new();
    for (id, depth) in mailbox.descendants(root) {
        let folder = mailbox.folder(id)?;
        if folder.kind == 2 {
            continue;
        }
        present.insert(GlobalCounter::new(id));
        let given = known.given.contains(GlobalCounter::new(id));
        if !given || !known.seen.contains(GlobalCounter::new(folder.change_number)) {
            let view = FolderView { mailbox, folder, depth: None };
            stream.folder(&FolderChange { properties: change(view, depth == 1, extra, &filter) });
        }
    }
    if flags & flag::NO_DELETIONS == 0 {
        let deleted = replica_id_set(known.given.difference(&present));
        stream.deleted(&[(MetaTagIdsetDeleted, &deleted)]);
    }
    let mut everything = GlobSet::new();
    everything.insert_range(GlobalCounter::new(1), GlobalCounter::new(mailbox.last_counter()));
    let state = SyncState {
        idset_given: Some(to_bytes(mailbox, &present)),
        cnset_seen: Some(to_bytes(mailbox, &everything)),
        cnset_seen_fai: None,
        cnset_read: None,
    };
    Ok(Source::ready(stream.finish(&state)))
}

fn change(view: FolderView<'_>, direct: bool, extra: u32, filter: &Filter) -> PropertyBag {
    let mut bag = PropertyBag::new();
    for key in view.keys() {
        match &key {
            PropertyKey::Tag(tag) if LOCAL.contains(tag) || !filter.wants(&key) => {}
            PropertyKey::Tag(tag) => bag.extend(view.value(*tag).map(|value| (*tag, value.into_owned()))),
            PropertyKey::Named(name, kind) => {
                let value = view.folder.properties.get_named(name, *kind).filter(|_| filter.wants(&key));
                bag.extend(value.cloned().map(|value| (key.clone(), value)));
            }
        }
    }
    for tag in [
        PidTagSourceKey,
        PidTagLastModificationTime,
        PidTagChangeKey,
        PidTagPredecessorChangeList,
        PidTagDisplayName,
        PidTagParentSourceKey,
    ] {
        bag.extend(view.value(tag).map(|value| (tag, value.into_owned())));
    }
    if direct {
        bag.set(PidTagParentSourceKey, PropertyValue::Binary(Vec::new()));
    }
    if extra & flag::EXTRA_EID != 0 {
        for tag in [PidTagFolderId, PidTagParentFolderId] {
            bag.extend(view.value(tag).map(|value| (tag, value.into_owned())));
        }
    }
    bag
}

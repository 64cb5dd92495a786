use std::borrow::Cow;

use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyType, PropertyValue};

use super::super::message::canonical;
use super::super::{Folder, Mailbox, entry_id, object_id};
use super::{Properties, in_kind, predecessors, stored};

/// PidTagContentCount of FAI messages.
const ASSOCIATED_CONTENT_COUNT: PropertyTag = PropertyTag(0x3617_0003);
/// PidTagDeletedOn-like count of softly deleted messages ([MS-OXPROPS] PidTagDeletedMessageCount).
const DELETED_MESSAGE_COUNT: PropertyTag = PropertyTag(0x6640_0003);

/// A folder with its computed properties.
#[derive(Clone, Copy)]
pub struct FolderView<'a> {
    /// The mailbox it is in.
    pub mailbox: &'a Mailbox,
    /// The folder.
    pub folder: &'a Folder,
    /// PidTagDepth of hierarchy table rows.
    pub depth: Option<u32>,
}

const LISTED: [PropertyTag; 20] = [
    PidTagCreationTime,
    PidTagLastModificationTime,
    PidTagFolderType,
    PidTagContentCount,
    PidTagContentUnreadCount,
    ASSOCIATED_CONTENT_COUNT,
    PidTagSubfolders,
    PidTagMessageSize,
    PidTagMessageSizeExtended,
    PidTagEntryId,
    PidTagParentEntryId,
    PidTagRecordKey,
    PidTagObjectType,
    PidTagAccess,
    PidTagRights,
    PidTagFolderId,
    PidTagLocalCommitTimeMax,
    PidTagDeletedCountTotal,
    PidTagArticleNumNext,
    PidTagHierRev,
];

const UNLISTED: [PropertyTag; 9] = [
    PidTagParentFolderId,
    PidTagSourceKey,
    PidTagParentSourceKey,
    PidTagChangeKey,
    PidTagPredecessorChangeList,
    PidTagChangeNumber,
    PidTagInstanceKey,
    PidTagDepth,
    DELETED_MESSAGE_COUNT,
];

/// Whether the store computes this property of folders.
pub fn is_computed(tag: PropertyTag) -> bool {
    LISTED.contains(&tag) || UNLISTED.contains(&tag)
}

impl FolderView<'_> {
    fn computed(&self, tag: PropertyTag) -> Option<PropertyValue> {
        let (mailbox, folder) = (self.mailbox, self.folder);
        let count = |n: usize| PropertyValue::Integer32(i32::try_from(n).unwrap_or(i32::MAX));
        let id = |counter: u64| PropertyValue::Integer64(object_id(counter).to_i64());
        let key = |counter: u64| PropertyValue::Binary(entry_id::source_key(mailbox.replica_guid(), counter));
        let entry = |id: u64| PropertyValue::Binary(entry_id::folder(mailbox.guid(), mailbox.replica_guid(), id));
        let parent = folder.parent.unwrap_or(folder.id);
        Some(match tag {
            PidTagCreationTime => PropertyValue::Time(folder.created),
            PidTagLastModificationTime => PropertyValue::Time(folder.modified),
            PidTagFolderType => PropertyValue::Integer32(folder.kind),
            PidTagContentCount => match folder.search {
                Some(_) => count(mailbox.content_rows(folder).len()),
                None => count(folder.messages.len()),
            },
            PidTagContentUnreadCount => match folder.search {
                Some(_) => count(mailbox.content_rows(folder).iter().filter(|id| mailbox.is_unread(**id)).count()),
                None => count(folder.unread as usize),
            },
            ASSOCIATED_CONTENT_COUNT => count(folder.associated.len()),
            DELETED_MESSAGE_COUNT => count(folder.recoverable.len()),
            PidTagSubfolders => PropertyValue::Boolean(mailbox.children(folder.id).next().is_some()),
            PidTagMessageSizeExtended => PropertyValue::Integer64(mailbox.folder_size(folder)),
            PidTagMessageSize => {
                PropertyValue::Integer32(i32::try_from(mailbox.folder_size(folder)).unwrap_or(i32::MAX))
            }
            PidTagEntryId | PidTagRecordKey => entry(folder.id),
            PidTagParentEntryId => entry(parent),
            PidTagObjectType => PropertyValue::Integer32(3),
            PidTagAccess => PropertyValue::Integer32(0x3F),
            PidTagRights => PropertyValue::Integer32(0x5FB),
            PidTagFolderId => id(folder.id),
            PidTagParentFolderId => id(parent),
            PidTagLocalCommitTimeMax => PropertyValue::Time(folder.committed),
            PidTagHierRev => PropertyValue::Time(folder.modified),
            PidTagDeletedCountTotal => PropertyValue::Integer32(folder.deleted_total.cast_signed()),
            PidTagArticleNumNext => PropertyValue::Integer32(folder.article_next.cast_signed()),
            PidTagSourceKey => key(folder.id),
            PidTagParentSourceKey => key(parent),
            PidTagChangeKey => key(folder.change_number),
            PidTagChangeNumber => id(folder.change_number),
            PidTagPredecessorChangeList => PropertyValue::Binary(predecessors(mailbox, folder.change_number)),
            PidTagInstanceKey => PropertyValue::Binary(object_id(folder.id).to_bytes().to_vec()),
            PidTagDepth => PropertyValue::Integer32(self.depth?.cast_signed()),
            PidTagAttributeHidden => PropertyValue::Boolean(false),
            PidTagComment => PropertyValue::String(String::new()),
            _ => return None,
        })
    }
}

impl Properties for FolderView<'_> {
    fn value(&self, tag: PropertyTag) -> Option<Cow<'_, PropertyValue>> {
        let full = match tag.kind() {
            PropertyType::UNSPECIFIED => {
                LISTED.iter().chain(&UNLISTED).find(|known| known.id() == tag.id()).copied().unwrap_or(tag)
            }
            _ => canonical(tag),
        };
        let value =
            stored(self.mailbox, &self.folder.properties, full).or_else(|| self.computed(full).map(Cow::Owned))?;
        Some(in_kind(value, tag))
    }

    fn keys(&self) -> Vec<PropertyKey> {
        let mut keys: Vec<PropertyKey> = self.folder.properties.iter().map(|(key, _)| key.clone()).collect();
        keys.extend(LISTED.into_iter().filter(|tag| self.computed(*tag).is_some()).map(PropertyKey::Tag));
        keys.sort();
        keys.dedup();
        keys
    }
}

use super::{Marker, StreamWriter, SyncState};
use crate::id::{ChangeNumber, FolderId, Gid, MessageId, ReplicaIdSet};
use crate::message::{MessageContent, PropertyBag};
use crate::property::{FileTime, PropertyTag, PropertyValue, tags};

/// A new or changed message of a contents synchronisation (messageChangeFull, [MS-OXCFXICS] 2.2.4.3.13).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessageChange {
    /// PidTagSourceKey: the GID of messages made by the server.
    pub source_key: Vec<u8>,
    /// PidTagLastModificationTime.
    pub last_modified: FileTime,
    /// PidTagChangeKey.
    pub change_key: Vec<u8>,
    /// PidTagPredecessorChangeList.
    pub predecessors: Vec<u8>,
    /// PidTagAssociated: whether it is an FAI message.
    pub associated: bool,
    /// PidTagMid (with extra flag Eid).
    pub mid: Option<MessageId>,
    /// PidTagMessageSize in bytes (with extra flag MessageSize).
    pub size: Option<u32>,
    /// PidTagChangeNumber (with extra flag CN).
    pub change_number: Option<ChangeNumber>,
    /// The properties asked for, and the recipients and attachments if they were asked for.
    pub content: MessageContent,
}

impl MessageChange {
    /// The global id, if the source key is one.
    pub fn gid(&self) -> Option<Gid> {
        Gid::from_slice(&self.source_key)
    }

    /// The properties asked for.
    pub fn properties(&self) -> &PropertyBag {
        &self.content.properties
    }

    /// `None` if the header lacks one of its fixed properties.
    pub(super) fn from_parts(header: PropertyBag, content: MessageContent) -> Option<Self> {
        Some(Self {
            source_key: header.binary(tags::PidTagSourceKey)?.to_vec(),
            last_modified: header.time(tags::PidTagLastModificationTime)?,
            change_key: header.binary(tags::PidTagChangeKey)?.to_vec(),
            predecessors: header.binary(tags::PidTagPredecessorChangeList)?.to_vec(),
            associated: header.boolean(tags::PidTagAssociated)?,
            mid: header.integer64(tags::PidTagMid).map(MessageId::from_i64),
            size: header.integer(tags::PidTagMessageSize).map(i32::cast_unsigned),
            change_number: header.integer64(tags::PidTagChangeNumber).map(ChangeNumber::from_i64),
            content,
        })
    }

    fn write(&self, writer: &mut StreamWriter) {
        writer
            .marker(Marker::IncrSyncChg)
            .tagged(tags::PidTagSourceKey, PropertyValue::Binary(self.source_key.clone()))
            .tagged(tags::PidTagLastModificationTime, PropertyValue::Time(self.last_modified))
            .tagged(tags::PidTagChangeKey, PropertyValue::Binary(self.change_key.clone()))
            .tagged(tags::PidTagPredecessorChangeList, PropertyValue::Binary(self.predecessors.clone()))
            .tagged(tags::PidTagAssociated, PropertyValue::Boolean(self.associated));
        if let Some(mid) = self.mid {
            writer.tagged(tags::PidTagMid, PropertyValue::Integer64(mid.to_i64()));
        }
        if let Some(size) = self.size {
            writer.tagged(tags::PidTagMessageSize, PropertyValue::Integer32(size.cast_signed()));
        }
        if let Some(number) = self.change_number {
            writer.tagged(tags::PidTagChangeNumber, PropertyValue::Integer64(number.to_i64()));
        }
        writer.marker(Marker::IncrSyncMessage).message_content(&self.content);
    }
}

/// A new or changed folder of a hierarchy synchronisation (folderChange, [MS-OXCFXICS] 2.2.4.3.6).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FolderChange {
    /// Its properties: PidTagSourceKey, PidTagParentSourceKey (empty for children of the synchronised folder),
    /// PidTagDisplayName, PidTagFolderId (with extra flag Eid), …
    pub properties: PropertyBag,
}

impl FolderChange {
    /// The global id, if the source key is one.
    pub fn gid(&self) -> Option<Gid> {
        Gid::from_slice(self.properties.binary(tags::PidTagSourceKey)?)
    }

    /// The global id of the parent; `None` for children of the synchronised folder.
    pub fn parent(&self) -> Option<Gid> {
        Gid::from_slice(self.properties.binary(tags::PidTagParentSourceKey)?)
    }

    /// PidTagFolderId.
    pub fn folder_id(&self) -> Option<FolderId> {
        self.properties.integer64(tags::PidTagFolderId).map(FolderId::from_i64)
    }

    fn write(&self, writer: &mut StreamWriter) {
        const FIRST: [PropertyTag; 6] = [
            tags::PidTagParentSourceKey,
            tags::PidTagSourceKey,
            tags::PidTagLastModificationTime,
            tags::PidTagChangeKey,
            tags::PidTagPredecessorChangeList,
            tags::PidTagDisplayName,
        ];
        writer.marker(Marker::IncrSyncChg);
        for tag in FIRST {
            if let Some(value) = self.properties.get(tag) {
                writer.tagged(tag, value.clone());
            }
        }
        writer.bag(&self.properties, &FIRST);
    }
}

/// Builds the stream of a synchronisation, the server's side: changes, then deletions, then read states, then the state.
#[derive(Debug, Default)]
pub struct SyncStreamWriter {
    writer: StreamWriter,
}

impl SyncStreamWriter {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// A changed message.
    pub fn message(&mut self, change: &MessageChange) -> &mut Self {
        change.write(&mut self.writer);
        self
    }

    /// A changed folder.
    pub fn folder(&mut self, change: &FolderChange) -> &mut Self {
        change.write(&mut self.writer);
        self
    }

    /// What is gone, each set under its tag (MetaTagIdsetDeleted, MetaTagIdsetNoLongerInScope, MetaTagIdsetExpired);
    /// nothing if all are empty.
    pub fn deleted(&mut self, sets: &[(PropertyTag, &ReplicaIdSet)]) -> &mut Self {
        self.sets(Marker::IncrSyncDel, sets)
    }

    /// Whose read state changed; nothing if both are empty.
    pub fn read_state(&mut self, read: &ReplicaIdSet, unread: &ReplicaIdSet) -> &mut Self {
        let sets = [(tags::MetaTagIdsetRead, read), (tags::MetaTagIdsetUnread, unread)];
        self.sets(Marker::IncrSyncRead, &sets)
    }

    /// The state, and the end of the stream.
    pub fn finish(mut self, state: &SyncState) -> StreamWriter {
        state.write(&mut self.writer);
        self.writer.marker(Marker::IncrSyncEnd);
        self.writer
    }

    fn sets(&mut self, marker: Marker, sets: &[(PropertyTag, &ReplicaIdSet)]) -> &mut Self {
        if sets.iter().any(|(_, set)| !set.is_empty()) {
            self.writer.marker(marker);
            for (tag, set) in sets.iter().filter(|(_, set)| !set.is_empty()) {
                self.writer.tagged(*tag, PropertyValue::Binary(set.to_bytes()));
            }
        }
        self
    }
}

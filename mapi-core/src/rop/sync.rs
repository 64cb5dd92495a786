//! ROPs of incremental change synchronisation ([MS-OXCROPS] 2.2.13, [MS-OXCFXICS] 2.2.3.2).

use crate::id::{FolderId, GlobalCounter, Guid, LongTermId, MessageId};
use crate::property::{PropertyTag, Restriction, TaggedValue};
use crate::wire::{Reader, WireResult, Writer};

use super::codec::{
    Bytes16, Bytes32, Codec, Count16, Count32, Size16, SizedRestriction, Wire, patch_size16, wire_struct,
};

/// Bits of SynchronizationFlags ([MS-OXCFXICS] 2.2.3.2.1.1.1).
#[allow(missing_docs, reason = "the names are those of the specification")]
pub mod synchronization_flags {
    pub const UNICODE: u16 = 0x0001;
    pub const NO_DELETIONS: u16 = 0x0002;
    pub const IGNORE_NO_LONGER_IN_SCOPE: u16 = 0x0004;
    pub const READ_STATE: u16 = 0x0008;
    pub const FAI: u16 = 0x0010;
    pub const NORMAL: u16 = 0x0020;
    pub const ONLY_SPECIFIED_PROPERTIES: u16 = 0x0080;
    pub const NO_FOREIGN_IDENTIFIERS: u16 = 0x0100;
    pub const BEST_BODY: u16 = 0x2000;
    pub const IGNORE_SPECIFIED_ON_FAI: u16 = 0x4000;
    pub const PROGRESS: u16 = 0x8000;
}

/// Bits of SynchronizationExtraFlags ([MS-OXCFXICS] 2.2.3.2.1.1.1).
#[allow(missing_docs, reason = "the names are those of the specification")]
pub mod synchronization_extra_flags {
    pub const EID: u32 = 0x01;
    pub const MESSAGE_SIZE: u32 = 0x02;
    pub const CN: u32 = 0x04;
    pub const ORDER_BY_DELIVERY_TIME: u32 = 0x08;
}

wire_struct! {
    /// RopSynchronizationConfigure request, on a folder.
    pub struct SynchronizationConfigureRequest {
        pub output_handle_index: u8,
        /// 1 contents, 2 hierarchy.
        pub synchronization_type: u8,
        /// See [`super::send_options`].
        pub send_options: u8,
        /// See [`synchronization_flags`].
        pub synchronization_flags: u16,
        pub restriction: Option<Restriction> as SizedRestriction,
        /// See [`synchronization_extra_flags`].
        pub synchronization_extra_flags: u32,
        /// The properties to include or, without [`synchronization_flags::ONLY_SPECIFIED_PROPERTIES`], to leave out.
        pub property_tags: Vec<PropertyTag> as Count16,
    }

    /// RopSynchronizationUploadStateStreamBegin request.
    pub struct UploadStateStreamBeginRequest {
        pub state_property: PropertyTag,
        /// Bytes to come.
        pub transfer_buffer_size: u32,
    }

    /// RopSynchronizationUploadStateStreamContinue request.
    pub struct UploadStateStreamContinueRequest {
        pub stream_data: Vec<u8> as Bytes32,
    }

    /// RopSynchronizationGetTransferState request; the output is a FastTransfer source.
    pub struct GetTransferStateRequest {
        pub output_handle_index: u8,
    }

    /// RopSynchronizationOpenCollector request, on a folder.
    pub struct OpenCollectorRequest {
        pub output_handle_index: u8,
        /// Messages, else folders.
        pub is_contents_collector: bool,
    }

    /// RopSynchronizationImportMessageChange request.
    pub struct ImportMessageChangeRequest {
        pub output_handle_index: u8,
        /// 0x10 folder-associated, 0x40 fail on conflict.
        pub import_flag: u8,
        /// PidTagSourceKey, PidTagLastModificationTime, PidTagChangeKey, PidTagPredecessorChangeList.
        pub property_values: Vec<TaggedValue> as Count16,
    }

    /// RopSynchronizationImportMessageChange and RopSynchronizationImportMessageMove response.
    pub struct ImportMessageResponse {
        /// The null id.
        pub message_id: MessageId,
    }

    /// RopSynchronizationImportHierarchyChange request.
    pub struct ImportHierarchyChangeRequest {
        /// PidTagParentSourceKey, PidTagSourceKey, PidTagLastModificationTime, PidTagChangeKey,
        /// PidTagPredecessorChangeList, PidTagDisplayName.
        pub hierarchy_values: Vec<TaggedValue> as Count16,
        pub property_values: Vec<TaggedValue> as Count16,
    }

    /// RopSynchronizationImportHierarchyChange response.
    pub struct ImportHierarchyChangeResponse {
        /// The null id.
        pub folder_id: FolderId,
    }

    /// RopSynchronizationImportDeletes request.
    pub struct ImportDeletesRequest {
        /// 1 folders, 2 beyond recovery.
        pub import_delete_flags: u8,
        /// One PtypMultipleBinary of SourceKeys, tag 0x00001102.
        pub property_values: Vec<TaggedValue> as Count16,
    }

    /// RopSynchronizationImportMessageMove request.
    pub struct ImportMessageMoveRequest {
        /// GID of the folder that the message leaves.
        pub source_folder_id: Vec<u8> as Bytes32,
        /// GID of the message there.
        pub source_message_id: Vec<u8> as Bytes32,
        pub predecessor_change_list: Vec<u8> as Bytes32,
        /// GID of the message in the collector's folder.
        pub destination_message_id: Vec<u8> as Bytes32,
        /// GID of the change.
        pub change_number: Vec<u8> as Bytes32,
    }

    /// One message of a RopSynchronizationImportReadStateChanges request.
    pub struct MessageReadState {
        /// Its SourceKey.
        pub message_id: Vec<u8> as Bytes16,
        pub mark_as_read: bool,
    }

    /// RopSynchronizationImportReadStateChanges request.
    pub struct ImportReadStateChangesRequest {
        pub message_read_states: Vec<MessageReadState> as Size16,
    }

    /// RopGetLocalReplicaIds request.
    pub struct GetLocalReplicaIdsRequest {
        /// How many ids to reserve.
        pub id_count: u32,
    }

    /// One range of a RopSetLocalReplicaMidsetDeleted request.
    pub struct LongTermIdRange {
        pub min_long_term_id: LongTermId,
        pub max_long_term_id: LongTermId,
    }
}

/// RopGetLocalReplicaIds response: the reserved ids run from this counter on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetLocalReplicaIdsResponse {
    /// The replica.
    pub repl_guid: Guid,
    /// The first reserved counter.
    pub global_count: GlobalCounter,
}

impl Wire for GetLocalReplicaIdsResponse {
    const MIN_SIZE: usize = 22;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let repl_guid = reader.guid("ReplGuid")?;
        Ok(Self { repl_guid, global_count: GlobalCounter::from_bytes(reader.array("GlobalCount")?) })
    }

    fn put(&self, writer: &mut Writer) {
        writer.guid(self.repl_guid).bytes(&self.global_count.to_bytes());
    }
}

/// RopSetLocalReplicaMidsetDeleted request.
#[derive(Debug, Clone, PartialEq)]
pub struct SetLocalReplicaMidsetDeletedRequest {
    /// The ids that will never be used.
    pub long_term_id_ranges: Vec<LongTermIdRange>,
}

impl Wire for SetLocalReplicaMidsetDeletedRequest {
    const MIN_SIZE: usize = 6;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let size = usize::from(reader.u16("DataSize")?);
        let mut inner = reader.sub(size, "LongTermIdRanges")?;
        let long_term_id_ranges = Count32::get(&mut inner, "LongTermIdRangeCount")?;
        inner.finish("LongTermIdRanges")?;
        Ok(Self { long_term_id_ranges })
    }

    fn put(&self, writer: &mut Writer) {
        let at = writer.len();
        writer.u16(0);
        Count32::put(&self.long_term_id_ranges, writer);
        patch_size16(writer, at);
    }
}

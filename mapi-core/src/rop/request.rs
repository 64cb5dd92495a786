use crate::wire::{Reader, WireResult, Writer};

use super::codec::Wire;
use super::*;

/// A ROP request ([MS-OXCROPS] 2.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct RopRequest {
    /// The logon that the operation belongs to.
    pub logon_id: u8,
    /// The first index after LogonId, into the handle table: that of the input object; for RopLogon that of the output;
    /// for RopSaveChangesMessage, RopSaveChangesAttachment and RopSetMessageReadFlag the response handle index; for the
    /// copying and moving ROPs that of the source. The response carries it back.
    pub handle_index: u8,
    /// What to do.
    pub body: RequestBody,
}

impl RopRequest {
    /// Reads one request. `is_public` tells which logons are to public folders (their RopSetMessageReadFlag is longer).
    ///
    /// # Errors
    /// Truncated or malformed requests, and RopIds this crate does not know: nothing tells where those end.
    pub fn decode(reader: &mut Reader<'_>, is_public: &dyn Fn(u8) -> bool) -> WireResult<Self> {
        let at = reader.clone();
        let rop_id = RopId(reader.u8("RopId")?);
        let logon_id = reader.u8("LogonId")?;
        let handle_index = reader.u8("InputHandleIndex")?;
        let Some(body) = RequestBody::get(reader, rop_id, is_public(logon_id))? else {
            return Err(at.invalid("RopId", rop_id.0));
        };
        Ok(Self { logon_id, handle_index, body })
    }

    /// Writes the request.
    pub fn encode(&self, writer: &mut Writer) {
        writer.u8(self.body.rop_id().0).u8(self.logon_id).u8(self.handle_index);
        self.body.put(writer);
    }

    /// Where the server puts the handle of the object that this operation makes.
    pub fn output_handle_index(&self) -> Option<u8> {
        match self.body {
            RequestBody::Logon(_) => Some(self.handle_index),
            _ => self.body.output_handle_index(),
        }
    }
}

macro_rules! request_bodies {
    (
        units { $($(#[$unit_meta:meta])* $unit:ident = $unit_id:ident;)* }
        structures { $($(#[$meta:meta])* $variant:ident($ty:ty) = $id:ident;)* }
    ) => {
        /// What follows the head of a request, one variant per ROP.
        #[allow(missing_docs, reason = "the variants bear the names of the ROPs")]
        #[derive(Debug, Clone, PartialEq)]
        pub enum RequestBody {
            $($(#[$unit_meta])* $unit,)*
            $($(#[$meta])* $variant($ty),)*
            SetMessageReadFlag(SetMessageReadFlagRequest),
        }

        impl RequestBody {
            /// The RopId.
            pub fn rop_id(&self) -> RopId {
                match self {
                    $(Self::$unit => RopId::$unit_id,)*
                    $(Self::$variant(_) => RopId::$id,)*
                    Self::SetMessageReadFlag(_) => RopId::SET_MESSAGE_READ_FLAG,
                }
            }

            fn get(reader: &mut Reader<'_>, rop_id: RopId, public: bool) -> WireResult<Option<Self>> {
                Ok(Some(match rop_id {
                    $(RopId::$unit_id => Self::$unit,)*
                    $(RopId::$id => Self::$variant(Wire::get(reader, rop_id.name())?),)*
                    RopId::SET_MESSAGE_READ_FLAG => {
                        Self::SetMessageReadFlag(SetMessageReadFlagRequest::get(reader, public)?)
                    }
                    _ => return Ok(None),
                }))
            }

            /// Makers of random bodies, one per ROP.
            #[cfg(test)]
            pub(super) const SAMPLES: &[fn(&mut sample::SampleRng) -> Self] = &[
                $(|_| Self::$unit,)*
                $(|rng| Self::$variant(sample::Sample::sample(rng)),)*
                |rng| Self::SetMessageReadFlag(sample::Sample::sample(rng)),
            ];

            fn put(&self, writer: &mut Writer) {
                match self {
                    $(Self::$unit => {})*
                    $(Self::$variant(body) => Wire::put(body, writer),)*
                    Self::SetMessageReadFlag(body) => body.put(writer),
                }
            }
        }
    };
}

request_bodies! {
    units {
        /// No response.
        Release = RELEASE;
        GetReceiveFolderTable = GET_RECEIVE_FOLDER_TABLE;
        GetStoreState = GET_STORE_STATE;
        GetTransportFolder = GET_TRANSPORT_FOLDER;
        GetAddressTypes = GET_ADDRESS_TYPES;
        SetSpooler = SET_SPOOLER;
        TransportSend = TRANSPORT_SEND;
        GetStatus = GET_STATUS;
        QueryPosition = QUERY_POSITION;
        CreateBookmark = CREATE_BOOKMARK;
        QueryColumnsAll = QUERY_COLUMNS_ALL;
        Abort = ABORT;
        ResetTable = RESET_TABLE;
        GetPropertiesList = GET_PROPERTIES_LIST;
        CommitStream = COMMIT_STREAM;
        GetStreamSize = GET_STREAM_SIZE;
        UploadStateStreamEnd = SYNCHRONIZATION_UPLOAD_STATE_STREAM_END;
    }
    structures {
        Logon(LogonRequest) = LOGON;
        GetReceiveFolder(GetReceiveFolderRequest) = GET_RECEIVE_FOLDER;
        SetReceiveFolder(SetReceiveFolderRequest) = SET_RECEIVE_FOLDER;
        GetOwningServers(GetOwningServersRequest) = GET_OWNING_SERVERS;
        LongTermIdFromId(LongTermIdFromIdRequest) = LONG_TERM_ID_FROM_ID;
        IdFromLongTermId(IdFromLongTermIdRequest) = ID_FROM_LONG_TERM_ID;
        OpenFolder(OpenFolderRequest) = OPEN_FOLDER;
        CreateFolder(CreateFolderRequest) = CREATE_FOLDER;
        DeleteFolder(DeleteFolderRequest) = DELETE_FOLDER;
        SetSearchCriteria(SetSearchCriteriaRequest) = SET_SEARCH_CRITERIA;
        GetSearchCriteria(GetSearchCriteriaRequest) = GET_SEARCH_CRITERIA;
        MoveCopyMessages(MoveCopyMessagesRequest) = MOVE_COPY_MESSAGES;
        MoveFolder(MoveFolderRequest) = MOVE_FOLDER;
        CopyFolder(CopyFolderRequest) = COPY_FOLDER;
        EmptyFolder(EmptyFolderRequest) = EMPTY_FOLDER;
        HardDeleteMessagesAndSubfolders(EmptyFolderRequest) = HARD_DELETE_MESSAGES_AND_SUBFOLDERS;
        DeleteMessages(DeleteMessagesRequest) = DELETE_MESSAGES;
        HardDeleteMessages(DeleteMessagesRequest) = HARD_DELETE_MESSAGES;
        GetHierarchyTable(GetTableRequest) = GET_HIERARCHY_TABLE;
        GetContentsTable(GetTableRequest) = GET_CONTENTS_TABLE;
        GetAttachmentTable(GetTableRequest) = GET_ATTACHMENT_TABLE;
        GetPermissionsTable(GetTableRequest) = GET_PERMISSIONS_TABLE;
        GetRulesTable(GetTableRequest) = GET_RULES_TABLE;
        SetColumns(SetColumnsRequest) = SET_COLUMNS;
        SortTable(SortTableRequest) = SORT_TABLE;
        Restrict(RestrictRequest) = RESTRICT;
        QueryRows(QueryRowsRequest) = QUERY_ROWS;
        SeekRow(SeekRowRequest) = SEEK_ROW;
        SeekRowBookmark(SeekRowBookmarkRequest) = SEEK_ROW_BOOKMARK;
        SeekRowFractional(SeekRowFractionalRequest) = SEEK_ROW_FRACTIONAL;
        FindRow(FindRowRequest) = FIND_ROW;
        FreeBookmark(Bookmark) = FREE_BOOKMARK;
        OpenMessage(OpenMessageRequest) = OPEN_MESSAGE;
        CreateMessage(CreateMessageRequest) = CREATE_MESSAGE;
        SaveChangesMessage(SaveChangesMessageRequest) = SAVE_CHANGES_MESSAGE;
        RemoveAllRecipients(RemoveAllRecipientsRequest) = REMOVE_ALL_RECIPIENTS;
        ModifyRecipients(ModifyRecipientsRequest) = MODIFY_RECIPIENTS;
        ReadRecipients(ReadRecipientsRequest) = READ_RECIPIENTS;
        ReloadCachedInformation(ReloadCachedInformationRequest) = RELOAD_CACHED_INFORMATION;
        SetMessageStatus(SetMessageStatusRequest) = SET_MESSAGE_STATUS;
        /// Answered by RopSetMessageStatus.
        GetMessageStatus(GetMessageStatusRequest) = GET_MESSAGE_STATUS;
        SetReadFlags(SetReadFlagsRequest) = SET_READ_FLAGS;
        OpenEmbeddedMessage(OpenEmbeddedMessageRequest) = OPEN_EMBEDDED_MESSAGE;
        OpenAttachment(OpenAttachmentRequest) = OPEN_ATTACHMENT;
        CreateAttachment(CreateAttachmentRequest) = CREATE_ATTACHMENT;
        DeleteAttachment(DeleteAttachmentRequest) = DELETE_ATTACHMENT;
        SaveChangesAttachment(SaveChangesAttachmentRequest) = SAVE_CHANGES_ATTACHMENT;
        GetPropertiesSpecific(GetPropertiesSpecificRequest) = GET_PROPERTIES_SPECIFIC;
        GetPropertiesAll(GetPropertiesAllRequest) = GET_PROPERTIES_ALL;
        SetProperties(SetPropertiesRequest) = SET_PROPERTIES;
        SetPropertiesNoReplicate(SetPropertiesRequest) = SET_PROPERTIES_NO_REPLICATE;
        DeleteProperties(DeletePropertiesRequest) = DELETE_PROPERTIES;
        DeletePropertiesNoReplicate(DeletePropertiesRequest) = DELETE_PROPERTIES_NO_REPLICATE;
        CopyTo(CopyToRequest) = COPY_TO;
        CopyProperties(CopyPropertiesRequest) = COPY_PROPERTIES;
        GetPropertyIdsFromNames(GetPropertyIdsFromNamesRequest) = GET_PROPERTY_IDS_FROM_NAMES;
        GetNamesFromPropertyIds(GetNamesFromPropertyIdsRequest) = GET_NAMES_FROM_PROPERTY_IDS;
        QueryNamedProperties(QueryNamedPropertiesRequest) = QUERY_NAMED_PROPERTIES;
        Progress(ProgressRequest) = PROGRESS;
        OpenStream(OpenStreamRequest) = OPEN_STREAM;
        ReadStream(ReadStreamRequest) = READ_STREAM;
        WriteStream(WriteStreamRequest) = WRITE_STREAM;
        WriteStreamExtended(WriteStreamRequest) = WRITE_STREAM_EXTENDED;
        WriteAndCommitStream(WriteStreamRequest) = WRITE_AND_COMMIT_STREAM;
        SetStreamSize(SetStreamSizeRequest) = SET_STREAM_SIZE;
        SeekStream(SeekStreamRequest) = SEEK_STREAM;
        CopyToStream(CopyToStreamRequest) = COPY_TO_STREAM;
        SubmitMessage(SubmitMessageRequest) = SUBMIT_MESSAGE;
        AbortSubmit(AbortSubmitRequest) = ABORT_SUBMIT;
        SpoolerLockMessage(SpoolerLockMessageRequest) = SPOOLER_LOCK_MESSAGE;
        RegisterNotification(RegisterNotificationRequest) = REGISTER_NOTIFICATION;
        ModifyPermissions(ModifyRowsRequest) = MODIFY_PERMISSIONS;
        ModifyRules(ModifyRowsRequest) = MODIFY_RULES;
        FastTransferSourceCopyTo(FastTransferSourceCopyToRequest) = FAST_TRANSFER_SOURCE_COPY_TO;
        FastTransferSourceCopyProperties(FastTransferSourceCopyPropertiesRequest) = FAST_TRANSFER_SOURCE_COPY_PROPERTIES;
        FastTransferSourceCopyMessages(FastTransferSourceCopyMessagesRequest) = FAST_TRANSFER_SOURCE_COPY_MESSAGES;
        FastTransferSourceCopyFolder(FastTransferSourceCopyFolderRequest) = FAST_TRANSFER_SOURCE_COPY_FOLDER;
        FastTransferSourceGetBuffer(FastTransferSourceGetBufferRequest) = FAST_TRANSFER_SOURCE_GET_BUFFER;
        FastTransferDestinationConfigure(FastTransferDestinationConfigureRequest) = FAST_TRANSFER_DESTINATION_CONFIGURE;
        FastTransferDestinationPutBuffer(FastTransferDestinationPutBufferRequest) = FAST_TRANSFER_DESTINATION_PUT_BUFFER;
        FastTransferDestinationPutBufferExtended(FastTransferDestinationPutBufferRequest)
            = FAST_TRANSFER_DESTINATION_PUT_BUFFER_EXTENDED;
        TellVersion(TellVersionRequest) = TELL_VERSION;
        SynchronizationConfigure(SynchronizationConfigureRequest) = SYNCHRONIZATION_CONFIGURE;
        UploadStateStreamBegin(UploadStateStreamBeginRequest) = SYNCHRONIZATION_UPLOAD_STATE_STREAM_BEGIN;
        UploadStateStreamContinue(UploadStateStreamContinueRequest) = SYNCHRONIZATION_UPLOAD_STATE_STREAM_CONTINUE;
        GetTransferState(GetTransferStateRequest) = SYNCHRONIZATION_GET_TRANSFER_STATE;
        OpenCollector(OpenCollectorRequest) = SYNCHRONIZATION_OPEN_COLLECTOR;
        ImportMessageChange(ImportMessageChangeRequest) = SYNCHRONIZATION_IMPORT_MESSAGE_CHANGE;
        ImportHierarchyChange(ImportHierarchyChangeRequest) = SYNCHRONIZATION_IMPORT_HIERARCHY_CHANGE;
        ImportDeletes(ImportDeletesRequest) = SYNCHRONIZATION_IMPORT_DELETES;
        ImportMessageMove(ImportMessageMoveRequest) = SYNCHRONIZATION_IMPORT_MESSAGE_MOVE;
        ImportReadStateChanges(ImportReadStateChangesRequest) = SYNCHRONIZATION_IMPORT_READ_STATE_CHANGES;
        GetLocalReplicaIds(GetLocalReplicaIdsRequest) = GET_LOCAL_REPLICA_IDS;
        SetLocalReplicaMidsetDeleted(SetLocalReplicaMidsetDeletedRequest) = SET_LOCAL_REPLICA_MIDSET_DELETED;
    }
}

impl RequestBody {
    /// OutputHandleIndex of the body; that of RopLogon is in the head ([`RopRequest::output_handle_index`]).
    pub fn output_handle_index(&self) -> Option<u8> {
        Some(match self {
            Self::OpenFolder(body) => body.output_handle_index,
            Self::CreateFolder(body) => body.output_handle_index,
            Self::GetHierarchyTable(body)
            | Self::GetContentsTable(body)
            | Self::GetAttachmentTable(body)
            | Self::GetPermissionsTable(body)
            | Self::GetRulesTable(body) => body.output_handle_index,
            Self::OpenMessage(body) => body.output_handle_index,
            Self::CreateMessage(body) => body.output_handle_index,
            Self::OpenEmbeddedMessage(body) => body.output_handle_index,
            Self::OpenAttachment(body) => body.output_handle_index,
            Self::CreateAttachment(body) => body.output_handle_index,
            Self::OpenStream(body) => body.output_handle_index,
            Self::RegisterNotification(body) => body.output_handle_index,
            Self::FastTransferSourceCopyTo(body) => body.output_handle_index,
            Self::FastTransferSourceCopyProperties(body) => body.output_handle_index,
            Self::FastTransferSourceCopyMessages(body) => body.output_handle_index,
            Self::FastTransferSourceCopyFolder(body) => body.output_handle_index,
            Self::FastTransferDestinationConfigure(body) => body.output_handle_index,
            Self::SynchronizationConfigure(body) => body.output_handle_index,
            Self::GetTransferState(body) => body.output_handle_index,
            Self::OpenCollector(body) => body.output_handle_index,
            Self::ImportMessageChange(body) => body.output_handle_index,
            _ => return None,
        })
    }

    /// InputHandleIndex of the ROPs whose head carries the response handle index.
    pub fn input_handle_index(&self) -> Option<u8> {
        Some(match self {
            Self::SaveChangesMessage(body) => body.input_handle_index,
            Self::SaveChangesAttachment(body) => body.input_handle_index,
            Self::SetMessageReadFlag(body) => body.input_handle_index,
            _ => return None,
        })
    }

    /// DestHandleIndex of the copying and moving ROPs.
    pub fn dest_handle_index(&self) -> Option<u8> {
        Some(match self {
            Self::MoveCopyMessages(body) => body.dest_handle_index,
            Self::MoveFolder(body) => body.dest_handle_index,
            Self::CopyFolder(body) => body.dest_handle_index,
            Self::CopyTo(body) => body.dest_handle_index,
            Self::CopyProperties(body) => body.dest_handle_index,
            Self::CopyToStream(body) => body.dest_handle_index,
            _ => return None,
        })
    }
}

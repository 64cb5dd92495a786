use crate::ErrorCode;
use crate::wire::{Reader, WireResult, Writer};

use super::codec::Answer;
use super::*;

/// One element of a response's list of ROPs.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// The answer to a request.
    Rop(RopResponse),
    /// RopNotify: an event of a subscription.
    Notify(NotifyResponse),
    /// RopPending ([MS-OXCROPS] 2.2.14.3): more events wait; send another Execute.
    Pending {
        /// Which session of the pool.
        session_index: u16,
    },
    /// RopBackoff: the server is too busy.
    Backoff(BackoffResponse),
    /// RopBufferTooSmall ([MS-OXCROPS] 2.2.15.1): the answers did not fit. Always last.
    BufferTooSmall {
        /// Bytes needed for the answers.
        size_needed: u16,
        /// The requests that were not run, as they were sent.
        request_buffers: Vec<u8>,
    },
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct RopResponse {
    /// The ROP, that of the request but for RopGetMessageStatus (answered by RopSetMessageStatus) and RopProgress.
    pub rop_id: RopId,
    /// [`RopRequest::handle_index`], except that ROPs with an output handle index answer with that.
    pub handle_index: u8,
    /// What became of it.
    pub return_value: ErrorCode,
    /// The results.
    pub body: ResponseBody,
}

impl RopResponse {
    /// Reads what follows the RopId.
    pub(super) fn get(reader: &mut Reader<'_>, rop_id: RopId, context: &ResponseContext) -> WireResult<Self> {
        let (handle_index, return_value) = Self::get_head(reader)?;
        let body = ResponseBody::get(reader, rop_id, return_value, context)?;
        Ok(Self { rop_id, handle_index, return_value, body })
    }

    /// Reads what every response has behind its RopId: the handle index and ReturnValue.
    pub(super) fn get_head(reader: &mut Reader<'_>) -> WireResult<(u8, ErrorCode)> {
        Ok((reader.u8("response handle index")?, ErrorCode(reader.u32("ReturnValue")?)))
    }

    /// Writes the response.
    pub fn encode(&self, writer: &mut Writer) {
        writer.u8(self.rop_id.0).u8(self.handle_index).u32(self.return_value.0);
        self.body.put(writer, self.return_value);
    }
}

impl Response {
    /// Writes the response.
    ///
    /// # Errors
    /// A RopBackoff of more than 255 ROPs.
    pub fn encode(&self, writer: &mut Writer) -> WireResult<()> {
        match self {
            Self::Rop(response) => response.encode(writer),
            Self::Notify(notify) => {
                writer.u8(RopId::NOTIFY.0);
                notify.put(writer);
            }
            Self::Pending { session_index } => drop(writer.u8(RopId::PENDING.0).u16(*session_index)),
            Self::Backoff(backoff) => {
                writer.u8(RopId::BACKOFF.0);
                backoff.put(writer)?;
            }
            Self::BufferTooSmall { size_needed, request_buffers } => {
                writer.u8(RopId::BUFFER_TOO_SMALL.0).u16(*size_needed).bytes(request_buffers);
            }
        }
        Ok(())
    }
}

macro_rules! response_bodies {
    ($($(#[$meta:meta])* $variant:ident($ty:ty) = $($id:ident)|+;)*) => {
        /// What follows ReturnValue. On failure normally nothing.
        #[allow(missing_docs, reason = "the variants bear the names of the ROPs")]
        #[derive(Debug, Clone, PartialEq)]
        pub enum ResponseBody {
            /// Nothing: the ROP failed or has no results.
            Empty,
            $($(#[$meta])* $variant($ty),)*
        }

        impl ResponseBody {
            fn get(
                reader: &mut Reader<'_>,
                rop_id: RopId,
                return_value: ErrorCode,
                context: &ResponseContext,
            ) -> WireResult<Self> {
                let body = match rop_id {
                    $($(RopId::$id)|+ => Answer::get_answer(reader, return_value, context)?.map(Self::$variant),)*
                    _ => None,
                };
                Ok(body.unwrap_or(Self::Empty))
            }

            /// Makers of random bodies as they follow a return value, one per ROP that has any.
            #[cfg(test)]
            pub(super) const SAMPLES: &[(RopId, fn(&mut sample::SampleRng, ErrorCode) -> (Self, ResponseContext))] =
                &[$($((RopId::$id, |rng, return_value| {
                    let (body, context) = sample::SampleAnswer::sample_answer(rng, return_value);
                    (body.map_or(Self::Empty, Self::$variant), context)
                }),)+)*];

            fn put(&self, writer: &mut Writer, return_value: ErrorCode) {
                match self {
                    Self::Empty => {}
                    $(Self::$variant(body) => Answer::put_answer(body, writer, return_value),)*
                }
            }
        }
    };
}

response_bodies! {
    /// Also on failure with ecWrongServer.
    Logon(LogonResponse) = LOGON;
    GetReceiveFolder(GetReceiveFolderResponse) = GET_RECEIVE_FOLDER;
    GetReceiveFolderTable(GetReceiveFolderTableResponse) = GET_RECEIVE_FOLDER_TABLE;
    GetStoreState(GetStoreStateResponse) = GET_STORE_STATE;
    GetOwningServers(OwningServers) = GET_OWNING_SERVERS;
    LongTermIdFromId(LongTermIdFromIdResponse) = LONG_TERM_ID_FROM_ID;
    IdFromLongTermId(IdFromLongTermIdResponse) = ID_FROM_LONG_TERM_ID;
    OpenFolder(OpenFolderResponse) = OPEN_FOLDER;
    CreateFolder(CreateFolderResponse) = CREATE_FOLDER;
    /// Of RopDeleteFolder, RopEmptyFolder, RopHardDeleteMessagesAndSubfolders, RopDeleteMessages, RopHardDeleteMessages
    /// and RopSetReadFlags; on failure too.
    PartialCompletion(PartialCompletionResponse) = DELETE_FOLDER | EMPTY_FOLDER | HARD_DELETE_MESSAGES_AND_SUBFOLDERS
        | DELETE_MESSAGES | HARD_DELETE_MESSAGES | SET_READ_FLAGS;
    /// Of RopMoveCopyMessages, RopMoveFolder and RopCopyFolder; on failure too.
    MoveCopy(MoveCopyResponse) = MOVE_COPY_MESSAGES | MOVE_FOLDER | COPY_FOLDER;
    GetSearchCriteria(GetSearchCriteriaResponse) = GET_SEARCH_CRITERIA;
    /// Of RopGetHierarchyTable and RopGetContentsTable.
    RowCount(RowCountResponse) = GET_HIERARCHY_TABLE | GET_CONTENTS_TABLE;
    /// Of RopSetColumns, RopSortTable, RopRestrict, RopGetStatus and RopAbort.
    TableStatus(TableStatusResponse) = SET_COLUMNS | SORT_TABLE | RESTRICT | GET_STATUS | ABORT;
    QueryRows(QueryRowsResponse) = QUERY_ROWS;
    QueryPosition(QueryPositionResponse) = QUERY_POSITION;
    SeekRow(SeekRowResponse) = SEEK_ROW;
    SeekRowBookmark(SeekRowBookmarkResponse) = SEEK_ROW_BOOKMARK;
    CreateBookmark(Bookmark) = CREATE_BOOKMARK;
    /// Of RopQueryColumnsAll and RopGetPropertiesList.
    PropertyTags(PropertyTagsResponse) = QUERY_COLUMNS_ALL | GET_PROPERTIES_LIST;
    FindRow(FindRowResponse) = FIND_ROW;
    /// Of RopOpenMessage and RopReloadCachedInformation.
    OpenMessage(OpenMessageResponse) = OPEN_MESSAGE | RELOAD_CACHED_INFORMATION;
    CreateMessage(CreateMessageResponse) = CREATE_MESSAGE;
    SaveChangesMessage(SaveChangesMessageResponse) = SAVE_CHANGES_MESSAGE;
    ReadRecipients(ReadRecipientsResponse) = READ_RECIPIENTS;
    /// Of RopSetMessageStatus and RopGetMessageStatus.
    SetMessageStatus(SetMessageStatusResponse) = SET_MESSAGE_STATUS | GET_MESSAGE_STATUS;
    SetMessageReadFlag(SetMessageReadFlagResponse) = SET_MESSAGE_READ_FLAG;
    OpenEmbeddedMessage(OpenEmbeddedMessageResponse) = OPEN_EMBEDDED_MESSAGE;
    CreateAttachment(CreateAttachmentResponse) = CREATE_ATTACHMENT;
    GetPropertiesSpecific(GetPropertiesSpecificResponse) = GET_PROPERTIES_SPECIFIC;
    GetPropertiesAll(GetPropertiesAllResponse) = GET_PROPERTIES_ALL;
    /// Of RopSetProperties, RopDeleteProperties and their NoReplicate forms.
    PropertyProblems(PropertyProblemsResponse) = SET_PROPERTIES | SET_PROPERTIES_NO_REPLICATE | DELETE_PROPERTIES
        | DELETE_PROPERTIES_NO_REPLICATE;
    /// Of RopCopyTo and RopCopyProperties; also on failure with ecDstNullObject.
    CopyProperties(CopyPropertiesResponse) = COPY_TO | COPY_PROPERTIES;
    GetPropertyIdsFromNames(GetPropertyIdsFromNamesResponse) = GET_PROPERTY_IDS_FROM_NAMES;
    GetNamesFromPropertyIds(GetNamesFromPropertyIdsResponse) = GET_NAMES_FROM_PROPERTY_IDS;
    QueryNamedProperties(QueryNamedPropertiesResponse) = QUERY_NAMED_PROPERTIES;
    Progress(ProgressResponse) = PROGRESS;
    /// Of RopOpenStream and RopGetStreamSize.
    StreamSize(StreamSizeResponse) = OPEN_STREAM | GET_STREAM_SIZE;
    /// On failure too.
    ReadStream(ReadStreamResponse) = READ_STREAM;
    /// Of RopWriteStream and RopWriteAndCommitStream; on failure too.
    WriteStream(WriteStreamResponse) = WRITE_STREAM | WRITE_AND_COMMIT_STREAM;
    /// On failure too.
    WriteStreamExtended(WriteStreamExtendedResponse) = WRITE_STREAM_EXTENDED;
    SeekStream(SeekStreamResponse) = SEEK_STREAM;
    /// On failure too.
    CopyToStream(CopyToStreamResponse) = COPY_TO_STREAM;
    GetAddressTypes(GetAddressTypesResponse) = GET_ADDRESS_TYPES;
    GetTransportFolder(GetTransportFolderResponse) = GET_TRANSPORT_FOLDER;
    TransportSend(TransportSendResponse) = TRANSPORT_SEND;
    /// On failure too.
    FastTransferSourceGetBuffer(FastTransferSourceGetBufferResponse) = FAST_TRANSFER_SOURCE_GET_BUFFER;
    FastTransferDestinationPutBuffer(FastTransferDestinationPutBufferResponse) = FAST_TRANSFER_DESTINATION_PUT_BUFFER;
    FastTransferDestinationPutBufferExtended(FastTransferDestinationPutBufferExtendedResponse)
        = FAST_TRANSFER_DESTINATION_PUT_BUFFER_EXTENDED;
    /// Of RopSynchronizationImportMessageChange and RopSynchronizationImportMessageMove.
    ImportMessage(ImportMessageResponse) = SYNCHRONIZATION_IMPORT_MESSAGE_CHANGE | SYNCHRONIZATION_IMPORT_MESSAGE_MOVE;
    ImportHierarchyChange(ImportHierarchyChangeResponse) = SYNCHRONIZATION_IMPORT_HIERARCHY_CHANGE;
    GetLocalReplicaIds(GetLocalReplicaIdsResponse) = GET_LOCAL_REPLICA_IDS;
}

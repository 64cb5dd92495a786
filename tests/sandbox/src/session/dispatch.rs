use mapi_core::ErrorCode;
use mapi_core::rop::*;

use super::busy::BUSY;
use super::context::{Cx, RopResult};
use super::{
    attachment, folder, folder_content, logon, message, notification, permission, property, property_copy, recipient,
    stream, submit, sync, sync_import, table_rops, transfer,
};

/// Runs one request. `None`: it has no answer.
pub fn run(cx: &mut Cx<'_>, request: &RopRequest) -> Option<RopResponse> {
    if request.body == RequestBody::Release {
        if let Ok(handle) = cx.handle(request.handle_index) {
            cx.session.release(cx.store, handle);
        }
        return None;
    }
    let (return_value, body) = match call(cx, &request.body) {
        Ok(body) => (ErrorCode::NONE, body),
        Err(code) => (code, failure(cx, &request.body, code)),
    };
    Some(RopResponse {
        rop_id: match request.body.rop_id() {
            RopId::GET_MESSAGE_STATUS => RopId::SET_MESSAGE_STATUS,
            other => other,
        },
        handle_index: request.output_handle_index().unwrap_or(request.handle_index),
        return_value,
        body,
    })
}

fn call(cx: &mut Cx<'_>, body: &RequestBody) -> RopResult {
    match body {
        RequestBody::Release => Ok(ResponseBody::Empty),
        RequestBody::Logon(body) => logon::logon(cx, body),
        RequestBody::GetReceiveFolder(body) => logon::get_receive_folder(cx, body),
        RequestBody::GetReceiveFolderTable => logon::get_receive_folder_table(cx),
        RequestBody::GetStoreState => logon::get_store_state(cx),
        RequestBody::LongTermIdFromId(body) => logon::long_term_id_from_id(cx, body),
        RequestBody::IdFromLongTermId(body) => logon::id_from_long_term_id(cx, body),
        RequestBody::GetAddressTypes => logon::get_address_types(cx),
        RequestBody::GetTransportFolder => logon::get_transport_folder(cx),
        RequestBody::OpenFolder(body) => folder::open(cx, body),
        RequestBody::CreateFolder(body) => folder::create(cx, body),
        RequestBody::DeleteFolder(body) => folder::delete(cx, body),
        RequestBody::EmptyFolder(body) => folder::empty(cx, body, false),
        RequestBody::HardDeleteMessagesAndSubfolders(body) => folder::empty(cx, body, true),
        RequestBody::MoveFolder(body) => folder::move_folder(cx, body),
        RequestBody::CopyFolder(body) => folder::copy_folder(cx, body),
        RequestBody::GetHierarchyTable(body) => folder::hierarchy_table(cx, body),
        RequestBody::GetContentsTable(body) => folder::contents_table(cx, body),
        RequestBody::GetPermissionsTable(body) => permission::table(cx, body),
        RequestBody::ModifyPermissions(body) => permission::modify(cx, body),
        RequestBody::GetRulesTable(body) => folder::rules_table(cx, body),
        RequestBody::SetSearchCriteria(body) => folder::set_search_criteria(cx, body),
        RequestBody::GetSearchCriteria(body) => folder::get_search_criteria(cx, body),
        RequestBody::DeleteMessages(body) => folder_content::delete(cx, body, false),
        RequestBody::HardDeleteMessages(body) => folder_content::delete(cx, body, true),
        RequestBody::MoveCopyMessages(body) => folder_content::move_copy(cx, body),
        RequestBody::SetReadFlags(body) => folder_content::set_read_flags(cx, body),
        RequestBody::SetMessageReadFlag(body) => folder_content::set_message_read_flag(cx, body),
        RequestBody::SetMessageStatus(body) => folder_content::set_status(cx, body),
        RequestBody::GetMessageStatus(body) => folder_content::get_status(cx, body),
        RequestBody::SetColumns(body) => table_rops::set_columns(cx, body),
        RequestBody::SortTable(body) => table_rops::sort_table(cx, body),
        RequestBody::Restrict(body) => table_rops::restrict(cx, body),
        RequestBody::QueryRows(body) => table_rops::query_rows(cx, body),
        RequestBody::QueryPosition => table_rops::query_position(cx),
        RequestBody::SeekRow(body) => table_rops::seek_row(cx, body),
        RequestBody::SeekRowBookmark(body) => table_rops::seek_row_bookmark(cx, body),
        RequestBody::SeekRowFractional(body) => table_rops::seek_row_fractional(cx, body),
        RequestBody::CreateBookmark => table_rops::create_bookmark(cx),
        RequestBody::FreeBookmark(body) => table_rops::free_bookmark(cx, body),
        RequestBody::FindRow(body) => table_rops::find_row(cx, body),
        RequestBody::QueryColumnsAll => table_rops::query_columns_all(cx),
        RequestBody::GetStatus | RequestBody::Abort => table_rops::status(cx),
        RequestBody::ResetTable => table_rops::reset(cx),
        RequestBody::OpenMessage(body) => message::open(cx, body),
        RequestBody::ReloadCachedInformation(_) => message::reload(cx),
        RequestBody::CreateMessage(body) => message::create(cx, body),
        RequestBody::SaveChangesMessage(body) => message::save(cx, body),
        RequestBody::OpenEmbeddedMessage(body) => message::open_embedded(cx, body),
        RequestBody::ModifyRecipients(body) => recipient::modify(cx, body),
        RequestBody::RemoveAllRecipients(_) => recipient::remove_all(cx),
        RequestBody::ReadRecipients(body) => recipient::read(cx, body),
        RequestBody::GetAttachmentTable(body) => attachment::table(cx, body),
        RequestBody::OpenAttachment(body) => attachment::open(cx, body),
        RequestBody::CreateAttachment(body) => attachment::create(cx, body),
        RequestBody::DeleteAttachment(body) => attachment::delete(cx, body),
        RequestBody::SaveChangesAttachment(body) => attachment::save(cx, body),
        RequestBody::GetPropertiesSpecific(body) => property::get_specific(cx, body),
        RequestBody::GetPropertiesAll(body) => property::get_all(cx, body),
        RequestBody::GetPropertiesList => property::get_list(cx),
        RequestBody::SetProperties(body) | RequestBody::SetPropertiesNoReplicate(body) => property::set(cx, body),
        RequestBody::DeleteProperties(body) | RequestBody::DeletePropertiesNoReplicate(body) => {
            property::delete(cx, body)
        }
        RequestBody::CopyTo(body) => property_copy::copy_to(cx, body),
        RequestBody::CopyProperties(body) => property_copy::copy_properties(cx, body),
        RequestBody::GetPropertyIdsFromNames(body) => property::ids_from_names(cx, body),
        RequestBody::GetNamesFromPropertyIds(body) => property::names_from_ids(cx, body),
        RequestBody::QueryNamedProperties(body) => property::query_names(cx, body),
        RequestBody::OpenStream(body) => stream::open(cx, body),
        RequestBody::ReadStream(body) => stream::read(cx, body),
        RequestBody::WriteStream(body) => written(stream::write(cx, body)),
        RequestBody::WriteStreamExtended(body) => {
            let written_size = u32::try_from(stream::write(cx, body)?).unwrap_or(u32::MAX);
            Ok(ResponseBody::WriteStreamExtended(WriteStreamExtendedResponse { written_size }))
        }
        RequestBody::WriteAndCommitStream(body) => {
            let count = stream::write(cx, body)?;
            stream::commit_rop(cx)?;
            written(Ok(count))
        }
        RequestBody::SetStreamSize(body) => stream::set_size(cx, body),
        RequestBody::SeekStream(body) => stream::seek(cx, body),
        RequestBody::GetStreamSize => stream::get_size(cx),
        RequestBody::CommitStream => stream::commit_rop(cx),
        RequestBody::CopyToStream(body) => stream::copy_to_stream(cx, body),
        RequestBody::SubmitMessage(_) => submit::submit(cx),
        RequestBody::TransportSend => submit::transport_send(cx),
        RequestBody::AbortSubmit(body) => submit::abort(cx, body),
        RequestBody::RegisterNotification(body) => notification::register(cx, body),
        RequestBody::FastTransferSourceCopyTo(body) => transfer::copy_to(cx, body),
        RequestBody::FastTransferSourceCopyProperties(body) => transfer::copy_properties(cx, body),
        RequestBody::FastTransferSourceCopyMessages(body) => transfer::copy_messages(cx, body),
        RequestBody::FastTransferSourceCopyFolder(body) => transfer::copy_folder(cx, body),
        RequestBody::FastTransferSourceGetBuffer(body) => transfer::get_buffer(cx, body),
        RequestBody::SynchronizationConfigure(body) => sync::configure(cx, body),
        RequestBody::UploadStateStreamBegin(body) => sync::upload_begin(cx, body),
        RequestBody::UploadStateStreamContinue(body) => sync::upload_continue(cx, body),
        RequestBody::UploadStateStreamEnd => sync::upload_end(cx),
        RequestBody::GetTransferState(body) => sync::get_transfer_state(cx, body),
        RequestBody::OpenCollector(body) => sync::open_collector(cx, body),
        RequestBody::ImportDeletes(body) => sync_import::deletes(cx, body),
        RequestBody::ImportMessageMove(body) => sync_import::message_move(cx, body),
        RequestBody::ImportReadStateChanges(body) => sync_import::read_state_changes(cx, body),
        RequestBody::GetLocalReplicaIds(body) => sync_import::get_local_replica_ids(cx, body),
        // Rules, spooling, uploads of whole objects: this server has none of them, and says so.
        RequestBody::SetReceiveFolder(_)
        | RequestBody::GetOwningServers(_)
        | RequestBody::SetSpooler
        | RequestBody::SpoolerLockMessage(_)
        | RequestBody::Progress(_)
        | RequestBody::ModifyRules(_)
        | RequestBody::FastTransferDestinationConfigure(_)
        | RequestBody::FastTransferDestinationPutBuffer(_)
        | RequestBody::FastTransferDestinationPutBufferExtended(_)
        | RequestBody::TellVersion(_)
        | RequestBody::ImportMessageChange(_)
        | RequestBody::ImportHierarchyChange(_)
        | RequestBody::SetLocalReplicaMidsetDeleted(_) => {
            cx.entry(cx.index)?;
            Err(ErrorCode::NOT_SUPPORTED)
        }
    }
}

fn written(count: Result<usize, ErrorCode>) -> RopResult {
    let written_size = u16::try_from(count?).unwrap_or(u16::MAX);
    Ok(ResponseBody::WriteStream(WriteStreamResponse { written_size }))
}

/// What follows ReturnValue although the ROP failed.
fn failure(cx: &Cx<'_>, body: &RequestBody, code: ErrorCode) -> ResponseBody {
    let dest = |index: u8| (code == ErrorCode::DST_NULL_OBJECT).then_some(u32::from(index));
    let moved = |index: u8| {
        ResponseBody::MoveCopy(MoveCopyResponse { dest_handle_index: dest(index), partial_completion: false })
    };
    let copied = |index: u8| match dest(index) {
        Some(index) => ResponseBody::CopyProperties(CopyPropertiesResponse::NullDestination(index)),
        None => ResponseBody::Empty,
    };
    match body {
        RequestBody::DeleteFolder(_)
        | RequestBody::EmptyFolder(_)
        | RequestBody::HardDeleteMessagesAndSubfolders(_)
        | RequestBody::DeleteMessages(_)
        | RequestBody::HardDeleteMessages(_)
        | RequestBody::SetReadFlags(_) => {
            ResponseBody::PartialCompletion(PartialCompletionResponse { partial_completion: true })
        }
        RequestBody::MoveCopyMessages(body) => moved(body.dest_handle_index),
        RequestBody::MoveFolder(body) => moved(body.dest_handle_index),
        RequestBody::CopyFolder(body) => moved(body.dest_handle_index),
        RequestBody::CopyTo(body) => copied(body.dest_handle_index),
        RequestBody::CopyProperties(body) => copied(body.dest_handle_index),
        RequestBody::ReadStream(_) => ResponseBody::ReadStream(ReadStreamResponse::default()),
        RequestBody::WriteStream(_) if cx.store.manners().failed_write_is_short => ResponseBody::Empty,
        RequestBody::WriteStream(_) | RequestBody::WriteAndCommitStream(_) => {
            ResponseBody::WriteStream(WriteStreamResponse { written_size: 0 })
        }
        RequestBody::WriteStreamExtended(_) => {
            ResponseBody::WriteStreamExtended(WriteStreamExtendedResponse { written_size: 0 })
        }
        RequestBody::CopyToStream(body) => ResponseBody::CopyToStream(CopyToStreamResponse {
            dest_handle_index: dest(body.dest_handle_index),
            read_byte_count: 0,
            written_byte_count: 0,
        }),
        RequestBody::FastTransferSourceGetBuffer(_) => {
            ResponseBody::FastTransferSourceGetBuffer(FastTransferSourceGetBufferResponse {
                transfer_status: FastTransferSourceGetBufferResponse::ERROR,
                in_progress_count: 0,
                total_step_count: 0,
                reserved: 0,
                transfer_buffer: Vec::new(),
                backoff_time: (code == ErrorCode::SERVER_BUSY)
                    .then(|| u32::try_from(BUSY.as_millis()).unwrap_or(u32::MAX)),
            })
        }
        _ => ResponseBody::Empty,
    }
}

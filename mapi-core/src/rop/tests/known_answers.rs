use std::sync::Arc;

use super::{payload, requests, responses};
use crate::ErrorCode;
use crate::http::{ExecuteFlags, ExecuteRequest, Packing, pack};
use crate::id::{FolderId, ObjectId};
use crate::property::{PropertyRow, PropertyTag, PropertyValue, RowValue, tags};
use crate::rop::*;
use crate::wire::WireErrorKind;

fn expected(rop_id: RopId, handle_index: u8, context: ResponseContext) -> Expected {
    Expected { rop_id, handle_index, context }
}

/// [MS-OXCTABL] 4.5.3.1.
#[test]
fn query_rows_request() {
    let buffer = requests(&[0x15, 0, 0, 0, 1, 0x32, 0]);
    let body = RequestBody::QueryRows(QueryRowsRequest { query_rows_flags: 0, forward_read: true, row_count: 50 });
    assert_eq!(buffer.requests, [RopRequest { logon_id: 0, handle_index: 0, body }]);
}

/// [MS-OXCTABL] 4.3.2 and [MS-OXORULE] 4.2.2.
#[test]
fn table_responses() {
    let list = [0x13, 1, 0, 0, 0, 0, 0, 0x3F, 1, 0, 0, 0, 0, 0x12, 1, 0, 0, 0, 0, 0];
    let due = [RopId::SORT_TABLE, RopId::GET_RULES_TABLE, RopId::SET_COLUMNS];
    let buffer = responses(&list, &due.map(|rop_id| expected(rop_id, 1, ResponseContext::None)));
    let status = ResponseBody::TableStatus(TableStatusResponse { table_status: 0 });
    let bodies: Vec<_> = buffer.answers().map(|answer| (answer.rop_id, answer.body.clone())).collect();
    assert_eq!(bodies, [(due[0], status.clone()), (due[1], ResponseBody::Empty), (due[2], status)]);
}

/// [MS-OXORULE] 4.2.2.
#[test]
fn rows_of_a_rules_table() {
    let mut list = vec![0x15, 1, 0, 0, 0, 0, 2, 1, 0];
    list.extend([0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x3F, 0xF8, 0x56]);
    list.extend([0x10, 0x00, 0x01, 0, 0, 0, 0x01, 0, 0, 0, 0x55, 0x55, 0x55, 0x55, 0xD1, 0x44, 0xE3, 0x40]);
    list.extend("Project X\0".encode_utf16().flat_map(u16::to_le_bytes));
    let columns: Arc<[PropertyTag]> =
        Arc::new([PropertyTag(0x6674_0014), PropertyTag(0x6684_0102), PropertyTag(0x6682_001F)]);
    let due = expected(RopId::QUERY_ROWS, 1, ResponseContext::Columns(Arc::clone(&columns)));
    let buffer = responses(&list, &[due]);
    let [Response::Rop(RopResponse { body: ResponseBody::QueryRows(answer), .. })] = &buffer.responses[..] else {
        panic!("{buffer:?}")
    };
    assert_eq!(answer.origin, QueryRowsResponse::ORIGIN_END);
    let [row] = &answer.rows[..] else { panic!("{answer:?}") };
    assert!(!row.flagged);
    assert_eq!(row.values[0], RowValue::Value(PropertyValue::Integer64(0x56F8_3F01_0000_0001)));
    assert_eq!(row.values[1].value().and_then(PropertyValue::as_bytes).map(<[u8]>::len), Some(16));
    assert_eq!(row.values[2].value().and_then(PropertyValue::as_str), Some("Project X"));
}

/// [MS-OXCFOLD] 4.5.1.
#[test]
fn move_folder_request() {
    let mut list = vec![0x35, 0, 1, 2, 1, 1, 1, 0, 0, 0, 0x0E, 0x8E, 0xDF, 0x36];
    list.extend("Folder1\0".encode_utf16().flat_map(u16::to_le_bytes));
    let buffer = requests(&list);
    let body = RequestBody::MoveFolder(MoveFolderRequest {
        dest_handle_index: 2,
        want_asynchronous: true,
        use_unicode: true,
        folder_id: FolderId::new(1, 0x0000_0E8E_DF36),
        new_folder_name: "Folder1".to_owned(),
    });
    assert_eq!(body.dest_handle_index(), Some(2));
    assert_eq!(buffer.requests, [RopRequest { logon_id: 0, handle_index: 1, body }]);
}

#[test]
fn logon_from_the_handle_table_to_the_body_of_execute() {
    let mut list = vec![0xFE, 0, 0, 1, 0x0C, 4, 0, 1, 0, 0, 0, 0, 0x0A, 0];
    list.extend(b"/o=X/cn=u\0");
    let buffer = RequestBuffer {
        requests: vec![RopRequest {
            logon_id: 0,
            handle_index: 0,
            body: RequestBody::Logon(LogonRequest::mailbox("/o=X/cn=u")),
        }],
        handles: vec![NO_HANDLE],
    };
    let bytes = buffer.encode().expect("short");
    assert_eq!(bytes, payload(&list, &[NO_HANDLE]));
    assert_eq!(RequestBuffer::decode(&bytes), Ok(buffer));
    let execute = ExecuteRequest {
        flags: ExecuteFlags(ExecuteFlags::NO_COMPRESSION | ExecuteFlags::NO_XOR_MAGIC),
        rop_buffer: pack(&[bytes], Packing::default()).expect("short"),
        max_rop_out: 0x0001_0008,
        auxiliary: Vec::new(),
    };
    let mut body = vec![3, 0, 0, 0, 0x26, 0, 0, 0, 0, 0, 4, 0, 0x1E, 0, 0x1E, 0, 0x1A, 0];
    body.extend(list);
    body.extend([0xFF, 0xFF, 0xFF, 0xFF, 8, 0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(execute.encode(), body);
}

#[test]
fn empty_payload() {
    assert_eq!(RequestBuffer::default().encode(), Ok(vec![2, 0]));
    assert_eq!(RequestBuffer::decode(&[2, 0]), Ok(RequestBuffer::default()));
    let error = RequestBuffer::decode(&[1, 0]).expect_err("RopSize counts itself");
    assert_eq!(error.kind, WireErrorKind::Invalid(1));
}

#[test]
fn a_row_with_a_missing_value() {
    let wire = [1, 0, 1, 0, 0, 0, 0, 0, 1, 0x23, 0, 1, 0, 0, 0, 0x0A, 0x0F, 1, 4, 0x80];
    let columns: Arc<[PropertyTag]> = Arc::new([tags::PidTagMid, tags::PidTagMessageFlags, tags::PidTagFlagStatus]);
    let mut list = vec![0x07, 3, 0, 0, 0, 0];
    list.extend(wire);
    let due = expected(RopId::GET_PROPERTIES_SPECIFIC, 3, ResponseContext::Columns(Arc::clone(&columns)));
    let row = PropertyRow {
        flagged: true,
        values: vec![
            RowValue::Value(PropertyValue::Integer64(ObjectId::new(1, 0x123).to_i64())),
            RowValue::Value(PropertyValue::Integer32(1)),
            RowValue::Error(ErrorCode::NOT_FOUND.0),
        ],
    };
    let buffer = responses(&list, &[due]);
    let body = ResponseBody::GetPropertiesSpecific(GetPropertiesSpecificResponse { columns, row });
    assert_eq!(buffer.answers().next().map(|answer| &answer.body), Some(&body));
}

#[test]
fn null_destinations_and_partial_completion() {
    let list = [0x33, 1, 3, 5, 0, 0, 2, 0, 0, 0, 1, 0x33, 1, 0xB9, 4, 0, 0, 0, 0x39, 1, 3, 5, 0, 0, 2, 0, 0, 0];
    let due = [RopId::MOVE_COPY_MESSAGES, RopId::MOVE_COPY_MESSAGES, RopId::COPY_TO];
    let buffer = responses(&list, &due.map(|rop_id| expected(rop_id, 1, ResponseContext::None)));
    let bodies: Vec<_> = buffer.answers().map(|answer| answer.body.clone()).collect();
    let moved = |dest_handle_index, partial_completion| {
        ResponseBody::MoveCopy(MoveCopyResponse { dest_handle_index, partial_completion })
    };
    let copied = ResponseBody::CopyProperties(CopyPropertiesResponse::NullDestination(2));
    assert_eq!(bodies, [moved(Some(2), true), moved(None, false), copied]);
}

#[test]
fn the_status_of_a_message_is_answered_as_if_it_had_been_set() {
    let list = [0x20, 0, 0, 0, 0, 0, 0, 0x10, 0, 0];
    let buffer = responses(&list, &[expected(RopId::GET_MESSAGE_STATUS, 0, ResponseContext::None)]);
    let body = ResponseBody::SetMessageStatus(SetMessageStatusResponse { message_status_flags: 0x1000 });
    assert_eq!(buffer.answers().next().map(|answer| &answer.body), Some(&body));
}

#[test]
fn answers_out_of_place_are_refused() {
    let list = payload(&[0x12, 1, 0, 0, 0, 0, 0], &[]);
    let decode = |due: &[Expected]| ResponseBuffer::decode(&list, due).map_err(|error| (error.offset, error.context));
    let due = |rop_id, handle_index| [expected(rop_id, handle_index, ResponseContext::None)];
    assert!(decode(&due(RopId::SET_COLUMNS, 1)).is_ok());
    assert_eq!(decode(&[]), Err((2, "unexpected answer")));
    assert_eq!(decode(&due(RopId::SORT_TABLE, 1)), Err((2, "answer out of order")));
    assert_eq!(decode(&due(RopId::SET_COLUMNS, 2)), Err((3, "response handle index")));
}

#[test]
fn further_payloads_answer_the_last_request_again() {
    let first = payload(&[0x2B, 1, 0, 0, 0, 0, 3, 0, 0, 0, 0x2C, 1, 0, 0, 0, 0, 1, 0, 7], &[1, 2]);
    let second = payload(&[0x2C, 1, 0, 0, 0, 0, 2, 0, 8, 9], &[1, 2]);
    let request = |handle_index, body| RopRequest { logon_id: 0, handle_index, body };
    let open = OpenStreamRequest { output_handle_index: 1, property_tag: tags::PidTagHtml, open_mode_flags: 0 };
    let requests = [
        request(0, RequestBody::OpenStream(open)),
        request(1, RequestBody::ReadStream(ReadStreamRequest::MaximumByteCount(1000))),
    ];
    let due = Expected::of(&requests, |_| unreachable!("no rows are read"));
    let buffers = ResponseBuffer::decode_chain(&[first, second], &due).expect("two payloads");
    let data = buffers.iter().flat_map(ResponseBuffer::answers).filter_map(|answer| match &answer.body {
        ResponseBody::ReadStream(read) => Some(&read.data[..]),
        _ => None,
    });
    assert_eq!(data.collect::<Vec<_>>().concat(), [7, 8, 9]);
}

#[test]
fn columns_set_in_the_same_buffer_count() {
    let request = |handle_index, body| RopRequest { logon_id: 0, handle_index, body };
    let table = GetTableRequest { output_handle_index: 1, table_flags: 0 };
    let set = SetColumnsRequest { set_columns_flags: 0, property_tags: vec![tags::PidTagMid] };
    let query = QueryRowsRequest { query_rows_flags: 0, forward_read: true, row_count: 9 };
    let requests = [
        request(0, RequestBody::GetContentsTable(table)),
        request(1, RequestBody::SetColumns(set)),
        request(1, RequestBody::QueryRows(query.clone())),
        request(0, RequestBody::Release),
        request(2, RequestBody::QueryRows(query)),
    ];
    let earlier: Arc<[PropertyTag]> = Arc::new([tags::PidTagSubject]);
    let due = Expected::of(&requests, |request| {
        assert_eq!(request.handle_index, 2);
        Arc::clone(&earlier)
    });
    let contexts: Vec<_> = due.iter().map(|due| (due.handle_index, due.context.clone())).collect();
    let none = ResponseContext::None;
    let here = ResponseContext::Columns(Arc::new([tags::PidTagMid]));
    assert_eq!(contexts, [(1, none.clone()), (1, none), (1, here), (2, ResponseContext::Columns(earlier))]);
}

#[test]
fn client_data_of_public_logons() {
    let mut list = vec![0x11, 7, 0, 1, 1];
    list.extend([0xCC; 24]);
    let payload = payload(&list, &[]);
    let buffer = RequestBuffer::decode_with(&payload, &|logon_id| logon_id == 7).expect("a public request");
    let RequestBody::SetMessageReadFlag(request) = &buffer.requests[0].body else { panic!("{buffer:?}") };
    assert_eq!(request.client_data, Some([0xCC; 24]));
    assert_eq!(buffer.encode(), Ok(payload.clone()));
    assert!(RequestBuffer::decode(&payload).is_err(), "0xCC is no ROP");
}

#[test]
fn counts_are_checked_before_memory_is_reserved() {
    let list = [0x09, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0];
    let due = expected(RopId::GET_PROPERTIES_LIST, 0, ResponseContext::None);
    let error = ResponseBuffer::decode(&payload(&list, &[]), &[due]).expect_err("65,535 tags in two bytes");
    assert_eq!(error.kind, WireErrorKind::Truncated { needed: 65_535 * 4, left: 2 });
    assert_eq!(error.offset, 10);
}

/// RopWriteStream that fails: with WrittenSize as specified, without as Gromox answers, in the middle and at the end.
#[test]
fn a_failed_write_may_come_without_its_size() {
    let due = [
        expected(RopId::WRITE_STREAM, 2, ResponseContext::None),
        expected(RopId::COMMIT_STREAM, 2, ResponseContext::None),
    ];
    let write = [0x2D, 2, 0x05, 0x03, 0x04, 0x80];
    let commit = [0x5D, 2, 0x02, 0x01, 0x04, 0x80];
    let notify = [0x6E, 7, 0];
    let some = ResponseBody::WriteStream(WriteStreamResponse { written_size: 0x025D });
    let none = ResponseBody::WriteStream(WriteStreamResponse { written_size: 0 });
    for (size, body) in [(&[][..], ResponseBody::Empty), (&[0, 0], none), (&[0x5D, 2], some)] {
        for behind in [&[][..], &commit, &notify] {
            let list = [&write[..], size, behind].concat();
            // Right before a commit, and nothing else, these are its RopId and index.
            let buffer = responses(&list, &due);
            let Response::Rop(answer) = &buffer.responses[0] else { panic!("{buffer:?}") };
            assert_eq!((answer.return_value, &answer.body), (ErrorCode::TOO_BIG, &body), "{size:?} {behind:?}");
            assert_eq!(buffer.responses.len(), if behind.is_empty() { 1 } else { 2 });
        }
    }
}

/// The same of the other ROPs whose failures have fields that Gromox leaves out.
#[test]
fn failures_without_their_fields_are_failures() {
    for rop_id in [
        RopId::SET_READ_FLAGS,
        RopId::READ_STREAM,
        RopId::WRITE_STREAM_EXTENDED,
        RopId::COPY_TO_STREAM,
        RopId::MOVE_COPY_MESSAGES,
        RopId::DELETE_MESSAGES,
        RopId::FAST_TRANSFER_SOURCE_GET_BUFFER,
    ] {
        let due = [1, 2].map(|index| expected(rop_id, index, ResponseContext::None));
        let failed = |index| [rop_id.0, index, 0x05, 0, 0x07, 0x80];
        let list = [failed(1), failed(2)].concat();
        let buffer = responses(&list, &due);
        let codes: Vec<_> = buffer.answers().map(|answer| answer.return_value).collect();
        assert_eq!(codes, [ErrorCode::ACCESS_DENIED; 2], "{rop_id}");
    }
}

#[test]
fn a_success_has_all_its_fields() {
    let due = [1, 2].map(|index| expected(RopId::WRITE_STREAM, index, ResponseContext::None));
    let list = [0x2D, 1, 0, 0, 0, 0];
    let error = ResponseBuffer::decode(&payload(&list, &[]), &due).expect_err("no WrittenSize");
    assert_eq!(error.kind, WireErrorKind::Truncated { needed: 2, left: 0 });
    let list = [list, [0x2D, 2, 0, 0, 0, 0]].concat();
    assert!(ResponseBuffer::decode(&payload(&list, &[]), &due).is_err());
}

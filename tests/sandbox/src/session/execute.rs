use mapi_core::ErrorCode;
use mapi_core::http::{ExecuteFlags, ExecuteRequest, MAX_PAYLOAD, MAX_PAYLOADS, MAX_RESPONSE, Packing, pack, unpack};
use mapi_core::rop::{
    FastTransferSourceGetBufferResponse, NO_HANDLE, QueryRowsRequest, QueryRowsResponse, ReadStreamRequest,
    RequestBody, RequestBuffer, Response, ResponseBody, ResponseBuffer, RopRequest, RopResponse,
};
use mapi_core::wire::Writer;

use super::answers::Answers;
use super::busy::{BUSY, backoff, due};
use super::context::Cx;
use super::{Session, dispatch, notification};
use crate::Overflow;
use crate::server::Counters;
use crate::store::Store;

/// Bytes of RPC_HEADER_EXT before each payload.
const HEADER: usize = 8;
/// Room that a payload keeps for RopPending.
const PENDING_SIZE: usize = 3;
/// What stands in a RowCount that nobody wrote.
const UNWRITTEN: u8 = 0x77;
/// Room that chaining wants for another payload of a stream ([MS-OXCRPC] 3.1.4.2.1.2).
const CHAIN_STREAM: usize = 8 * 1024;

impl Session {
    /// Runs the ROPs of one Execute and returns its RopBuffer.
    ///
    /// # Errors
    /// Why there is none: `ecRpcFormat` for requests that cannot be read, `ecBufferTooSmall` for answers that fit nowhere.
    pub fn execute(
        &mut self,
        store: &mut Store,
        counters: &Counters,
        request: &ExecuteRequest,
    ) -> Result<Vec<u8>, Rejection> {
        let payloads = unpack(&request.rop_buffer).map_err(|_| ErrorCode::RPC_FORMAT)?;
        let [payload] = payloads.as_slice() else { return Err(ErrorCode::RPC_FORMAT.into()) };
        let requests = RequestBuffer::decode(&payload.data).map_err(|_| ErrorCode::RPC_FORMAT)?;
        if !requests.requests.is_empty() && due(&mut self.executes, store.manners().busy_every) {
            return Ok(backoff(BUSY, request)?);
        }
        let most = request.max_rop_out.min(MAX_RESPONSE) as usize;
        let limit = most.saturating_sub(HEADER).min(MAX_PAYLOAD);
        let mut run = Run { session: self, store, counters, handles: requests.handles };
        let mut first = run.first(&requests.requests, limit)?;
        notification::collect(run.session, run.store, &mut first, limit, run.handles.len());
        let mut out = vec![run.encode(first.responses)?];
        if request.flags.has(ExecuteFlags::CHAIN)
            && let Some(state) = first.last
            && let Some(last) = requests.requests.last()
        {
            run.chain(last, state, most, &mut out)?;
        }
        let always = store.manners().packs_always;
        let packing = Packing {
            compress_from: (always || !request.flags.has(ExecuteFlags::NO_COMPRESSION)).then_some(1024),
            xor_magic: always || !request.flags.has(ExecuteFlags::NO_XOR_MAGIC),
        };
        Ok(pack(&out, packing).map_err(|_| ErrorCode::BUFFER_TOO_SMALL)?)
    }
}

/// Why an Execute has no answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Its ErrorCode.
    Error(ErrorCode),
    /// Its StatusCode: there is no ErrorCode then.
    Status(u32),
}

impl From<ErrorCode> for Rejection {
    fn from(code: ErrorCode) -> Self {
        Self::Error(code)
    }
}

struct Run<'a> {
    session: &'a mut Session,
    store: &'a mut Store,
    counters: &'a Counters,
    handles: Vec<u32>,
}

impl Run<'_> {
    /// Runs all requests as far as their answers fit.
    fn first(&mut self, requests: &[RopRequest], limit: usize) -> Result<Answers, Rejection> {
        let encoded: Vec<Vec<u8>> = requests.iter().map(encode_request).collect();
        let mut rest: usize = encoded.iter().map(Vec::len).sum();
        let fixed = 2 + PENDING_SIZE + 4 * table_length(requests, &self.handles);
        let mut answers = Answers { responses: Vec::new(), size: 0, last: None };
        for (at, request) in requests.iter().enumerate() {
            rest -= encoded.get(at).map_or(0, Vec::len);
            // Whatever is not run any more has to fit into RopBufferTooSmall, on servers that send it.
            let given_back = if self.store.manners().overflow == Overflow::Error || rest == 0 { 0 } else { rest + 5 };
            let kept = fixed + given_back;
            let room = limit.saturating_sub(kept + answers.size);
            let outcome = if room < least(request) { None } else { self.one(request, room) };
            match outcome {
                Some(Some(response)) => {
                    answers.size += size_of(&response);
                    answers.last = (at + 1 == requests.len()).then(|| response.clone());
                    answers.responses.push(Response::Rop(response));
                }
                Some(None) => answers.last = None,
                None => {
                    match self.store.manners().overflow {
                        Overflow::TooSmall => {}
                        Overflow::Status if limit < MAX_PAYLOAD => {}
                        Overflow::Status => return Err(Rejection::Status(ErrorCode::BUFFER_TOO_SMALL.0)),
                        Overflow::Error => return Err(ErrorCode::BUFFER_TOO_SMALL.into()),
                    }
                    let unrun: Vec<u8> = encoded.iter().skip(at).flatten().copied().collect();
                    if answers.size + unrun.len() + 5 + fixed > limit {
                        return Err(ErrorCode::BUFFER_TOO_SMALL.into());
                    }
                    answers.size += unrun.len() + 5;
                    let size_needed = u16::try_from(MAX_PAYLOAD).unwrap_or(u16::MAX);
                    answers.responses.push(Response::BufferTooSmall { size_needed, request_buffers: unrun });
                    answers.last = None;
                    break;
                }
            }
        }
        Ok(answers)
    }

    /// Runs one request. `None`: its answer does not fit, and it was as if it never ran. `Some(None)`: it has no answer.
    fn one(&mut self, request: &RopRequest, room: usize) -> Option<Option<RopResponse>> {
        self.counters.rop(request.body.rop_id().0);
        let before = self.session.last_handle;
        let mut cx = Cx {
            session: self.session,
            store: self.store,
            handles: &mut self.handles,
            logon_id: request.logon_id,
            index: request.handle_index,
            room,
        };
        let Some(response) = dispatch::run(&mut cx, request) else { return Some(None) };
        let output = request.output_handle_index().map(usize::from);
        if size_of(&response) > room {
            // Only answers to opening and reading are that large; what they opened goes again.
            for handle in before + 1..=self.session.last_handle {
                self.session.objects.remove(&handle);
            }
            output.and_then(|at| self.handles.get_mut(at)).into_iter().for_each(|slot| *slot = NO_HANDLE);
            return None;
        }
        if !response.return_value.is_success() {
            output.and_then(|at| self.handles.get_mut(at)).into_iter().for_each(|slot| *slot = NO_HANDLE);
        }
        Some(Some(response))
    }

    /// Repeats the last request into further payloads ([MS-OXCRPC] 3.1.4.2.1.2).
    fn chain(
        &mut self,
        last: &RopRequest,
        mut answer: RopResponse,
        most: usize,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), ErrorCode> {
        let mut request = last.clone();
        while out.len() < MAX_PAYLOADS {
            let Some((next, wanted)) = continued(request, &answer, self.store.manners().chain_rows_unpacked) else {
                return Ok(());
            };
            let used: usize = out.iter().map(|payload| payload.len() + HEADER).sum();
            let left = most.saturating_sub(used + HEADER);
            if left < wanted {
                return Ok(());
            }
            request = next;
            let fixed = 2 + PENDING_SIZE + 4 * self.handles.len();
            let room = left.min(MAX_PAYLOAD).saturating_sub(fixed);
            let Some(Some(response)) = self.one(&request, room) else { return Ok(()) };
            if !response.return_value.is_success() {
                return Ok(());
            }
            out.push(self.encode(vec![Response::Rop(response.clone())])?);
            answer = response;
        }
        Ok(())
    }

    fn encode(&self, responses: Vec<Response>) -> Result<Vec<u8>, ErrorCode> {
        let unwritten = if self.store.manners().unwritten_row_count { row_counts(&responses) } else { Vec::new() };
        let buffer = ResponseBuffer { responses, handles: self.handles.clone() };
        let mut bytes = buffer.encode().map_err(|_| ErrorCode::BUFFER_TOO_SMALL)?;
        unwritten.into_iter().filter_map(|at| bytes.get_mut(at).map(|byte| *byte = UNWRITTEN)).for_each(drop);
        Ok(bytes)
    }
}

/// Where in the payload RowCount stands of messages that have recipients but no row of them.
fn row_counts(responses: &[Response]) -> Vec<usize> {
    // RopsList begins behind its size.
    let mut end = 2;
    let mut out = Vec::new();
    for response in responses {
        let mut writer = Writer::new();
        // Only RopBackoff can fail to be written.
        let _ = response.encode(&mut writer);
        end += writer.len();
        if let Response::Rop(RopResponse { body: ResponseBody::OpenMessage(open), .. }) = response
            && open.recipient_count > 0
            && open.recipient_rows.is_empty()
        {
            // Without rows it is the last byte.
            out.push(end - 1);
        }
    }
    out
}

/// The request that goes on where `answer` ended, and the room it wants; `None` if there is nothing more.
fn continued(request: RopRequest, answer: &RopResponse, unpacked: bool) -> Option<(RopRequest, usize)> {
    let body = match (&request.body, &answer.body) {
        (RequestBody::QueryRows(query), ResponseBody::QueryRows(rows)) => {
            let packed = query.query_rows_flags & QueryRowsRequest::ENABLE_PACKED_BUFFERS != 0;
            let left = query.row_count.saturating_sub(u16::try_from(rows.rows.len()).unwrap_or(u16::MAX));
            let advances = query.query_rows_flags & QueryRowsRequest::NO_ADVANCE == 0;
            let ended = rows.rows.is_empty() || rows.origin == QueryRowsResponse::ORIGIN_END;
            if packed == unpacked || left == 0 || !advances || ended {
                return None;
            }
            (RequestBody::QueryRows(QueryRowsRequest { row_count: left, ..query.clone() }), MAX_PAYLOAD)
        }
        (RequestBody::ReadStream(read), ResponseBody::ReadStream(data)) if !data.data.is_empty() => {
            let done = u32::try_from(data.data.len()).unwrap_or(u32::MAX);
            let wanted = match read {
                ReadStreamRequest::ByteCount(count) => u32::from(*count),
                ReadStreamRequest::MaximumByteCount(count) => *count,
            };
            let left = wanted.checked_sub(done).filter(|left| *left > 0)?;
            (RequestBody::ReadStream(ReadStreamRequest::MaximumByteCount(left)), CHAIN_STREAM)
        }
        (RequestBody::FastTransferSourceGetBuffer(get), ResponseBody::FastTransferSourceGetBuffer(got))
            if got.transfer_status == FastTransferSourceGetBufferResponse::PARTIAL =>
        {
            (RequestBody::FastTransferSourceGetBuffer(*get), CHAIN_STREAM)
        }
        _ => return None,
    };
    Some((RopRequest { body: body.0, ..request }, body.1))
}

/// The smallest room in which a ROP is run at all: one with effects always has a short answer.
fn least(request: &RopRequest) -> usize {
    match request.body {
        RequestBody::Release => 0,
        RequestBody::Logon(_) => 256,
        RequestBody::QueryRows(_) | RequestBody::FastTransferSourceGetBuffer(_) | RequestBody::ReadStream(_) => 64,
        RequestBody::SetProperties(ref set) | RequestBody::SetPropertiesNoReplicate(ref set) => {
            32 + 10 * set.property_values.len()
        }
        _ => 32,
    }
}

fn encode_request(request: &RopRequest) -> Vec<u8> {
    let mut writer = Writer::new();
    request.encode(&mut writer);
    writer.into_vec()
}

fn size_of(response: &RopResponse) -> usize {
    let mut writer = Writer::new();
    response.encode(&mut writer);
    writer.len()
}

/// How long the handle table will be.
fn table_length(requests: &[RopRequest], handles: &[u32]) -> usize {
    let outputs = requests.iter().filter_map(RopRequest::output_handle_index).map(|at| usize::from(at) + 1);
    outputs.max().unwrap_or(0).max(handles.len())
}

//! How a server that is busy puts its clients off.

use std::time::Duration;

use mapi_core::ErrorCode;
use mapi_core::http::{ExecuteRequest, Packing, pack, unpack};
use mapi_core::rop::{BackoffResponse, RequestBuffer, Response, ResponseBuffer};

/// How long a server that is busy wants to be left alone.
pub const BUSY: Duration = Duration::from_millis(5);

/// Counts; whether it is the turn of what happens every `every` times.
pub fn due(count: &mut u64, every: Option<u64>) -> bool {
    *count += 1;
    every.is_some_and(|every| count.is_multiple_of(every.max(2)))
}

/// The RopBuffer of an Execute that is told to come again after `duration`: nothing of it was run.
///
/// # Errors
/// `ecRpcFormat` for requests that cannot be read.
pub fn backoff(duration: Duration, request: &ExecuteRequest) -> Result<Vec<u8>, ErrorCode> {
    let payloads = unpack(&request.rop_buffer).map_err(|_| ErrorCode::RPC_FORMAT)?;
    let payload = payloads.first().ok_or(ErrorCode::RPC_FORMAT)?;
    let requests = RequestBuffer::decode(&payload.data).map_err(|_| ErrorCode::RPC_FORMAT)?;
    let answer = BackoffResponse {
        logon_id: requests.requests.first().map_or(0, |request| request.logon_id),
        duration: u32::try_from(duration.as_millis()).unwrap_or(u32::MAX),
        backoff_rops: Vec::new(),
        additional_data: Vec::new(),
    };
    let buffer = ResponseBuffer { responses: vec![Response::Backoff(answer)], handles: requests.handles };
    let encoded = buffer.encode().map_err(|_| ErrorCode::RPC_FORMAT)?;
    pack(&[encoded], Packing { compress_from: None, xor_magic: false }).map_err(|_| ErrorCode::RPC_FORMAT)
}

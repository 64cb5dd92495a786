//! What the mailbox endpoint's answers mean to the session.

use super::SessionError;
use crate::ErrorCode;
use crate::http::{
    ConnectResponse, ExecuteFlags, ExecuteRequest, ExecuteResponse, Failure, MAX_REQUEST, Packing, Reply, WaitResponse,
    pack, unpack,
};
use crate::wire::{WireError, WireErrorKind, WireResult};

/// Body of an Execute request that carries one ROP payload (RopSize, ROPs, handle table) and asks for a plain answer of at
/// most `max_rop_out` bytes, chained or not.
///
/// # Errors
/// A payload above 32 KiB.
pub fn execute_body(payload: &[u8], max_rop_out: u32, chain: bool) -> WireResult<Vec<u8>> {
    let rop_buffer = pack(&[payload], Packing::default())?;
    if rop_buffer.len() > MAX_REQUEST {
        let kind = WireErrorKind::TooLarge { asked: rop_buffer.len() as u64, limit: MAX_REQUEST as u64 };
        return Err(WireError::new(0, "Execute request", kind));
    }
    let chain = if chain { ExecuteFlags::CHAIN } else { 0 };
    let flags = ExecuteFlags(ExecuteFlags::NO_COMPRESSION | ExecuteFlags::NO_XOR_MAGIC | chain);
    Ok(ExecuteRequest { flags, rop_buffer, max_rop_out, auxiliary: Vec::new() }.encode())
}

/// The answer to Connect.
pub fn connect_answer(body: &[u8]) -> Result<ConnectResponse, SessionError> {
    let answer = succeeded(ConnectResponse::decode(body)?)?;
    accepted(answer.error)?;
    Ok(answer)
}

/// The payloads of an answer to Execute, unpacked.
pub fn execute_answer(body: &[u8]) -> Result<Vec<Vec<u8>>, SessionError> {
    let answer = succeeded(ExecuteResponse::decode(body)?)?;
    accepted(answer.error)?;
    Ok(unpack(&answer.rop_buffer)?.into_iter().map(|payload| payload.data).collect())
}

/// Whether an answer to NotificationWait says that notifications are queued.
pub fn wait_answer(body: &[u8]) -> Result<bool, SessionError> {
    let answer = succeeded(WaitResponse::decode(body)?)?;
    accepted(answer.error)?;
    Ok(answer.event_pending)
}

fn succeeded<T>(reply: Reply<T>) -> Result<T, SessionError> {
    reply.map_err(|Failure { status }| SessionError::Rejected(ErrorCode(status)))
}

fn accepted(error: ErrorCode) -> Result<(), SessionError> {
    if error == ErrorCode::NONE { Ok(()) } else { Err(SessionError::Rejected(error)) }
}

use std::sync::Arc;

use crate::property::PropertyTag;
use crate::wire::{Reader, WireError, WireErrorKind, WireResult, Writer};

use super::{
    BackoffResponse, Expected, NotifyResponse, Response, ResponseBody, ResponseContext, RopId, RopRequest, RopResponse,
};

/// The handle of a slot of the handle table that holds none.
pub const NO_HANDLE: u32 = 0xFFFF_FFFF;

/// A payload of requests: RopSize, RopsList, ServerObjectHandleTable ([MS-OXCROPS] 2.2.1).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RequestBuffer {
    /// The requests, in the order in which they are run. None asks for notifications only.
    pub requests: Vec<RopRequest>,
    /// The handles that the requests' indexes mean; [`NO_HANDLE`] where a request puts a new one.
    pub handles: Vec<u32>,
}

impl RequestBuffer {
    /// Reads a payload of logons to private mailboxes.
    ///
    /// # Errors
    /// Truncated or malformed requests, unknown RopIds, a handle table of broken handles.
    pub fn decode(payload: &[u8]) -> WireResult<Self> {
        Self::decode_with(payload, &|_| false)
    }

    /// Reads a payload; `is_public` tells which LogonIds are logons to public folders.
    ///
    /// # Errors
    /// As [`RequestBuffer::decode`].
    pub fn decode_with(payload: &[u8], is_public: &dyn Fn(u8) -> bool) -> WireResult<Self> {
        let (mut list, handles) = split(payload)?;
        let mut requests = Vec::new();
        while !list.is_empty() {
            requests.push(RopRequest::decode(&mut list, is_public)?);
        }
        Ok(Self { requests, handles })
    }

    /// Writes the payload.
    ///
    /// # Errors
    /// A list of more than 65,533 bytes.
    pub fn encode(&self) -> WireResult<Vec<u8>> {
        join(&self.handles, |writer| {
            self.requests.iter().for_each(|request| request.encode(writer));
            Ok(())
        })
    }
}

/// A payload of responses: RopSize, RopsList, ServerObjectHandleTable ([MS-OXCROPS] 2.2.1).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResponseBuffer {
    /// The answers in the order of the requests, with notifications and the like among and behind them.
    pub responses: Vec<Response>,
    /// The handle table after the requests: new handles stand at their output index. May be shorter than the request's.
    pub handles: Vec<u32>,
}

impl ResponseBuffer {
    /// Reads a payload. `expected` are the answers that are still due; there may be fewer in `payload` (RopBackoff,
    /// RopBufferTooSmall), but none else and in no other order.
    ///
    /// # Errors
    /// Truncated or malformed responses, and answers that nobody asked for.
    pub fn decode(payload: &[u8], expected: &[Expected]) -> WireResult<Self> {
        let (mut list, handles) = split(payload)?;
        let mut due = expected.iter();
        let mut opened: Vec<(u8, Arc<[PropertyTag]>)> = Vec::new();
        let mut responses = Vec::new();
        while !list.is_empty() {
            let at = list.clone();
            let rop_id = RopId(list.u8("RopId")?);
            responses.push(match rop_id {
                RopId::NOTIFY => Response::Notify(NotifyResponse::get(&mut list)?),
                RopId::PENDING => Response::Pending { session_index: list.u16("SessionIndex")? },
                RopId::BACKOFF => Response::Backoff(BackoffResponse::get(&mut list)?),
                RopId::BUFFER_TOO_SMALL => Response::BufferTooSmall {
                    size_needed: list.u16("SizeNeeded")?,
                    request_buffers: list.rest().to_vec(),
                },
                _ => {
                    let Some(this) = due.next() else { return Err(at.invalid("unexpected answer", rop_id.0)) };
                    let due = Due { this, next: due.as_slice().first() };
                    Response::Rop(answer(&mut list, &at, rop_id, &due, &mut opened)?)
                }
            });
        }
        Ok(Self { responses, handles })
    }

    /// Reads the payloads of one Execute response. Payloads behind the first answer the last request again and again
    /// ([MS-OXCRPC] 3.1.4.2.1.2).
    ///
    /// # Errors
    /// As [`ResponseBuffer::decode`].
    pub fn decode_chain<P: AsRef<[u8]>>(payloads: &[P], expected: &[Expected]) -> WireResult<Vec<Self>> {
        let again = &expected[expected.len().saturating_sub(1)..];
        let decode = |(n, payload): (usize, &P)| Self::decode(payload.as_ref(), if n == 0 { expected } else { again });
        payloads.iter().enumerate().map(decode).collect()
    }

    /// Writes the payload.
    ///
    /// # Errors
    /// A list of more than 65,533 bytes, and a RopBackoff of more than 255 ROPs.
    pub fn encode(&self) -> WireResult<Vec<u8>> {
        join(&self.handles, |writer| self.responses.iter().try_for_each(|response| response.encode(writer)))
    }

    /// The answers to requests, without notifications and the like.
    pub fn answers(&self) -> impl Iterator<Item = &RopResponse> {
        self.responses.iter().filter_map(|response| match response {
            Response::Rop(answer) => Some(answer),
            _ => None,
        })
    }
}

/// The answer to be read, and the one that may stand behind it.
struct Due<'a> {
    this: &'a Expected,
    next: Option<&'a Expected>,
}

impl Due<'_> {
    /// Reads what follows the RopId.
    ///
    /// Some ROPs answer with fields on failure, too ([MS-OXCROPS] 2.2.4.6.3, 2.2.6.10.2, 2.2.9.3.2 and others), which servers
    /// leave out (Gromox those of RopWriteStream and RopSetReadFlags): a failure is read without them if only so what is
    /// behind it can be an answer. A success always has all of them.
    fn read(&self, list: &mut Reader<'_>, rop_id: RopId, context: &ResponseContext) -> WireResult<RopResponse> {
        let mut bare = list.clone();
        let whole = RopResponse::get(list, rop_id, context);
        if whole.is_ok() && self.may_end_at(list) {
            return whole;
        }
        let (handle_index, return_value) = RopResponse::get_head(&mut bare)?;
        if return_value.is_success() || !self.may_end_at(&bare) {
            return whole;
        }
        *list = bare;
        Ok(RopResponse { rop_id, handle_index, return_value, body: ResponseBody::Empty })
    }

    /// Whether what is left begins with something that may stand behind this answer.
    fn may_end_at(&self, left: &Reader<'_>) -> bool {
        let left = left.peek_rest();
        let (Some(&id), index) = (left.first(), left.get(1)) else { return true };
        let next = self.next.is_some_and(|next| {
            [next.answer_id(), next.rop_id, RopId::PROGRESS].contains(&RopId(id)) && index == Some(&next.handle_index)
        });
        next || matches!(RopId(id), RopId::NOTIFY | RopId::PENDING | RopId::BACKOFF | RopId::BUFFER_TOO_SMALL)
    }
}

fn answer(
    list: &mut Reader<'_>,
    at: &Reader<'_>,
    rop_id: RopId,
    read: &Due<'_>,
    opened: &mut Vec<(u8, Arc<[PropertyTag]>)>,
) -> WireResult<RopResponse> {
    let due = read.this;
    if rop_id != due.answer_id() && rop_id != due.rop_id && rop_id != RopId::PROGRESS {
        return Err(at.invalid("answer out of order", rop_id.0));
    }
    let index_at = list.clone();
    // A message opened in this very buffer settles the columns of its recipients.
    let known = opened.iter().find(|(index, _)| due.rop_id == RopId::READ_RECIPIENTS && *index == due.handle_index);
    let response = match known {
        Some((_, columns)) => read.read(list, rop_id, &ResponseContext::Columns(Arc::clone(columns)))?,
        None => read.read(list, rop_id, &due.context)?,
    };
    if response.handle_index != due.handle_index {
        return Err(index_at.invalid("response handle index", response.handle_index));
    }
    let message = match &response.body {
        ResponseBody::OpenMessage(message) => message,
        ResponseBody::OpenEmbeddedMessage(embedded) => &embedded.message,
        _ => return Ok(response),
    };
    opened.retain(|(index, _)| *index != response.handle_index);
    opened.push((response.handle_index, Arc::clone(&message.recipient_columns)));
    Ok(response)
}

/// The list of ROPs and the handle table of a payload.
fn split(payload: &[u8]) -> WireResult<(Reader<'_>, Vec<u32>)> {
    let mut reader = Reader::new(payload);
    let size = reader.u16("RopSize")?;
    let Some(length) = size.checked_sub(2) else {
        return Err(WireError::new(0, "RopSize", WireErrorKind::Invalid(u64::from(size))));
    };
    let list = reader.sub(usize::from(length), "RopsList")?;
    let mut handles = Vec::with_capacity(reader.remaining() / 4);
    while !reader.is_empty() {
        handles.push(reader.u32("ServerObjectHandleTable")?);
    }
    Ok((list, handles))
}

fn join(handles: &[u32], put: impl FnOnce(&mut Writer) -> WireResult<()>) -> WireResult<Vec<u8>> {
    let mut writer = Writer::new();
    writer.u16(0);
    put(&mut writer)?;
    let size = writer.len();
    let Ok(size) = u16::try_from(size) else {
        let kind = WireErrorKind::TooLarge { asked: size as u64, limit: u64::from(u16::MAX) };
        return Err(WireError::new(0, "RopSize", kind));
    };
    writer.patch_u16(0, size);
    for handle in handles {
        writer.u32(*handle);
    }
    Ok(writer.into_vec())
}

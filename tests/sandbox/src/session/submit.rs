//! Sending ([MS-OXCROPS] 2.2.7, [MS-OXOMSG] 3.2.5).

use mapi_core::ErrorCode;
use mapi_core::rop::*;

use super::context::{Cx, RopResult};

pub fn submit(cx: &mut Cx<'_>) -> RopResult {
    send(cx).map(|()| ResponseBody::Empty)
}

pub fn transport_send(cx: &mut Cx<'_>) -> RopResult {
    send(cx)?;
    Ok(ResponseBody::TransportSend(TransportSendResponse { property_values: None }))
}

fn send(cx: &mut Cx<'_>) -> Result<(), ErrorCode> {
    let mailbox = cx.entry(cx.index)?.mailbox;
    let object = cx.message(cx.index)?;
    if object.embedded_in.is_some() || object.base == 0 {
        // Only what was saved can be sent.
        return Err(ErrorCode::NOT_SUPPORTED);
    }
    if mailbox != cx.session.user {
        // Who sends for somebody else does it from his own mailbox.
        return Err(ErrorCode::ACCESS_DENIED);
    }
    let id = object.message.id;
    cx.store.submit(mailbox, id).map(drop)
}

/// Submission is complete before its answer: there is never anything in the queue.
pub fn abort(cx: &Cx<'_>, _: &AbortSubmitRequest) -> RopResult {
    cx.mailbox()?;
    Err(ErrorCode::NOT_IN_QUEUE)
}

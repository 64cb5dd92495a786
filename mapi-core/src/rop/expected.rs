use std::sync::Arc;

use super::{RequestBody, ResponseContext, RopId, RopRequest};
use crate::property::PropertyTag;

/// The answer that a request will get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The ROP of the request.
    pub rop_id: RopId,
    /// The handle index that the response will carry.
    pub handle_index: u8,
    /// What is needed to read it.
    pub context: ResponseContext,
}

impl Expected {
    /// The answers to `requests`, in order; RopRelease has none.
    ///
    /// `columns` yields what earlier buffers settled about the object at a request's handle index: the columns of the
    /// table for RopQueryRows and RopFindRow, the recipient columns for RopReadRecipients. A RopSetColumns among
    /// `requests` counts for those behind it, as if it will succeed (after a failed one rows are not delivered).
    pub fn of(requests: &[RopRequest], mut columns: impl FnMut(&RopRequest) -> Arc<[PropertyTag]>) -> Vec<Self> {
        let mut set: Vec<(u8, Arc<[PropertyTag]>)> = Vec::new();
        let mut out = Vec::with_capacity(requests.len());
        for request in requests {
            let context = match &request.body {
                RequestBody::Release => continue,
                RequestBody::Logon(logon) => ResponseContext::Logon { private: logon.is_private() },
                RequestBody::GetPropertiesSpecific(get) => {
                    ResponseContext::Columns(get.property_tags.as_slice().into())
                }
                RequestBody::SetColumns(columns) => {
                    set.retain(|(index, _)| *index != request.handle_index);
                    set.push((request.handle_index, columns.property_tags.as_slice().into()));
                    ResponseContext::None
                }
                RequestBody::QueryRows(_) | RequestBody::FindRow(_) => {
                    let here = set.iter().find(|(index, _)| *index == request.handle_index);
                    ResponseContext::Columns(here.map_or_else(|| columns(request), |(_, tags)| Arc::clone(tags)))
                }
                RequestBody::ReadRecipients(_) => ResponseContext::Columns(columns(request)),
                _ => ResponseContext::None,
            };
            if let Some(index) = request.output_handle_index() {
                set.retain(|(set, _)| *set != index);
            }
            let handle_index = request.output_handle_index().unwrap_or(request.handle_index);
            out.push(Self { rop_id: request.body.rop_id(), handle_index, context });
        }
        out
    }

    /// The RopId that the response will carry.
    pub(super) fn answer_id(&self) -> RopId {
        if self.rop_id == RopId::GET_MESSAGE_STATUS { RopId::SET_MESSAGE_STATUS } else { self.rop_id }
    }
}

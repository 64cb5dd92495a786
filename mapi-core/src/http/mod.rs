//! The MAPI/HTTP envelope ([MS-OXCMAPIHTTP]): headers, meta-tags, cookies, request and response bodies, and the extended
//! buffers that bodies carry ([MS-OXCRPC] 2.2.2.1).
//!
//! Both directions of everything, for clients and servers. Nothing here does input or output, or reads a clock.

mod auxiliary;
mod body;
mod cookie;
mod entity;
mod extended;
pub mod header;
mod lz77;
mod request_id;
mod request_type;
mod response_code;

pub use auxiliary::{AuxiliaryBlock, ServerCapabilities};
pub use body::{
    ConnectRequest, ConnectResponse, DisconnectRequest, DisconnectResponse, ExecuteFlags, ExecuteRequest,
    ExecuteResponse, Failure, Reply, WaitRequest, WaitResponse,
};
pub(crate) use body::{get_auxiliary, get_status, put_auxiliary};
pub use cookie::{CookieJar, CookieVersion};
pub use entity::{DONE, Entity, EntityDecoder, EntityError, PENDING, PROCESSING, encode_done, encode_entity};
pub use extended::{
    ExtendedFlags, ExtendedHeader, MAX_PAYLOAD, MAX_PAYLOADS, MAX_REQUEST, MAX_RESPONSE, Packing, Payload, pack, unpack,
};
pub use lz77::{compress, decompress};
pub use request_id::{ClientInfo, RequestId};
pub use request_type::{Endpoint, RequestType};
pub use response_code::ResponseCode;

//! Remote operations ([MS-OXCROPS]): requests and responses of every ROP in use, in both directions.
//!
//! A client builds a [`RequestBuffer`], notes what the answers will look like with [`Expected::of`], and reads them with
//! [`ResponseBuffer::decode`]; a server does the reverse with the same types. Wrapping payloads for the wire (headers,
//! compression) is the business of the HTTP layer.

mod attachment;
mod buffer;
mod codec;
mod expected;
mod fast_transfer;
mod folder;
mod logon;
mod message;
mod message_recipients;
mod notification;
mod permission;
mod property;
mod recipient;
mod request;
mod response;
mod response_context;
mod rop_id;
#[cfg(test)]
mod sample;
mod store;
mod stream;
mod submit;
mod sync;
mod table;
#[cfg(test)]
mod tests;
mod typed_string;

pub use attachment::*;
pub use buffer::{NO_HANDLE, RequestBuffer, ResponseBuffer};
pub use expected::Expected;
pub use fast_transfer::*;
pub use folder::*;
pub use logon::*;
pub use message::*;
pub use message_recipients::*;
pub use notification::*;
pub use permission::*;
pub use property::*;
pub use recipient::{RecipientAddress, RecipientRow, recipient_flags};
pub use request::{RequestBody, RopRequest};
pub use response::{Response, ResponseBody, RopResponse};
pub use response_context::ResponseContext;
pub use rop_id::RopId;
pub use store::*;
pub use stream::*;
pub use submit::*;
pub use sync::*;
pub use table::*;
pub use typed_string::TypedString;

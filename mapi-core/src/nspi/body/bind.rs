use super::{request, response};
use crate::ErrorCode;
use crate::id::Guid;
use crate::nspi::Stat;

/// ErrorCode of a successful Unbind ([MS-OXNSPI] 3.1.4.1.2, UnbindSuccess).
pub const UNBIND_SUCCESS: ErrorCode = ErrorCode(1);

request! {
    /// Opens a session context with the address book ([MS-OXCMAPIHTTP] 2.2.5.1.1).
    BindRequest {
        /// 0, or 0x20 for anonymous access.
        flags: u32,
        /// Code page and locales of the session.
        state: Option<Stat>,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.1.2.
    BindResponse {
        /// Of the address book; part of ephemeral EntryIDs.
        server_guid: Guid,
    }
}

request! {
    /// Closes the session context ([MS-OXCMAPIHTTP] 2.2.5.2.1).
    UnbindRequest {
        /// 0.
        reserved: u32,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.2.2. Success is [`UNBIND_SUCCESS`].
    UnbindResponse {}
}

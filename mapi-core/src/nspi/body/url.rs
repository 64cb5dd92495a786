use super::{request, response};
use crate::nspi::UnicodeText;

request! {
    /// The URL of a mailbox server ([MS-OXCMAPIHTTP] 2.2.5.20.1).
    GetMailboxUrlRequest {
        /// 0.
        flags: u32,
        /// DN of the server.
        server_dn: UnicodeText,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.20.2.
    GetMailboxUrlResponse {
        /// The URL.
        url: UnicodeText,
    }
}

request! {
    /// The URL of the address book of a user ([MS-OXCMAPIHTTP] 2.2.5.21.1).
    GetAddressBookUrlRequest {
        /// 0.
        flags: u32,
        /// DN of the user.
        user_dn: UnicodeText,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.21.2.
    GetAddressBookUrlResponse {
        /// The URL.
        url: UnicodeText,
    }
}

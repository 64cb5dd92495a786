use super::{request, response};
use crate::nspi::{AddressBookValue, Stat};

request! {
    /// The containers of the address book, or its templates ([MS-OXCMAPIHTTP] 2.2.5.8.1).
    GetSpecialTableRequest {
        /// 2 for creation templates; 4 for PtypString.
        flags: u32,
        /// Code page and locales.
        state: Option<Stat>,
        /// Of the table that the client has.
        version: Option<u32>,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.8.2.
    GetSpecialTableResponse {
        /// Of strings of type PtypString8.
        code_page: u32,
        /// Of the table.
        version: Option<u32>,
        /// The properties of each row.
        rows: Option<Vec<Vec<AddressBookValue>>>,
    }
}

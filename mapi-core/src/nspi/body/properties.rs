use super::{request, response};
use crate::nspi::{AddressBookValue, Stat};
use crate::property::PropertyTag;

request! {
    /// Which properties an entry has ([MS-OXCMAPIHTTP] 2.2.5.6.1).
    GetPropListRequest {
        /// 1 leaves out embedded tables.
        flags: u32,
        /// The entry.
        minimal_id: u32,
        /// Of the answer's PtypString8.
        code_page: u32,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.6.2.
    GetPropListResponse {
        /// Their tags.
        tags: Option<Vec<PropertyTag>>,
    }
}

request! {
    /// Properties of an entry ([MS-OXCMAPIHTTP] 2.2.5.7.1).
    GetPropsRequest {
        /// 1 leaves out embedded tables, 2 asks for ephemeral EntryIDs.
        flags: u32,
        /// The entry is its current record.
        state: Option<Stat>,
        /// The properties wanted.
        tags: Option<Vec<PropertyTag>>,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.7.2. ErrorsReturned comes with data: missing properties have type PtypErrorCode.
    GetPropsResponse {
        /// Of strings of type PtypString8.
        code_page: u32,
        /// The values.
        values: Option<Vec<AddressBookValue>>,
    }
}

request! {
    /// Which properties the address book knows ([MS-OXCMAPIHTTP] 2.2.5.12.1).
    QueryColumnsRequest {
        /// 0.
        reserved: u32,
        /// 0x80000000 for PtypString instead of PtypString8.
        flags: u32,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.12.2.
    QueryColumnsResponse {
        /// Their tags.
        columns: Option<Vec<PropertyTag>>,
    }
}

use super::{request, response};
use crate::nspi::{AnsiText, Stat, Table, UnicodeText};
use crate::property::PropertyTag;

request! {
    /// Minimal ids of distinguished names ([MS-OXCMAPIHTTP] 2.2.5.4.1).
    DnToMIdRequest {
        /// 0.
        reserved: u32,
        /// The names.
        names: Option<Vec<AnsiText>>,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.4.2.
    DnToMIdResponse {
        /// One per name; 0 where there is no such entry.
        minimal_ids: Option<Vec<u32>>,
    }
}

request! {
    /// Ambiguous name resolution ([MS-OXCMAPIHTTP] 2.2.5.14.1).
    ResolveNamesRequest {
        /// 0.
        reserved: u32,
        /// Which container, code page and locales.
        state: Option<Stat>,
        /// The columns wanted.
        tags: Option<Vec<PropertyTag>>,
        /// The names; `=SMTP:user@domain` resolves an address exactly.
        names: Option<Vec<UnicodeText>>,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.14.2.
    ResolveNamesResponse {
        /// Of strings of type PtypString8.
        code_page: u32,
        /// One per name; see [`crate::nspi::minimal_id`].
        minimal_ids: Option<Vec<u32>>,
        /// One row per *resolved* name, in order.
        table: Option<Table>,
    }
}

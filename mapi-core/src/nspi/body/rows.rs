use super::{request, response};
use crate::nspi::{NamedProperty, Stat, Table};
use crate::property::{PropertyTag, Restriction};

request! {
    /// Rows from a position on, or of given entries ([MS-OXCMAPIHTTP] 2.2.5.13.1).
    QueryRowsRequest {
        /// 1 leaves out embedded tables, 2 asks for ephemeral EntryIDs.
        flags: u32,
        /// Where to begin.
        state: Option<Stat>,
        /// Minimal ids of the entries; empty for those at the position.
        explicit_table: Vec<u32>,
        /// Most rows.
        row_count: u32,
        /// The columns wanted.
        columns: Option<Vec<PropertyTag>>,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.13.2.
    QueryRowsResponse {
        /// The position after them.
        state: Option<Stat>,
        /// The rows.
        table: Option<Table>,
    }
}

request! {
    /// Entries that match a restriction ([MS-OXCMAPIHTTP] 2.2.5.5.1).
    GetMatchesRequest {
        /// 0.
        reserved: u32,
        /// Which container, code page and locales.
        state: Option<Stat>,
        /// Reserved.
        minimal_ids: Option<Vec<u32>>,
        /// Reserved.
        interface_options: u32,
        /// What to look for.
        filter: Option<Restriction>,
        /// A property whose links are the entries.
        property_name: Option<NamedProperty>,
        /// Most rows.
        row_count: u32,
        /// The columns wanted.
        columns: Option<Vec<PropertyTag>>,
    }
}

response! {
    /// [MS-OXCMAPIHTTP] 2.2.5.5.2.
    GetMatchesResponse {
        /// Which container, code page and locales.
        state: Option<Stat>,
        /// The entries.
        minimal_ids: Option<Vec<u32>>,
        /// Their rows.
        table: Option<Table>,
    }
}

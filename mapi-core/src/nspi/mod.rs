//! The address book endpoint: bodies of its requests and responses ([MS-OXCMAPIHTTP] 2.2.5, [MS-OXNSPI]) in both
//! directions, and a client that looks addresses up.

mod address_book;
mod body;
mod field;
mod stat;
mod table;
mod text;
mod value;

pub use address_book::{AddressBook, AddressEntry, Resolution};
pub use body::{
    BindRequest, BindResponse, DnToMIdRequest, DnToMIdResponse, GetAddressBookUrlRequest, GetAddressBookUrlResponse,
    GetMailboxUrlRequest, GetMailboxUrlResponse, GetMatchesRequest, GetMatchesResponse, GetPropListRequest,
    GetPropListResponse, GetPropsRequest, GetPropsResponse, GetSpecialTableRequest, GetSpecialTableResponse,
    QueryColumnsRequest, QueryColumnsResponse, QueryRowsRequest, QueryRowsResponse, ResolveNamesRequest,
    ResolveNamesResponse, UNBIND_SUCCESS, UnbindRequest, UnbindResponse,
};
pub use stat::Stat;
pub use table::Table;
pub use text::{AnsiText, NamedProperty, UnicodeText};
pub use value::AddressBookValue;

/// What ResolveNames says of a name instead of an id ([MS-OXNSPI] 2.2.1.9).
pub mod minimal_id {
    /// Nothing matches.
    pub const UNRESOLVED: u32 = 0;
    /// Several entries match; Gromox also says so when none does.
    pub const AMBIGUOUS: u32 = 1;
    /// One entry matches; its row follows.
    pub const RESOLVED: u32 = 2;
}

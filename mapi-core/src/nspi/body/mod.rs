//! Bodies of requests and responses, fields in their order on the wire ([MS-OXCMAPIHTTP] 2.2.5).
//!
//! Every body ends with an auxiliary buffer; every response begins with StatusCode. A response with a failing ErrorCode
//! may end after it: what is then missing has its default value.

mod bind;
mod lookup;
mod properties;
mod rows;
mod special;
mod url;

pub use bind::{BindRequest, BindResponse, UNBIND_SUCCESS, UnbindRequest, UnbindResponse};
pub use lookup::{DnToMIdRequest, DnToMIdResponse, ResolveNamesRequest, ResolveNamesResponse};
pub use properties::{
    GetPropListRequest, GetPropListResponse, GetPropsRequest, GetPropsResponse, QueryColumnsRequest,
    QueryColumnsResponse,
};
pub use rows::{GetMatchesRequest, GetMatchesResponse, QueryRowsRequest, QueryRowsResponse};
pub use special::{GetSpecialTableRequest, GetSpecialTableResponse};
pub use url::{GetAddressBookUrlRequest, GetAddressBookUrlResponse, GetMailboxUrlRequest, GetMailboxUrlResponse};

/// A request body of the given fields.
macro_rules! request {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
            /// Auxiliary buffer with its extended header, or empty.
            pub auxiliary: Vec<u8>,
        }

        impl $name {
            /// Reads the whole body.
            pub fn decode(body: &[u8]) -> crate::wire::WireResult<Self> {
                let mut reader = crate::wire::Reader::new(body);
                let request = Self {
                    $($field: crate::nspi::field::Field::get(&mut reader, stringify!($field))?,)*
                    auxiliary: crate::http::get_auxiliary(&mut reader)?,
                };
                reader.finish(stringify!($name))?;
                Ok(request)
            }

            /// Writes the body.
            pub fn encode(&self) -> Vec<u8> {
                let mut writer = crate::wire::Writer::new();
                $(crate::nspi::field::Field::put(&self.$field, &mut writer);)*
                crate::http::put_auxiliary(&mut writer, &self.auxiliary);
                writer.into_vec()
            }
        }
    };
}

/// A response body of the given fields, StatusCode and ErrorCode before them.
macro_rules! response {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            /// How it went.
            pub error: crate::ErrorCode,
            $($(#[$field_doc])* pub $field: $kind,)*
            /// Auxiliary buffer with its extended header, or empty.
            pub auxiliary: Vec<u8>,
        }

        impl $name {
            /// Reads the whole body.
            pub fn decode(body: &[u8]) -> crate::wire::WireResult<crate::http::Reply<Self>> {
                let mut reader = crate::wire::Reader::new(body);
                if let Err(failure) = crate::http::get_status(&mut reader)? {
                    return Ok(Err(failure));
                }
                let error = crate::nspi::field::Field::get(&mut reader, "ErrorCode")?;
                if error != crate::ErrorCode::NONE && reader.is_empty() {
                    return Ok(Ok(Self { error, ..Self::default() }));
                }
                let response = Self {
                    error,
                    $($field: crate::nspi::field::Field::get(&mut reader, stringify!($field))?,)*
                    auxiliary: crate::http::get_auxiliary(&mut reader)?,
                };
                reader.finish(stringify!($name))?;
                Ok(Ok(response))
            }

            /// Writes the body, StatusCode 0 first.
            pub fn encode(&self) -> Vec<u8> {
                let mut writer = crate::wire::Writer::new();
                writer.u32(0).u32(self.error.0);
                $(crate::nspi::field::Field::put(&self.$field, &mut writer);)*
                crate::http::put_auxiliary(&mut writer, &self.auxiliary);
                writer.into_vec()
            }
        }
    };
}

pub(super) use {request, response};

#[cfg(test)]
mod tests;

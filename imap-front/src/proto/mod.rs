//! The words of the protocol: commands in ([`lower`] makes a [`request::Request`] of bytes), responses out
//! ([`response::Output`]).

pub(crate) mod append;
mod authenticate;
pub(crate) mod case;
mod cursor;
mod enable;
mod fetch_modifier;
pub mod list;
pub mod lower;
mod mailbox_name;
pub mod quirk;
/// Commands as sessions see them.
pub mod request;
/// Writing responses.
pub mod response;
/// Search keys.
pub mod search;
mod search_flag;
mod select;
/// Sets of numbers.
pub mod sequence;
mod status;
mod status_item;
pub(crate) mod tag;
mod text;

//! Conversion between MAPI and Internet mail, as pure functions: messages, flags, folder names.
//!
//! What this module does not do: it reads no clock, asks nobody and keeps nothing. Names that only the address book
//! knows are asked for first ([`mapi_to_mime::needed_dns`]) and looked up by the caller.

mod error;
pub mod flags;
pub mod folders;
pub mod mapi_to_mime;
pub mod metadata;
pub mod mime_to_mapi;
pub mod original;
pub mod search;
pub mod size_bound;
pub mod stand_in;
mod strings;
pub mod subscriptions;

pub use error::ConvertError;

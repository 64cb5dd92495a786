//! Conversion between MAPI and Internet mail, as pure functions: messages, flags, folder names.
//!
//! What this module does not do: it reads no clock, asks nobody and keeps nothing. Names that only the address book
//! knows are asked for first ([`mapi_to_mime::needed_dns`]) and looked up by the caller.

mod error;
pub mod flags;
pub mod folders;
pub mod mapi_to_mime;
pub mod mime_to_mapi;
pub mod original;
mod strings;

pub use error::ConvertError;
use mapi_core::id::Guid;

/// The property set of what the gateway keeps in mailboxes.
pub const GATEWAY_SET: Guid = Guid::from_groups(0x6b1d_4c4e, 0x7a0f, 0x4e0b, 0x9f3a, 0x5c2d_91e8_a7f6);

//! Internet messages (RFC 5322, RFC 2045 to 2047): everything is found in their raw bytes and points into them.
//!
//! The scanner never fails: whatever the bytes are, they have a structure, and every nesting and count is bounded.

mod address;
mod header;
mod section;
mod structure;

pub use address::{Address, parse_addresses};
pub use header::{Field, Parameterized, decoded, fields, header_length, unfolded};
pub use section::{Extract, Section, SectionText, extract};
pub use structure::{Content, MAX_DEPTH, MAX_PARTS, MediaType, Part, slice};

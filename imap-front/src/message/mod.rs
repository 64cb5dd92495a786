//! What FETCH shows of a message: everything is computed from its raw bytes and points into them.
//!
//! The scanner never fails: whatever the bytes are, they have a structure, and every nesting and count is bounded.

mod address;
mod bodystructure;
mod envelope;
mod header;
mod section;
mod structure;

pub use address::{Address, parse_addresses};
pub use bodystructure::write_body;
pub use envelope::write_envelope;
pub use header::{Field, decoded, fields, header_length, unfolded};
pub use section::{Extract, Section, SectionText, extract};
pub use structure::{Content, MAX_DEPTH, MAX_PARTS, MediaType, Part};

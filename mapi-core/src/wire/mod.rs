//! Bounded reading and writing of little-endian MAPI structures.

mod error;
mod reader;
mod writer;

pub use error::{WireError, WireErrorKind};
pub use reader::Reader;
pub use writer::Writer;

/// The result of decoding.
pub type WireResult<T> = Result<T, WireError>;

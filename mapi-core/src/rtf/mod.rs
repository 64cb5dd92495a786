//! RTF as messages carry it: its compressed form ([MS-OXRTFCP]), HTML or plain text encapsulated in it ([MS-OXRTFEX]),
//! and the plain text of genuine RTF.

mod charset;
mod compressed;
mod content;
mod error;
mod token;

pub use compressed::{Decompressed, compress, decompress};
pub use content::{RtfContent, read};
pub use error::RtfError;

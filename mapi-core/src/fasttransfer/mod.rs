//! FastTransfer streams and incremental change synchronisation ([MS-OXCFXICS] 2.2.4): the bytes that
//! RopFastTransferSourceGetBuffer hands out, read as they arrive.
//!
//! Bytes → [`AtomParser`] → atoms → [`SyncStream`] (what changed in a folder or hierarchy) or [`MessageList`] (whole
//! messages). [`StreamWriter`] and [`SyncStreamWriter`] make the same streams. Nothing here does input or output; every
//! error carries its offset in the stream.

mod change;
mod content;
mod marker;
mod measure;
mod message_list;
mod parser;
mod state;
mod sync;
mod writer;

#[cfg(test)]
mod tests;

pub use change::{FolderChange, MessageChange, SyncStreamWriter};
pub use content::MessageLimits;
pub use marker::{Marker, meta};
pub use message_list::{FetchedMessage, MessageList};
pub use parser::{Atom, AtomParser, ParserLimits};
pub use state::SyncState;
pub use sync::{SyncEvent, SyncStream};
pub use writer::{StreamSource, StreamWriter};

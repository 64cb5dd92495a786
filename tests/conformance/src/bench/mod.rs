//! What scenarios work with: a session, its scratch folder, and the ROPs as single calls.

pub(super) mod events;
mod folder;
pub(super) mod message;
pub(super) mod session;
mod stream;
mod sync;
mod table;
mod value;

pub(super) use session::Answer;
pub use session::Bench;
pub(super) use sync::{Round, parse_round};
pub(super) use value::{bytes, code, count_of, integer, same, shown, text, time, yes};

//! What lists of messages need of them, kept on disk: content, so only where the configuration wants it
//! (`ledger.envelopes`).
//!
//! It stands in files of its own beside the ledgers, one per mailbox, and nothing depends on it: what is not there, damaged
//! or can't be read is asked of the upstream. So nothing is made durable, a crash costs the newest entries, and whatever is
//! wrong with a file ends in its being begun anew.
//!
//! A file is a [`header`] and *blocks* ([`block`]), each of some dozen entries compressed together, which are only ever appended; where a
//! message's entry stands is remembered in memory while the file is open. When there are too many bytes, or too many that
//! nobody wants any more, the newest of those that are wanted are copied into a new file.

mod block;
mod contents;
mod file;
mod header;
mod options;
mod registry;
mod store;

pub use block::Entry;
pub use options::EnvelopeOptions;
pub use registry::Envelopes;
pub use store::EnvelopeStore;

#[cfg(test)]
mod tests;

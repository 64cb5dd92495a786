//! Views of a folder that share what did not change.
//!
//! The messages of a snapshot stand in chunks, and the chunks in a tree. A changed message costs a copy of its chunk and of
//! what leads there; all other chunks are those of the snapshot before, so that what differs between two snapshots is found
//! without looking at what does not.

mod changes;
mod chunk;
mod message_row;
mod row;
mod rows;
#[cfg(test)]
mod tests;
mod walk;

pub use changes::{Change, Changes};
pub use message_row::{MessageCounts, MessageRow};
pub use row::Row;
pub use rows::Rows;

/// An immutable view of a folder. Sessions hold one; the difference between theirs and the newest is the untagged output.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    uid_validity: u32,
    uid_next: u32,
    highest_modseq: u64,
    rows: Rows<MessageRow>,
}

impl Snapshot {
    /// A view of these messages.
    pub fn new(uid_validity: u32, uid_next: u32, highest_modseq: u64, rows: Rows<MessageRow>) -> Self {
        Self { uid_validity, uid_next, highest_modseq, rows }
    }

    /// The same folder with other messages.
    #[must_use]
    pub fn with_rows(&self, rows: Rows<MessageRow>) -> Self {
        Self { rows, ..*self }
    }

    /// UIDVALIDITY. If it differs from that of the snapshot a session holds, the session must be ended.
    pub fn uid_validity(&self) -> u32 {
        self.uid_validity
    }

    /// UIDNEXT: above every UID ever seen in the folder.
    pub fn uid_next(&self) -> u32 {
        self.uid_next
    }

    /// HIGHESTMODSEQ.
    pub fn highest_modseq(&self) -> u64 {
        self.highest_modseq
    }

    /// The messages, ascending by UID. Their positions are the message numbers less one.
    pub fn rows(&self) -> &Rows<MessageRow> {
        &self.rows
    }
}

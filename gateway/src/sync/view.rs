use std::sync::Arc;

use mail_core::{FlagSet, Rows, Snapshot};

use super::MessageSource;

/// What is published of a folder after a commit: the snapshot that sessions see, and per message what the gateway needs to
/// fetch it.
#[derive(Debug, Clone, Default)]
pub struct FolderView {
    /// The folder's version.
    pub version: u64,
    /// What sessions see.
    pub snapshot: Arc<Snapshot>,
    /// A run that was lost may have told anything with a MODSEQ below this ([`crate::ledger::Run::modseq_floor`]).
    pub modseq_floor: u64,
    /// One per message of the snapshot.
    pub(super) sources: Rows<MessageSource>,
}

impl FolderView {
    /// The flags that sessions see of the message with `uid`.
    pub fn flags(&self, uid: u32) -> Option<FlagSet> {
        self.snapshot.rows().get(uid).map(|row| row.flags)
    }

    /// Where the message with `uid` comes from.
    pub fn source(&self, uid: u32) -> Option<MessageSource> {
        self.sources.get(uid).copied()
    }

    /// The UIDs of the messages that are to be rendered, or rendered again, newest first.
    pub fn unrendered(&self) -> impl Iterator<Item = u32> {
        self.sources.counting_from_last(|unrendered| unrendered > 0).map(|(_, source)| mail_core::Row::uid(source))
    }
}

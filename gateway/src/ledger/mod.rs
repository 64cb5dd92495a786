//! The ledger: the durable record that gives a folder its IMAP identity, one per mailbox.
//!
//! Invariants kept here: the ICS state, rows and tombstones of a round are committed together or not at all; a UID is
//! durable before anybody sees it; a commit made on an outdated view of the folder is refused (compare-and-swap on the
//! folder's version), so that several processes can share one ledger.
//!
//! What is kept: identifiers, flags, dates, sizes, digests. Never content, never passwords.

mod epoch;
mod error;
mod record;
mod redb_ledger;

use mapi_core::id::{Gid, Guid};

pub use epoch::{Epoch, EpochEntry};
pub use error::LedgerError;
pub use record::{FolderCommit, FolderHead, MessageRecord, RenderingRecord, Stage, StagedRound, StoredFolder};
pub use redb_ledger::RedbLedger;

/// The ledger of one mailbox. Methods block; call them off the async threads.
pub trait Ledger: Send + Sync + 'static {
    /// The random id of this ledger instance, made when it was created. Another ledger, or this one recreated, has
    /// another.
    fn instance(&self) -> Guid;

    /// What is stored of a folder.
    fn load(&self, folder: &Gid) -> Result<Option<StoredFolder>, LedgerError>;

    /// Forgets a folder whose records can't be read.
    fn forget(&self, folder: &Gid) -> Result<(), LedgerError>;

    /// The heads of all folders that have one.
    fn heads(&self) -> Result<Vec<(Gid, FolderHead)>, LedgerError>;

    /// What was staged of the folder's next round.
    fn staged(&self, folder: &Gid) -> Result<Option<StagedRound>, LedgerError>;

    /// Keeps a part of a round that is under way.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] if the folder has another ICS state than `stage.base`, or other messages are staged.
    fn stage(&self, folder: &Gid, stage: Stage) -> Result<(), LedgerError>;

    /// Commits one round: all of it, durably, or nothing. What was staged goes when the ICS state changes.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] if the stored version is not `commit.expected_version`.
    fn commit(&self, folder: &Gid, commit: FolderCommit) -> Result<(), LedgerError>;
}

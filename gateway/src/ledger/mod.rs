//! The ledger: the durable record that gives a folder its IMAP identity, one per mailbox.
//!
//! Invariants kept here: the ICS state, rows and tombstones of a round are committed together or not at all; a UID is
//! durable before anybody sees it; a commit made on an outdated view of the folder is refused (compare-and-swap on the
//! folder's version), so that several processes can share one ledger.
//!
//! A ledger may be restored from a copy that was made whenever. What it would then do again is prevented by *runs*: before a
//! folder changes for the first time after the ledger was opened, a new run of the folder is numbered, in the ledger and in
//! the folder's [`Epoch`] outside of it. A ledger whose last run is not the last one that was noted, or was not closed in
//! order, is [`Standing::Behind`], and goes on above everything that a run it knows nothing of can have reached.
//!
//! What is kept: identifiers, flags, dates, sizes, digests. Never content, never passwords.

mod epoch;
mod error;
mod lock;
mod opening;
mod record;
mod redb_ledger;

use mapi_core::id::{Gid, Guid};

pub use epoch::{Epoch, EpochEntry, MAX_RUN, MAX_UID, Reached};
pub use error::LedgerError;
pub use lock::{DirectoryLock, LockError};
pub use opening::{Opening, Standing};
pub use record::{FolderCommit, FolderHead, MessageRecord, RenderingRecord, Run, Stage, StagedRound, StoredFolder};
pub use redb_ledger::RedbLedger;

/// The ledger of one mailbox. Methods block; call them off the async threads.
pub trait Ledger: Send + Sync + 'static {
    /// The random id of this ledger instance, made when it was created. Another ledger, or this one recreated, has
    /// another.
    fn instance(&self) -> Guid;

    /// What was proved of this ledger since its storage was opened. Everybody who holds the ledger shares it.
    fn opening(&self) -> &Opening;

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

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
//! Storage fails, and comes back: a file that failed is closed and opened again, later each time, until it works
//! ([`RedbLedger`]). A damaged file is set aside and a new ledger begun, whose folders get a higher UIDVALIDITY by their epochs.
//!
//! What is kept: identifiers, flags, dates, sizes, digests. Never content, never passwords. What lists of messages need of them
//! stands in files of its own, where that is wanted ([`envelopes`]).

mod aside;
mod disk;
pub(crate) mod envelopes;
mod epoch;
mod error;
#[cfg(any(test, feature = "mutants"))]
mod faulty_disk;
mod guarded;
mod healing_file;
mod ledgers;
mod lock;
mod opening;
mod options;
mod overlay;
mod private;
mod reading;
mod record;
mod redb_file;
mod redb_ledger;
mod tables;
mod tombstones;
mod trouble;
mod writing;

use std::sync::Arc;

use mapi_core::id::Gid;

pub use disk::{Disk, FileDisk};
pub use epoch::{Epoch, EpochEntry, MAX_RUN, MAX_UID, Reached};
pub use error::LedgerError;
#[cfg(any(test, feature = "mutants"))]
pub use faulty_disk::{DiskFault, FaultyDisk};
pub use ledgers::{Ledgers, Slot};
pub use lock::{DirectoryLock, LockError};
pub use opening::{Opening, Standing};
pub use options::LedgerOptions;
pub use record::{
    FolderCommit, FolderHead, FolderOverview, MessageRecord, RenderingRecord, Run, Stage, StagedRound, StateMark,
    StoredFolder, Tombstones,
};
pub use redb_ledger::RedbLedger;

/// The ledger of one mailbox. Methods block; call them off the async threads.
pub trait Ledger: Send + Sync + 'static {
    /// What was proved of this ledger since its storage was opened. Everybody who holds the ledger shares it. After a failure it
    /// may be another one, of another ledger instance too: then whatever was made of the former one is refused as a conflict.
    /// Does not block.
    ///
    /// # Errors
    /// The storage could not be opened yet.
    fn opening(&self) -> Result<Arc<Opening>, LedgerError>;

    /// Sees to it that a commit about so many messages will find room. To be asked before something is done that has to be
    /// committed afterwards.
    ///
    /// # Errors
    /// The storage fails or is full: see [`LedgerError::is_out_of_service`].
    fn reserve(&self, messages: usize) -> Result<(), LedgerError>;

    /// What is stored of a folder.
    fn load(&self, folder: &Gid) -> Result<Option<StoredFolder>, LedgerError>;

    /// What is stored of a folder beside its messages. No row is decoded.
    fn overview(&self, folder: &Gid) -> Result<Option<FolderOverview>, LedgerError>;

    /// Forgets a folder whose records can't be read.
    fn forget(&self, folder: &Gid) -> Result<(), LedgerError>;

    /// From which UID on the folder's messages are `\Recent`, and the UIDVALIDITY of that; none if it was never noted.
    fn recent(&self, folder: &Gid) -> Result<Option<(u32, u32)>, LedgerError>;

    /// Notes that. It costs no write of its own: after a crash an older mark may be there, and messages are `\Recent` once more.
    fn note_recent(&self, folder: &Gid, mark: (u32, u32)) -> Result<(), LedgerError>;

    /// How many of the messages that a folder had when it was last read are not `\Recent`: all if nothing was ever noted, and none
    /// if what was noted is of another UIDVALIDITY. No row is decoded.
    fn told(&self, folder: &Gid) -> Result<u32, LedgerError>;

    /// Which messages of a folder went with a MODSEQ above `after`, as far as this is remembered.
    fn tombstones(&self, folder: &Gid, after: u64) -> Result<Tombstones, LedgerError>;

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

use std::path::PathBuf;

use thiserror::Error;

/// Why the ledger could not be read or written.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// Somebody else committed first: load again and repeat the round.
    #[error("the folder's ledger is at version {found}, not {expected}")]
    Conflict {
        /// The version the commit was made on.
        expected: u64,
        /// The version that is stored.
        found: u64,
    },
    /// Written by a newer release of the gateway.
    #[error(
        "the ledger {path} has schema version {found}; this release knows versions up to {known}: upgrade, or move the file away to begin anew (mail clients will download everything again)"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// What this release knows.
        known: u32,
    },
    /// A record that can't be decoded.
    #[error("the ledger {path} holds a damaged record ({what})")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which.
        what: &'static str,
    },
    /// The file is another mailbox's.
    #[error("the ledger {path} belongs to another mailbox")]
    WrongMailbox {
        /// The file.
        path: PathBuf,
    },
    /// The directory can't be used.
    #[error("the ledger directory {path} can't be used: {error}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The database failed.
    #[error("the ledger {path} failed: {error}")]
    Storage {
        /// The file.
        path: PathBuf,
        /// Why.
        error: Box<redb::Error>,
    },
}

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

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
    /// The database panicked.
    #[error("the database of the ledger {path} panicked: {what}")]
    Panicked {
        /// The file.
        path: PathBuf,
        /// What it said.
        what: String,
    },
    /// It failed a moment ago; nothing was tried now.
    #[error("the ledger {path} is out of service ({why}); it is tried again in {} ms", again.as_millis())]
    OutOfService {
        /// The file.
        path: PathBuf,
        /// What failed.
        why: String,
        /// When it is tried again.
        again: Duration,
    },
}

impl LedgerError {
    /// Whether the storage fails, so that the same may work later: no room, an I/O error, no right to write.
    pub fn is_out_of_service(&self) -> bool {
        match self {
            Self::OutOfService { .. } | Self::Directory { .. } => true,
            Self::Storage { error, .. } => match &**error {
                redb::Error::Io(error) => !is_of_content(error.kind()),
                redb::Error::PreviousIo | redb::Error::DatabaseClosed | redb::Error::DatabaseAlreadyOpen => true,
                // Of an older release, and nothing could be written when it was opened.
                redb::Error::TableDoesNotExist(_) => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether another process has the file open, or this one has not closed it yet.
    pub(super) fn is_of_somebody_else(&self) -> bool {
        matches!(self, Self::Storage { error, .. } if matches!(**error, redb::Error::DatabaseAlreadyOpen))
    }

    /// Whether the gateway gets over it by itself: the storage is out of service, or a damaged file is being replaced.
    pub fn is_for_now(&self) -> bool {
        self.is_out_of_service() || self.is_damage() || matches!(self, Self::Damaged { .. } | Self::Conflict { .. })
    }

    /// Whether the file holds something else than what a database wrote there for this mailbox.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Storage { .. } => !self.is_out_of_service(),
            Self::Panicked { .. } | Self::WrongMailbox { .. } => true,
            _ => false,
        }
    }
}

/// Errors that a database makes of what it reads, or meets where a file is shorter than it should be.
fn is_of_content(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof)
}

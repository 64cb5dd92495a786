use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use thiserror::Error;

use super::private;

/// In the directory: who uses it.
const FILE: &str = "gateway.lock";
/// Bytes read of what another process wrote about itself.
const MAX_NOTE: u64 = 200;

/// A directory of ledgers, for one gateway alone until this is dropped. (Two would each let in whoever comes to them first,
/// mailbox by mailbox.)
#[derive(Debug)]
pub struct DirectoryLock {
    /// The system unlocks it when it is closed, also when the process is killed.
    _file: File,
}

/// Why a directory of ledgers can't be used.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another gateway uses it.
    #[error("{path}: another gateway uses this directory ({other}): stop it, or give this one a directory of its own")]
    Taken {
        /// The directory.
        path: PathBuf,
        /// What that one wrote about itself.
        other: String,
    },
    /// It can't be made or written.
    #[error("{path}: {error}: expected a directory in which the gateway may write")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl DirectoryLock {
    /// Takes a directory, which is made if it does not exist.
    ///
    /// # Errors
    /// See [`LockError`]. A file system without locks is no error: then nobody can tell.
    pub fn take(directory: &Path) -> Result<Self, LockError> {
        let unusable = |error| LockError::Unusable { path: directory.to_owned(), error };
        private::directory(directory).map_err(unusable)?;
        let mut file = private::file(&directory.join(FILE)).map_err(unusable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut other = String::new();
                // What it says is for people: unreadable, it is left out.
                drop((&mut file).take(MAX_NOTE).read_to_string(&mut other));
                let other = if other.trim().is_empty() { "which says nothing of itself" } else { other.trim() };
                return Err(LockError::Taken { path: directory.to_owned(), other: other.to_owned() });
            }
            Err(error) => {
                tracing::warn!(path = %directory.display(), %error, "can't tell whether another gateway uses the ledgers");
                return Ok(Self { _file: file });
            }
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let since = chrono::DateTime::from_timestamp(i64::try_from(since).unwrap_or(0), 0).unwrap_or_default();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let note = format!("process {} on {host} since {} UTC", std::process::id(), since.format("%Y-%m-%d %H:%M:%S"));
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
        if let Err(error) = written {
            // It is for people; without room for it the lock holds all the same.
            tracing::warn!(path = %directory.display(), %error, "can't write who uses the ledgers");
        }
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_second_one_is_told_who_has_the_directory() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = place.path().join("ledger");
        let first = DirectoryLock::take(&directory).expect("free");
        let refused = DirectoryLock::take(&directory).expect_err("taken").to_string();
        assert!(refused.contains(&format!("process {} on ", std::process::id())), "{refused}");
        drop(first);
        DirectoryLock::take(&directory).expect("free again");
        fs::write(place.path().join("file"), "").expect("written");
        let refused = DirectoryLock::take(&place.path().join("file")).expect_err("no directory");
        assert!(matches!(refused, LockError::Unusable { .. }), "{refused}");
    }
}

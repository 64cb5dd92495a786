use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mapi_core::id::Guid;

use super::file::unfinished;
use super::store::EXTENSION;
use super::{EnvelopeOptions, EnvelopeStore};

/// What is kept on disk for lists of messages, one file per mailbox. No lock is held while a file is used.
pub struct Envelopes {
    directory: PathBuf,
    options: EnvelopeOptions,
    idle: Duration,
    open_files: usize,
    known: Mutex<HashMap<Guid, Arc<EnvelopeStore>>>,
    /// Locked while somebody tends them.
    tending: Mutex<()>,
}

impl Envelopes {
    /// Those in `directory`. Files that nobody used for `idle` are closed, and of those that were used least lately so many that
    /// at most about `open_files` are open.
    pub fn new(directory: PathBuf, options: EnvelopeOptions, idle: Duration, open_files: usize) -> Self {
        Self { directory, options, idle, open_files, known: Mutex::default(), tending: Mutex::default() }
    }

    /// That of a mailbox. Nothing is opened; everybody gets the same one.
    pub fn get(&self, mailbox: Guid) -> Arc<EnvelopeStore> {
        let make = || Arc::new(EnvelopeStore::new(&self.directory, mailbox, self.options.clone()));
        Arc::clone(self.known().entry(mailbox).or_insert_with(make))
    }

    /// Writes what waits, and closes files that are not needed now, unless somebody is at it. Blocks.
    pub fn tend(&self) {
        let Ok(_tending) = self.tending.try_lock() else { return };
        let mut open: Vec<(Duration, Arc<EnvelopeStore>)> = Vec::new();
        for store in self.all() {
            store.write_if_idle();
            open.extend(store.idle_for().map(|idle| (idle, store)));
        }
        open.sort_by_key(|(idle, _)| *idle);
        for (position, (_, store)) in open.iter().enumerate() {
            store.close_idle(if position < self.open_files { self.idle } else { Duration::ZERO });
        }
        drop(open);
        // Whoever has one got it here.
        self.known().retain(|_, store| Arc::strong_count(store) > 1 || !store.is_at_rest());
    }

    /// Writes what waits and closes all files. Blocks.
    pub fn close(&self) {
        for store in self.all() {
            store.write_all();
            store.close_idle(Duration::ZERO);
        }
    }

    /// Deletes all files in a directory: nobody wants such content on disk any more. Blocks.
    ///
    /// # Errors
    /// The directory can't be read, or a file can't be deleted; others may have been.
    pub fn delete(directory: &Path) -> io::Result<usize> {
        let mut deleted = 0;
        let names = [format!(".{EXTENSION}"), unfinished(Path::new(&format!(".{EXTENSION}"))).display().to_string()];
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if names.iter().any(|end| name.as_encoded_bytes().ends_with(end.as_bytes())) {
                std::fs::remove_file(entry.path())?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    fn all(&self) -> Vec<Arc<EnvelopeStore>> {
        self.known().values().cloned().collect()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Guid, Arc<EnvelopeStore>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

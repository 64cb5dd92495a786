use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mapi_core::id::Guid;
use tokio::sync::watch;

use super::{LedgerOptions, RedbLedger};

/// The ledgers of a directory that are in use, one per mailbox. No lock is held while a file is opened: one that takes long
/// keeps nobody waiting but those who want that mailbox.
pub struct Ledgers {
    directory: PathBuf,
    options: LedgerOptions,
    idle: Duration,
    open_files: usize,
    known: Mutex<HashMap<Guid, Known>>,
}

/// A mailbox's ledger.
pub enum Slot {
    /// It can be used; its file may have to be opened, see [`RedbLedger::wake`].
    Ready(Arc<RedbLedger>),
    /// Nobody uses it any more, but its file is not closed yet. Ends when it is.
    Closing(watch::Receiver<()>),
}

struct Known {
    ledger: Weak<RedbLedger>,
    closing: watch::Receiver<()>,
}

impl Ledgers {
    /// The ledgers in `directory`. Files that nobody used for `idle` are closed, and of those that were used least lately so
    /// many that at most about `open_files` are open.
    pub fn new(directory: PathBuf, options: LedgerOptions, idle: Duration, open_files: usize) -> Self {
        Self { directory, options, idle, open_files, known: Mutex::default() }
    }

    /// The ledger of a mailbox. Nothing is opened; everybody gets the same one.
    pub fn get(&self, mailbox: Guid) -> Slot {
        let mut known = self.known();
        if let Some(found) = known.get(&mailbox) {
            if let Some(ledger) = found.ledger.upgrade() {
                return Slot::Ready(ledger);
            }
            if !found.is_closed() {
                return Slot::Closing(found.closing.clone());
            }
        }
        let ledger = Arc::new(RedbLedger::new(&self.directory, mailbox, self.options.clone()));
        let (weak, closing) = (Arc::downgrade(&ledger), ledger.watch_closing());
        known.insert(mailbox, Known { ledger: weak, closing });
        Slot::Ready(ledger)
    }

    /// Closes files that are not needed now; they are opened again when they are. Blocks.
    pub fn close_idle(&self) {
        let in_use: Vec<Arc<RedbLedger>> = {
            let mut known = self.known();
            known.retain(|_, ledger| !ledger.is_closed());
            known.values().filter_map(|known| known.ledger.upgrade()).collect()
        };
        let mut open: Vec<(Duration, Arc<RedbLedger>)> =
            in_use.into_iter().filter_map(|ledger| Some((ledger.idle_for()?, ledger))).collect();
        open.sort_by_key(|(idle, _)| *idle);
        for (position, (_, ledger)) in open.iter().enumerate() {
            ledger.close_idle(if position < self.open_files { self.idle } else { Duration::ZERO });
        }
    }

    /// How many files are open.
    pub fn open_files(&self) -> usize {
        let known = self.known();
        known.values().filter_map(|known| known.ledger.upgrade()).filter(|ledger| ledger.idle_for().is_some()).count()
    }

    /// Ledgers that are not closed yet: each receiver ends when its file is.
    pub fn watch_closing(&self) -> Vec<watch::Receiver<()>> {
        self.known().values().map(|known| known.closing.clone()).collect()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Guid, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_closed(&self) -> bool {
        self.closing.has_changed().is_err()
    }
}

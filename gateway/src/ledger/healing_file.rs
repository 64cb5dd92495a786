use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use mapi_core::id::Gid;

use super::aside::set_aside;
use super::guarded::guarded;
use super::redb_file::{Place, RedbFile};
use super::trouble::Trouble;
use super::{LedgerError, Opening, private};

/// A ledger's file, open while it is used. What fails in it makes it be closed and opened again, at once and then after pauses
/// that grow; meanwhile it can be read if possible, and writing is refused. A file that is damaged is set aside, and an empty
/// one takes its place.
pub(super) struct HealingFile {
    pub(super) place: Place,
    /// Read while the file is used, written while it is opened and closed.
    slot: RwLock<FileSlot>,
    /// The opening of the file that is open, or was last.
    opening: Mutex<Option<Arc<Opening>>>,
    /// Opening or reading the file failed.
    unreadable: Trouble,
    /// Writing failed.
    unwritable: Trouble,
    last_used: Mutex<Instant>,
}

#[derive(Default)]
struct FileSlot {
    file: Option<RedbFile>,
    /// Grows whenever a file is closed.
    generation: u64,
}

/// What is done with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl Access {
    fn is_possible(self, file: &RedbFile) -> bool {
        self == Self::Read || file.read_only().is_none()
    }
}

impl HealingFile {
    /// It is opened when it is needed.
    pub(super) fn new(place: Place) -> Self {
        let retry = place.options.retry;
        Self {
            place,
            slot: RwLock::default(),
            opening: Mutex::default(),
            unreadable: Trouble::new(retry),
            unwritable: Trouble::new(retry),
            last_used: Mutex::new(Instant::now()),
        }
    }

    /// Does something with the file, which is opened for it, or opened again if it fails. Once: what fails again is out of
    /// service for a while.
    pub(super) fn with<T>(
        &self,
        access: Access,
        work: impl Fn(&RedbFile) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let mut failures = 0;
        loop {
            if access == Access::Write {
                self.must_not_wait(&self.unwritable)?;
            }
            self.make_ready(access)?;
            let (generation, error) = {
                let slot = self.read_slot();
                // Somebody else may have closed it meanwhile, or opened it to read only.
                let Some(file) = slot.file.as_ref().filter(|file| access.is_possible(file)) else { continue };
                match guarded(&self.place.path, || work(file)) {
                    Ok(done) => {
                        self.used(access);
                        return Ok(done);
                    }
                    Err(error) => (slot.generation, error),
                }
            };
            if !error.is_out_of_service() && !error.is_damage() {
                return Err(error);
            }
            failures += 1;
            tracing::warn!(path = %self.place.path.display(), %error, failures, "the ledger failed; closing its file");
            let mut slot = self.write_slot();
            // Somebody else may have closed it already.
            let is_mine = slot.generation == generation;
            if is_mine {
                self.close_failed(&mut slot);
            }
            if is_mine && error.is_damage() && failures == 2 {
                // All of it was verified when it was opened again, and it failed again.
                self.begin_anew(&error)?;
            } else if failures >= 2 {
                self.failed(if access == Access::Write { &self.unwritable } else { &self.unreadable }, &error);
                return Err(error);
            }
        }
    }

    /// Fails as long as commits are known to fail.
    pub(super) fn must_work(&self) -> Result<(), LedgerError> {
        // After a failure nothing but a commit tells that commits work.
        self.with(Access::Write, |file| if self.unwritable.is_failing() { file.probe() } else { Ok(()) })
    }

    /// What was proved of the file that is open, or was last.
    pub(super) fn opening(&self) -> Result<Arc<Opening>, LedgerError> {
        let path = &self.place.path;
        let unknown = || {
            let (why, again) =
                self.unreadable.waits(Instant::now()).unwrap_or(("not opened yet".into(), Duration::ZERO));
            LedgerError::OutOfService { path: path.clone(), why, again }
        };
        self.known_opening().clone().ok_or_else(unknown)
    }

    /// This version of a folder was read from the file, or written to it.
    pub(super) fn saw(&self, folder: Gid, version: u64) {
        if let Some(opening) = &*self.known_opening() {
            opening.saw(folder, version);
        }
    }

    /// Closes the file in order if nobody used it for so long. It is opened again when it is needed, and all that was proved
    /// of it holds on.
    pub(super) fn close_idle(&self, idle: Duration) {
        if self.idle_for().is_none_or(|idle_for| idle_for < idle) {
            return;
        }
        // Whoever uses it now makes it not idle.
        if let Ok(mut slot) = self.slot.try_write() {
            self.close_slot(&mut slot);
        }
    }

    /// For how long nobody has used the file; `None` if it is closed, or being opened or closed.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let slot = self.slot.try_read().ok()?;
        slot.file.as_ref()?;
        Some(self.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed())
    }

    /// Closes the file in order, whoever used it last.
    pub(super) fn close(&self) {
        self.close_slot(&mut self.write_slot());
    }

    /// Fails while nothing is to be tried after a failure.
    fn must_not_wait(&self, trouble: &Trouble) -> Result<(), LedgerError> {
        let Some((why, again)) = trouble.waits(Instant::now()) else { return Ok(()) };
        Err(LedgerError::OutOfService { path: self.place.path.clone(), why, again })
    }

    /// Sees to it that the file is open, and can be written if that is wanted.
    fn make_ready(&self, access: Access) -> Result<(), LedgerError> {
        let is_ready = |slot: &FileSlot| slot.file.as_ref().is_some_and(|file| access.is_possible(file));
        if is_ready(&self.read_slot()) {
            return Ok(());
        }
        let mut slot = self.write_slot();
        if is_ready(&slot) {
            return Ok(());
        }
        if slot.file.is_some() {
            // Open for reading only, and tried again now.
            self.close_failed(&mut slot);
        } else {
            self.must_not_wait(&self.unreadable)?;
        }
        let (file, opening) = match self.open_or_begin_anew() {
            Ok(opened) => opened,
            Err(error) => {
                self.failed(&self.unreadable, &error);
                return Err(error);
            }
        };
        let read_only = file.read_only().map(str::to_owned);
        slot.file = Some(file);
        *self.known_opening() = Some(opening);
        self.unreadable.is_over();
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let Some(why) = read_only else { return Ok(()) };
        self.trouble(&self.unwritable, why.clone());
        if access == Access::Read {
            return Ok(());
        }
        let again = self.unwritable.waits(Instant::now()).map_or(Duration::ZERO, |(_, again)| again);
        Err(LedgerError::OutOfService { path: self.place.path.clone(), why, again })
    }

    fn open_or_begin_anew(&self) -> Result<(RedbFile, Arc<Opening>), LedgerError> {
        let directory = self.place.path.parent().unwrap_or(Path::new("."));
        private::directory(directory).map_err(|error| LedgerError::Directory { path: directory.to_owned(), error })?;
        match self.open_file() {
            Err(error) if error.is_damage() => {
                self.begin_anew(&error)?;
                self.open_file()
            }
            opened => opened,
        }
    }

    fn open_file(&self) -> Result<(RedbFile, Arc<Opening>), LedgerError> {
        let before = self.known_opening().clone();
        guarded(&self.place.path, || RedbFile::open(&self.place, before.as_ref()))
    }

    /// Sets a damaged file aside.
    fn begin_anew(&self, error: &LedgerError) -> Result<(), LedgerError> {
        let path = &self.place.path;
        let aside = set_aside(path).map_err(|error| LedgerError::Directory { path: path.clone(), error })?;
        tracing::error!(path = %path.display(), aside = %aside.display(), %error, "ledger is damaged; set aside, beginning anew with higher UIDVALIDITYs");
        *self.known_opening() = None;
        Ok(())
    }

    /// Closes a file that failed, whatever it says to that.
    fn close_failed(&self, slot: &mut FileSlot) {
        slot.generation += 1;
        let file = slot.file.take();
        let closed = guarded(&self.place.path, || {
            drop(file);
            Ok(())
        });
        if let Err(error) = closed {
            tracing::warn!(%error, "the file of a ledger that failed could not be closed in order");
        }
    }

    fn close_slot(&self, slot: &mut FileSlot) {
        let token = self.known_opening().as_ref().map(|opening| opening.token());
        if let (Some(file), Some(token)) = (&slot.file, token)
            && file.read_only().is_none()
            // Without the mark it counts as cut off, which costs a little and harms nothing.
            && let Err(error) = guarded(&self.place.path, || file.mark_closed(token))
        {
            tracing::warn!(%error, "the ledger could not be marked as closed in order");
        }
        if slot.file.is_some() {
            self.close_failed(slot);
            if let Err(error) = self.place.options.disk.release(&self.place.path) {
                tracing::debug!(%error, "the room that was kept for a ledger was not given back");
            }
        }
    }

    fn used(&self, access: Access) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if access == Access::Write && self.unwritable.is_over() {
            tracing::info!(path = %self.place.path.display(), "the ledger can be written again");
        }
    }

    fn failed(&self, trouble: &Trouble, error: &LedgerError) {
        // What repeats a failure is none of its own, and what an administrator must change does not change by itself.
        if !matches!(error, LedgerError::OutOfService { .. }) && (error.is_out_of_service() || error.is_damage()) {
            self.trouble(trouble, error.to_string());
        }
    }

    fn trouble(&self, trouble: &Trouble, why: String) {
        if trouble.failed(why.clone(), Instant::now()) {
            tracing::error!(path = %self.place.path.display(), why, "the ledger is out of service; it is tried again until it works");
        }
    }

    fn known_opening(&self) -> MutexGuard<'_, Option<Arc<Opening>>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_slot(&self) -> RwLockReadGuard<'_, FileSlot> {
        self.slot.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_slot(&self) -> RwLockWriteGuard<'_, FileSlot> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }
}

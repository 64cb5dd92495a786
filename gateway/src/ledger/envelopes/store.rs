use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mapi_core::id::{Gid, Guid};

use super::EnvelopeOptions;
use super::block::{self, Change, Entry, FULL, FULL_BYTES, MAX_ENTRY};
use super::file::{EnvelopeFile, Place};
use crate::ledger::trouble::Trouble;

/// What the names of the files end in.
pub(super) const EXTENSION: &str = "envelopes";
/// Bytes that wait to be written at most; what comes when there are more is not kept.
const MAX_WAITING: usize = 2 << 20;
/// What a change that waits takes beside its bytes.
const CHANGE_BYTES: usize = 128;
/// A file that nobody used for so long rests.
const RESTS_AFTER: Duration = Duration::from_secs(10);

/// What is kept on disk of the messages of a mailbox, in a file of its own: `<directory>/<MailboxGuid>.envelopes`, open while it is
/// used. Whatever fails is logged once and costs no more than what was kept.
pub struct EnvelopeStore {
    path: PathBuf,
    mailbox: Guid,
    options: EnvelopeOptions,
    /// Locked while the disk is busy: by methods that block.
    file: Mutex<Option<EnvelopeFile>>,
    waiting: Mutex<Waiting>,
    /// Opening or reading the file failed.
    unreadable: Trouble,
    /// Writing failed.
    unwritable: Trouble,
    last_used: Mutex<Instant>,
}

/// What is to be written.
#[derive(Default)]
struct Waiting {
    changes: Vec<Change>,
    bytes: usize,
    /// Somebody was told to write.
    is_written: bool,
}

impl EnvelopeStore {
    /// That of a mailbox. Its file is opened when it is needed.
    pub(super) fn new(directory: &Path, mailbox: Guid, options: EnvelopeOptions) -> Self {
        let path = directory.join(format!("{mailbox}.{}", EXTENSION));
        let (unreadable, unwritable) = (Trouble::new(options.retry), Trouble::new(options.retry));
        let (file, waiting, last_used) = (Mutex::default(), Mutex::default(), Mutex::new(Instant::now()));
        Self { path, mailbox, options, file, waiting, unreadable, unwritable, last_used }
    }

    /// Keeps something, in a while: a crash before is no harm. Does not block. Whether somebody is to call
    /// [`EnvelopeStore::write`] now.
    pub fn keep(&self, entry: Entry) -> bool {
        entry.bytes.len() <= MAX_ENTRY && self.add(Change::Kept(entry))
    }

    /// Messages are gone: what was kept of them goes, in a while. As [`EnvelopeStore::keep`].
    pub fn forget(&self, gids: impl IntoIterator<Item = Gid>) -> bool {
        let mut write = false;
        for gid in gids {
            write |= self.add(Change::Gone(gid));
        }
        write
    }

    /// What is kept of these messages, made of the renderings with these digests. Blocks.
    pub fn find(&self, wanted: &[(Gid, [u8; 32])]) -> Vec<Entry> {
        self.with(&mut self.file(), &self.unreadable, |file, _| file.find(wanted)).unwrap_or_default()
    }

    /// Writes what waits, as far as it fills blocks. Blocks.
    pub fn write(&self) {
        self.write_some(&mut self.file(), false);
    }

    /// Writes all that waits. Blocks.
    pub fn write_all(&self) {
        self.write_some(&mut self.file(), true);
    }

    /// Writes all that waits, unless somebody uses the file: one that hangs holds up nothing else. Blocks.
    pub(super) fn write_if_idle(&self) {
        if let Ok(mut file) = self.file.try_lock() {
            self.write_some(&mut file, true);
        }
    }

    /// Closes the file if nobody used it for so long. It is opened again when it is needed. Blocks.
    pub(super) fn close_idle(&self, idle: Duration) {
        let Some(idle_for) = self.idle_for() else { return };
        let Ok(mut file) = self.file.try_lock() else { return };
        if idle_for >= idle {
            *file = None;
        } else if idle_for >= RESTS_AFTER
            && let Some(file) = &mut *file
        {
            file.rest();
        }
    }

    /// For how long nobody has used the file; `None` if it is closed, or busy.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        self.file.try_lock().ok()?.as_ref()?;
        Some(self.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed())
    }

    /// Whether its file is closed and nothing waits to be written.
    pub(super) fn is_at_rest(&self) -> bool {
        let is_closed = self.file.try_lock().is_ok_and(|file| file.is_none());
        is_closed && self.waiting().changes.is_empty()
    }

    fn add(&self, change: Change) -> bool {
        let mut waiting = self.waiting();
        let bytes = change.len() + CHANGE_BYTES;
        if waiting.bytes + bytes > MAX_WAITING {
            return false;
        }
        waiting.bytes += bytes;
        waiting.changes.push(change);
        let write = waiting.is_full() && !waiting.is_written;
        waiting.is_written |= write;
        write
    }

    /// The file is locked already, so that what is taken out in order is written in order.
    fn write_some(&self, file: &mut Option<EnvelopeFile>, all: bool) {
        while let Some(changes) = self.waiting().take(all) {
            // What can't be written is lost.
            self.with(file, &self.unwritable, |file, place| {
                file.append(&changes)?;
                file.tidy(place)
            });
        }
    }

    /// Does something with the file, which is opened for it. If it fails, the file is closed, and not tried again for a while;
    /// what fails in the work is put down to `trouble`.
    fn with<T>(
        &self,
        slot: &mut Option<EnvelopeFile>,
        trouble: &Trouble,
        work: impl FnOnce(&mut EnvelopeFile, &Place<'_>) -> io::Result<T>,
    ) -> Option<T> {
        let now = Instant::now();
        if self.unreadable.waits(now).is_some() || trouble.waits(now).is_some() {
            return None;
        }
        let EnvelopeOptions { bytes, disk, .. } = &self.options;
        let place = Place { path: &self.path, mailbox: self.mailbox, disk: &**disk, bytes: *bytes };
        let file = match slot.take().map_or_else(|| EnvelopeFile::open(&place), Ok) {
            Ok(file) => slot.insert(file),
            Err(error) => {
                self.failed(&self.unreadable, &error);
                return None;
            }
        };
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = now;
        match work(file, &place) {
            Ok(done) => {
                // Opening worked, too.
                let was_unreadable = self.unreadable.is_over();
                if trouble.is_over() || was_unreadable {
                    tracing::info!(path = %self.path.display(), "what lists of messages need is kept on disk again");
                }
                Some(done)
            }
            Err(error) => {
                *slot = None;
                self.failed(trouble, &error);
                None
            }
        }
    }

    fn failed(&self, trouble: &Trouble, error: &io::Error) {
        if trouble.failed(error.to_string(), Instant::now()) {
            tracing::warn!(path = %self.path.display(), %error, "what lists of messages need can't be kept on disk; it is tried again until it works");
        }
    }

    fn file(&self) -> MutexGuard<'_, Option<EnvelopeFile>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_full(&self) -> bool {
        self.changes.len() >= FULL || self.bytes >= FULL_BYTES
    }

    /// Takes what makes the next block; nothing if there is not enough.
    fn take(&mut self, all: bool) -> Option<Vec<Change>> {
        if self.changes.is_empty() || !(all || self.is_full()) {
            self.is_written = false;
            return None;
        }
        let taken: Vec<Change> = self.changes.drain(..block::fitting(&self.changes)).collect();
        self.bytes -= taken.iter().map(|change| change.len() + CHANGE_BYTES).sum::<usize>();
        Some(taken)
    }
}

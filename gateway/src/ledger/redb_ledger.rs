use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mapi_core::id::{Gid, Guid};
use tokio::sync::watch;

use super::healing_file::{Access, HealingFile};
use super::redb_file::{Place, RedbFile};
use super::tombstones::TombstoneBound;
use super::{
    FolderCommit, FolderHead, FolderOverview, Ledger, LedgerError, LedgerOptions, Opening, Stage, StagedRound,
    StoredFolder, Tombstones,
};

/// What a commit writes at most beside its messages, and per message.
const COMMIT_BYTES: u64 = 1024 * 1024;
const MESSAGE_BYTES: u64 = 512;
/// For more messages than these no room is kept in advance.
const MAX_MESSAGES: u64 = 20_000;

/// A ledger in a redb file of its own: `<directory>/<MailboxGuid>.redb`, open while it is used.
///
/// What fails in the file makes it be closed and opened again, until it works; meanwhile it can be read if possible. A file that
/// is damaged is renamed to `….corrupt` and replaced by an empty ledger (folders then get a higher UIDVALIDITY).
///
/// When the last holder lets go of it, it is marked as closed in order: nobody can commit any more.
pub struct RedbLedger {
    file: HealingFile,
    /// Goes last, after the file: who watches sees that it is free.
    closed: watch::Sender<()>,
}

impl RedbLedger {
    /// The ledger of a mailbox. Its file is opened when it is needed.
    pub fn new(directory: &Path, mailbox: Guid, options: LedgerOptions) -> Self {
        let path = directory.join(format!("{mailbox}.redb"));
        Self { file: HealingFile::new(Place { path, mailbox, options }), closed: watch::Sender::new(()) }
    }

    /// Opens the ledger of a mailbox, or makes it, kept in the usual way.
    ///
    /// # Errors
    /// An unusable directory, storage that fails, a newer schema, another mailbox's file.
    pub fn open(directory: &Path, mailbox: Guid) -> Result<Self, LedgerError> {
        let ledger = Self::new(directory, mailbox, LedgerOptions::default());
        ledger.wake()?;
        Ok(ledger)
    }

    /// Opens the file if it is not open.
    ///
    /// # Errors
    /// Those of [`RedbLedger::open`]. If the storage is out of service, the ledger goes on by itself when it is back.
    pub fn wake(&self) -> Result<(), LedgerError> {
        self.file.with(Access::Read, |_| Ok(()))
    }

    /// Fails (with the sender gone) once the ledger is closed and its file may be opened again.
    pub fn watch_closing(&self) -> watch::Receiver<()> {
        self.closed.subscribe()
    }

    /// Closes the file in order if nobody used it for so long. It is opened again when it is needed, and all that was proved
    /// of it holds on.
    pub fn close_idle(&self, idle: Duration) {
        self.file.close_idle(idle);
    }

    /// For how long nobody has used the file; `None` if it is closed, or being opened or closed.
    pub fn idle_for(&self) -> Option<Duration> {
        self.file.idle_for()
    }
}

impl Drop for RedbLedger {
    fn drop(&mut self) {
        self.file.close();
    }
}

impl Ledger for RedbLedger {
    fn opening(&self) -> Result<Arc<Opening>, LedgerError> {
        self.file.opening()
    }

    fn reserve(&self, messages: usize) -> Result<(), LedgerError> {
        let messages = u64::try_from(messages).unwrap_or(u64::MAX).min(MAX_MESSAGES);
        let bytes = messages * MESSAGE_BYTES + COMMIT_BYTES;
        self.file.must_work()?;
        let Place { path, options, .. } = &self.file.place;
        let full = |error| LedgerError::Storage { path: path.clone(), error: Box::new(redb::Error::Io(error)) };
        options.disk.reserve(path, bytes).map_err(full)
    }

    fn load(&self, folder: &Gid) -> Result<Option<StoredFolder>, LedgerError> {
        let stored = self.file.with(Access::Read, |file| file.load(folder))?;
        self.file.saw(*folder, stored.as_ref().map_or(0, |stored| stored.head.version));
        Ok(stored)
    }

    fn overview(&self, folder: &Gid) -> Result<Option<FolderOverview>, LedgerError> {
        let stored = self.file.with(Access::Read, |file| file.overview(folder))?;
        self.file.saw(*folder, stored.as_ref().map_or(0, |stored| stored.head.version));
        Ok(stored)
    }

    fn forget(&self, folder: &Gid) -> Result<(), LedgerError> {
        self.file.with(Access::Write, |file| file.forget(folder))?;
        self.file.saw(*folder, 0);
        Ok(())
    }

    fn recent(&self, folder: &Gid) -> Result<Option<(u32, u32)>, LedgerError> {
        self.file.with(Access::Read, |file| file.recent(folder))
    }

    fn note_recent(&self, folder: &Gid, mark: (u32, u32)) -> Result<(), LedgerError> {
        self.file.with(Access::Write, |file| file.note_recent(folder, mark))
    }

    fn told(&self, folder: &Gid) -> Result<u32, LedgerError> {
        self.file.with(Access::Read, |file| file.told(folder))
    }

    fn tombstones(&self, folder: &Gid, after: u64) -> Result<Tombstones, LedgerError> {
        self.file.with(Access::Read, |file| file.tombstones(folder, after))
    }

    fn heads(&self) -> Result<Vec<(Gid, FolderHead)>, LedgerError> {
        self.file.with(Access::Read, RedbFile::heads)
    }

    fn staged(&self, folder: &Gid) -> Result<Option<StagedRound>, LedgerError> {
        self.file.with(Access::Read, |file| file.staged(folder))
    }

    fn stage(&self, folder: &Gid, stage: Stage) -> Result<(), LedgerError> {
        self.file.with(Access::Write, |file| file.stage(folder, &stage))
    }

    fn commit(&self, folder: &Gid, commit: FolderCommit) -> Result<(), LedgerError> {
        let options = &self.file.place.options;
        let bound = TombstoneBound::now(options.tombstones, options.tombstone_days);
        let began = std::time::Instant::now();
        let done = self.file.with(Access::Write, |file| file.commit(folder, &commit, bound));
        let outcome = if done.is_ok() { "done" } else { "failed" };
        metrics::histogram!("mapi_gateway_ledger_commit_seconds", "outcome" => outcome).record(began.elapsed());
        done?;
        self.file.saw(*folder, commit.head.version);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

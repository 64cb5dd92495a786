//! A disk that fails when it is told to, for tests.

use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};
use rustix::io::Errno;

use super::disk::{Disk, FileDisk};

/// What a disk fails at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFault {
    /// There is no room: whatever writes fails from here on, with ENOSPC.
    Full,
    /// Writes fail from here on, with EIO.
    BadWrites,
    /// Reads fail from here on, with EIO.
    BadReads,
}

/// A disk that works until it is told to fail, and again when it is told to.
#[derive(Debug, Clone, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    writes: u64,
    reads: u64,
    armed: Option<(DiskFault, u64)>,
    failed: u64,
}

impl FaultyDisk {
    /// It fails from the `at`-th write or read from now on, counted from 0, until [`FaultyDisk::repair`].
    pub fn fail(&self, fault: DiskFault, at: u64) {
        let mut state = self.state();
        (state.writes, state.reads, state.failed) = (0, 0, 0);
        state.armed = Some((fault, at));
    }

    /// It works again. Returns how often it has failed.
    pub fn repair(&self) -> u64 {
        let mut state = self.state();
        state.armed = None;
        state.failed
    }

    /// Writes and reads since it was told to fail.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.writes, state.reads)
    }

    fn write(&self) -> io::Result<()> {
        let mut state = self.state();
        state.writes += 1;
        let errno = match state.armed {
            Some((DiskFault::Full, at)) if state.writes > at => Errno::NOSPC,
            Some((DiskFault::BadWrites, at)) if state.writes > at => Errno::IO,
            _ => return Ok(()),
        };
        state.failed += 1;
        Err(errno.into())
    }

    fn read(&self) -> io::Result<()> {
        let mut state = self.state();
        state.reads += 1;
        match state.armed {
            Some((DiskFault::BadReads, at)) if state.reads > at => {
                state.failed += 1;
                Err(Errno::IO.into())
            }
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(FaultyFile { disk: self.clone(), file: FileDisk.open(path)? }))
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(FaultyFile { disk: self.clone(), file: FileDisk.open_to_read(path)? }))
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.write()?;
        FileDisk.reserve(path, bytes)
    }

    fn release(&self, path: &Path) -> io::Result<()> {
        FileDisk.release(path)
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    file: Box<dyn StorageBackend>,
}

impl StorageBackend for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read()?;
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.write()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.write()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if let Err(error) = self.disk.write() {
            // What fails may have been done in part.
            self.file.write(offset, data.get(..data.len() / 2).unwrap_or_default())?;
            return Err(error);
        }
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

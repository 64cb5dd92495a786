use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Bound;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::private;

/// Where the files of ledgers lie. Tests have one that fails.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Opens a file, which is made if it does not exist.
    ///
    /// # Errors
    /// It can't be opened.
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>>;

    /// Opens a file that exists, to read it only. It is not locked.
    ///
    /// # Errors
    /// It can't be opened.
    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>>;

    /// Sees to it that so many more bytes can be written to a file which is open.
    ///
    /// # Errors
    /// There is no room, or the storage fails.
    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()>;

    /// Gives back what was reserved and not used, of a file that is closed.
    ///
    /// # Errors
    /// The storage fails.
    fn release(&self, path: &Path) -> io::Result<()>;
}

/// The file system.
#[derive(Debug, Default, Clone, Copy)]
pub struct FileDisk;

impl Disk for FileDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        backend(private::file(path)?)
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        backend(File::open(path)?)
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = std::fs::OpenOptions::new().write(true).open(path)?;
        let end = file.metadata()?.len().saturating_add(bytes);
        // From the beginning: a database grows by making its file longer first, and what it skipped has no blocks yet.
        match rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, end) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => probe(path, bytes),
            Err(error) => Err(error.into()),
        }
    }

    fn release(&self, path: &Path) -> io::Result<()> {
        let file = std::fs::OpenOptions::new().write(true).open(path)?;
        // Blocks behind the end go when the length is set, also to what it is.
        file.set_len(file.metadata()?.len())
    }
}

fn backend(file: File) -> io::Result<Box<dyn StorageBackend>> {
    Ok(Box::new(FileBackend::new(file).map_err(|error| io::Error::other(error.to_string()))?))
}

/// Where room can't be set apart it is at least seen whether there is any.
fn probe(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
    let zeros = vec![0; 64 * 1024];
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    while left > 0 {
        let part = left.min(zeros.len());
        file.write_all(&zeros[..part])?;
        left -= part;
    }
    file.sync_data()
}

/// An open file as a database takes it.
#[derive(Debug)]
pub(super) struct OpenFile(pub(super) Box<dyn StorageBackend>);

impl StorageBackend for OpenFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}

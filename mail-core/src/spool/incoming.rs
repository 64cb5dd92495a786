use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use super::{SpoolConfig, SpooledMessage};
use crate::work::{ByteBudget, Owner, Reservation};

/// What is gathered before it is written to a file.
const WRITE_SIZE: usize = 64 * 1024;

/// A file takes room in steps of so many bytes.
const STEP: u64 = 4 << 20;

/// The room on the disk that there is for somebody's messages.
#[derive(Debug, Clone)]
pub struct Disk {
    /// What everybody's take together.
    pub budget: Arc<ByteBudget>,
    /// Whose they are.
    pub owner: Owner,
}

/// A message that comes in. Dropping it forgets what came.
pub struct Spool {
    config: Arc<SpoolConfig>,
    disk: Option<Disk>,
    /// What was taken of it, and how much that is.
    room: Vec<Reservation>,
    taken: u64,
    /// Bytes in the file.
    written: u64,
    buffer: Vec<u8>,
    file: Option<File>,
    failure: Option<io::Error>,
}

impl Spool {
    /// One of which nothing has come yet, for which the caller has seen to it that there is room.
    pub fn new(config: Arc<SpoolConfig>) -> Self {
        let (buffer, room) = (Vec::new(), Vec::new());
        Self { config, disk: None, room, taken: 0, written: 0, buffer, file: None, failure: None }
    }

    /// One that takes room as it grows. It waits for it, for as long as the budget says, and fails if there is none.
    pub fn within(config: Arc<SpoolConfig>, disk: Disk) -> Self {
        Self { disk: Some(disk), ..Self::new(config) }
    }

    /// Adds bytes. After a failure, which [`Self::finish`] tells, nothing is kept any more.
    pub async fn push(&mut self, bytes: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        let bound = if self.file.is_some() { WRITE_SIZE } else { self.config.memory_bytes };
        if self.buffer.len() + bytes.len() > bound
            && let Err(error) = self.write().await
        {
            self.buffer = Vec::new();
            self.file = None;
            self.room.clear();
            self.failure = Some(error);
            return;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The message.
    ///
    /// # Errors
    /// If a part of it could not be kept.
    pub async fn finish(mut self) -> io::Result<SpooledMessage> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        if self.file.is_some() && !self.buffer.is_empty() {
            self.write().await?;
        }
        match self.file.take() {
            Some(file) => Ok(SpooledMessage::from_file(file)?.holding(std::mem::take(&mut self.room))),
            None => Ok(bytes::Bytes::from(std::mem::take(&mut self.buffer)).into()),
        }
    }

    /// Moves what is in memory to the file, off the async threads.
    async fn write(&mut self) -> io::Result<()> {
        self.written += self.buffer.len() as u64;
        while let Some(disk) = self.disk.as_ref().filter(|_| self.taken < self.written) {
            let room = disk.budget.reserve(&disk.owner, STEP).await;
            self.room.push(room.map_err(|_| io::Error::from(io::ErrorKind::StorageFull))?);
            self.taken += STEP;
        }
        let (file, buffer) = (self.file.take(), std::mem::take(&mut self.buffer));
        let config = Arc::clone(&self.config);
        let work = tokio::task::spawn_blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => tempfile::tempfile_in(&config.directory)?,
            };
            file.write_all(&buffer)?;
            Ok::<_, io::Error>((file, buffer))
        });
        let (file, mut buffer) = work.await.map_err(io::Error::other)??;
        self.file = Some(file);
        if buffer.capacity() <= 2 * WRITE_SIZE {
            buffer.clear();
            self.buffer = buffer;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::PathBuf;

    use super::*;
    use crate::work::BudgetLimits;

    async fn spooled(directory: PathBuf, pieces: usize) -> io::Result<SpooledMessage> {
        let mut spool = Spool::new(Arc::new(SpoolConfig { directory, memory_bytes: 3000 }));
        for number in 0..pieces {
            spool.push(&[u8::try_from(number % 256).unwrap(); 1000]).await;
        }
        spool.finish().await
    }

    #[tokio::test]
    async fn small_messages_stay_in_memory_and_large_ones_leave_no_name() {
        let directory = tempfile::tempdir().unwrap();
        for (pieces, file) in [(0, false), (3, false), (4, true), (300, true)] {
            let mut message = spooled(directory.path().to_owned(), pieces).await.unwrap();
            assert_eq!((message.len(), message.is_spooled()), (pieces as u64 * 1000, file));
            let mut bytes = Vec::new();
            message.reader().unwrap().read_to_end(&mut bytes).unwrap();
            assert!(
                (0..pieces).all(|number| bytes[number * 1000..][..1000] == [u8::try_from(number % 256).unwrap(); 1000])
            );
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_the_disk_is_told_at_the_end_and_takes_no_room() {
        let limits = BudgetLimits { total: 40 << 20, per_owner: 9 << 20, ..BudgetLimits::default() };
        let disk = Disk { budget: ByteBudget::new(limits), owner: Owner::new("alice") };
        let receive = async |mebibytes: usize| {
            let mut spool = Spool::within(Arc::default(), disk.clone());
            for _ in 0..mebibytes << 4 {
                spool.push(&[b'x'; 64 << 10]).await;
            }
            spool.finish().await
        };
        let first = receive(6).await.unwrap();
        assert_eq!(disk.budget.used(), 8 << 20);
        assert_eq!(receive(3).await.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.budget.used(), 8 << 20);
        drop(first);
        assert_eq!(disk.budget.used(), 0);
        assert!(receive(3).await.is_ok());
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_told_at_the_end() {
        let missing = PathBuf::from("/nonexistent");
        assert!(spooled(missing.clone(), 3).await.is_ok());
        assert!(spooled(missing, 300).await.is_err());
    }
}

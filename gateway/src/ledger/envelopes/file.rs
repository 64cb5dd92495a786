use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use mapi_core::id::{Gid, Guid};
use redb::StorageBackend;

use super::block::{self, Change, Entry, FULL, Row};
use super::contents::Contents;
use super::header;
use crate::ledger::{Disk, private};

/// Read at a time where only what stands in front of a block is wanted: head and table of a full one.
const AHEAD: u64 = 4 << 10;

/// Which file, and how it is kept.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub path: &'a Path,
    pub mailbox: Guid,
    pub disk: &'a dyn Disk,
    /// Bytes that it may take.
    pub bytes: u64,
}

/// A mailbox's file while it is open.
pub(super) struct EnvelopeFile {
    storage: Storage,
    path: PathBuf,
    /// Bytes of it.
    end: u64,
    contents: Contents,
    /// The block that was read last, by its number: lists go through the messages as they were written.
    last: Option<(usize, Vec<(Row, Bytes)>)>,
}

impl EnvelopeFile {
    /// Opens a file, which is made if it does not exist, and reads what is in it. One that is damaged in front, or was written
    /// by another release or for another mailbox, is begun anew; one that is damaged further on ends there.
    ///
    /// # Errors
    /// The storage fails, or somebody else has the file.
    pub fn open(place: &Place<'_>) -> io::Result<Self> {
        private::directory(place.path.parent().unwrap_or(Path::new(".")))?;
        let storage = Storage::open(place.disk, place.path)?;
        let len = storage.0.len()?;
        let mut begins = [0; header::LEN];
        if len >= header::LEN as u64 {
            storage.0.read(0, &mut begins)?;
        }
        if begins != header::of(place.mailbox) {
            if len > 0 {
                tracing::info!(path = %place.path.display(), "what was kept for lists of messages is damaged or another release's; beginning anew");
            }
            return Self::begin(storage, place.path, place.mailbox);
        }
        let mut file = Self::of(storage, place.path);
        file.read_contents(len)?;
        Ok(file)
    }

    /// What the file has of these messages and digests. What is damaged it does not have.
    ///
    /// # Errors
    /// The storage fails.
    pub fn find(&mut self, wanted: &[(Gid, [u8; 32])]) -> io::Result<Vec<Entry>> {
        let number = |(gid, digest): &(Gid, [u8; 32])| Some((self.contents.block_of(*gid, digest)?, *gid, *digest));
        let mut places: Vec<_> = wanted.iter().filter_map(number).collect();
        places.sort_by_key(|(number, ..)| *number);
        let mut found = Vec::with_capacity(places.len());
        for (number, gid, digest) in places {
            let Some(entries) = self.block(number)? else { continue };
            let entry = entries.iter().find(|(row, _)| row.gid == gid && row.digest == digest && row.len.is_some());
            // A copy: what is found is kept longer than the block.
            found.extend(entry.map(|(_, bytes)| Entry { gid, digest, bytes: Bytes::copy_from_slice(bytes) }));
        }
        Ok(found)
    }

    /// Adds changes, as one block; those that change nothing are left out. See [`block::fitting`].
    ///
    /// # Errors
    /// The storage fails; the file is to be closed then.
    pub fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        let mut news: Vec<Change> = Vec::with_capacity(changes.len());
        for change in changes {
            let is_news = match change {
                Change::Kept(entry) => self.contents.block_of(entry.gid, &entry.digest).is_none(),
                Change::Gone(gid) => self.contents.has(*gid),
            };
            // What comes later of the same message counts.
            if is_news || news.iter().any(|before| before.gid() == change.gid()) {
                news.push(change.clone());
            }
        }
        if news.is_empty() {
            return Ok(());
        }
        let block = block::write(&news)?;
        self.append_block(&block)
    }

    /// Writes the file anew with what is wanted of it, the newest of it if that is too much, where this is worth the while.
    ///
    /// # Errors
    /// The storage fails; the file is as it was, and to be closed.
    pub fn tidy(&mut self, place: &Place<'_>) -> io::Result<()> {
        if self.end <= place.bytes && !self.contents.is_wasteful() {
            return Ok(());
        }
        let path = unfinished(place.path);
        let written = self.write_anew(place, &path).and_then(|new| {
            std::fs::rename(&path, place.path)?;
            Ok(new)
        });
        match written {
            Ok(new) => *self = Self { path: place.path.to_owned(), ..new },
            Err(error) => {
                drop(std::fs::remove_file(&path));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Lets go of what it only keeps to be quick.
    pub fn rest(&mut self) {
        self.last = None;
    }

    fn write_anew(&mut self, place: &Place<'_>, path: &Path) -> io::Result<Self> {
        // One that was left behind may be of any form.
        drop(std::fs::remove_file(path));
        let mut new = Self::begin(Storage::open(place.disk, path)?, path, place.mailbox)?;
        // An eighth remains for what comes next, so that this is not done again at once.
        let most = (place.bytes - place.bytes / 8).saturating_sub(header::LEN as u64);
        let mut loose = Vec::new();
        for number in self.newest(most) {
            let Some(kept) = self.contents.blocks().get(number).copied().filter(|kept| kept.live > 0) else { continue };
            let bytes = self.read_block(number)?;
            if kept.live == kept.rows && kept.rows >= FULL / 2 {
                new.append_block(&bytes)?;
                continue;
            }
            let entries = block::read(&bytes).unwrap_or_default().into_iter();
            let live = entries
                .filter(|(row, _)| row.len.is_some() && self.contents.block_of(row.gid, &row.digest) == Some(number));
            loose.extend(live.map(|(Row { gid, digest, .. }, bytes)| Change::Kept(Entry { gid, digest, bytes })));
            new.append_full(&mut loose)?;
        }
        if !loose.is_empty() {
            new.append(&loose)?;
        }
        Ok(new)
    }

    /// Appends what makes full blocks, and leaves the rest.
    fn append_full(&mut self, changes: &mut Vec<Change>) -> io::Result<()> {
        loop {
            let fitting = block::fitting(changes);
            if fitting == changes.len() {
                return Ok(());
            }
            let full: Vec<Change> = changes.drain(..fitting).collect();
            self.append(&full)?;
        }
    }

    /// The numbers of the newest blocks whose entries that are wanted take at most about so many bytes, oldest first.
    fn newest(&self, most: u64) -> std::ops::Range<usize> {
        let blocks = self.contents.blocks();
        let mut left = most;
        let fits = |block: &&super::contents::Block| {
            let bytes = u64::from(block.len) * block.live as u64 / block.rows.max(1) as u64;
            let fits = bytes <= left;
            left = left.saturating_sub(bytes);
            fits
        };
        blocks.len() - blocks.iter().rev().take_while(fits).count()..blocks.len()
    }

    fn of(storage: Storage, path: &Path) -> Self {
        let end = header::LEN as u64;
        Self { storage, path: path.to_owned(), end, contents: Contents::default(), last: None }
    }

    /// An empty file.
    fn begin(storage: Storage, path: &Path, mailbox: Guid) -> io::Result<Self> {
        storage.0.set_len(0)?;
        storage.0.set_len(header::LEN as u64)?;
        storage.0.write(0, &header::of(mailbox))?;
        Ok(Self::of(storage, path))
    }

    /// Finds out what is in a file of so many bytes. The first block that can't be read is its end: what a crash left, mostly.
    fn read_contents(&mut self, len: u64) -> io::Result<()> {
        while self.end < len {
            let mut front = vec![0; usize::try_from((len - self.end).min(AHEAD)).unwrap_or(0)];
            self.storage.0.read(self.end, &mut front)?;
            let block = block::read_table(&front);
            let block = block.filter(|(head, _)| self.end + head.block_len() as u64 <= len);
            let Some((head, rows)) = block else {
                tracing::info!(path = %self.path.display(), bytes = self.end, of = len, "what was kept for lists of messages is whole up to here only");
                return self.storage.0.set_len(self.end);
            };
            self.add(head.block_len(), &rows)?;
        }
        Ok(())
    }

    fn append_block(&mut self, block: &[u8]) -> io::Result<()> {
        // What was damaged on the disk is not carried on.
        let Some((head, rows)) = block::read_table(block) else { return Ok(()) };
        // Longer first: a database's storage does not write behind its end.
        self.storage.0.set_len(self.end + block.len() as u64)?;
        self.storage.0.write(self.end, block)?;
        self.add(head.block_len(), &rows)
    }

    fn add(&mut self, len: usize, rows: &[Row]) -> io::Result<()> {
        let len = u32::try_from(len).map_err(io::Error::other)?;
        self.contents.add(self.end, len, rows);
        self.end += u64::from(len);
        Ok(())
    }

    /// A block with its entries; nothing if it is damaged, and then what was in it is not looked for any more.
    fn block(&mut self, number: usize) -> io::Result<Option<&[(Row, Bytes)]>> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != number) {
            let bytes = self.read_block(number)?;
            let Some(entries) = block::read(&bytes) else {
                tracing::info!(path = %self.path.display(), number, "a part of what was kept for lists of messages is damaged, and left out");
                self.contents.lose(number);
                return Ok(None);
            };
            self.last = Some((number, entries));
        }
        Ok(self.last.as_ref().map(|(_, entries)| entries.as_slice()))
    }

    fn read_block(&self, number: usize) -> io::Result<Vec<u8>> {
        let Some(block) = self.contents.blocks().get(number) else { return Ok(Vec::new()) };
        let mut bytes = vec![0; usize::try_from(block.len).map_err(io::Error::other)?];
        self.storage.0.read(block.offset, &mut bytes)?;
        Ok(bytes)
    }
}

/// Where a file is written anew before it takes the place of the old one.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// A file that nobody else uses.
struct Storage(Box<dyn StorageBackend>);

impl Storage {
    fn open(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        let storage = Self(disk.open(path)?);
        // Without locks nobody can tell; the directory has one of its own.
        match storage.0.try_lock_range(Bound::Unbounded, Bound::Unbounded) {
            Ok(false) => Err(io::Error::new(io::ErrorKind::WouldBlock, "another process uses it")),
            _ => Ok(storage),
        }
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // It is closed whatever it says to that.
        drop(self.0.close());
    }
}

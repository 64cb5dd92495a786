use std::path::{Path, PathBuf};
use std::sync::Arc;

use mapi_core::id::Guid;
use redb::{Builder, Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend, WriteTransaction};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::disk::OpenFile;
use super::overlay::Overlay;
use super::tables::{
    ARTICLES, CLOSED, CLOSING, DOUBTS, HEADS, META, OPENED, RECENT, ROWS, RUNS, STAGED, STAGED_HEADS, TOMBSTONE_HEADS,
    TOMBSTONES,
};
use super::{FolderHead, LedgerError, LedgerOptions, MessageRecord, Opening};

/// The schema this release writes. Older ones are migrated when opened, newer ones refused.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// Which file, and how it is kept.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) mailbox: Guid,
    pub(super) options: LedgerOptions,
}

/// A ledger's file while it is open. Whatever fails in it fails from then on: it is to be closed and opened again.
pub(super) struct RedbFile {
    pub(super) database: Database,
    path: PathBuf,
    /// It was found that nothing can be written, when it was opened: why.
    read_only: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) schema: u32,
    pub(super) mailbox: [u8; 16],
    pub(super) instance: [u8; 16],
}

/// How the file says that it was opened and closed.
#[derive(Default)]
struct Marks {
    closed: Option<u32>,
    opened: Option<u32>,
    doubts: u32,
}

impl RedbFile {
    /// Opens the file, which is made if it does not exist, and verifies all of it. If nothing can be written it can still be
    /// read. `before` is the opening that the file was closed in, if it was open in this process: it goes on if the file is as
    /// it was left, so that nothing has to be proved anew.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] and [`LedgerError::Panicked`] of the database; a newer schema, another mailbox's file.
    pub(super) fn open(place: &Place, before: Option<&Arc<Opening>>) -> Result<(Self, Arc<Opening>), LedgerError> {
        let is_new = match std::fs::metadata(&place.path) {
            Ok(found) => found.len() == 0,
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        let failed = match Self::to_write(place, before) {
            // One that somebody else writes can't be read beside that.
            Err(error) if error.is_out_of_service() && !error.is_of_somebody_else() => error,
            opened => return opened,
        };
        if is_new {
            // What was begun of it is nothing yet, and would look like damage the next time.
            drop(std::fs::remove_file(&place.path));
            return Err(failed);
        }
        Self::to_read(place, before, failed.to_string())
    }

    fn to_write(place: &Place, before: Option<&Arc<Opening>>) -> Result<(Self, Arc<Opening>), LedgerError> {
        let backend = place.options.disk.open(&place.path).map_err(|error| failed(place, error))?;
        let file = Self::new(place, backend, None)?;
        let opening = file.prepare(place.mailbox, before)?;
        Ok((file, opening))
    }

    fn to_read(place: &Place, before: Option<&Arc<Opening>>, why: String) -> Result<(Self, Arc<Opening>), LedgerError> {
        let backend = place.options.disk.open_to_read(&place.path).and_then(Overlay::new);
        let backend = backend.map_err(|error| failed(place, error))?;
        let file = Self::new(place, Box::new(backend), Some(why))?;
        let opening = file.look(place.mailbox, before)?;
        Ok((file, opening))
    }

    fn new(place: &Place, backend: Box<dyn StorageBackend>, read_only: Option<String>) -> Result<Self, LedgerError> {
        let mut builder = Builder::new();
        // Without the check, a database trusts a file that was closed in order, whatever became of it since.
        builder.set_cache_size(place.options.cache_bytes).set_check_integrity_on_open(true);
        let database = builder.create_with_backend(OpenFile(backend));
        let path = place.path.clone();
        match database {
            Ok(database) => Ok(Self { database, path, read_only }),
            Err(error) => Err(LedgerError::Storage { path, error: Box::new(error.into()) }),
        }
    }

    /// Why nothing can be written.
    pub(super) fn read_only(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    /// Marks it as closed in order.
    pub(super) fn mark_closed(&self, token: u32) -> Result<(), LedgerError> {
        let transaction = self.begin_write()?;
        let mut table = transaction.open_table(CLOSING).map_err(|e| self.storage(e))?;
        table.insert(CLOSED, token).map_err(|e| self.storage(e))?;
        drop(table);
        transaction.commit().map_err(|e| self.storage(e))
    }

    /// Commits something that changes nothing.
    pub(super) fn probe(&self) -> Result<(), LedgerError> {
        let transaction = self.begin_write()?;
        {
            let mut table = transaction.open_table(CLOSING).map_err(|e| self.storage(e))?;
            let doubts = table.get(DOUBTS).map_err(|e| self.storage(e))?.map_or(0, |count| count.value());
            table.insert(DOUBTS, doubts).map_err(|e| self.storage(e))?;
        }
        transaction.commit().map_err(|e| self.storage(e))
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction, LedgerError> {
        self.database.begin_read().map_err(|e| self.storage(e))
    }

    pub(super) fn begin_write(&self) -> Result<WriteTransaction, LedgerError> {
        // What is written over a file that is read only would be lost with this process.
        if self.read_only.is_some() {
            return Err(self.storage(redb::Error::Io(std::io::ErrorKind::ReadOnlyFilesystem.into())));
        }
        self.database.begin_write().map_err(|e| self.storage(e))
    }

    pub(super) fn storage(&self, error: impl Into<redb::Error>) -> LedgerError {
        LedgerError::Storage { path: self.path.clone(), error: Box::new(error.into()) }
    }

    pub(super) fn damaged(&self, what: &'static str) -> LedgerError {
        LedgerError::Damaged { path: self.path.clone(), what }
    }

    pub(super) fn decode<T: DeserializeOwned>(&self, bytes: &[u8], what: &'static str) -> Result<T, LedgerError> {
        postcard::from_bytes(bytes).map_err(|_| self.damaged(what))
    }

    pub(super) fn decode_row(&self, bytes: &[u8], what: &'static str) -> Result<MessageRecord, LedgerError> {
        MessageRecord::from_bytes(bytes).map_err(|_| self.damaged(what))
    }

    pub(super) fn encode_row(&self, row: &MessageRecord, what: &'static str) -> Result<Vec<u8>, LedgerError> {
        row.to_bytes().map_err(|_| self.damaged(what))
    }

    pub(super) fn encode<T: Serialize>(&self, value: &T, what: &'static str) -> Result<Vec<u8>, LedgerError> {
        postcard::to_stdvec(value).map_err(|_| self.damaged(what))
    }

    /// Makes the tables and the meta record, or checks them, and takes the mark of the last closing away. How often there was
    /// no such mark is counted durably, since a folder that nobody opens this time is in doubt all the same, however often the
    /// ledger is closed in order until somebody does.
    fn prepare(&self, mailbox: Guid, before: Option<&Arc<Opening>>) -> Result<Arc<Opening>, LedgerError> {
        let transaction = self.begin_write()?;
        let opening = {
            let mut meta = transaction.open_table(META).map_err(|e| self.storage(e))?;
            let stored = match meta.get("meta").map_err(|e| self.storage(e))? {
                Some(bytes) => Some(read_meta(bytes.value(), &self.path, mailbox)?),
                None => None,
            };
            let instance = match stored {
                Some(instance) => instance,
                None => {
                    let made = Meta { schema: SCHEMA_VERSION, mailbox: mailbox.0, instance: rand::random() };
                    let bytes = self.encode(&made, "meta record")?;
                    meta.insert("meta", bytes.as_slice()).map_err(|e| self.storage(e))?;
                    Guid(made.instance)
                }
            };
            let mut closing = transaction.open_table(CLOSING).map_err(|e| self.storage(e))?;
            let marks = self.marks(&closing)?;
            let heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
            let opening = match before {
                Some(before) if self.is_as_left(before, instance, &marks, &heads)? => Arc::clone(before),
                _ => {
                    let in_order = marks.closed.is_some() || stored.is_none();
                    let doubts = if in_order { marks.doubts } else { marks.doubts.saturating_add(1) };
                    Arc::new(Opening::new(instance, doubts, rand::random()))
                }
            };
            closing.remove(CLOSED).map_err(|e| self.storage(e))?;
            closing.insert(OPENED, opening.token()).map_err(|e| self.storage(e))?;
            closing.insert(DOUBTS, opening.doubts()).map_err(|e| self.storage(e))?;
            opening
        };
        transaction.open_table(RUNS).map_err(|e| self.storage(e))?;
        transaction.open_table(ROWS).map_err(|e| self.storage(e))?;
        transaction.open_table(TOMBSTONES).map_err(|e| self.storage(e))?;
        transaction.open_table(TOMBSTONE_HEADS).map_err(|e| self.storage(e))?;
        transaction.open_table(ARTICLES).map_err(|e| self.storage(e))?;
        transaction.open_table(RECENT).map_err(|e| self.storage(e))?;
        transaction.open_table(STAGED_HEADS).map_err(|e| self.storage(e))?;
        transaction.open_table(STAGED).map_err(|e| self.storage(e))?;
        transaction.commit().map_err(|e| self.storage(e))?;
        Ok(opening)
    }

    /// The opening of a file in which nothing can be written.
    fn look(&self, mailbox: Guid, before: Option<&Arc<Opening>>) -> Result<Arc<Opening>, LedgerError> {
        let transaction = self.begin_read()?;
        let meta = transaction.open_table(META).map_err(|e| self.storage(e))?;
        let stored = meta.get("meta").map_err(|e| self.storage(e))?.ok_or_else(|| self.damaged("meta record"))?;
        let instance = read_meta(stored.value(), &self.path, mailbox)?;
        let marks = self.marks(&transaction.open_table(CLOSING).map_err(|e| self.storage(e))?)?;
        let heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
        if let Some(before) = before
            && self.is_as_left(before, instance, &marks, &heads)?
        {
            return Ok(Arc::clone(before));
        }
        let doubts = if marks.closed.is_some() { marks.doubts } else { marks.doubts.saturating_add(1) };
        // With the file's own token: this opening goes on once something can be written.
        let token = marks.closed.or(marks.opened).unwrap_or_else(rand::random);
        Ok(Arc::new(Opening::new(instance, doubts, token)))
    }

    fn marks(&self, table: &impl ReadableTable<&'static str, u32>) -> Result<Marks, LedgerError> {
        let get = |key| Ok(table.get(key).map_err(|e| self.storage(e))?.map(|mark| mark.value()));
        Ok(Marks { closed: get(CLOSED)?, opened: get(OPENED)?, doubts: get(DOUBTS)?.unwrap_or(0) })
    }

    /// Whether this is the file that was closed, or broke off, in an opening of this process: it has the token, and nothing that
    /// is known to be durable is missing in it.
    fn is_as_left(
        &self,
        before: &Opening,
        instance: Guid,
        marks: &Marks,
        heads: &impl ReadableTable<&'static [u8; 22], &'static [u8]>,
    ) -> Result<bool, LedgerError> {
        if before.instance() != instance || marks.closed.or(marks.opened) != Some(before.token()) {
            return Ok(false);
        }
        for (folder, seen) in before.versions() {
            let head = heads.get(&folder.to_bytes()).map_err(|e| self.storage(e))?;
            let head = head.map(|head| self.decode::<FolderHead>(head.value(), "folder head")).transpose()?;
            if head.is_none_or(|head| head.version < seen) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn failed(place: &Place, error: std::io::Error) -> LedgerError {
    LedgerError::Storage { path: place.path.clone(), error: Box::new(redb::Error::Io(error)) }
}

fn read_meta(bytes: &[u8], path: &Path, mailbox: Guid) -> Result<Guid, LedgerError> {
    let damaged = |_| LedgerError::Damaged { path: path.to_owned(), what: "meta record" };
    // The schema number stands first and alone decides whether the rest can be read.
    let (schema, _) = postcard::take_from_bytes::<u32>(bytes).map_err(damaged)?;
    if schema > SCHEMA_VERSION {
        return Err(LedgerError::Newer { path: path.to_owned(), found: schema, known: SCHEMA_VERSION });
    }
    let meta: Meta = postcard::from_bytes(bytes).map_err(damaged)?;
    if meta.mailbox != mailbox.0 {
        return Err(LedgerError::WrongMailbox { path: path.to_owned() });
    }
    Ok(Guid(meta.instance))
}

use std::path::{Path, PathBuf};

use mapi_core::id::{Gid, Guid};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use super::{
    FolderCommit, FolderHead, Ledger, LedgerError, MessageRecord, Opening, Run, Stage, StagedRound, StoredFolder,
};
use crate::mutant::{self, Mutant};

/// The schema this release writes. Older ones are migrated when opened, newer ones refused.
const SCHEMA_VERSION: u32 = 1;

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Beside the meta record, which has a fixed form: whether the ledger was closed in order, and how often it was not.
const CLOSING: TableDefinition<&str, u32> = TableDefinition::new("closing");
const CLOSED: &str = "closed";
const DOUBTS: &str = "doubts";
const HEADS: TableDefinition<&[u8; 22], &[u8]> = TableDefinition::new("heads");
const ROWS: TableDefinition<(&[u8; 22], u32), &[u8]> = TableDefinition::new("rows");
const TOMBSTONES: TableDefinition<(&[u8; 22], u32), u64> = TableDefinition::new("tombstones");

const ARTICLES: TableDefinition<&[u8; 22], u32> = TableDefinition::new("articles");
const RUNS: TableDefinition<&[u8; 22], &[u8]> = TableDefinition::new("runs");

const STAGED_HEADS: TableDefinition<&[u8; 22], &[u8]> = TableDefinition::new("staged heads");
const STAGED: TableDefinition<(&[u8; 22], u32), &[u8]> = TableDefinition::new("staged");

/// A ledger in a redb file of its own: `<directory>/<MailboxGuid>.redb`.
///
/// When the last holder lets go of it, it is marked as closed in order: nobody can commit any more.
pub struct RedbLedger {
    database: Database,
    path: PathBuf,
    instance: Guid,
    opening: Opening,
    /// Goes last, after the database: who watches sees that the file is free.
    closed: watch::Sender<()>,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    schema: u32,
    mailbox: [u8; 16],
    instance: [u8; 16],
}

/// What is stored of a staged round beside its messages.
#[derive(Serialize, Deserialize)]
struct StagedHead {
    count: u32,
    complete: bool,
    ics: Vec<u8>,
}

impl RedbLedger {
    /// Opens the ledger of a mailbox, or makes it. A file that redb finds corrupt is renamed to `….corrupt` and replaced by
    /// an empty ledger (folders then get a higher UIDVALIDITY).
    ///
    /// # Errors
    /// An unusable directory, a newer schema, another mailbox's file.
    pub fn open(directory: &Path, mailbox: Guid) -> Result<Self, LedgerError> {
        let unusable = |error| LedgerError::Directory { path: directory.to_owned(), error };
        std::fs::create_dir_all(directory).map_err(unusable)?;
        let path = directory.join(format!("{mailbox}.redb"));
        let database = match Database::create(&path) {
            Ok(database) => database,
            Err(error) if is_corrupt(&error) => {
                let aside = path.with_extension("redb.corrupt");
                tracing::error!(path = %path.display(), aside = %aside.display(), %error, "ledger is corrupt; set aside, beginning anew");
                std::fs::rename(&path, &aside).map_err(unusable)?;
                Database::create(&path).map_err(|error| storage(&path, error))?
            }
            Err(error) => return Err(storage(&path, error)),
        };
        let (instance, doubts) = prepare(&database, &path, mailbox)?;
        Ok(Self { database, path, instance, opening: Opening::new(doubts), closed: watch::Sender::new(()) })
    }

    /// Fails (with the sender gone) once the ledger is closed and its file may be opened again.
    pub fn watch_closing(&self) -> watch::Receiver<()> {
        self.closed.subscribe()
    }

    fn mark_closed(&self) -> Result<(), LedgerError> {
        let transaction = self.database.begin_write().map_err(|e| self.storage(e))?;
        transaction.open_table(CLOSING).map_err(|e| self.storage(e))?.insert(CLOSED, 1).map_err(|e| self.storage(e))?;
        transaction.commit().map_err(|e| self.storage(e))
    }

    fn storage(&self, error: impl Into<redb::Error>) -> LedgerError {
        storage(&self.path, error)
    }

    fn decode<T: DeserializeOwned>(&self, bytes: &[u8], what: &'static str) -> Result<T, LedgerError> {
        postcard::from_bytes(bytes).map_err(|_| LedgerError::Damaged { path: self.path.clone(), what })
    }

    fn encode<T: Serialize>(&self, value: &T, what: &'static str) -> Result<Vec<u8>, LedgerError> {
        postcard::to_stdvec(value).map_err(|_| LedgerError::Damaged { path: self.path.clone(), what })
    }
}

impl Drop for RedbLedger {
    fn drop(&mut self) {
        // Without the mark it counts as cut off, which costs a little and harms nothing.
        if let Err(error) = self.mark_closed() {
            tracing::warn!(%error, "the ledger could not be marked as closed in order");
        }
    }
}

impl Ledger for RedbLedger {
    fn instance(&self) -> Guid {
        self.instance
    }

    fn opening(&self) -> &Opening {
        &self.opening
    }

    fn load(&self, folder: &Gid) -> Result<Option<StoredFolder>, LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.database.begin_read().map_err(|e| self.storage(e))?;
        let heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
        let Some(head) = heads.get(&key).map_err(|e| self.storage(e))? else { return Ok(None) };
        let head: FolderHead = self.decode(head.value(), "folder head")?;

        let mut rows = Vec::new();
        let table = transaction.open_table(ROWS).map_err(|e| self.storage(e))?;
        for entry in table.range((&key, 0)..=(&key, u32::MAX)).map_err(|e| self.storage(e))? {
            let (_, value) = entry.map_err(|e| self.storage(e))?;
            rows.push(self.decode::<MessageRecord>(value.value(), "message row")?);
        }
        let mut tombstones = Vec::new();
        let table = transaction.open_table(TOMBSTONES).map_err(|e| self.storage(e))?;
        for entry in table.range((&key, 0)..=(&key, u32::MAX)).map_err(|e| self.storage(e))? {
            let (key, value) = entry.map_err(|e| self.storage(e))?;
            tombstones.push((key.value().1, value.value()));
        }
        let articles = transaction.open_table(ARTICLES).map_err(|e| self.storage(e))?;
        let next_article = articles.get(&key).map_err(|e| self.storage(e))?.map(|number| number.value());
        let runs = transaction.open_table(RUNS).map_err(|e| self.storage(e))?;
        let run = match runs.get(&key).map_err(|e| self.storage(e))? {
            Some(run) => self.decode(run.value(), "run")?,
            None => Run::default(),
        };
        Ok(Some(StoredFolder { head, rows, tombstones, next_article, run }))
    }

    fn forget(&self, folder: &Gid) -> Result<(), LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.database.begin_write().map_err(|e| self.storage(e))?;
        for table in [HEADS, STAGED_HEADS, RUNS] {
            transaction.open_table(table).map_err(|e| self.storage(e))?.remove(&key).map_err(|e| self.storage(e))?;
        }
        for table in [ROWS, STAGED] {
            let mut rows = transaction.open_table(table).map_err(|e| self.storage(e))?;
            rows.retain_in((&key, 0)..=(&key, u32::MAX), |_, _| false).map_err(|e| self.storage(e))?;
        }
        {
            let mut articles = transaction.open_table(ARTICLES).map_err(|e| self.storage(e))?;
            articles.remove(&key).map_err(|e| self.storage(e))?;
            let mut tombstones = transaction.open_table(TOMBSTONES).map_err(|e| self.storage(e))?;
            tombstones.retain_in((&key, 0)..=(&key, u32::MAX), |_, _| false).map_err(|e| self.storage(e))?;
        }
        transaction.commit().map_err(|e| self.storage(e))
    }

    fn heads(&self) -> Result<Vec<(Gid, FolderHead)>, LedgerError> {
        let transaction = self.database.begin_read().map_err(|e| self.storage(e))?;
        let heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
        let mut out = Vec::new();
        for entry in heads.iter().map_err(|e| self.storage(e))? {
            let (key, value) = entry.map_err(|e| self.storage(e))?;
            let damaged = || LedgerError::Damaged { path: self.path.clone(), what: "folder key" };
            let gid = Gid::from_slice(key.value()).ok_or_else(damaged)?;
            out.push((gid, self.decode(value.value(), "folder head")?));
        }
        Ok(out)
    }

    fn staged(&self, folder: &Gid) -> Result<Option<StagedRound>, LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.database.begin_read().map_err(|e| self.storage(e))?;
        let heads = transaction.open_table(STAGED_HEADS).map_err(|e| self.storage(e))?;
        let Some(head) = heads.get(&key).map_err(|e| self.storage(e))? else { return Ok(None) };
        let head: StagedHead = self.decode(head.value(), "staged head")?;
        let mut messages = Vec::new();
        let table = transaction.open_table(STAGED).map_err(|e| self.storage(e))?;
        for entry in table.range((&key, 0)..(&key, head.count)).map_err(|e| self.storage(e))? {
            let (_, value) = entry.map_err(|e| self.storage(e))?;
            messages.push(self.decode::<MessageRecord>(value.value(), "staged message")?);
        }
        Ok(Some(StagedRound { ics: head.ics, complete: head.complete, messages }))
    }

    fn stage(&self, folder: &Gid, stage: Stage) -> Result<(), LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.database.begin_write().map_err(|e| self.storage(e))?;
        {
            let heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
            let head = match heads.get(&key).map_err(|e| self.storage(e))? {
                Some(head) => Some(self.decode::<FolderHead>(head.value(), "folder head")?),
                None => None,
            };
            let (version, ics) = head.map_or((0, Vec::new()), |head| (head.version, head.ics));
            let mut staged_heads = transaction.open_table(STAGED_HEADS).map_err(|e| self.storage(e))?;
            let count = match staged_heads.get(&key).map_err(|e| self.storage(e))? {
                Some(head) => self.decode::<StagedHead>(head.value(), "staged head")?.count,
                None => 0,
            };
            if ics != stage.base || (stage.staged != 0 && stage.staged != count) {
                return Err(LedgerError::Conflict { expected: version, found: version });
            }
            let mut staged = transaction.open_table(STAGED).map_err(|e| self.storage(e))?;
            if stage.staged == 0 && count != 0 {
                staged.retain_in((&key, 0)..=(&key, u32::MAX), |_, _| false).map_err(|e| self.storage(e))?;
            }
            let mut count = stage.staged;
            for message in &stage.messages {
                let value = self.encode(message, "staged message")?;
                staged.insert((&key, count), value.as_slice()).map_err(|e| self.storage(e))?;
                count = count.saturating_add(1);
            }
            let head = StagedHead { count, complete: stage.complete, ics: stage.ics };
            let head = self.encode(&head, "staged head")?;
            staged_heads.insert(&key, head.as_slice()).map_err(|e| self.storage(e))?;
        }
        transaction.commit().map_err(|e| self.storage(e))
    }

    fn commit(&self, folder: &Gid, mut commit: FolderCommit) -> Result<(), LedgerError> {
        if mutant::is(Mutant::LostTombstone) {
            commit.tombstones.clear();
        }
        if mutant::is(Mutant::StateWithoutRows) {
            commit.upserts.clear();
        }
        let key = folder.to_bytes();
        // redb's default durability is immediate: when `commit` returns, the data is on disk.
        let transaction = self.database.begin_write().map_err(|e| self.storage(e))?;
        {
            let mut heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
            let before = match heads.get(&key).map_err(|e| self.storage(e))? {
                Some(head) => Some(self.decode::<FolderHead>(head.value(), "folder head")?),
                None => None,
            };
            let (found, ics) = before.map_or((0, Vec::new()), |head| (head.version, head.ics));
            if found != commit.expected_version {
                return Err(LedgerError::Conflict { expected: commit.expected_version, found });
            }
            let head = self.encode(&commit.head, "folder head")?;
            heads.insert(&key, head.as_slice()).map_err(|e| self.storage(e))?;

            let mut rows = transaction.open_table(ROWS).map_err(|e| self.storage(e))?;
            let mut tombstones = transaction.open_table(TOMBSTONES).map_err(|e| self.storage(e))?;
            if commit.reset {
                rows.retain_in((&key, 0)..=(&key, u32::MAX), |_, _| false).map_err(|e| self.storage(e))?;
                tombstones.retain_in((&key, 0)..=(&key, u32::MAX), |_, _| false).map_err(|e| self.storage(e))?;
            }
            if commit.reset || commit.head.ics != ics {
                let mut staged_heads = transaction.open_table(STAGED_HEADS).map_err(|e| self.storage(e))?;
                if staged_heads.remove(&key).map_err(|e| self.storage(e))?.is_some() {
                    let mut staged = transaction.open_table(STAGED).map_err(|e| self.storage(e))?;
                    staged.retain_in((&key, 0)..=(&key, u32::MAX), |_, _| false).map_err(|e| self.storage(e))?;
                }
            }
            let mut articles = transaction.open_table(ARTICLES).map_err(|e| self.storage(e))?;
            if let Some(number) = commit.next_article {
                articles.insert(&key, number).map_err(|e| self.storage(e))?;
            } else if commit.reset {
                articles.remove(&key).map_err(|e| self.storage(e))?;
            }
            if let Some(run) = &commit.run {
                let value = self.encode(run, "run")?;
                let mut runs = transaction.open_table(RUNS).map_err(|e| self.storage(e))?;
                runs.insert(&key, value.as_slice()).map_err(|e| self.storage(e))?;
            }
            for (uid, modseq) in &commit.tombstones {
                rows.remove((&key, *uid)).map_err(|e| self.storage(e))?;
                tombstones.insert((&key, *uid), *modseq).map_err(|e| self.storage(e))?;
            }
            for row in &commit.upserts {
                let value = self.encode(row, "message row")?;
                rows.insert((&key, row.uid), value.as_slice()).map_err(|e| self.storage(e))?;
            }
        }
        transaction.commit().map_err(|e| self.storage(e))
    }
}

fn is_corrupt(error: &redb::DatabaseError) -> bool {
    match error {
        redb::DatabaseError::Storage(redb::StorageError::Corrupted(_)) => true,
        redb::DatabaseError::Storage(redb::StorageError::Io(error)) => {
            matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof)
        }
        _ => false,
    }
}

fn storage(path: &Path, error: impl Into<redb::Error>) -> LedgerError {
    LedgerError::Storage { path: path.to_owned(), error: Box::new(error.into()) }
}

/// Makes the tables and the meta record, or checks them, and takes the mark of the last closing away. Returns the instance
/// id, and how often there was no such mark: counted durably, since a folder that nobody opens this time is in doubt all the
/// same, however often the ledger is closed in order until somebody does.
fn prepare(database: &Database, path: &Path, mailbox: Guid) -> Result<(Guid, u32), LedgerError> {
    let transaction = database.begin_write().map_err(|e| storage(path, e))?;
    let (instance, is_new) = {
        let mut table = transaction.open_table(META).map_err(|e| storage(path, e))?;
        let stored = match table.get("meta").map_err(|e| storage(path, e))? {
            Some(bytes) => Some(read_meta(bytes.value(), path, mailbox)?),
            None => None,
        };
        match stored {
            Some(instance) => (instance, false),
            None => {
                let meta = Meta { schema: SCHEMA_VERSION, mailbox: mailbox.0, instance: rand::random() };
                let damaged = |_| LedgerError::Damaged { path: path.to_owned(), what: "meta record" };
                let bytes = postcard::to_stdvec(&meta).map_err(damaged)?;
                table.insert("meta", bytes.as_slice()).map_err(|e| storage(path, e))?;
                (Guid(meta.instance), true)
            }
        }
    };
    let doubts = {
        let mut table = transaction.open_table(CLOSING).map_err(|e| storage(path, e))?;
        let closed = table.remove(CLOSED).map_err(|e| storage(path, e))?.is_some();
        let doubts = table.get(DOUBTS).map_err(|e| storage(path, e))?.map_or(0, |count| count.value());
        let doubts = if closed || is_new { doubts } else { doubts.saturating_add(1) };
        table.insert(DOUBTS, doubts).map_err(|e| storage(path, e))?;
        doubts
    };
    transaction.open_table(RUNS).map_err(|e| storage(path, e))?;
    transaction.open_table(HEADS).map_err(|e| storage(path, e))?;
    transaction.open_table(ROWS).map_err(|e| storage(path, e))?;
    transaction.open_table(TOMBSTONES).map_err(|e| storage(path, e))?;
    transaction.open_table(ARTICLES).map_err(|e| storage(path, e))?;
    transaction.open_table(STAGED_HEADS).map_err(|e| storage(path, e))?;
    transaction.open_table(STAGED).map_err(|e| storage(path, e))?;
    transaction.commit().map_err(|e| storage(path, e))?;
    Ok((instance, doubts))
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

#[cfg(test)]
mod tests;

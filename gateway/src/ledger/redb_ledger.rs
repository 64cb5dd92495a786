use std::path::{Path, PathBuf};

use mapi_core::id::{Gid, Guid};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{FolderCommit, FolderHead, Ledger, LedgerError, MessageRecord, Stage, StagedRound, StoredFolder};
use crate::mutant::{self, Mutant};

/// The schema this release writes. Older ones are migrated when opened, newer ones refused.
const SCHEMA_VERSION: u32 = 1;

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const HEADS: TableDefinition<&[u8; 22], &[u8]> = TableDefinition::new("heads");
const ROWS: TableDefinition<(&[u8; 22], u32), &[u8]> = TableDefinition::new("rows");
const TOMBSTONES: TableDefinition<(&[u8; 22], u32), u64> = TableDefinition::new("tombstones");

const ARTICLES: TableDefinition<&[u8; 22], u32> = TableDefinition::new("articles");

const STAGED_HEADS: TableDefinition<&[u8; 22], &[u8]> = TableDefinition::new("staged heads");
const STAGED: TableDefinition<(&[u8; 22], u32), &[u8]> = TableDefinition::new("staged");

/// A ledger in a redb file of its own: `<directory>/<MailboxGuid>.redb`.
pub struct RedbLedger {
    database: Database,
    path: PathBuf,
    instance: Guid,
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
        let instance = prepare(&database, &path, mailbox)?;
        Ok(Self { database, path, instance })
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

impl Ledger for RedbLedger {
    fn instance(&self) -> Guid {
        self.instance
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
        Ok(Some(StoredFolder { head, rows, tombstones, next_article }))
    }

    fn forget(&self, folder: &Gid) -> Result<(), LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.database.begin_write().map_err(|e| self.storage(e))?;
        for table in [HEADS, STAGED_HEADS] {
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

/// Makes the tables and the meta record, or checks them; returns the instance id.
fn prepare(database: &Database, path: &Path, mailbox: Guid) -> Result<Guid, LedgerError> {
    let transaction = database.begin_write().map_err(|e| storage(path, e))?;
    let instance = {
        let mut table = transaction.open_table(META).map_err(|e| storage(path, e))?;
        let stored = match table.get("meta").map_err(|e| storage(path, e))? {
            Some(bytes) => Some(read_meta(bytes.value(), path, mailbox)?),
            None => None,
        };
        match stored {
            Some(instance) => instance,
            None => {
                let meta = Meta { schema: SCHEMA_VERSION, mailbox: mailbox.0, instance: rand::random() };
                let damaged = |_| LedgerError::Damaged { path: path.to_owned(), what: "meta record" };
                let bytes = postcard::to_stdvec(&meta).map_err(damaged)?;
                table.insert("meta", bytes.as_slice()).map_err(|e| storage(path, e))?;
                Guid(meta.instance)
            }
        }
    };
    transaction.open_table(HEADS).map_err(|e| storage(path, e))?;
    transaction.open_table(ROWS).map_err(|e| storage(path, e))?;
    transaction.open_table(TOMBSTONES).map_err(|e| storage(path, e))?;
    transaction.open_table(ARTICLES).map_err(|e| storage(path, e))?;
    transaction.open_table(STAGED_HEADS).map_err(|e| storage(path, e))?;
    transaction.open_table(STAGED).map_err(|e| storage(path, e))?;
    transaction.commit().map_err(|e| storage(path, e))?;
    Ok(instance)
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
mod tests {
    use mapi_core::id::GlobalCounter;

    use super::*;

    fn gid(counter: u64) -> Gid {
        Gid { replica_guid: Guid([7; 16]), counter: GlobalCounter::new(counter) }
    }

    fn record(uid: u32) -> MessageRecord {
        MessageRecord {
            uid,
            gid: gid(u64::from(uid) + 100),
            modseq: 1,
            server_flags: 1,
            overlay_set: 0,
            overlay_cleared: 0,
            keywords: vec!["Work".into()],
            internal_date: 1_700_000_000,
            rendering: None,
            changed_at: 1,
            suspect: false,
        }
    }

    fn commit(expected_version: u64, upserts: Vec<MessageRecord>, tombstones: Vec<(u32, u64)>) -> FolderCommit {
        let head = FolderHead {
            version: expected_version + 1,
            uid_validity: 5,
            uid_next: 10,
            uid_ceiling: 1000,
            highest_modseq: 3,
            ics: vec![1, 2, 3],
        };
        FolderCommit { expected_version, head, upserts, tombstones, reset: false, next_article: Some(7) }
    }

    #[test]
    fn what_was_committed_is_there_after_reopening() {
        let directory = tempfile::tempdir().expect("a directory");
        let (mailbox, folder) = (Guid([1; 16]), gid(1));
        let instance = {
            let ledger = RedbLedger::open(directory.path(), mailbox).expect("made");
            assert_eq!(ledger.load(&folder).expect("read"), None);
            ledger.commit(&folder, commit(0, vec![record(1), record(2), record(3)], vec![])).expect("committed");
            ledger.commit(&folder, commit(1, vec![], vec![(2, 3)])).expect("committed");
            ledger.instance()
        };
        let ledger = RedbLedger::open(directory.path(), mailbox).expect("opened");
        assert_eq!(ledger.instance(), instance);
        let stored = ledger.load(&folder).expect("read").expect("there");
        assert_eq!(stored.head.version, 2);
        assert_eq!(stored.rows, [record(1), record(3)]);
        assert_eq!((stored.tombstones, stored.next_article), (vec![(2, 3)], Some(7)));
        assert_eq!(ledger.load(&gid(2)).expect("read"), None, "folders do not mix");
    }

    #[test]
    fn a_commit_on_an_outdated_version_changes_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
        ledger.commit(&gid(1), commit(0, vec![record(1)], vec![])).expect("committed");
        let error = ledger.commit(&gid(1), commit(0, vec![record(9)], vec![])).expect_err("outdated");
        assert!(matches!(error, LedgerError::Conflict { expected: 0, found: 1 }), "{error}");
        assert_eq!(ledger.load(&gid(1)).expect("read").expect("there").rows, [record(1)]);
    }

    #[test]
    fn staged_parts_live_until_the_round_is_committed() {
        let directory = tempfile::tempdir().expect("a directory");
        let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
        let folder = gid(1);
        let stage = |base: &[u8], staged, uid| Stage {
            base: base.to_vec(),
            staged,
            ics: vec![uid as u8],
            complete: true,
            messages: vec![record(uid)],
        };
        assert_eq!(ledger.staged(&folder).expect("read"), None);
        ledger.stage(&folder, stage(b"", 0, 1)).expect("staged");
        ledger.stage(&folder, stage(b"", 1, 2)).expect("staged");
        assert!(matches!(ledger.stage(&folder, stage(b"", 1, 3)), Err(LedgerError::Conflict { .. })));
        assert!(matches!(ledger.stage(&folder, stage(b"x", 2, 3)), Err(LedgerError::Conflict { .. })));
        let staged = ledger.staged(&folder).expect("read").expect("there");
        assert_eq!(staged, StagedRound { ics: vec![2], complete: true, messages: vec![record(1), record(2)] });

        // A commit that leaves the ICS state alone is none of a round.
        let mut reserve = commit(0, vec![], vec![]);
        reserve.head.ics = Vec::new();
        ledger.commit(&folder, reserve).expect("committed");
        assert_eq!(ledger.staged(&folder).expect("read"), Some(staged));
        ledger.stage(&folder, stage(b"", 0, 7)).expect("begun anew");
        assert_eq!(ledger.staged(&folder).expect("read").expect("there").messages, [record(7)]);
        ledger.commit(&folder, commit(1, vec![record(1)], vec![])).expect("committed");
        assert_eq!(ledger.staged(&folder).expect("read"), None);
    }

    #[test]
    fn a_damaged_folder_is_told_and_forgotten() {
        let directory = tempfile::tempdir().expect("a directory");
        let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
        ledger.commit(&gid(1), commit(0, vec![record(1), record(2)], vec![])).expect("committed");
        ledger.commit(&gid(2), commit(0, vec![record(1)], vec![])).expect("committed");
        let transaction = ledger.database.begin_write().expect("begun");
        let key = gid(1).to_bytes();
        transaction.open_table(ROWS).expect("opened").insert((&key, 2), &b"\xFF"[..]).expect("written");
        transaction.commit().expect("committed");
        assert!(matches!(ledger.load(&gid(1)), Err(LedgerError::Damaged { .. })));
        ledger.forget(&gid(1)).expect("forgotten");
        assert_eq!(ledger.load(&gid(1)).expect("read"), None);
        assert_eq!(ledger.load(&gid(2)).expect("read").expect("there").rows, [record(1)]);
    }

    #[test]
    fn newer_schemas_and_foreign_mailboxes_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = {
            let ledger = RedbLedger::open(directory.path(), Guid([1; 16])).expect("made");
            let meta = Meta { schema: SCHEMA_VERSION + 1, mailbox: [1; 16], instance: [2; 16] };
            let transaction = ledger.database.begin_write().expect("begun");
            let bytes = postcard::to_stdvec(&meta).expect("encoded");
            transaction.open_table(META).expect("opened").insert("meta", bytes.as_slice()).expect("written");
            transaction.commit().expect("committed");
            ledger.path.clone()
        };
        let error = RedbLedger::open(directory.path(), Guid([1; 16])).err().expect("refused");
        assert!(error.to_string().contains("schema version 2"), "{error}");

        let other = directory.path().join(format!("{}.redb", Guid([3; 16])));
        drop(RedbLedger::open(directory.path(), Guid([4; 16])).expect("made"));
        std::fs::rename(directory.path().join(format!("{}.redb", Guid([4; 16]))), &other).expect("renamed");
        let error = RedbLedger::open(directory.path(), Guid([3; 16])).err().expect("refused");
        assert!(matches!(error, LedgerError::WrongMailbox { .. }), "{error}");
        assert!(path.exists());
    }

    #[test]
    fn a_corrupt_file_is_set_aside() {
        let directory = tempfile::tempdir().expect("a directory");
        let mailbox = Guid([1; 16]);
        let path = directory.path().join(format!("{mailbox}.redb"));
        let first = RedbLedger::open(directory.path(), mailbox).expect("made").instance();
        let mut bytes = std::fs::read(&path).expect("read");
        bytes[..4096].fill(0xAA);
        std::fs::write(&path, bytes).expect("written");
        let opened = RedbLedger::open(directory.path(), mailbox);
        let ledger = opened.expect("begun anew");
        assert_ne!(ledger.instance(), first);
        assert!(path.with_extension("redb.corrupt").exists());
    }
}

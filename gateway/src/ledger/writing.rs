use mapi_core::id::Gid;
use redb::{Durability, ReadableTable};

use super::redb_file::RedbFile;
use super::tables::{
    ARTICLES, HEADS, RECENT, ROWS, RUNS, STAGED, STAGED_HEADS, StagedHead, TOMBSTONE_HEADS, TOMBSTONES,
};
use super::tombstones::{self, TombstoneBound};
use super::{FolderCommit, FolderHead, LedgerError, Stage};
use crate::mutant::{self, Mutant};

/// What changes a ledger's file. Each is one transaction.
impl RedbFile {
    pub(super) fn forget(&self, folder: &Gid) -> Result<(), LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.begin_write()?;
        for table in [HEADS, STAGED_HEADS, RUNS, TOMBSTONE_HEADS] {
            transaction.open_table(table).map_err(|e| self.storage(e))?.remove(&key).map_err(|e| self.storage(e))?;
        }
        for table in [ROWS, STAGED] {
            let mut rows = transaction.open_table(table).map_err(|e| self.storage(e))?;
            rows.retain_in((&key, 0)..=(&key, u32::MAX), |_, _| false).map_err(|e| self.storage(e))?;
        }
        {
            let mut articles = transaction.open_table(ARTICLES).map_err(|e| self.storage(e))?;
            articles.remove(&key).map_err(|e| self.storage(e))?;
            let mut recent = transaction.open_table(RECENT).map_err(|e| self.storage(e))?;
            recent.remove(&key).map_err(|e| self.storage(e))?;
            let mut tombstones = transaction.open_table(TOMBSTONES).map_err(|e| self.storage(e))?;
            tombstones.retain_in((&key, 0)..=(&key, u32::MAX), |_, _| false).map_err(|e| self.storage(e))?;
        }
        transaction.commit().map_err(|e| self.storage(e))
    }

    /// Not durable by itself: it gets to the disk with the next commit, or when the file is closed.
    pub(super) fn note_recent(&self, folder: &Gid, mark: (u32, u32)) -> Result<(), LedgerError> {
        let mut transaction = self.begin_write()?;
        transaction.set_durability(Durability::None).map_err(|e| self.storage(e))?;
        {
            let mut table = transaction.open_table(RECENT).map_err(|e| self.storage(e))?;
            table.insert(&folder.to_bytes(), mark).map_err(|e| self.storage(e))?;
        }
        transaction.commit().map_err(|e| self.storage(e))
    }

    pub(super) fn stage(&self, folder: &Gid, stage: &Stage) -> Result<(), LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.begin_write()?;
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
                let value = self.encode_row(message, "staged message")?;
                staged.insert((&key, count), value.as_slice()).map_err(|e| self.storage(e))?;
                count = count.saturating_add(1);
            }
            let head = StagedHead { count, complete: stage.complete, ics: stage.ics.clone() };
            let head = self.encode(&head, "staged head")?;
            staged_heads.insert(&key, head.as_slice()).map_err(|e| self.storage(e))?;
        }
        transaction.commit().map_err(|e| self.storage(e))
    }

    /// Commits a round; how long tombstones are kept is `bound`.
    pub(super) fn commit(&self, folder: &Gid, commit: &FolderCommit, bound: TombstoneBound) -> Result<(), LedgerError> {
        let key = folder.to_bytes();
        // redb's default durability is immediate: when `commit` returns, the data is on disk.
        let transaction = self.begin_write()?;
        {
            let mut heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
            let before = match heads.get(&key).map_err(|e| self.storage(e))? {
                Some(head) => Some(self.decode::<FolderHead>(head.value(), "folder head")?),
                None => None,
            };
            // Nothing is to be there without a head.
            let reset = commit.reset || before.is_none();
            let (found, ics) = before.map_or((0, Vec::new()), |head| (head.version, head.ics));
            if found != commit.expected_version {
                return Err(LedgerError::Conflict { expected: commit.expected_version, found });
            }
            let head = self.encode(&commit.head, "folder head")?;
            heads.insert(&key, head.as_slice()).map_err(|e| self.storage(e))?;

            let mut rows = transaction.open_table(ROWS).map_err(|e| self.storage(e))?;
            if reset {
                rows.retain_in((&key, 0)..=(&key, u32::MAX), |_, _| false).map_err(|e| self.storage(e))?;
                tombstones::forget(self, &transaction, &key)?;
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
            } else if reset {
                articles.remove(&key).map_err(|e| self.storage(e))?;
            }
            if let Some(run) = &commit.run {
                let value = self.encode(run, "run")?;
                let mut runs = transaction.open_table(RUNS).map_err(|e| self.storage(e))?;
                runs.insert(&key, value.as_slice()).map_err(|e| self.storage(e))?;
            }
            if !mutant::is(Mutant::LostTombstone) {
                for (uid, _) in &commit.tombstones {
                    rows.remove((&key, *uid)).map_err(|e| self.storage(e))?;
                }
                tombstones::add(self, &transaction, &key, &commit.tombstones, bound)?;
            }
            let upserts = if mutant::is(Mutant::StateWithoutRows) { &[] } else { commit.upserts.as_slice() };
            for row in upserts {
                let value = self.encode_row(row, "message row")?;
                rows.insert((&key, row.uid), value.as_slice()).map_err(|e| self.storage(e))?;
            }
        }
        transaction.commit().map_err(|e| self.storage(e))
    }
}

use mapi_core::id::Gid;
use redb::{ReadTransaction, ReadableTable, TableError};

use super::redb_file::RedbFile;
use super::tables::{
    ARTICLES, HEADS, RECENT, ROWS, RUNS, STAGED, STAGED_HEADS, StagedHead, TOMBSTONE_HEADS, TOMBSTONES,
};
use super::tombstones::TombstoneHead;
use super::{FolderHead, FolderOverview, LedgerError, Run, StagedRound, StoredFolder, Tombstones};

/// What a ledger's file tells.
impl RedbFile {
    pub(super) fn load(&self, folder: &Gid) -> Result<Option<StoredFolder>, LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.begin_read()?;
        let heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
        let Some(head) = heads.get(&key).map_err(|e| self.storage(e))? else { return Ok(None) };
        let head: FolderHead = self.decode(head.value(), "folder head")?;
        let mut rows = Vec::new();
        let table = transaction.open_table(ROWS).map_err(|e| self.storage(e))?;
        for entry in table.range((&key, 0)..=(&key, u32::MAX)).map_err(|e| self.storage(e))? {
            let (_, value) = entry.map_err(|e| self.storage(e))?;
            rows.push(self.decode_row(value.value(), "message row")?);
        }
        let (next_article, run) = self.beside(&transaction, folder)?;
        Ok(Some(StoredFolder { head, rows, next_article, run }))
    }

    pub(super) fn overview(&self, folder: &Gid) -> Result<Option<FolderOverview>, LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.begin_read()?;
        let heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
        let Some(head) = heads.get(&key).map_err(|e| self.storage(e))? else { return Ok(None) };
        let head: FolderHead = self.decode(head.value(), "folder head")?;
        let messages = self.rows_below(&transaction, folder, u32::MAX)?;
        let (next_article, run) = self.beside(&transaction, folder)?;
        Ok(Some(FolderOverview { head, messages, next_article, run }))
    }

    /// PidTagArticleNumNext and the last run of a folder.
    fn beside(&self, transaction: &ReadTransaction, folder: &Gid) -> Result<(Option<u32>, Run), LedgerError> {
        let key = folder.to_bytes();
        let articles = transaction.open_table(ARTICLES).map_err(|e| self.storage(e))?;
        let next_article = articles.get(&key).map_err(|e| self.storage(e))?.map(|number| number.value());
        let runs = transaction.open_table(RUNS).map_err(|e| self.storage(e))?;
        let run = match runs.get(&key).map_err(|e| self.storage(e))? {
            Some(run) => self.decode(run.value(), "run")?,
            None => Run::default(),
        };
        Ok((next_article, run))
    }

    /// How many messages have a UID below this one.
    fn rows_below(&self, transaction: &ReadTransaction, folder: &Gid, uid: u32) -> Result<u32, LedgerError> {
        let key = folder.to_bytes();
        let table = transaction.open_table(ROWS).map_err(|e| self.storage(e))?;
        let mut count = 0u32;
        for row in table.range((&key, 0)..(&key, uid)).map_err(|e| self.storage(e))? {
            row.map_err(|e| self.storage(e))?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    pub(super) fn recent(&self, folder: &Gid) -> Result<Option<(u32, u32)>, LedgerError> {
        self.recent_in(&self.begin_read()?, folder)
    }

    pub(super) fn told(&self, folder: &Gid) -> Result<u32, LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.begin_read()?;
        let heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
        let Some(head) = heads.get(&key).map_err(|e| self.storage(e))? else { return Ok(0) };
        let head: FolderHead = self.decode(head.value(), "folder head")?;
        let first = match self.recent_in(&transaction, folder)? {
            Some((uid_validity, first)) if uid_validity == head.uid_validity => first,
            Some(_) => return Ok(0),
            None => head.uid_next,
        };
        self.rows_below(&transaction, folder, first)
    }

    fn recent_in(&self, transaction: &ReadTransaction, folder: &Gid) -> Result<Option<(u32, u32)>, LedgerError> {
        let table = match transaction.open_table(RECENT) {
            // A file of an earlier version that can't be written now.
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            table => table.map_err(|e| self.storage(e))?,
        };
        let mark = table.get(&folder.to_bytes()).map_err(|e| self.storage(e))?;
        Ok(mark.map(|mark| mark.value()))
    }

    pub(super) fn tombstones(&self, folder: &Gid, after: u64) -> Result<Tombstones, LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.begin_read()?;
        let heads = transaction.open_table(TOMBSTONE_HEADS).map_err(|e| self.storage(e))?;
        let head = match heads.get(&key).map_err(|e| self.storage(e))? {
            Some(head) => self.decode(head.value(), "tombstone head")?,
            None => TombstoneHead::default(),
        };
        let mut gone = Vec::new();
        let table = transaction.open_table(TOMBSTONES).map_err(|e| self.storage(e))?;
        for entry in table.range((&key, 0)..=(&key, u32::MAX)).map_err(|e| self.storage(e))? {
            let (key, modseq) = entry.map_err(|e| self.storage(e))?;
            if modseq.value() > after {
                gone.push((key.value().1, modseq.value()));
            }
        }
        Ok(Tombstones { complete_after: head.dropped, gone })
    }

    pub(super) fn heads(&self) -> Result<Vec<(Gid, FolderHead)>, LedgerError> {
        let transaction = self.begin_read()?;
        let heads = transaction.open_table(HEADS).map_err(|e| self.storage(e))?;
        let mut out = Vec::new();
        for entry in heads.iter().map_err(|e| self.storage(e))? {
            let (key, value) = entry.map_err(|e| self.storage(e))?;
            let gid = Gid::from_slice(key.value()).ok_or_else(|| self.damaged("folder key"))?;
            out.push((gid, self.decode(value.value(), "folder head")?));
        }
        Ok(out)
    }

    pub(super) fn staged(&self, folder: &Gid) -> Result<Option<StagedRound>, LedgerError> {
        let key = folder.to_bytes();
        let transaction = self.begin_read()?;
        let heads = transaction.open_table(STAGED_HEADS).map_err(|e| self.storage(e))?;
        let Some(head) = heads.get(&key).map_err(|e| self.storage(e))? else { return Ok(None) };
        let head: StagedHead = self.decode(head.value(), "staged head")?;
        let mut messages = Vec::new();
        let table = transaction.open_table(STAGED).map_err(|e| self.storage(e))?;
        for entry in table.range((&key, 0)..(&key, head.count)).map_err(|e| self.storage(e))? {
            let (_, value) = entry.map_err(|e| self.storage(e))?;
            messages.push(self.decode_row(value.value(), "staged message")?);
        }
        Ok(Some(StagedRound { ics: head.ics, complete: head.complete, messages }))
    }
}

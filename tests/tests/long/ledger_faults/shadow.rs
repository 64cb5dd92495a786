use std::collections::BTreeMap;

use gateway::ledger::{FolderCommit, Ledger, LedgerError, StoredFolder};

use super::script::folder;

/// What a ledger must hold: made beside it, of what it said was committed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shadow {
    folders: BTreeMap<u64, StoredFolder>,
}

impl Shadow {
    /// A commit was made.
    pub fn commit(&mut self, number: u64, commit: &FolderCommit) {
        let before = self.folders.remove(&number);
        let mut rows: BTreeMap<u32, _> = BTreeMap::new();
        let mut run = commit.run.unwrap_or_default();
        let mut next_article = commit.next_article;
        if let Some(before) = before {
            rows.extend(before.rows.into_iter().map(|row| (row.uid, row)));
            run = commit.run.unwrap_or(before.run);
            next_article = next_article.or(before.next_article);
        }
        for (uid, _) in &commit.tombstones {
            rows.remove(uid);
        }
        rows.extend(commit.upserts.iter().map(|row| (row.uid, row.clone())));
        let (head, rows) = (commit.head.clone(), rows.into_values().collect());
        self.folders.insert(number, StoredFolder { head, rows, next_article, run });
    }

    /// Whether a ledger holds just this.
    ///
    /// # Errors
    /// It can't be read.
    pub fn is_in(&self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        for number in 1..=3 {
            if ledger.load(&folder(number))?.as_ref() != self.folders.get(&number) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

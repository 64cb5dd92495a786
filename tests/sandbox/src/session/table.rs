use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use mapi_core::ErrorCode;
use mapi_core::message::PropertyBag;
use mapi_core::property::tags::{PidTagParentSourceKey, PidTagSourceKey};
use mapi_core::property::{PropertyRow, PropertyTag, PropertyValue, Restriction, RowValue, SortOrder, SortOrderKind};

use super::row::table_row;
use crate::store::restrict::{compare, matches};
use crate::store::view::{BagView, Properties};
use crate::store::{FolderView, Mailbox, StoreResult, right};

/// What the rows of a table are.
#[derive(Debug)]
pub enum Rows {
    /// The messages of a folder: normal, FAI or softly deleted ones.
    Contents {
        /// The folder.
        folder: u64,
        /// FAI messages.
        associated: bool,
        /// Softly deleted messages.
        deleted: bool,
    },
    /// The folders below a folder.
    Hierarchy {
        /// The folder.
        folder: u64,
        /// All levels.
        depth: bool,
        /// legacyExchangeDN of a viewer who sees only what is shared; `None`: the owner.
        viewer: Option<String>,
    },
    /// Rows that do not change: attachments, permissions, rules.
    Fixed(Vec<PropertyBag>),
}

/// An open table ([MS-OXCTABL] 3.2.1): columns, order, restriction, cursor. Rows are those of now, at every look.
#[derive(Debug)]
pub struct Table {
    rows: Rows,
    columns: Option<Arc<[PropertyTag]>>,
    sort: Vec<SortOrder>,
    restriction: Option<Restriction>,
    /// Index of the row that is read next.
    pub position: usize,
    bookmarks: HashMap<u32, Bookmark>,
    next_bookmark: u32,
    cache: Option<Cache>,
}

/// A remembered row.
#[derive(Debug, Clone, Copy)]
struct Bookmark {
    /// What the row is of; `None` is the end of the table.
    key: Option<u64>,
    position: usize,
}

/// Rows as they were at a version of the folder.
#[derive(Debug)]
struct Cache {
    version: u64,
    keys: Arc<[(u64, u32)]>,
}

impl Table {
    /// A table of `rows` with its cursor at the beginning.
    pub fn new(rows: Rows) -> Self {
        Self {
            rows,
            columns: None,
            sort: Vec::new(),
            restriction: None,
            position: 0,
            bookmarks: HashMap::new(),
            next_bookmark: 0,
            cache: None,
        }
    }

    /// What the rows are.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The columns.
    ///
    /// # Errors
    /// `ecNullObject` before they are set.
    pub fn columns(&self) -> StoreResult<Arc<[PropertyTag]>> {
        self.columns.clone().ok_or(ErrorCode::NULL_OBJECT)
    }

    /// Sets the columns.
    pub fn set_columns(&mut self, columns: &[PropertyTag]) {
        self.columns = Some(columns.into());
    }

    /// Has no columns any more.
    pub fn forget_columns(&mut self) {
        self.columns = None;
    }

    /// Sets the order; the cursor goes to the beginning, bookmarks go away.
    pub fn set_sort(&mut self, sort: Vec<SortOrder>) {
        self.sort = sort;
        self.rewind();
    }

    /// Sets the restriction; the cursor goes to the beginning, bookmarks go away.
    pub fn set_restriction(&mut self, restriction: Option<Restriction>) {
        self.restriction = restriction;
        self.rewind();
    }

    /// Forgets columns, order, restriction, bookmarks.
    pub fn reset(&mut self) {
        self.columns = None;
        self.sort = Vec::new();
        self.set_restriction(None);
    }

    fn rewind(&mut self) {
        self.position = 0;
        self.bookmarks.clear();
        self.cache = None;
    }

    /// How many rows there are.
    pub fn len(&mut self, mailbox: &Mailbox) -> usize {
        self.keys(mailbox).len()
    }

    /// The row at an index, over `columns`.
    pub fn row(&mut self, mailbox: &Mailbox, at: usize, columns: &[PropertyTag]) -> Option<PropertyRow> {
        let key = *self.keys(mailbox).get(at)?;
        let mut row = self.with_row(mailbox, key, |object| table_row(object, columns))?;
        if !mailbox.manners().source_key_column {
            for (value, column) in row.values.iter_mut().zip(columns) {
                if [PidTagSourceKey, PidTagParentSourceKey].contains(column) {
                    *value = RowValue::Error(ErrorCode::NOT_FOUND.0);
                    row.flagged = true;
                }
            }
        }
        Some(row)
    }

    /// The first row from `start` on, or back from before `start`, that matches.
    pub fn find(
        &mut self,
        mailbox: &Mailbox,
        start: usize,
        backward: bool,
        restriction: Option<&Restriction>,
    ) -> Option<usize> {
        let keys = self.keys(mailbox);
        let hit = |at: &usize| {
            let Some(key) = keys.get(*at) else { return false };
            let test = |object: &dyn Properties| restriction.is_none_or(|r| matches(r, mailbox, object));
            self.with_row(mailbox, *key, test).unwrap_or(false)
        };
        if backward { (0..start.min(keys.len())).rev().find(hit) } else { (start..keys.len()).find(hit) }
    }

    /// Remembers the row at the cursor.
    ///
    /// # Errors
    /// `ecInsufficientResrc` beyond a thousand bookmarks.
    pub fn bookmark(&mut self, mailbox: &Mailbox) -> StoreResult<u32> {
        if self.bookmarks.len() >= 1000 {
            return Err(ErrorCode::INSUFFICIENT_RESOURCES);
        }
        let key = self.keys(mailbox).get(self.position).map(|(key, _)| *key);
        self.next_bookmark += 1;
        self.bookmarks.insert(self.next_bookmark, Bookmark { key, position: self.position });
        Ok(self.next_bookmark)
    }

    /// Where the row of a bookmark is now; the Boolean tells that it is gone and its neighbour stands in.
    ///
    /// # Errors
    /// `ecInvalidBookmark`.
    pub fn bookmarked(&mut self, mailbox: &Mailbox, bookmark: &[u8]) -> StoreResult<(usize, bool)> {
        let number = bookmark.try_into().map(u32::from_le_bytes).map_err(|_| ErrorCode::INVALID_BOOKMARK)?;
        let mark = *self.bookmarks.get(&number).ok_or(ErrorCode::INVALID_BOOKMARK)?;
        let keys = self.keys(mailbox);
        let Some(key) = mark.key else { return Ok((keys.len(), false)) };
        Ok(match keys.iter().position(|(known, _)| *known == key) {
            Some(at) => (at, false),
            None => (mark.position.min(keys.len()), true),
        })
    }

    /// Forgets a bookmark.
    ///
    /// # Errors
    /// `ecInvalidBookmark`.
    pub fn free_bookmark(&mut self, bookmark: &[u8]) -> StoreResult<()> {
        let number = bookmark.try_into().map(u32::from_le_bytes).map_err(|_| ErrorCode::INVALID_BOOKMARK)?;
        self.bookmarks.remove(&number).map(drop).ok_or(ErrorCode::INVALID_BOOKMARK)
    }

    /// The rows in their order: what each is of, and its depth.
    fn keys(&mut self, mailbox: &Mailbox) -> Arc<[(u64, u32)]> {
        let version = self.version(mailbox);
        if let Some(cache) = self.cache.as_ref().filter(|cache| cache.version == version) {
            return cache.keys.clone();
        }
        let mut keys = self.unsorted(mailbox);
        if let Some(restriction) = &self.restriction {
            let holds = |object: &dyn Properties| matches(restriction, mailbox, object);
            keys.retain(|key| self.with_row(mailbox, *key, holds).unwrap_or(false));
        }
        if !self.sort.is_empty() {
            let values = |key: &(u64, u32)| -> Vec<Option<PropertyValue>> {
                let read = |object: &dyn Properties| {
                    self.sort.iter().map(|order| object.value(order.tag).map(|value| value.into_owned())).collect()
                };
                self.with_row(mailbox, *key, read).unwrap_or_default()
            };
            let mut keyed: Vec<_> = keys.iter().map(|key| (values(key), *key)).collect();
            keyed.sort_by(|(left, _), (right, _)| self.order(left, right));
            keys = keyed.into_iter().map(|(_, key)| key).collect();
        }
        let keys: Arc<[(u64, u32)]> = keys.into();
        self.cache = Some(Cache { version, keys: keys.clone() });
        keys
    }

    /// Missing values come first, as the smallest.
    fn order(&self, left: &[Option<PropertyValue>], right: &[Option<PropertyValue>]) -> Ordering {
        let one = |((left, right), order): ((&Option<PropertyValue>, &Option<PropertyValue>), &SortOrder)| {
            let ordering = match (left, right) {
                (Some(left), Some(right)) => compare(order.tag, left, right).unwrap_or(Ordering::Equal),
                (left, right) => left.is_some().cmp(&right.is_some()),
            };
            if order.order == SortOrderKind::Descending { ordering.reverse() } else { ordering }
        };
        let pairs = left.iter().zip(right).zip(&self.sort);
        pairs.map(one).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    }

    fn unsorted(&self, mailbox: &Mailbox) -> Vec<(u64, u32)> {
        let flat = |ids: Vec<u64>| ids.into_iter().map(|id| (id, 0)).collect();
        match &self.rows {
            Rows::Contents { folder, associated, deleted } => {
                let Ok(folder) = mailbox.folder(*folder) else { return Vec::new() };
                match (associated, deleted) {
                    (true, false) => flat(folder.associated.iter().copied().collect()),
                    (false, false) => flat(mailbox.content_rows(folder)),
                    (_, true) if !mailbox.manners().lists_soft_deleted => Vec::new(),
                    (wanted, true) => {
                        let of_kind = |id: &&u64| mailbox.any_message(**id).is_ok_and(|m| m.associated == *wanted);
                        flat(folder.recoverable.iter().filter(of_kind).copied().collect())
                    }
                }
            }
            Rows::Hierarchy { folder, depth, viewer } => {
                let all = match depth {
                    true => mailbox.descendants(*folder),
                    false => mailbox.children(*folder).map(|folder| (folder.id, 1)).collect(),
                };
                let seen = |id: u64, dn: &str| {
                    mailbox.folder(id).is_ok_and(|folder| folder.permissions.allow(dn, right::REVIEWER))
                };
                all.into_iter().filter(|(id, _)| viewer.as_deref().is_none_or(|dn| seen(*id, dn))).collect()
            }
            Rows::Fixed(bags) => (0..bags.len() as u64).map(|at| (at, 0)).collect(),
        }
    }

    fn with_row<R>(&self, mailbox: &Mailbox, key: (u64, u32), work: impl FnOnce(&dyn Properties) -> R) -> Option<R> {
        match &self.rows {
            Rows::Contents { .. } => {
                let message = mailbox.any_message(key.0).ok()?;
                Some(work(&crate::store::view::MessageView { mailbox, message }))
            }
            Rows::Hierarchy { .. } => {
                let folder = mailbox.folder(key.0).ok()?;
                Some(work(&FolderView { mailbox, folder, depth: Some(key.1) }))
            }
            Rows::Fixed(bags) => {
                let bag = bags.get(usize::try_from(key.0).ok()?)?;
                Some(work(&BagView { mailbox, bag }))
            }
        }
    }

    /// Grows whenever rows may have changed.
    fn version(&self, mailbox: &Mailbox) -> u64 {
        match &self.rows {
            Rows::Contents { folder, .. } => match mailbox.folder(*folder) {
                Ok(folder) if folder.search.is_none() => folder.version,
                // A search folder shows what is elsewhere.
                _ => mailbox.events().end(),
            },
            Rows::Hierarchy { .. } => mailbox.events().end(),
            Rows::Fixed(_) => 0,
        }
    }
}

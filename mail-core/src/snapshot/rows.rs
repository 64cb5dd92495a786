use std::fmt;

use super::changes::Changes;
use super::chunk::{Chunk, Node, index_of};
use super::row::Row;
use super::walk::Walk;

/// Rows ascending by UID, in shared chunks. A clone costs nothing; a change of one then costs the copy of some chunks, as
/// many as the logarithm of the number of rows, and what is looked up costs about as much.
#[derive(Clone)]
pub struct Rows<R: Row> {
    root: Chunk<R>,
}

impl<R: Row> Rows<R> {
    /// Puts a row in its place and gives the one that had its UID.
    pub fn put(&mut self, row: R) -> Option<R> {
        let (before, rest) = self.root.put(row);
        if let Some(rest) = rest {
            let root = std::mem::replace(&mut self.root, Chunk::empty());
            self.root = Chunk::of(Node::Inner(vec![root, rest]));
        }
        before
    }

    /// Takes out the row with `uid`.
    pub fn remove(&mut self, uid: u32) -> Option<R> {
        self.get(uid)?;
        let row = self.root.remove(uid);
        while let Node::Inner(chunks) = &*self.root.node
            && chunks.len() <= 1
        {
            self.root = chunks.first().cloned().unwrap_or_else(Chunk::empty);
        }
        row
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.root.len as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What all rows count together.
    pub fn counts(&self) -> R::Counts {
        self.root.counts
    }

    /// The row with `uid`.
    pub fn get(&self, uid: u32) -> Option<&R> {
        let mut node = &self.root.node;
        loop {
            match &**node {
                Node::Leaf(rows) => return rows.get(rows.binary_search_by_key(&uid, Row::uid).ok()?),
                Node::Inner(chunks) => node = &chunks.get(index_of(chunks, uid))?.node,
            }
        }
    }

    /// The row at a position.
    pub fn at(&self, position: usize) -> Option<&R> {
        let (mut node, mut position) = (&self.root.node, position);
        loop {
            match &**node {
                Node::Leaf(rows) => return rows.get(position),
                Node::Inner(chunks) => {
                    let mut chunks = chunks.iter();
                    node = loop {
                        let chunk = chunks.next()?;
                        let len = chunk.len as usize;
                        if position < len {
                            break &chunk.node;
                        }
                        position -= len;
                    };
                }
            }
        }
    }

    /// The last row.
    pub fn last(&self) -> Option<&R> {
        self.at(self.len().checked_sub(1)?)
    }

    /// The position of the row with `uid`.
    pub fn position(&self, uid: u32) -> Option<usize> {
        self.get(uid).map(|_| self.rank(uid))
    }

    /// How many rows have lower UIDs.
    pub fn rank(&self, uid: u32) -> usize {
        let (mut node, mut before) = (&self.root.node, 0);
        loop {
            match &**node {
                Node::Leaf(rows) => return before + rows.partition_point(|row| row.uid() < uid),
                Node::Inner(chunks) => {
                    let at = index_of(chunks, uid);
                    before += chunks.iter().take(at).map(|chunk| chunk.len as usize).sum::<usize>();
                    node = &chunks[at].node;
                }
            }
        }
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.iter_from(0)
    }

    /// The rows from a position on.
    pub fn iter_from(&self, position: usize) -> impl Iterator<Item = &R> {
        Walk::forward(&self.root, |_| true).go_to(position).map(|(_, row)| row)
    }

    /// The rows with UIDs from `from` to `to`, both included.
    pub fn range(&self, from: u32, to: u32) -> impl Iterator<Item = &R> {
        self.iter_from(self.rank(from)).take_while(move |row| row.uid() <= to)
    }

    /// The rows that count as `wanted`, with their positions. Only chunks that do, too, are looked into.
    pub fn counting(&self, wanted: impl Fn(R::Counts) -> bool) -> impl Iterator<Item = (usize, &R)> {
        Walk::forward(&self.root, wanted)
    }

    /// [`Rows::counting`], from the last row to the first.
    pub fn counting_from_last(&self, wanted: impl Fn(R::Counts) -> bool) -> impl Iterator<Item = (usize, &R)> {
        Walk::backward(&self.root, wanted)
    }

    /// What is different from what was before, in the order of UIDs.
    pub fn changes_since<'a>(&'a self, before: &'a Self) -> Changes<'a, R>
    where
        R: PartialEq,
    {
        Changes::between(&before.root, &self.root)
    }

    /// Whether nothing was changed since one was cloned from the other. (Equal rows may be found to be changed.)
    pub fn is(&self, other: &Self) -> bool {
        self.root.is(&other.root)
    }
}

impl<R: Row> Default for Rows<R> {
    fn default() -> Self {
        Self { root: Chunk::empty() }
    }
}

impl<R: Row> FromIterator<R> for Rows<R> {
    fn from_iter<I: IntoIterator<Item = R>>(all: I) -> Self {
        let mut rows = Self::default();
        all.into_iter().for_each(|row| drop(rows.put(row)));
        rows
    }
}

impl<R: Row + PartialEq> PartialEq for Rows<R> {
    fn eq(&self, other: &Self) -> bool {
        self.changes_since(other).next().is_none()
    }
}

impl<R: Row + fmt::Debug> fmt::Debug for Rows<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

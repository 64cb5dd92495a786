use super::Row;
use super::chunk::{Chunk, Node};

/// Goes through rows in one direction, past chunks that are of no interest.
pub(super) struct Walk<'a, R: Row, F> {
    wanted: F,
    backward: bool,
    /// Chunks that were not looked into yet, the next one last, with the positions of their first rows.
    chunks: Vec<(usize, &'a Chunk<R>)>,
    /// What is left of the leaf, with the position of its first row.
    rows: (usize, &'a [R]),
}

impl<'a, R: Row, F: Fn(R::Counts) -> bool> Walk<'a, R, F> {
    /// From the first row to the last.
    pub fn forward(root: &'a Chunk<R>, wanted: F) -> Self {
        Self { wanted, backward: false, chunks: vec![(0, root)], rows: (0, &[]) }
    }

    /// From the last row to the first.
    pub fn backward(root: &'a Chunk<R>, wanted: F) -> Self {
        Self { backward: true, ..Self::forward(root, wanted) }
    }

    /// Goes on from a position, which must not lie behind.
    pub fn go_to(mut self, position: usize) -> Self {
        while let Some((start, chunk)) = self.chunks.pop() {
            if start + (chunk.len as usize) <= position {
                continue;
            }
            self.enter(start, chunk);
            if let Some(rest) = self.rows.1.get(position.saturating_sub(start)..)
                && !rest.is_empty()
            {
                self.rows = (position, rest);
                break;
            }
        }
        self
    }

    fn enter(&mut self, mut position: usize, chunk: &'a Chunk<R>) {
        match &*chunk.node {
            Node::Leaf(rows) => self.rows = (position, rows),
            Node::Inner(chunks) => {
                let from = self.chunks.len();
                for chunk in chunks {
                    self.chunks.push((position, chunk));
                    position += chunk.len as usize;
                }
                if !self.backward {
                    self.chunks[from..].reverse();
                }
            }
        }
    }

    fn next_row(&mut self) -> Option<(usize, &'a R)> {
        let (position, rows) = self.rows;
        if self.backward {
            let (row, rest) = rows.split_last()?;
            self.rows = (position, rest);
            Some((position + rest.len(), row))
        } else {
            let (row, rest) = rows.split_first()?;
            self.rows = (position + 1, rest);
            Some((position, row))
        }
    }
}

impl<'a, R: Row, F: Fn(R::Counts) -> bool> Iterator for Walk<'a, R, F> {
    type Item = (usize, &'a R);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while let Some((position, row)) = self.next_row() {
                if (self.wanted)(row.counts()) {
                    return Some((position, row));
                }
            }
            let (position, chunk) = self.chunks.pop()?;
            if (self.wanted)(chunk.counts) {
                self.enter(position, chunk);
            }
        }
    }
}

use std::cmp::Ordering;

use super::Row;
use super::chunk::{Chunk, Node};

/// A difference between rows before and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a, R> {
    /// There was none with its UID.
    Came(&'a R),
    /// It stood at this position, and there is none with its UID now.
    Gone(usize, &'a R),
    /// What it was, and what it is.
    Changed(&'a R, &'a R),
}

/// The differences between rows before and now, in the order of UIDs. What both share is passed over unseen.
pub struct Changes<'a, R: Row> {
    before: Side<'a, R>,
    now: Side<'a, R>,
    steps: usize,
}

/// What was not compared yet of one of both.
struct Side<'a, R: Row> {
    /// The next one last.
    chunks: Vec<&'a Chunk<R>>,
    /// These come before the chunks.
    rows: &'a [R],
    /// The position of the next row.
    position: usize,
}

impl<'a, R: Row> Changes<'a, R> {
    pub(super) fn between(before: &'a Chunk<R>, now: &'a Chunk<R>) -> Self {
        let side = |root| Side { chunks: vec![root], rows: &[], position: 0 };
        Self { before: side(before), now: side(now), steps: 0 }
    }

    /// How many rows and chunks were looked at so far: what the comparison costs.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Passes over chunks that both share, and looks into others, until it is known on both sides which row is next.
    fn next_rows(&mut self) -> (Option<&'a R>, Option<&'a R>) {
        loop {
            let (before, now) = (&mut self.before, &mut self.now);
            let (before_chunk, now_chunk) = (before.next_chunk(), now.next_chunk());
            self.steps += 1;
            match (before_chunk, now_chunk) {
                (None, None) => return (before.rows.first(), now.rows.first()),
                (Some(one), Some(other)) if one.is(other) => {
                    before.skip();
                    now.skip();
                }
                (Some(one), Some(other)) => {
                    // The larger one may have in it what the other one is.
                    if one.len >= other.len {
                        before.enter();
                    }
                    if other.len >= one.len {
                        now.enter();
                    }
                }
                (Some(_), None) => before.enter(),
                (None, Some(_)) => now.enter(),
            }
        }
    }
}

impl<'a, R: Row> Side<'a, R> {
    /// The chunk that is to be looked into before it is known which row is next.
    fn next_chunk(&self) -> Option<&'a Chunk<R>> {
        self.chunks.last().copied().filter(|_| self.rows.is_empty())
    }

    fn skip(&mut self) {
        self.position += self.chunks.pop().map_or(0, |chunk| chunk.len as usize);
    }

    fn enter(&mut self) {
        match self.chunks.pop().map(|chunk| &*chunk.node) {
            Some(Node::Leaf(rows)) => self.rows = rows,
            Some(Node::Inner(chunks)) => self.chunks.extend(chunks.iter().rev()),
            None => {}
        }
    }

    fn take_row(&mut self) {
        self.rows = self.rows.get(1..).unwrap_or_default();
        self.position += 1;
    }
}

impl<'a, R: Row + PartialEq> Iterator for Changes<'a, R> {
    type Item = Change<'a, R>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (before, now) = self.next_rows();
            let order = match (before, now) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(before), Some(now)) => before.uid().cmp(&now.uid()),
            };
            let position = self.before.position;
            if order.is_le() {
                self.before.take_row();
            }
            if order.is_ge() {
                self.now.take_row();
            }
            match (order, before, now) {
                (Ordering::Less, Some(before), _) => return Some(Change::Gone(position, before)),
                (Ordering::Greater, _, Some(now)) => return Some(Change::Came(now)),
                (_, Some(before), Some(now)) if before != now => return Some(Change::Changed(before, now)),
                _ => {}
            }
        }
    }
}

use std::sync::Arc;

use super::Row;

/// Rows of a leaf, and chunks of an inner node, at most: enough that the tree costs little beside the rows, few enough that
/// the copy of a node costs little beside making a change durable.
pub(super) const CAPACITY: usize = 64;

/// A part of the rows, shared by all trees that have it.
#[derive(Clone)]
pub(super) enum Node<R: Row> {
    Leaf(Vec<R>),
    /// Never empty. All chunks are of the same height.
    Inner(Vec<Chunk<R>>),
}

/// A node with what is known of it without looking into it.
#[derive(Clone)]
pub(super) struct Chunk<R: Row> {
    pub node: Arc<Node<R>>,
    /// The UID of its first row; 0 if it has none.
    first: u32,
    /// How many rows it has.
    pub len: u32,
    pub counts: R::Counts,
}

impl<R: Row> Chunk<R> {
    pub fn empty() -> Self {
        Self::of(Node::Leaf(Vec::new()))
    }

    pub fn of(node: Node<R>) -> Self {
        let mut counts = R::Counts::default();
        let mut len = 0;
        match &node {
            Node::Leaf(rows) => {
                rows.iter().for_each(|row| counts += row.counts());
                len += u32::try_from(rows.len()).expect("at most CAPACITY");
            }
            Node::Inner(chunks) => chunks.iter().for_each(|chunk| {
                counts += chunk.counts;
                len += chunk.len;
            }),
        }
        Self { first: node.first(), len, counts, node: Arc::new(node) }
    }

    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.node, &other.node)
    }

    /// Puts a row in its place. Gives the row that had its UID; and what must follow this chunk since it was full.
    pub fn put(&mut self, row: R) -> (Option<R>, Option<Self>) {
        let (uid, counts) = (row.uid(), row.counts());
        let (before, rest) = match Arc::make_mut(&mut self.node) {
            Node::Leaf(rows) => match rows.binary_search_by_key(&uid, Row::uid) {
                Ok(at) => (Some(std::mem::replace(&mut rows[at], row)), None),
                Err(at) => (None, insert(rows, at, row).map(Node::Leaf)),
            },
            Node::Inner(chunks) => {
                let at = index_of(chunks, uid);
                let (before, rest) = chunks[at].put(row);
                (before, rest.and_then(|rest| insert(chunks, at + 1, rest)).map(Node::Inner))
            }
        };
        if let Some(rest) = rest {
            self.count_again();
            return (before, Some(Self::of(rest)));
        }
        self.counts += counts;
        match &before {
            Some(before) => self.counts -= before.counts(),
            None => self.len += 1,
        }
        self.first = self.node.first();
        (before, None)
    }

    /// Takes out a row that is there. (Looking for one that is not would copy what leads there.)
    pub fn remove(&mut self, uid: u32) -> Option<R> {
        let row = match Arc::make_mut(&mut self.node) {
            Node::Leaf(rows) => rows.remove(rows.binary_search_by_key(&uid, Row::uid).ok()?),
            Node::Inner(chunks) => {
                let at = index_of(chunks, uid);
                let row = chunks[at].remove(uid)?;
                join(chunks, at);
                row
            }
        };
        self.len -= 1;
        self.counts -= row.counts();
        self.first = self.node.first();
        Some(row)
    }

    fn count_again(&mut self) {
        let node = std::mem::replace(&mut self.node, Arc::new(Node::Leaf(Vec::new())));
        *self = Self::of(Arc::unwrap_or_clone(node));
    }
}

impl<R: Row> Node<R> {
    fn first(&self) -> u32 {
        match self {
            Self::Leaf(rows) => rows.first().map_or(0, Row::uid),
            Self::Inner(chunks) => chunks.first().map_or(0, |chunk| chunk.first),
        }
    }

    fn entries(&self) -> usize {
        match self {
            Self::Leaf(rows) => rows.len(),
            Self::Inner(chunks) => chunks.len(),
        }
    }
}

/// The index of the chunk in which `uid` is or belongs.
pub(super) fn index_of<R: Row>(chunks: &[Chunk<R>], uid: u32) -> usize {
    chunks.partition_point(|chunk| chunk.first <= uid).saturating_sub(1)
}

/// Inserts into a node; what it has no room for is given back.
fn insert<T>(items: &mut Vec<T>, at: usize, item: T) -> Option<Vec<T>> {
    let room = CAPACITY.saturating_sub(items.len());
    if room > 0 {
        if items.len() == items.capacity() {
            items.reserve_exact(items.len().max(4).min(room));
        }
        items.insert(at, item);
        return None;
    }
    // New messages come at the end: the node before stays full.
    let kept = if at == items.len() { at } else { items.len() / 2 };
    let mut rest = items.split_off(kept);
    items.shrink_to_fit();
    if at < kept {
        items.insert(at, item);
    } else {
        rest.insert(at - kept, item);
    }
    Some(rest)
}

/// Keeps chunks from becoming many and small when rows go: the chunk at this index goes with its last row, and is joined
/// with a neighbour if both together are small.
fn join<R: Row>(chunks: &mut Vec<Chunk<R>>, at: usize) {
    if chunks[at].len == 0 {
        chunks.remove(at);
        return;
    }
    for left in [Some(at), at.checked_sub(1)].into_iter().flatten() {
        let Some([one, other]) = chunks.get(left..left + 2) else { continue };
        if one.node.entries() + other.node.entries() > CAPACITY / 2 {
            continue;
        }
        let other = chunks.remove(left + 1);
        let one = &mut chunks[left];
        match (Arc::make_mut(&mut one.node), Arc::unwrap_or_clone(other.node)) {
            (Node::Leaf(rows), Node::Leaf(more)) => rows.extend(more),
            (Node::Inner(chunks), Node::Inner(more)) => chunks.extend(more),
            _ => unreachable!("chunks of one node are of the same height"),
        }
        one.count_again();
        return;
    }
}

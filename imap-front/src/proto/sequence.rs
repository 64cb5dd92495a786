use std::collections::BTreeSet;
use std::fmt::Write;

use thiserror::Error;

/// A set of message sequence numbers or UIDs as the client wrote it (RFC 9051 `sequence-set`). `None` is `*`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SequenceSet(pub Vec<(Option<u32>, Option<u32>)>);

/// A sequence number beyond the last message was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no message with that sequence number")]
pub struct OutOfRange;

impl SequenceSet {
    /// Reads one (RFC 3501 9).
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let number = |text: &str| match text {
            "*" => Some(None),
            text if text.starts_with('+') => None,
            text => text.parse().ok().filter(|number| *number > 0).map(Some),
        };
        let range = |text: &str| match text.split_once(':') {
            Some((from, to)) => Some((number(from)?, number(to)?)),
            None => number(text).map(|one| (one, one)),
        };
        std::str::from_utf8(text).ok()?.split(',').map(range).collect::<Option<_>>().map(Self)
    }

    /// The numbers that are meant if `*` is `last` (0 if there is no message at all).
    pub fn resolve(&self, last: u32) -> Ranges {
        let mut ranges: Vec<(u32, u32)> = self
            .0
            .iter()
            .map(|(from, to)| {
                let (from, to) = (from.unwrap_or(last), to.unwrap_or(last));
                (from.min(to), from.max(to))
            })
            .collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some(previous) if from <= previous.1.saturating_add(1) => previous.1 = previous.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Ranges(merged)
    }

    /// [`SequenceSet::resolve`] for sequence numbers of a folder with `count` messages.
    ///
    /// # Errors
    /// [`OutOfRange`] if a number is named that no message has; in an empty folder each is one, `*` too (RFC 3501 9,
    /// `seq-number`). Elsewhere ranges with `*` never are: clients ask for `1:*` or `n:*` without knowing whether there is
    /// such a message.
    pub fn resolve_numbers(&self, count: u32) -> Result<Ranges, OutOfRange> {
        let beyond = |number: &Option<u32>| number.is_some_and(|number| number > count);
        let out_of_range = |(from, to): &(Option<u32>, Option<u32>)| {
            count == 0 || (from.is_some() && to.is_some() && (beyond(from) || beyond(to)))
        };
        if self.0.iter().any(out_of_range) {
            return Err(OutOfRange);
        }
        Ok(self.resolve_known(count))
    }

    /// The same without those that no message has.
    pub fn resolve_known(&self, count: u32) -> Ranges {
        let mut ranges = self.resolve(count);
        ranges.0.retain_mut(|(from, to)| {
            let beyond = *from > count;
            *to = (*to).min(count);
            *from = (*from).max(1);
            !beyond && from <= to
        });
        ranges
    }
}

/// Ranges of numbers, ascending, not overlapping.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// Numbers that ascend, those that follow each other by `is_next` as one range.
    pub(crate) fn of(numbers: impl IntoIterator<Item = u32>, is_next: impl Fn(u32, u32) -> bool) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some((_, last)) if is_next(*last, number) => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        Self(ranges)
    }

    /// Adds numbers.
    pub(crate) fn add(&mut self, numbers: &BTreeSet<u32>) {
        let others = Self::of(numbers.iter().copied(), |last, next| last.checked_add(1) == Some(next));
        let mut all = std::mem::take(&mut self.0);
        all.extend(others.0);
        *self = SequenceSet(all.into_iter().map(|(from, to)| (Some(from), Some(to))).collect()).resolve(0);
    }

    /// Takes numbers away.
    pub(crate) fn remove(&mut self, numbers: &BTreeSet<u32>) {
        let mut left = Vec::with_capacity(self.0.len());
        for (from, to) in self.0.drain(..) {
            let mut next = Some(from);
            for gone in numbers.range(from..=to) {
                if let Some(from) = next.filter(|from| from < gone) {
                    left.push((from, gone - 1));
                }
                next = gone.checked_add(1);
            }
            left.extend(next.filter(|from| *from <= to).map(|from| (from, to)));
        }
        self.0 = left;
    }

    /// How many ranges there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether `number` is among them.
    pub fn contains(&self, number: u32) -> bool {
        let after = self.0.partition_point(|(from, _)| *from <= number);
        after.checked_sub(1).and_then(|index| self.0.get(index)).is_some_and(|(_, to)| number <= *to)
    }

    /// The ranges, both ends included.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().copied()
    }
}

/// The shortest `sequence-set` that names these numbers in this order.
pub fn format_set(numbers: impl IntoIterator<Item = u32>) -> String {
    format_ranges(numbers.into_iter().map(|number| (number, number)))
}

/// The same of ranges, each with both ends.
pub fn format_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> String {
    let mut set = String::new();
    let mut run: Option<(u32, u32)> = None;
    let mut write = |run: (u32, u32)| {
        let comma = if set.is_empty() { "" } else { "," };
        match run {
            // Writing to a String cannot fail.
            (from, to) if from == to => drop(write!(set, "{comma}{from}")),
            (from, to) => drop(write!(set, "{comma}{from}:{to}")),
        }
    };
    for (from, to) in ranges {
        match &mut run {
            Some((_, last)) if last.checked_add(1) == Some(from) => *last = to,
            _ => run.replace((from, to)).into_iter().for_each(&mut write),
        }
    }
    run.into_iter().for_each(&mut write);
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u32, u32)]) -> SequenceSet {
        let number = |n: u32| (n != 0).then_some(n);
        SequenceSet(ranges.iter().map(|(from, to)| (number(*from), number(*to))).collect())
    }

    #[test]
    fn resolving() {
        assert_eq!(set(&[(9, 7), (1, 1), (2, 3), (8, 0)]).resolve(12), Ranges(vec![(1, 3), (7, 12)]));
        // `*` is the last message even if the other end is beyond it.
        assert_eq!(set(&[(100, 0)]).resolve(12), Ranges(vec![(12, 100)]));
        let ranges = set(&[(2, 4), (8, 8)]).resolve(0);
        assert_eq!([1, 2, 4, 5, 8, 9].map(|n| ranges.contains(n)), [false, true, true, false, true, false]);
    }

    #[test]
    fn reading() {
        let read = |text: &str| SequenceSet::parse(text.as_bytes());
        assert_eq!(read("1"), Some(set(&[(1, 1)])));
        assert_eq!(read("*"), Some(set(&[(0, 0)])));
        assert_eq!(read("3:1,*:4294967295"), Some(set(&[(3, 1), (0, u32::MAX)])));
        for wrong in ["", "0", "1,", ",1", "1:", ":1", "1:2:3", "+1", "-1", "4294967296", "$", "1 "] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn added_and_removed() {
        let set = |numbers: &[u32]| numbers.iter().copied().collect::<BTreeSet<_>>();
        let mut ranges = Ranges(vec![(1, 5), (9, 9)]);
        ranges.remove(&set(&[1, 3, 5, 7, 9]));
        assert_eq!(ranges, Ranges(vec![(2, 2), (4, 4)]));
        ranges.add(&set(&[3, 8, u32::MAX]));
        assert_eq!(ranges, Ranges(vec![(2, 4), (8, 8), (u32::MAX, u32::MAX)]));
        ranges.remove(&set(&[u32::MAX]));
        assert_eq!(ranges, Ranges(vec![(2, 4), (8, 8)]));
    }

    #[test]
    fn formatting() {
        assert_eq!(format_set([]), "");
        assert_eq!(format_set([7]), "7");
        assert_eq!(format_set([1, 2, 3, 9, 8, 5, 6, u32::MAX]), format!("1:3,9,8,5:6,{}", u32::MAX));
    }

    #[test]
    fn sequence_numbers() {
        for numbers in [(1, 0), (0, 0), (1, 1)] {
            assert_eq!(set(&[numbers]).resolve_numbers(0), Err(OutOfRange));
            assert_eq!(set(&[numbers]).resolve_known(0), Ranges(vec![]));
        }
        assert_eq!(set(&[(9, 0)]).resolve_numbers(3), Ok(Ranges(vec![(3, 3)])));
        assert_eq!(set(&[(2, 9)]).resolve_numbers(3), Err(OutOfRange));
        assert_eq!(set(&[(2, 9), (9, 12), (0, 9)]).resolve_known(3), Ranges(vec![(2, 3)]));
    }
}

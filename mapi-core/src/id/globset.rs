use std::fmt;

use super::GlobalCounter;
use crate::wire::{Reader, WireErrorKind, WireResult, Writer};

/// A set of counters of one replica (GLOBSET, [MS-OXCFXICS] 2.2.2.6): ranges, ascending, disjoint, never adjacent.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct GlobSet {
    ranges: Vec<(u64, u64)>,
}

impl GlobSet {
    /// No counters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether no counter is in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many counters are in the set.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|(low, high)| high - low + 1).sum()
    }

    /// The ranges (first and last counter), ascending.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = (GlobalCounter, GlobalCounter)> + '_ {
        self.ranges.iter().map(|&(low, high)| (GlobalCounter::new(low), GlobalCounter::new(high)))
    }

    /// Every counter, ascending. A range of a hostile set may hold 2^48 of them: bound what is taken.
    pub fn counters(&self) -> impl Iterator<Item = GlobalCounter> + '_ {
        self.ranges.iter().flat_map(|&(low, high)| (low..=high).map(GlobalCounter::new))
    }

    /// Whether `counter` is in the set.
    pub fn contains(&self, counter: GlobalCounter) -> bool {
        let value = counter.value();
        let after = self.ranges.partition_point(|&(low, _)| low <= value);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|&(_, high)| value <= high)
    }

    /// Adds a counter.
    pub fn insert(&mut self, counter: GlobalCounter) {
        self.insert_range(counter, counter);
    }

    /// Adds the counters from `low` to `high`, both included; nothing if `low` is the larger one.
    pub fn insert_range(&mut self, low: GlobalCounter, high: GlobalCounter) {
        let (mut low, mut high) = (low.value(), high.value());
        if low > high {
            return;
        }
        let first = self.ranges.partition_point(|&(_, end)| end.saturating_add(1) < low);
        let last = self.ranges.partition_point(|&(start, _)| start <= high.saturating_add(1));
        if let Some(&(start, _)) = self.ranges.get(first).filter(|_| first < last) {
            low = low.min(start);
        }
        if let Some(&(_, end)) = last.checked_sub(1).and_then(|at| self.ranges.get(at)).filter(|_| first < last) {
            high = high.max(end);
        }
        self.ranges.splice(first..last.max(first), [(low, high)]);
    }

    /// Removes a counter.
    pub fn remove(&mut self, counter: GlobalCounter) {
        let value = counter.value();
        let after = self.ranges.partition_point(|&(low, _)| low <= value);
        let Some((at, &(low, high))) = after.checked_sub(1).and_then(|at| Some((at, self.ranges.get(at)?))) else {
            return;
        };
        if value <= high {
            let below = (low < value).then(|| (low, value - 1));
            let above = (value < high).then(|| (value + 1, high));
            self.ranges.splice(at..=at, below.into_iter().chain(above));
        }
    }

    /// Adds every counter of `other`.
    pub fn extend(&mut self, other: &Self) {
        let mut all = std::mem::take(&mut self.ranges);
        all.extend_from_slice(&other.ranges);
        *self = Self::normalised(all);
    }

    /// The counters of this set that are not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        let mut out = Vec::new();
        let mut holes = other.ranges.iter().peekable();
        for &(mut low, high) in &self.ranges {
            while holes.peek().is_some_and(|&&(_, end)| end < low) {
                holes.next();
            }
            let mut ahead = holes.clone();
            loop {
                match ahead.next() {
                    Some(&(start, end)) if start <= high => {
                        if low < start {
                            out.push((low, start - 1));
                        }
                        if end >= high {
                            break;
                        }
                        low = end + 1;
                    }
                    _ => {
                        out.push((low, high));
                        break;
                    }
                }
            }
        }
        Self { ranges: out }
    }

    /// Reads commands up to and including End ([MS-OXCFXICS] 3.1.5.4.3). Accepts ranges in any order.
    ///
    /// # Errors
    /// Truncated input, unknown commands, Pop without Push, prefixes of more than six bytes, Bitmask elsewhere than
    /// after five bytes or beyond 255, descending ranges, End with a prefix left.
    pub fn decode(reader: &mut Reader<'_>) -> WireResult<Self> {
        let mut ranges = Vec::new();
        let mut prefix = Prefix::default();
        loop {
            let at = reader.clone();
            let command = reader.u8("GLOBSET command")?;
            match command {
                0x00 if prefix.bytes.is_empty() => return Ok(Self::normalised(ranges)),
                0x01..=0x06 => {
                    let bytes = reader.bytes(usize::from(command), "GLOBSET Push")?;
                    let (Some(low), true) = (prefix.complete(bytes, 0x00), prefix.bytes.len() + bytes.len() <= 6)
                    else {
                        return Err(at.invalid("GLOBSET Push", command));
                    };
                    if prefix.bytes.len() + bytes.len() == 6 {
                        ranges.push((low, low));
                    } else {
                        prefix.bytes.extend_from_slice(bytes);
                        prefix.pushes.push(bytes.len());
                    }
                }
                0x50 => {
                    let Some(pushed) = prefix.pushes.pop() else {
                        return Err(at.invalid("GLOBSET Pop without Push", command));
                    };
                    prefix.bytes.truncate(prefix.bytes.len().saturating_sub(pushed));
                }
                0x42 => {
                    let start = reader.u8("GLOBSET Bitmask start")?;
                    let mask = reader.u8("GLOBSET Bitmask mask")?;
                    let Some(low) = prefix.complete(&[start], 0x00).filter(|_| prefix.bytes.len() == 5) else {
                        return Err(at.invalid("GLOBSET Bitmask", command));
                    };
                    ranges.push((low, low));
                    for bit in (0..8).filter(|bit| mask >> bit & 1 == 1) {
                        if u64::from(start) + bit + 1 > 0xFF {
                            return Err(at.invalid("GLOBSET Bitmask mask", mask));
                        }
                        ranges.push((low + bit + 1, low + bit + 1));
                    }
                }
                0x52 => {
                    let left = 6usize.saturating_sub(prefix.bytes.len());
                    let low = prefix.complete(reader.bytes(left, "GLOBSET Range low")?, 0x00);
                    let high = prefix.complete(reader.bytes(left, "GLOBSET Range high")?, 0x00);
                    match (low, high) {
                        (Some(low), Some(high)) if low <= high => ranges.push((low, high)),
                        _ => return Err(at.invalid("GLOBSET Range", command)),
                    }
                }
                other => return Err(at.error("GLOBSET command", WireErrorKind::Invalid(other.into()))),
            }
        }
    }

    /// Writes the set: neighbours that share five high-order bytes behind one Push, small groups as Bitmask, the rest
    /// as plain singletons and ranges.
    pub fn encode(&self, writer: &mut Writer) {
        let mut rest = self.ranges.as_slice();
        while let Some(&(low, high)) = rest.first() {
            let page = low >> 8;
            let group = rest.iter().take_while(|&&(low, high)| low >> 8 == page && high >> 8 == page).count();
            if group < 2 {
                put_plain(writer, low, high, 6);
                rest = &rest[1..];
                continue;
            }
            writer.u8(0x05).bytes(&low.to_be_bytes()[2..7]);
            let (mut members, after) = rest.split_at(group);
            while let Some(&(low, high)) = members.first() {
                let masked = members.iter().take_while(|&&(_, end)| end - low <= 8).count();
                if masked >= 2 {
                    writer.u8(0x42).u8(low.to_be_bytes()[7]);
                    let bits = members[..masked].iter().flat_map(|&(start, end)| start..=end).skip(1);
                    writer.u8(bits.fold(0, |mask, value| mask | 1 << (value - low - 1)));
                    members = &members[masked..];
                } else {
                    put_plain(writer, low, high, 1);
                    members = &members[1..];
                }
            }
            writer.u8(0x50);
            rest = after;
        }
        writer.u8(0x00);
    }

    fn normalised(mut ranges: Vec<(u64, u64)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self { ranges: merged }
    }
}

/// Writes the last `width` bytes of a singleton or a range.
fn put_plain(writer: &mut Writer, low: u64, high: u64, width: u8) {
    let from = 8 - usize::from(width);
    if low == high {
        writer.u8(width).bytes(&low.to_be_bytes()[from..]);
    } else {
        writer.u8(0x52).bytes(&low.to_be_bytes()[from..]).bytes(&high.to_be_bytes()[from..]);
    }
}

#[derive(Default)]
struct Prefix {
    bytes: Vec<u8>,
    pushes: Vec<usize>,
}

impl Prefix {
    /// The number made of the prefix, `tail`, and `fill` up to six bytes; `None` if that is more than six bytes.
    fn complete(&self, tail: &[u8], fill: u8) -> Option<u64> {
        let mut out = [fill; 6];
        let all = self.bytes.iter().chain(tail);
        let len = self.bytes.len() + tail.len();
        out.get_mut(..len)?.iter_mut().zip(all).for_each(|(to, from)| *to = *from);
        Some(GlobalCounter::from_bytes(out).value())
    }
}

impl FromIterator<GlobalCounter> for GlobSet {
    fn from_iter<I: IntoIterator<Item = GlobalCounter>>(counters: I) -> Self {
        Self::normalised(counters.into_iter().map(|counter| (counter.value(), counter.value())).collect())
    }
}

impl fmt::Debug for GlobSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut set = f.debug_set();
        for (low, high) in &self.ranges {
            match low == high {
                true => set.entry(&format_args!("{low:X}")),
                false => set.entry(&format_args!("{low:X}-{high:X}")),
            };
        }
        set.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(ranges: &[(u64, u64)]) -> GlobSet {
        let mut out = GlobSet::new();
        for &(low, high) in ranges {
            out.insert_range(GlobalCounter::new(low), GlobalCounter::new(high));
        }
        out
    }

    fn decode(bytes: &[u8]) -> WireResult<GlobSet> {
        let mut reader = Reader::new(bytes);
        let set = GlobSet::decode(&mut reader)?;
        reader.finish("GLOBSET")?;
        Ok(set)
    }

    fn encode(set: &GlobSet) -> Vec<u8> {
        let mut writer = Writer::new();
        set.encode(&mut writer);
        writer.into_vec()
    }

    /// The example of [MS-OXCFXICS] 3.1.5.4.3.1.3 and vectors derived from the rules.
    #[test]
    fn known_answers() {
        let page = 0x0A0B_0C0D_0E00;
        let example = set(&[(page + 1, page + 3), (page + 5, page + 5), (page + 7, page + 9)]);
        let bytes = [5, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x42, 0x01, 0xEB, 0x50, 0x00];
        assert_eq!(decode(&bytes), Ok(example.clone()));
        assert_eq!(encode(&example), bytes);

        let single = [6, 0, 0, 0, 0, 1, 0x23, 0];
        assert_eq!(decode(&single), Ok(set(&[(0x123, 0x123)])));
        assert_eq!(encode(&set(&[(0x123, 0x123)])), single);

        let range = [0x52, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0x20, 0];
        assert_eq!(decode(&range), Ok(set(&[(0x10, 0x20)])));
        assert_eq!(encode(&set(&[(0x10, 0x20)])), range);
        assert_eq!(decode(&[5, 0, 0, 0, 0, 0, 0x52, 0x10, 0x20, 0x50, 0]), Ok(set(&[(0x10, 0x20)])));

        assert_eq!(decode(&[0]), Ok(GlobSet::new()));
        assert_eq!(encode(&GlobSet::new()), [0]);
    }

    #[test]
    fn malformed_sets_are_refused_at_their_offset() {
        for (bytes, offset) in [
            (&[0x50, 0][..], 0),                                 // Pop without Push
            (&[1, 7, 0], 2),                                     // End with a prefix
            (&[5, 0, 0, 0, 0, 0, 2, 1, 1, 0x50, 0], 6),          // seven bytes
            (&[1, 0, 0x42, 1, 1], 2),                            // Bitmask after one byte
            (&[5, 0, 0, 0, 0, 0, 0x42, 0xFE, 0x02, 0x50, 0], 6), // Bitmask beyond the page
            (&[0x52, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0], 0), // descending
            (&[0x77], 0),                                        // unknown command
            (&[6, 1, 2], 1),                                     // truncated
        ] {
            assert_eq!(decode(bytes).expect_err("malformed").offset, offset, "{bytes:02x?}");
        }
    }

    fn arbitrary() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let near = (0x1_0000u64..0x1_0400, 0u64..12).prop_map(|(low, span)| (low, low + span));
        let far =
            (0u64..=0xFFFF_FFFF_FFFF, 0u64..0x1_0000).prop_map(|(low, span)| (low, (low + span).min(0xFFFF_FFFF_FFFF)));
        proptest::collection::vec(prop_oneof![4 => near, 1 => far], 0..40)
    }

    proptest! {
        #[test]
        fn decode_inverts_encode(ranges in arbitrary()) {
            let set = set(&ranges);
            prop_assert_eq!(decode(&encode(&set)), Ok(set));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(set) = decode(&bytes) {
                prop_assert!(set.ranges.len() <= bytes.len() * 8);
            }
        }

        #[test]
        fn behaves_like_a_set_of_numbers(
            add in proptest::collection::vec((0u64..120, 0u64..9), 0..20),
            drop in proptest::collection::vec(0u64..130, 0..30),
        ) {
            let mut ours = GlobSet::new();
            let mut model = BTreeSet::new();
            for (low, span) in add {
                ours.insert_range(GlobalCounter::new(low), GlobalCounter::new(low + span));
                model.extend(low..=low + span);
            }
            let removed: GlobSet = drop.iter().map(|&n| GlobalCounter::new(n)).collect();
            let difference = ours.difference(&removed);
            let mut union = difference.clone();
            union.extend(&ours);
            prop_assert_eq!(&union, &ours);
            for n in drop {
                ours.remove(GlobalCounter::new(n));
                model.remove(&n);
            }
            prop_assert_eq!(&difference, &ours);
            prop_assert_eq!(ours.counters().map(GlobalCounter::value).collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(ours.count(), model.len() as u64);
            for n in 0..130 {
                prop_assert_eq!(ours.contains(GlobalCounter::new(n)), model.contains(&n));
            }
            let adjacent = ours.ranges.windows(2).any(|pair| pair[0].1 + 1 >= pair[1].0);
            prop_assert!(!adjacent, "{:?}", ours);
        }
    }
}

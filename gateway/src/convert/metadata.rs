//! Private metadata of a folder or of the server (RFC 5464), as entries and as the bytes that a mailbox keeps of them.
//!
//! What is said of an entry has a stamp, higher than any before, as in [`super::subscriptions`] and for the same reason: entries
//! that two gateways changed apart from each other make one, in which of each entry holds what was said last. For the sake of that
//! entries that were removed leave their names for a while.
//!
//! | bytes | hold |
//! |---|---|
//! | 1 | version 1 |
//! | all others | raw deflate (RFC 1951) of, for each entry in ascending order: 0 if it was removed, 1 if it has a value (1 byte), its stamp (4 bytes, little-endian), bytes of the name and of the value (2 bytes each, little-endian), name and value |

use std::collections::BTreeMap;
use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use mail_core::Metadata;

const VERSION: u8 = 1;
/// How many entries a folder may have.
pub const MAX_ENTRIES: usize = 64;
/// The most that they take, in bytes as they are kept: servers give values of up to 8 KiB with other properties, and longer ones
/// only as streams.
pub const MAX_BYTES: usize = 8000;
/// How much longer it may become when nothing is added: what goes changes how well the rest is compressed, and who has no room
/// left must be able to remove something.
const SLACK: usize = 160;
/// So many changes are told apart by their stamps.
const REMEMBERED: u32 = 64;
/// What it may be at most without compression.
const MAX_PLAIN: usize = 512 << 10;

/// Entries by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries(BTreeMap<String, Said>);

/// What was said of an entry last. Of two the greater one holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    stamp: u32,
    /// Nothing, if it was removed.
    value: Option<Bytes>,
}

/// The bytes are of a version that is not known: they say something, and must not be written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownVersion;

impl Entries {
    /// Those that have values.
    pub fn values(&self) -> Metadata {
        self.0.iter().filter_map(|(name, said)| Some((name.clone(), said.value.clone()?))).collect()
    }

    /// Sets entries in their order, or removes those without a value. What changes nothing leaves no trace.
    pub fn apply(&mut self, changes: &[(String, Option<Bytes>)]) {
        let stamp = self.0.values().map(|said| said.stamp).max().unwrap_or(0).saturating_add(1);
        let mut changed = false;
        for (name, value) in changes {
            if self.0.get(name).and_then(|said| said.value.as_ref()) != value.as_ref() {
                self.0.insert(name.clone(), Said { stamp, value: value.clone() });
                changed = true;
            }
        }
        if changed {
            let oldest = stamp.saturating_sub(REMEMBERED);
            self.0.retain(|_, said| said.value.is_some() || said.stamp > oldest);
            self.0.values_mut().for_each(|said| said.stamp = said.stamp.max(oldest));
        }
    }

    /// Takes over what others said later.
    pub fn merge(&mut self, other: &Self) {
        for (name, said) in &other.0 {
            match self.0.get_mut(name) {
                Some(known) => *known = said.max(known).clone(),
                None => drop(self.0.insert(name.clone(), said.clone())),
            }
        }
    }

    /// Forgets the names of entries that were removed.
    pub fn prune(&mut self) {
        self.0.retain(|_, said| said.value.is_some());
    }

    /// Reads the bytes. Those of a known version that are damaged read as empty.
    ///
    /// # Errors
    /// [`UnknownVersion`]
    pub fn decode(bytes: &[u8]) -> Result<Self, UnknownVersion> {
        match bytes.split_first() {
            None => Ok(Self::default()),
            Some((&VERSION, packed)) => Ok(unpacked(packed).unwrap_or_else(|| {
                tracing::warn!("metadata is damaged");
                Self::default()
            })),
            Some(_) => Err(UnknownVersion),
        }
    }

    /// The bytes, to be kept instead of those of `before`; none if there are too many entries, or they would be more bytes than a
    /// mailbox keeps for sure. If they are not larger than those they may be a few bytes more.
    pub fn encode_instead_of(&self, before: &Self) -> Option<Vec<u8>> {
        let (count, size) = self.extent();
        let (old_count, old_size) = before.extent();
        let is_larger = count > old_count || size > old_size;
        if is_larger && count > MAX_ENTRIES {
            return None;
        }
        let bytes = self.encode()?;
        (bytes.len() <= if is_larger { MAX_BYTES } else { MAX_BYTES + SLACK }).then_some(bytes)
    }

    /// How many have values, and how many bytes these have with their names.
    fn extent(&self) -> (usize, usize) {
        let there = self.0.iter().filter_map(|(name, said)| Some(name.len() + said.value.as_ref()?.len()));
        there.fold((0, 0), |(count, sum), size| (count + 1, sum + size))
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let mut plain = Vec::new();
        for (name, said) in &self.0 {
            let value = said.value.as_deref().unwrap_or_default();
            plain.push(u8::from(said.value.is_some()));
            plain.extend(said.stamp.to_le_bytes());
            plain.extend(u16::try_from(name.len()).ok()?.to_le_bytes());
            plain.extend(u16::try_from(value.len()).ok()?.to_le_bytes());
            plain.extend_from_slice(name.as_bytes());
            plain.extend_from_slice(value);
        }
        if plain.len() > MAX_PLAIN {
            return None;
        }
        let mut encoder = DeflateEncoder::new(vec![VERSION], Compression::best());
        encoder.write_all(&plain).and_then(|()| encoder.finish()).ok()
    }
}

fn unpacked(packed: &[u8]) -> Option<Entries> {
    let mut plain = Vec::new();
    DeflateDecoder::new(packed).take(MAX_PLAIN as u64 + 1).read_to_end(&mut plain).ok()?;
    let mut rest = plain.as_slice();
    if rest.len() > MAX_PLAIN {
        return None;
    }
    let mut entries = BTreeMap::new();
    while let Some((&has_value, after)) = rest.split_first() {
        let (stamp, after) = after.split_first_chunk::<4>()?;
        let (name_length, after) = after.split_first_chunk::<2>()?;
        let (value_length, after) = after.split_first_chunk::<2>()?;
        let (name, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*name_length)))?;
        let (value, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*value_length)))?;
        let value = match has_value {
            0 => None,
            1 => Some(Bytes::copy_from_slice(value)),
            _ => return None,
        };
        let said = Said { stamp: u32::from_le_bytes(*stamp), value };
        entries.insert(std::str::from_utf8(name).ok()?.to_owned(), said);
        rest = after;
    }
    Some(Entries(entries))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Changes = Vec<(String, Option<Bytes>)>;

    fn change(name: &str, value: Option<&'static str>) -> Changes {
        vec![(name.to_owned(), value.map(Bytes::from))]
    }

    fn entries(values: &[(&str, &'static str)]) -> Entries {
        let mut entries = Entries::default();
        values.iter().for_each(|(name, value)| entries.apply(&change(name, Some(value))));
        entries
    }

    fn noise(n: u64, length: usize) -> Bytes {
        let mut state = n + 1;
        let mut next = || {
            state = state.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17) ^ n;
            state.to_le_bytes()[3]
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn entries_are_set_and_removed() {
        let mut some = entries(&[("/private/a", "1"), ("/private/b", "2")]);
        some.apply(&change("/private/a", None));
        some.apply(&change("/private/never", None));
        assert_eq!(some.values(), entries(&[("/private/b", "2")]).values());
        let before = some.clone();
        some.apply(&change("/private/b", Some("2")));
        some.apply(&change("/private/a", None));
        assert_eq!(some, before, "what may be repeated does nothing more");
        some.prune();
        assert_eq!(some.0.len(), 1);
    }

    #[test]
    fn entries_that_were_changed_apart_become_one() {
        let base = entries(&[("a", "1"), ("b", "1"), ("gone", "1")]);
        let (mut one, mut other) = (base.clone(), base.clone());
        one.apply(&[change("a", Some("2")), change("new", Some("2")), change("gone", None)].concat());
        other.apply(&change("b", Some("3")));
        let (mut both, mut same) = (one.clone(), other.clone());
        both.merge(&other);
        same.merge(&one);
        assert_eq!(both, same);
        assert_eq!(both.values(), entries(&[("a", "2"), ("b", "3"), ("new", "2")]).values());
        both.merge(&base);
        assert_eq!(both, same, "what is old changes nothing");
        // What was removed is remembered for a while, but not for ever.
        assert!(both.0.contains_key("gone"));
        (0..=REMEMBERED).for_each(|n| both.apply(&change("new", Some(if n % 2 == 0 { "x" } else { "y" }))));
        assert!(!both.0.contains_key("gone"));
    }

    #[test]
    fn there_are_bounds_and_what_is_full_can_be_emptied() {
        let name = |n: u64| format!("/private/vendor/{n}");
        let mut many = Entries::default();
        for n in 0..MAX_ENTRIES as u64 {
            let before = many.clone();
            many.apply(&[(name(n), Some(Bytes::from(vec![b'x'; 4096])))]);
            assert!(many.encode_instead_of(&before).is_some(), "{n}");
        }
        let mut more = many.clone();
        more.apply(&change("/private/more", Some("")));
        assert_eq!(more.encode_instead_of(&many), None);
        more.apply(&[(name(0), None)]);
        assert!(more.encode_instead_of(&many).is_some());
        let mut full = Entries::default();
        let mut count = 0;
        loop {
            let mut next = full.clone();
            next.apply(&[(name(count), Some(noise(count, 400)))]);
            if next.encode_instead_of(&full).is_none() {
                break;
            }
            (full, count) = (next, count + 1);
        }
        assert!((15..30).contains(&count), "{count}");
        for n in (0..count).map(|n| n * 7 % count) {
            let mut less = full.clone();
            less.apply(&[(name(n), None)]);
            assert!(less.encode_instead_of(&full).is_some(), "{n}");
            full = less;
        }
        assert_eq!(Entries::decode(&full.encode().expect("room")), Ok(full));
    }

    #[test]
    fn other_versions_are_left_alone_and_damage_is_none() {
        assert_eq!(Entries::decode(b""), Ok(Entries::default()));
        assert_eq!(Entries::decode(&[2, 0]), Err(UnknownVersion));
        let whole = entries(&[("a", "1"), ("b", "2")]).encode().expect("room");
        for end in 1..whole.len() {
            assert_eq!(Entries::decode(&whole[..end]), Ok(Entries::default()), "{end}");
        }
        let mut bomb = DeflateEncoder::new(vec![VERSION], Compression::best());
        bomb.write_all(&vec![0; 4 << 20]).expect("in memory");
        assert_eq!(Entries::decode(&bomb.finish().expect("in memory")), Ok(Entries::default()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_entries_come_back(
            said in proptest::collection::vec((".{0,20}", any::<Option<Vec<u8>>>()), 0..20)
        ) {
            let mut entries = Entries::default();
            said.into_iter().for_each(|(name, value)| entries.apply(&[(name, value.map(Bytes::from))]));
            prop_assert_eq!(Entries::decode(&entries.encode().expect("room")), Ok(entries));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Entries::decode(&bytes));
        }
    }
}

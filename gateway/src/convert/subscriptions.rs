//! Which names clients subscribed, as a list and as the bytes that a mailbox keeps of it.
//!
//! The list goes by names, as IMAP has it (RFC 9051 6.3.7), so that a subscription outlives its folder. Folders count as
//! subscribed until somebody says otherwise, so it holds both: names that were subscribed, and names that are not. What is
//! not in it was never spoken of.
//!
//! What is said of a name has a stamp, higher than any in the list before. So two lists that were changed apart from each other
//! make one: of each name what was said last. For the sake of that a name of which nothing is left stays for a while, too. Only
//! the newest changes are told apart in this way, so that stamps take no room.
//!
//! | bytes | hold |
//! |---|---|
//! | 1 | version 1 |
//! | all others | raw deflate (RFC 1951) of, for each name in ascending order: 0 if it is not subscribed, 1 if it is, 2 if nothing is left of it (1 byte), its stamp (4 bytes, little-endian), bytes of the name (2 bytes, little-endian), the name in UTF-8 |

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

const VERSION: u8 = 1;
/// Stands where others say whether a name is subscribed.
const FORGOTTEN: u8 = 2;
/// The longest list, in bytes as it is kept: servers give values of up to 8 KiB with other properties, and longer ones only as
/// streams.
pub const MAX_BYTES: usize = 8000;
/// How much longer it may become when no name is added to it: what is said of a name changes how well others are compressed,
/// and a full list must not keep anybody from giving names up.
const SLACK: usize = 160;
/// So many changes are told apart by their stamps.
const REMEMBERED: u32 = 64;
/// What it may be at most without compression.
const MAX_PLAIN: usize = 256 << 10;

/// Names that are subscribed, and names that are not, each written as [`mail_core::FolderEntry::name`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscriptions {
    names: BTreeMap<String, Said>,
}

/// What was said of a name last. Of two the greater one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    stamp: u32,
    /// Nothing, if it is to be forgotten.
    subscribed: Option<bool>,
}

/// What is to be in the list of a name: that it is subscribed, that it is not, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    name: String,
    subscribed: Option<bool>,
}

/// The bytes are of a version that is not known: they say something, and must not be written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownVersion;

impl Edit {
    fn new(name: impl Into<String>, subscribed: impl Into<Option<bool>>) -> Self {
        Self { name: name.into(), subscribed: subscribed.into() }
    }
}

impl Subscriptions {
    /// What was said of a name last, if anything.
    pub fn get(&self, name: &str) -> Option<bool> {
        self.names.get(name).and_then(|said| said.subscribed)
    }

    /// The names that were subscribed, in ascending order.
    pub fn subscribed(&self) -> impl Iterator<Item = &str> {
        self.names.iter().filter(|(_, said)| said.subscribed == Some(true)).map(|(name, _)| name.as_str())
    }

    /// SUBSCRIBE.
    pub fn subscribing(name: &str) -> Vec<Edit> {
        vec![Edit::new(name, true)]
    }

    /// UNSUBSCRIBE. Of names that no folder has, nothing is left.
    pub fn unsubscribing(name: &str, is_folder: bool) -> Vec<Edit> {
        vec![Edit::new(name, is_folder.then_some(false))]
    }

    /// What CREATE made is not subscribed, unless its name is already.
    pub fn created<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<Edit> {
        names.into_iter().filter(|name| self.get(name) != Some(true)).map(|name| Edit::new(name, false)).collect()
    }

    /// DELETE: a name that was subscribed stays so, whether the list says it or the folder did itself; nothing else is
    /// remembered of it. `now` is the name under which the folder lies in Deleted Items.
    pub fn deleted(&self, name: &str, folder_subscribed: bool, now: Option<&str>) -> Vec<Edit> {
        let known = self.get(name);
        let subscribed = known.unwrap_or(folder_subscribed);
        std::iter::once(Edit::new(name, subscribed.then_some(true))).chain(self.created(now)).collect()
    }

    /// RENAME of folders, each from a name to another: what is said of a name is said of the new one, so that nobody loses
    /// sight of a folder, nor of one below it, whose client does not subscribe new names itself. Clients that do find it done.
    /// What was said of the new name before stays if it was subscribed; otherwise it was said of another folder.
    ///
    /// What is taken out of Deleted Items (`restored`) is subscribed like any other folder: DELETE took it away.
    pub fn renamed<'a>(&self, names: impl IntoIterator<Item = (&'a str, &'a str)>, restored: bool) -> Vec<Edit> {
        let (mut gone, mut new) = (BTreeMap::new(), BTreeMap::new());
        for (from, to) in names {
            gone.insert(from, None);
            let known = self.get(from).filter(|subscribed| *subscribed || !restored);
            new.insert(to, if self.get(to) == Some(true) { Some(true) } else { known });
        }
        // A new name may be the old one of another.
        gone.extend(new);
        gone.into_iter().map(|(name, subscribed)| Edit::new(name, subscribed)).collect()
    }

    /// A folder that takes the messages of another one is subscribed like any other, whatever was said of its name.
    pub fn forgotten(&self, name: &str) -> Vec<Edit> {
        if self.get(name) == Some(false) { vec![Edit::new(name, None)] } else { Vec::new() }
    }

    /// Makes edits, in their order. Those that change nothing leave no trace.
    pub fn apply(&mut self, edits: &[Edit]) {
        let stamp = self.names.values().map(|said| said.stamp).max().unwrap_or(0).saturating_add(1);
        let mut changed = false;
        for edit in edits {
            if self.get(&edit.name) != edit.subscribed {
                self.names.insert(edit.name.clone(), Said { stamp, subscribed: edit.subscribed });
                changed = true;
            }
        }
        if changed {
            let oldest = stamp.saturating_sub(REMEMBERED);
            self.names.retain(|_, said| said.subscribed.is_some() || said.stamp > oldest);
            self.names.values_mut().for_each(|said| said.stamp = said.stamp.max(oldest));
        }
    }

    /// Takes over what was said in another list later than here.
    pub fn merge(&mut self, other: &Self) {
        for (name, said) in &other.names {
            let known = self.names.entry(name.clone()).or_insert(*said);
            *known = (*said).max(*known);
        }
    }

    /// Forgets names that are not subscribed and that no folder has, but for those of `edits`.
    pub fn prune(&mut self, is_folder: impl Fn(&str) -> bool, edits: &[Edit]) {
        let edited = |name: &str| edits.iter().any(|edit| edit.name == name);
        self.names.retain(|name, said| match said.subscribed {
            Some(subscribed) => subscribed || is_folder(name) || edited(name),
            None => false,
        });
    }

    /// Reads the bytes. A list of a known version that is damaged reads as empty.
    ///
    /// # Errors
    /// [`UnknownVersion`]
    pub fn decode(bytes: &[u8]) -> Result<Self, UnknownVersion> {
        match bytes.split_first() {
            None => Ok(Self::default()),
            Some((&VERSION, packed)) => Ok(unpacked(packed).unwrap_or_else(|| {
                tracing::warn!("the list of subscriptions is damaged");
                Self::default()
            })),
            Some(_) => Err(UnknownVersion),
        }
    }

    /// The bytes; none if they would be more than a mailbox keeps for sure ([`MAX_BYTES`]).
    pub fn encode(&self) -> Option<Vec<u8>> {
        self.encode_up_to(MAX_BYTES)
    }

    /// The bytes, to be kept instead of those of another list: if that has as many names, they may be a few more.
    pub fn encode_instead_of(&self, before: &Self) -> Option<Vec<u8>> {
        let is_longer = self.names.len() > before.names.len();
        self.encode_up_to(if is_longer { MAX_BYTES } else { MAX_BYTES + SLACK })
    }

    fn encode_up_to(&self, max_bytes: usize) -> Option<Vec<u8>> {
        let mut plain = Vec::new();
        for (name, said) in &self.names {
            plain.push(said.subscribed.map_or(FORGOTTEN, u8::from));
            plain.extend(said.stamp.to_le_bytes());
            plain.extend(u16::try_from(name.len()).ok()?.to_le_bytes());
            plain.extend_from_slice(name.as_bytes());
        }
        if plain.len() > MAX_PLAIN {
            return None;
        }
        let mut encoder = DeflateEncoder::new(vec![VERSION], Compression::best());
        let bytes = encoder.write_all(&plain).and_then(|()| encoder.finish()).ok()?;
        (bytes.len() <= max_bytes).then_some(bytes)
    }
}

fn unpacked(packed: &[u8]) -> Option<Subscriptions> {
    let mut plain = Vec::new();
    DeflateDecoder::new(packed).take(MAX_PLAIN as u64 + 1).read_to_end(&mut plain).ok()?;
    let mut rest = plain.as_slice();
    if rest.len() > MAX_PLAIN {
        return None;
    }
    let mut names = BTreeMap::new();
    while let Some((&subscribed, after)) = rest.split_first() {
        let (stamp, after) = after.split_first_chunk::<4>()?;
        let (len, after) = after.split_first_chunk::<2>()?;
        let (name, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        let subscribed = match subscribed {
            0 => Some(false),
            1 => Some(true),
            FORGOTTEN => None,
            _ => return None,
        };
        let said = Said { stamp: u32::from_le_bytes(*stamp), subscribed };
        names.insert(std::str::from_utf8(name).ok()?.to_owned(), said);
        rest = after;
    }
    Some(Subscriptions { names })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Names = BTreeMap<String, bool>;

    fn names(names: &[(&str, bool)]) -> Names {
        names.iter().map(|(name, subscribed)| ((*name).to_owned(), *subscribed)).collect()
    }

    fn list(said: &[(&str, bool)]) -> Subscriptions {
        let mut list = Subscriptions::default();
        said.iter().for_each(|(name, subscribed)| list.apply(&[Edit::new(*name, *subscribed)]));
        list
    }

    fn said(list: &Subscriptions) -> Names {
        list.names.iter().filter_map(|(name, said)| Some((name.clone(), said.subscribed?))).collect()
    }

    #[track_caller]
    fn check(before: &Subscriptions, edits: &[Edit], expected: &[(&str, bool)]) {
        let mut after = before.clone();
        after.apply(edits);
        assert_eq!(said(&after), names(expected));
        let mut again = after.clone();
        again.apply(edits);
        assert_eq!(after, again, "what may be repeated does nothing more");
    }

    #[test]
    fn names_are_subscribed_and_unsubscribed() {
        check(&list(&[]), &Subscriptions::subscribing("Work"), &[("Work", true)]);
        let one = list(&[("Work", true)]);
        assert_eq!((one.get("Work"), one.get("work")), (Some(true), None));
        check(&one, &Subscriptions::unsubscribing("Work", true), &[("Work", false)]);
        check(&one, &Subscriptions::unsubscribing("Work", false), &[]);
        check(&one, &Subscriptions::unsubscribing("never", false), &[("Work", true)]);
        assert_eq!(one.subscribed().collect::<Vec<_>>(), ["Work"]);
    }

    #[test]
    fn what_create_makes_is_not_subscribed_unless_its_name_is() {
        let before = list(&[("a/b", true), ("a/c", false)]);
        let made = before.created(["a", "a/b", "a/c", "a/d"]);
        check(&before, &made, &[("a", false), ("a/b", true), ("a/c", false), ("a/d", false)]);
    }

    #[test]
    fn a_name_outlives_its_folder_if_somebody_subscribed_it() {
        let before = list(&[("yes", true), ("no", false)]);
        let deleted = |name, own, expected: &[_]| check(&before, &before.deleted(name, own, Some("Trash/x")), expected);
        deleted("yes", false, &[("yes", true), ("no", false), ("Trash/x", false)]);
        // The list has the last word.
        deleted("no", true, &[("yes", true), ("Trash/x", false)]);
        deleted("never spoken of", false, &[("yes", true), ("no", false), ("Trash/x", false)]);
        deleted("by itself", true, &[("yes", true), ("no", false), ("by itself", true), ("Trash/x", false)]);
        check(&before, &before.deleted("no", false, None), &[("yes", true)]);
        // Somebody wanted that name.
        let wanted = list(&[("Trash/x", true)]);
        check(&wanted, &wanted.deleted("x", false, Some("Trash/x")), &[("Trash/x", true)]);
    }

    #[test]
    fn what_is_said_of_a_folder_goes_with_it() {
        let before = list(&[("a", true), ("a/b", false), ("a/gone", true), ("new/b", true), ("new/c", false)]);
        let renames = [("a", "new"), ("a/b", "new/b"), ("a/c", "new/c")];
        check(&before, &before.renamed(renames, false), &[("a/gone", true), ("new", true), ("new/b", true)]);
        let trash = list(&[("Trash/a", false), ("Trash/a/b", true)]);
        let renames = [("Trash/a", "a"), ("Trash/a/b", "a/b")];
        check(&trash, &trash.renamed(renames, true), &[("a/b", true)]);
        check(&trash, &trash.renamed(renames, false), &[("a", false), ("a/b", true)]);
        // A new name that is the old one of another.
        let before = list(&[("x", true), ("x/x", false)]);
        check(&before, &before.renamed([("x", "x/x"), ("x/x", "x/x/x")], false), &[("x/x", true), ("x/x/x", false)]);
        check(&trash, &trash.forgotten("Trash/a"), &[("Trash/a/b", true)]);
        check(&trash, &trash.forgotten("Trash/a/b"), &[("Trash/a", false), ("Trash/a/b", true)]);
    }

    #[test]
    fn lists_that_were_changed_apart_become_one() {
        let base = list(&[("a", true), ("b", false), ("gone", true)]);
        let (mut one, mut other) = (base.clone(), base.clone());
        one.apply(&[Edit::new("a", false), Edit::new("new", true), Edit::new("gone", None)]);
        other.apply(&[Edit::new("b", true)]);
        let (mut both, mut same) = (one.clone(), other.clone());
        both.merge(&other);
        same.merge(&one);
        assert_eq!(both, same);
        assert_eq!(said(&both), names(&[("a", false), ("b", true), ("new", true)]));
        both.merge(&base);
        assert_eq!(both, same, "what is old changes nothing");
        // A name of which nothing is left is remembered for a while, but not for ever.
        assert!(both.names.contains_key("gone"));
        (0..=REMEMBERED).for_each(|n| both.apply(&[Edit::new("new", n % 2 == 0), Edit::new("b", n % 2 == 0)]));
        assert!(!both.names.contains_key("gone"));
    }

    #[test]
    fn names_that_nobody_has_are_forgotten() {
        let mut some = list(&[("there", false), ("gone", false), ("wanted", true), ("new", false)]);
        some.prune(|name| name == "there", &[Edit::new("new", false)]);
        assert_eq!(said(&some), names(&[("there", false), ("wanted", true), ("new", false)]));
    }

    #[test]
    fn a_thousand_usual_names_have_room_and_there_is_a_bound() {
        let words = ["Projects", "Customers", "Invoices", "2024", "Meyer & Sons", "Entw\u{fc}rfe", "Archive", "to do"];
        let name = |n: usize| format!("{}/{} {}/{}", words[n % 8], words[n / 8 % 8], n / 64, words[n / 3 % 8]);
        let mut full = Subscriptions::default();
        (0..1000).for_each(|n| full.apply(&Subscriptions::subscribing(&name(n))));
        assert_eq!(full.subscribed().count(), 1000);
        let bytes = full.encode().expect("room");
        assert_eq!(Subscriptions::decode(&bytes), Ok(full.clone()));
        // Names in which nothing repeats take as many bytes as they have.
        let noise = |n: u64| format!("{:016x}", (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        (0..1000).for_each(|n| full.apply(&Subscriptions::subscribing(&noise(n))));
        assert_eq!(full.encode(), None);
        assert_eq!(list(&[(&"x".repeat(70_000), true)]).encode(), None);
    }

    #[test]
    fn names_of_a_full_list_can_be_given_up_in_any_order() {
        let name = |n: u64| format!("Folder/{:016x}", (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut full = Subscriptions::default();
        let mut count = 0;
        loop {
            let mut more = full.clone();
            more.apply(&Subscriptions::subscribing(&name(count)));
            if more.encode_instead_of(&full).is_none() {
                break;
            }
            (full, count) = (more, count + 1);
        }
        assert!(count > 500, "{count}");
        for (step, n) in (0..count).map(|n| n * 7 % count).enumerate() {
            let mut less = full.clone();
            less.apply(&Subscriptions::unsubscribing(&name(n), step % 3 > 0));
            assert!(less.encode_instead_of(&full).is_some(), "{n}");
            full = less;
        }
        assert_eq!(full.subscribed().collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn other_versions_are_left_alone_and_damage_is_none() {
        assert_eq!(Subscriptions::decode(b""), Ok(Subscriptions::default()));
        assert_eq!(Subscriptions::decode(&[2, 0]), Err(UnknownVersion));
        let whole = list(&[("a", true), ("b", false)]).encode().expect("room");
        for end in 1..whole.len() {
            assert_eq!(Subscriptions::decode(&whole[..end]), Ok(Subscriptions::default()), "{end}");
        }
        let mut bomb = DeflateEncoder::new(vec![VERSION], Compression::best());
        bomb.write_all(&vec![0; 4 << 20]).expect("in memory");
        assert_eq!(Subscriptions::decode(&bomb.finish().expect("in memory")), Ok(Subscriptions::default()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_list_comes_back(said in proptest::collection::vec((".{0,20}", any::<Option<bool>>()), 0..40)) {
            let mut list = Subscriptions::default();
            said.iter().for_each(|(name, subscribed)| list.apply(&[Edit::new(name.as_str(), *subscribed)]));
            prop_assert_eq!(Subscriptions::decode(&list.encode().expect("room")), Ok(list));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Subscriptions::decode(&bytes));
        }
    }
}

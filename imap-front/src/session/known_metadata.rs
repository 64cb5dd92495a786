use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use bytes::Bytes;
use mail_core::{FolderKey, Metadata};

/// Whose metadata: a mailbox's, or the server's.
pub(crate) type Place = Option<FolderKey>;

/// The metadata that a client wants to hear of, as it can know it (RFC 5465 5.6, 5.7). Stores say that it may be other, but not
/// which entries are, and removed ones must be named; so the names are kept, and of the values what tells them apart.
#[derive(Default)]
pub(crate) struct KnownMetadata {
    /// Nothing while it was not read.
    known: BTreeMap<Place, Option<BTreeMap<String, u64>>>,
    hasher: std::hash::RandomState,
    /// What is still to be read.
    to_read: BTreeSet<Place>,
}

impl KnownMetadata {
    /// Watches these, and no others.
    pub fn follow(&mut self, places: BTreeSet<Place>) {
        let mut before = std::mem::take(&mut self.known);
        let known = |place: Place| {
            let known = before.remove(&place).flatten();
            (place, known)
        };
        self.known = places.into_iter().map(known).collect();
        self.to_read = self.known.iter().filter(|(_, known)| known.is_none()).map(|(place, _)| place.clone()).collect();
    }

    /// Whether it is watched.
    pub fn has(&self, folder: Option<&FolderKey>) -> bool {
        // Lookups are few, and what is watched is little.
        self.known.keys().any(|place| place.as_ref() == folder)
    }

    /// Those of these that are watched are to be read.
    pub fn suspect(&mut self, places: impl IntoIterator<Item = Place>) {
        let places = places.into_iter().filter(|place| self.known.contains_key(place));
        self.to_read.extend(places);
    }

    /// All that is watched is to be read.
    pub fn suspect_all(&mut self) {
        self.to_read.extend(self.known.keys().cloned());
    }

    /// The next one to be read.
    pub fn next_to_read(&mut self) -> Option<Place> {
        self.to_read.pop_first()
    }

    /// What is there by now. Gives the names of the entries that were set or removed since it was looked at before, if it was.
    pub fn learn(&mut self, place: &Place, found: &Metadata) -> Vec<String> {
        let marks: BTreeMap<String, u64> =
            found.iter().map(|(name, value)| (name.clone(), self.hasher.hash_one(value))).collect();
        let Some(known) = self.known.get_mut(place) else { return Vec::new() };
        let Some(before) = known.replace(marks.clone()) else { return Vec::new() };
        let names: BTreeSet<&String> = before.keys().chain(marks.keys()).collect();
        names.into_iter().filter(|name| before.get(*name) != marks.get(*name)).cloned().collect()
    }

    /// The client itself set or removed these: it is not told (RFC 5465 5).
    pub fn set(&mut self, place: &Place, entries: &[(String, Option<Bytes>)]) {
        let Some(Some(known)) = self.known.get_mut(place) else { return };
        for (name, value) in entries {
            match value {
                Some(value) => drop(known.insert(name.clone(), self.hasher.hash_one(value))),
                None => drop(known.remove(name)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(entries: &[(&str, &'static str)]) -> Metadata {
        entries.iter().map(|(name, value)| ((*name).to_owned(), Bytes::from(*value))).collect()
    }

    #[test]
    fn what_differs_is_named() {
        let mut known = KnownMetadata::default();
        let inbox = Some(FolderKey(vec![1]));
        known.follow(BTreeSet::from([None, inbox.clone()]));
        assert_eq!(std::iter::from_fn(|| known.next_to_read()).collect::<Vec<_>>(), [None, inbox.clone()]);
        assert!(known.learn(&inbox, &metadata(&[("/private/a", "1"), ("/private/b", "1")])).is_empty());
        assert!(known.learn(&inbox, &metadata(&[("/private/a", "1"), ("/private/b", "1")])).is_empty());
        let found = metadata(&[("/private/a", "2"), ("/private/c", "1")]);
        assert_eq!(known.learn(&inbox, &found), ["/private/a", "/private/b", "/private/c"]);
        known.set(&inbox, &[("/private/a".to_owned(), Some("3".into())), ("/private/c".to_owned(), None)]);
        assert!(known.learn(&inbox, &metadata(&[("/private/a", "3")])).is_empty());
        // What is not watched is neither read nor told.
        known.suspect([inbox.clone(), Some(FolderKey(vec![2]))]);
        assert_eq!(known.next_to_read(), Some(inbox.clone()));
        assert_eq!(known.next_to_read(), None);
        known.follow(BTreeSet::from([inbox.clone()]));
        assert_eq!(known.next_to_read(), None);
        assert!(known.has(inbox.as_ref()) && !known.has(None));
        assert!(known.learn(&None, &metadata(&[("/private/a", "1")])).is_empty());
    }
}

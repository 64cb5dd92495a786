use std::cmp::Ordering;

use memchr::memmem::Finder;

use super::text::spaced;

/// What a SEARCH looks for in messages, and where. All of a place is looked for at the same time, so that nothing of its text
/// has to be kept for another key.
#[derive(Default)]
pub(crate) struct Sought(Vec<(Place<String>, Words)>);

/// Where something is looked for; fields have names, whatever their case.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<N> {
    /// The fields of a name.
    Field(N),
    /// The addresses in the fields of a name, as ENVELOPE shows them.
    Addresses(N),
    /// The header, and those of the parts.
    Headers,
    /// All texts, and the headers of messages in the message.
    Body,
}

/// What is looked for in one place, folded, sorted, each once.
pub(super) struct Words(Vec<Word>);

pub(super) struct Word {
    text: String,
    as_it_is: Finder<'static>,
    spaced: Finder<'static>,
}

/// How a text has white space.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spaces {
    AsTheyAre,
    /// As [`spaced`] makes it.
    One,
}

impl Sought {
    /// Folded words, each with the place where it is sought.
    pub fn new(mut words: Vec<(Place<&str>, &str)>) -> Self {
        let compare = |(place, word): &(Place<&str>, &str), (other, than): &(Place<&str>, &str)| {
            place.compare(other).then_with(|| word.cmp(than))
        };
        words.sort_by(compare);
        words.dedup_by(|one, other| compare(one, other).is_eq());
        let mut places: Vec<(Place<String>, Words)> = Vec::new();
        for (place, word) in words {
            match places.last_mut() {
                Some((last, words)) if last.compare(&place).is_eq() => words.0.push(Word::new(word)),
                _ => places.push((place.owned(), Words(vec![Word::new(word)]))),
            }
        }
        Self(places)
    }

    pub(super) fn places(&self) -> usize {
        self.0.len()
    }

    /// What is sought in a place, and the how manieth place it is.
    pub(super) fn place(&self, place: Place<&str>) -> Option<(usize, &Words)> {
        let number = self.0.binary_search_by(|(known, _)| known.compare(&place)).ok()?;
        Some((number, &self.0.get(number)?.1))
    }
}

impl<N: AsRef<str>> Place<N> {
    fn compare<M: AsRef<str>>(&self, other: &Place<M>) -> Ordering {
        let (kind, name) = self.parts();
        let (other_kind, other_name) = other.parts();
        let lower = |byte: u8| byte.to_ascii_lowercase();
        kind.cmp(&other_kind).then_with(|| name.bytes().map(lower).cmp(other_name.bytes().map(lower)))
    }

    fn parts(&self) -> (u8, &str) {
        match self {
            Self::Field(name) => (0, name.as_ref()),
            Self::Addresses(name) => (1, name.as_ref()),
            Self::Headers => (2, ""),
            Self::Body => (3, ""),
        }
    }
}

impl Place<&str> {
    fn owned(self) -> Place<String> {
        match self {
            Self::Field(name) => Place::Field(name.to_owned()),
            Self::Addresses(name) => Place::Addresses(name.to_owned()),
            Self::Headers => Place::Headers,
            Self::Body => Place::Body,
        }
    }
}

impl Words {
    pub(super) fn place(&self, word: &str) -> Option<usize> {
        self.0.binary_search_by(|known| known.text.as_str().cmp(word)).ok()
    }

    pub(super) fn all(&self) -> &[Word] {
        &self.0
    }
}

impl Word {
    fn new(word: &str) -> Self {
        let finder = |word: &str| Finder::new(word).into_owned();
        Self { text: word.to_owned(), as_it_is: finder(word), spaced: finder(&spaced(word)) }
    }

    pub(super) fn finder(&self, spaces: Spaces) -> &Finder<'static> {
        match spaces {
            Spaces::AsTheyAre => &self.as_it_is,
            Spaces::One => &self.spaced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_sought_once_in_its_place() {
        let sought = Sought::new(vec![
            (Place::Body, "b"),
            (Place::Field("Subject"), "x"),
            (Place::Body, "a"),
            (Place::Field("SUBJECT"), "x"),
            (Place::Addresses("subject"), "x"),
        ]);
        assert_eq!(sought.places(), 3);
        let words = |place| sought.place(place).map(|(_, words)| words.all().len());
        assert_eq!(words(Place::Body), Some(2));
        assert_eq!(words(Place::Field("sUBJECT")), Some(1));
        assert_eq!(words(Place::Headers), None);
        let (_, words) = sought.place(Place::Body).unwrap();
        assert_eq!((words.place("a"), words.place("b"), words.place("c")), (Some(0), Some(1), None));
    }
}

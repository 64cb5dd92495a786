use mail_core::work::{is_cancelled, spend};
use memchr::memmem::Finder;

use super::sought::{Spaces, Words};
use super::text::{Folding, PIECE};

/// Which words were found in a place.
pub(super) struct Found(Vec<bool>);

impl Found {
    pub(super) fn nothing(words: &Words) -> Self {
        Self(vec![false; words.all().len()])
    }

    pub(super) fn has(&self, words: &Words, word: &str) -> bool {
        words.place(word).and_then(|place| self.0.get(place)).is_some_and(|found| *found)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.0.iter().all(|found| *found)
    }

    /// Looks for the words in a text that `give` gives piece by piece, in any case.
    pub(super) fn look(&mut self, words: &Words, spaces: Spaces, give: impl FnOnce(&mut dyn FnMut(&str))) {
        let missing = words.all().iter().zip(&mut self.0).filter(|(_, found)| !**found);
        let missing = missing.map(|(word, found)| (word.finder(spaces), found)).collect();
        let mut window = Window::new(missing);
        let mut folding = Folding::default();
        give(&mut |text| folding.push(text, &mut |folded| window.push(folded)));
        window.search();
    }
}

/// The piece of a text that is looked at, with as much of what was before it as a word may have begun in.
struct Window<'w> {
    missing: Vec<(&'w Finder<'static>, &'w mut bool)>,
    text: String,
    /// How much of the text was looked at.
    known: usize,
    /// How much of it stays.
    overlap: usize,
}

impl<'w> Window<'w> {
    fn new(missing: Vec<(&'w Finder<'static>, &'w mut bool)>) -> Self {
        let longest = missing.iter().map(|(finder, _)| finder.needle().len()).max().unwrap_or_default();
        Self { missing, text: String::new(), known: 0, overlap: longest.saturating_sub(1) }
    }

    fn push(&mut self, text: &str) {
        if self.missing.is_empty() || is_cancelled() {
            // Nobody hears the answer.
            return;
        }
        self.text.push_str(text);
        // Not less than what is looked at again.
        if self.text.len() - self.known >= PIECE.max(self.overlap) {
            self.search();
            let gone = self.text.floor_char_boundary(self.text.len().saturating_sub(self.overlap));
            self.text.drain(..gone);
            self.known = self.text.len();
        }
    }

    fn search(&mut self) {
        let (text, known) = (self.text.as_bytes(), self.known);
        self.missing.retain_mut(|(finder, found)| {
            let overlap = finder.needle().len().saturating_sub(1);
            let text = text.get(known.saturating_sub(overlap)..).unwrap_or_default();
            spend(text.len());
            **found = finder.find(text).is_some();
            !**found
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::sought::{Place, Sought};
    use super::*;

    fn found(text: &str, sought: &[&str]) -> Vec<bool> {
        let all = Sought::new(sought.iter().map(|&word| (Place::Body, word)).collect());
        let (_, words) = all.place(Place::Body).unwrap();
        let in_pieces = |size| {
            let mut found = Found::nothing(words);
            found.look(words, Spaces::AsTheyAre, |each| {
                let mut rest = text;
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(rest.ceil_char_boundary(size));
                    each(piece);
                    rest = after;
                }
            });
            sought.iter().map(|word| found.has(words, word)).collect::<Vec<_>>()
        };
        let found = in_pieces(text.len());
        for size in [1, 1000, PIECE] {
            assert_eq!(in_pieces(size), found, "pieces of {size} bytes make a difference");
        }
        found
    }

    #[test]
    fn words_are_found_wherever_they_are() {
        for at in [0, 1, PIECE - 7, PIECE - 6, PIECE - 3, PIECE, PIECE + 1, 3 * PIECE - 2] {
            let text = format!("{}neeDLE{}", "Ä".repeat(at), "e".repeat(10));
            assert_eq!(found(&text, &["needle", "needles", "", "needleee"]), [true, false, true, true], "{at}");
        }
        assert_eq!(found("", &["", "x"]), [true, false]);
        let long = format!("{}x{}", "n".repeat(2 * PIECE), "y".repeat(PIECE));
        let text = format!("{}{long}{}", "n ".repeat(PIECE), "y".repeat(5));
        assert_eq!(found(&text, &[&long, "z"]), [true, false]);
    }
}

use icu_normalizer::DecomposingNormalizerBorrowed;

/// A name without case, accents, width and the like. Directories may compare names so, and then find one user under many
/// spellings. For counting only: two users whose names differ in that alone share their guesses.
pub(super) fn folded(name: &str) -> String {
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(name.chars());
    decomposed.filter(|c| !is_mark(*c)).flat_map(char::to_lowercase).collect::<String>().replace('ß', "ss")
}

/// The blocks of combining diacritical marks.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name() {
        for name in ["alice", "ALICE", "alicé", "ÀLICE", "ａｌｉｃｅ", "a\u{301}lice"] {
            assert_eq!(folded(name), "alice", "{name}");
        }
        assert_eq!((folded("Straße@x"), folded("STRASSE@x")), ("strasse@x".into(), "strasse@x".into()));
        assert_ne!(folded("alice@a.test"), folded("alice@b.test"));
    }
}

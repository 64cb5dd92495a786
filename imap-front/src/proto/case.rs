/// Adds a text to another one in the form in which texts are compared without case (RFC 3501 6.4.4): every character in lower
/// case by itself, and the two small sigmas as one, so that a part of a word looks the same wherever it stands.
pub(crate) fn fold(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        if let Some(added) = out.get_mut(start..) {
            added.make_ascii_lowercase();
        }
    } else {
        out.extend(text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }));
    }
}

/// See [`fold`].
pub(crate) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_word_is_a_part_of_its_form() {
        let text = "ΣΊΣΥΦΟΣ Straße İ Ä ABC";
        let whole = folded(text);
        for (start, _) in text.char_indices() {
            for (end, _) in text.char_indices().filter(|(end, _)| *end >= start) {
                assert!(whole.contains(&folded(&text[start..end])), "{}", &text[start..end]);
            }
        }
        assert_eq!(folded("Σίσυφος"), folded("ΣΊΣΥΦΟΣ"));
        assert_eq!(folded("MiXed"), "mixed");
    }
}

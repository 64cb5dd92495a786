use icu_normalizer::DecomposingNormalizerBorrowed;

/// A text as i;unicode-casemap compares it, byte by byte (RFC 5051 2): in title case, decomposed. No more than `longest` bytes
/// of it.
pub(super) fn collated(text: &str, longest: usize) -> Box<[u8]> {
    let mut key = Vec::with_capacity(text.len().min(longest));
    if text.is_ascii() {
        key.extend(text.bytes().take(longest).map(|byte| byte.to_ascii_uppercase()));
    } else {
        let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(text.chars().map(title_case));
        let mut bytes = [0; 4];
        for c in decomposed {
            let bytes = c.encode_utf8(&mut bytes).as_bytes();
            if key.len() + bytes.len() > longest {
                break;
            }
            key.extend_from_slice(bytes);
        }
    }
    key.into()
}

/// The simple title case of UnicodeData.txt: a character each. Where the upper case takes several, most have none.
fn title_case(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        // Georgian has upper case, but no title case.
        '\u{10d0}'..='\u{10ff}' => c,
        '\u{1f80}'..='\u{1faf}' => char::from_u32(c as u32 | 8).unwrap_or(c),
        '\u{1fb3}' => '\u{1fbc}',
        '\u{1fc3}' => '\u{1fcc}',
        '\u{1ff3}' => '\u{1ffc}',
        c => {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(upper), None) => upper,
                _ => c,
            }
        }
    }
}

#[cfg(test)]
mod tests {

    fn collated(text: &str) -> Box<[u8]> {
        super::collated(text, usize::MAX)
    }

    #[test]
    fn known_answers() {
        for (one, other) in [
            ("straße", "STRAßE"),
            ("Zoë", "ZOE\u{308}"),
            ("ǆ", "Ǆ"),
            ("Σίσυφος", "ΣΊΣΥΦΟς"),
            ("ᾳ", "ᾼ"),
            ("ｆｕｌｌ", "full"),
        ] {
            assert_eq!(collated(one), collated(other), "{one} {other}");
        }
        for (less, more) in [("a", "B"), ("Ä", "B"), ("z", "Ω"), ("a", "a b"), ("10", "9"), ("", "a")] {
            assert!(collated(less) < collated(more), "{less} {more}");
        }
        assert_ne!(collated("ß"), collated("ss"));
        // What has no title case by itself gets none by being decomposed.
        assert_eq!(&collated("ﬁne")[..], b"fiNE");
    }

    #[test]
    fn keys_are_bounded() {
        assert_eq!(super::collated(&"x".repeat(5000), 1000).len(), 1000);
        let long = super::collated(&"é".repeat(5000), 1000);
        assert!(long.len() <= 1000 && long.len() > 996 && std::str::from_utf8(&long).is_ok());
    }
}

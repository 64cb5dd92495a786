use std::borrow::Cow;

/// What is to be written to a stream, from which pieces are taken. Text becomes UTF-16 piece by piece: as a whole it would take
/// long for large ones, and twice the memory.
#[derive(Debug)]
pub(super) enum StreamContent<'a> {
    Bytes(Cow<'a, [u8]>),
    Text(&'a str),
}

impl Default for StreamContent<'_> {
    fn default() -> Self {
        Self::Text("")
    }
}

impl StreamContent<'_> {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Text(text) => text.is_empty(),
        }
    }

    /// How many bytes there are, but not more than `most`.
    pub(super) fn len_up_to(&self, most: usize) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len().min(most),
            Self::Text(text) => text.encode_utf16().take(most.div_ceil(2)).count().saturating_mul(2).min(most),
        }
    }

    /// Takes so many bytes from the beginning, or a few less where a character would be cut. Less than a character, or
    /// nothing that is left, is nothing.
    pub(super) fn take(&mut self, most: usize) -> Vec<u8> {
        match self {
            Self::Bytes(Cow::Borrowed(bytes)) => {
                let (piece, rest) = bytes.split_at(most.min(bytes.len()));
                *bytes = rest;
                piece.to_vec()
            }
            Self::Bytes(Cow::Owned(bytes)) => {
                let rest = bytes.split_off(most.min(bytes.len()));
                std::mem::replace(bytes, rest)
            }
            Self::Text(text) => {
                let mut piece = Vec::with_capacity(most.min(text.len().saturating_mul(2)));
                let mut units = [0; 2];
                let mut taken = 0;
                for character in text.chars() {
                    let units = character.encode_utf16(&mut units);
                    if piece.len() + 2 * units.len() > most {
                        break;
                    }
                    piece.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
                    taken += character.len_utf8();
                }
                *text = text.get(taken..).unwrap_or_default();
                piece
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(mut content: StreamContent<'_>, most: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !content.is_empty() {
            let least = content.len_up_to(most.saturating_sub(3));
            let piece = content.take(most);
            assert!(!piece.is_empty() && (least..=most).contains(&piece.len()));
            all.extend(piece);
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn pieces_are_the_whole(text in "[a\u{e4}\u{20ac}\u{1f600}]{0,40}", most in 4usize..30) {
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            prop_assert_eq!(StreamContent::Text(&text).len_up_to(usize::MAX), wide.len());
            prop_assert_eq!(&all(StreamContent::Text(&text), most), &wide);
            prop_assert_eq!(&all(StreamContent::Bytes(Cow::Borrowed(&wide)), most), &wide);
            prop_assert_eq!(all(StreamContent::Bytes(wide.clone().into()), most), wide);
        }
    }
}

//! As much of DER (X.690) as SPNEGO and the outside of a certificate need: tags of one byte, definite lengths.

pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const ENUMERATED: u8 = 0x0A;
pub(super) const SEQUENCE: u8 = 0x30;

/// The tag of a constructed, context-specific element.
pub(super) const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// Elements one after the other. Contents are slices of the input, so nothing is allocated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Tag and contents of the next element; `None` at the end, and where there is no whole element.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        if tag & 0x1F == 0x1F {
            return None;
        }
        let (length, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
                (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }

    /// The contents of the next element, if it has this tag; else it stays the next one.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let (found, contents) = ahead.next()?;
        (found == tag).then(|| {
            *self = ahead;
            contents
        })
    }

    /// The element within the next element: an explicit tag and the one inside it.
    pub(super) fn take_explicit(&mut self, outer: u8, inner: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let contents = Der(ahead.take(outer)?).take(inner)?;
        *self = ahead;
        Some(contents)
    }
}

/// An element.
pub(super) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let digits = length.to_be_bytes();
        let digits = &digits[digits.iter().take_while(|&&digit| digit == 0).count()..];
        out.push(0x80 | digits.len() as u8);
        out.extend_from_slice(digits);
    }
    out.extend_from_slice(contents);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn long_lengths() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let contents = vec![7; length];
            let bytes = element(OCTET_STRING, &contents);
            let mut der = Der::new(&bytes);
            assert_eq!(der.take(SEQUENCE), None);
            assert_eq!(der.take(OCTET_STRING), Some(&contents[..]));
            assert_eq!(der.next(), None);
        }
        assert_eq!(element(SEQUENCE, &[1; 200])[..3], [0x30, 0x81, 200]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut der = Der::new(&bytes);
            while der.next().is_some() {}
        }
    }
}

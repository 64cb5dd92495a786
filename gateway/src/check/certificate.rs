use std::fmt;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDateTime, Utc};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity(DateTime<Utc>);

impl Validity {
    /// Reads it from the DER of a certificate (RFC 5280 4.1.2.5); `None` if that can't be read.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate, _) = element(certificate, Some(SEQUENCE))?;
        let (_, signed, _) = element(certificate, Some(SEQUENCE))?;
        // version (may be absent), serial number, signature algorithm, issuer, validity
        let rest = element(signed, Some(VERSION)).map_or(signed, |(_, _, rest)| rest);
        let (_, _, rest) = element(rest, Some(INTEGER))?;
        let (_, _, rest) = element(rest, Some(SEQUENCE))?;
        let (_, _, rest) = element(rest, Some(SEQUENCE))?;
        let (_, validity, _) = element(rest, Some(SEQUENCE))?;
        let (_, _, rest) = element(validity, None)?;
        let (kind, text, _) = element(rest, None)?;
        let text = std::str::from_utf8(text).ok()?;
        let full = match kind {
            // Years below 50 are in this century.
            UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
            UTC_TIME => format!("19{text}"),
            GENERALIZED_TIME => text.to_owned(),
            _ => return None,
        };
        Some(Self(NaiveDateTime::parse_from_str(&full, "%Y%m%d%H%M%SZ").ok()?.and_utc()))
    }

    /// The last moment.
    pub(super) fn not_after(&self) -> SystemTime {
        let seconds = u64::try_from(self.0.timestamp()).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%d").fmt(f)
    }
}

/// Tag, content and what follows the first element of `bytes`, if it has the tag that is expected.
fn element(bytes: &[u8], expected: Option<u8>) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if expected.is_some_and(|expected| expected != tag) {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The front of a certificate's DER up to its validity, around `not_after`.
    fn certificate(not_after: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, parts: &[&[u8]]| {
            let content = parts.concat();
            [&[tag, 0x82, (content.len() >> 8) as u8, content.len() as u8], content.as_slice()].concat()
        };
        let validity = wrap(SEQUENCE, &[b"\x17\x0d250101000000Z", not_after]);
        let parts: [&[u8]; 5] = [b"\xA0\x03\x02\x01\x02", b"\x02\x01\x07", b"\x30\x00", b"\x30\x00", &validity];
        wrap(SEQUENCE, &[&wrap(SEQUENCE, &parts)])
    }

    #[test]
    fn both_forms_of_time() {
        let validity = Validity::of(&certificate(b"\x17\x0d300203040506Z")).expect("readable");
        assert_eq!(validity.to_string(), "2030-02-03");
        let validity = Validity::of(&certificate(b"\x18\x0f20550203040506Z")).expect("readable");
        assert_eq!(validity.to_string(), "2055-02-03");
        assert_eq!(Validity::of(&certificate(b"\x17\x0d309903040506Z")), None);
        assert_eq!(Validity::of(b"\x30\x82\xff\xff"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), at in 0usize..60) {
            let _ = Validity::of(&bytes);
            let mut damaged = certificate(b"\x17\x0d300203040506Z");
            let length = damaged.len();
            damaged[at % length] = bytes.first().copied().unwrap_or(0x84);
            let _ = Validity::of(&damaged);
            let _ = Validity::of(&damaged[..at % length]);
        }
    }
}

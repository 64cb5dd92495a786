//! Content-Transfer-Encoding.

use std::borrow::Cow;

use crate::work::spend;

/// So much is decoded at a time.
const PIECE: usize = 16 << 10;

/// Undoes a Content-Transfer-Encoding (RFC 2045 6). Broken content gives what can be had of it; an unknown encoding is none.
pub fn decode<'a>(encoding: &[u8], data: &'a [u8]) -> Cow<'a, [u8]> {
    match decoder(encoding) {
        Some(decode) => Cow::Owned(decode(data)),
        None => Cow::Borrowed(data),
    }
}

/// Whether there is anything to undo.
pub fn is_encoded(encoding: &[u8]) -> bool {
    decoder(encoding).is_some()
}

/// Whether it is known what an encoding means, none at all included.
pub fn is_known(encoding: &[u8]) -> bool {
    let encoding = encoding.trim_ascii();
    let is = |name: &str| encoding.eq_ignore_ascii_case(name.as_bytes());
    encoding.is_empty() || ["7bit", "8bit", "binary"].into_iter().any(is) || is_encoded(encoding)
}

/// What undoes an encoding.
type Decoder = fn(&[u8]) -> Vec<u8>;

fn decoder(encoding: &[u8]) -> Option<Decoder> {
    let is = |name: &str| encoding.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
    if is("base64") {
        Some(base64)
    } else if is("quoted-printable") {
        Some(quoted_printable)
    } else {
        None
    }
}

/// RFC 2045 6.8: characters outside the alphabet are passed over, padding ends the data.
pub(super) fn base64(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    let pieces = data.chunks(PIECE).inspect(|piece| spend(piece.len()));
    for &byte in pieces.flatten() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                // Parts that were put together one after the other each have their padding.
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// RFC 2045 6.7: space at the ends of lines goes, what is no escape stays.
fn quoted_printable(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    let mut lines = data.split_inclusive(|&b| b == b'\n');
    lines.by_ref().for_each(|line| {
        spend(line.len());
        let ending = match line {
            [.., b'\r', b'\n'] => 2,
            [.., b'\n'] => 1,
            _ => 0,
        };
        let (line, end) = line.split_at(line.len() - ending);
        let line = line.trim_ascii_end();
        let mut at = 0;
        while at < line.len() {
            let hex = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
            match (line[at], hex(line.get(at + 1)), hex(line.get(at + 2))) {
                (b'=', Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    at += 3;
                }
                // A soft line break.
                (b'=', ..) if at + 1 == line.len() => return,
                (byte, ..) => {
                    out.push(byte);
                    at += 1;
                }
            }
        }
        out.extend_from_slice(end);
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_encodings_give_what_they_can() {
        assert_eq!(*decode(b"BASE64 ", b"aGVs\r\nbG8=\r\n!"), *b"hello");
        assert_eq!(*decode(b"base64", b"aGVsbG8"), *b"hello");
        assert_eq!(*decode(b"base64", b"aGk=aGk="), *b"hihi");
        assert_eq!(*decode(b"quoted-printable", b"a=3Db=  \r\nc =\nd=4\r\n=XY=E4 \n"), *b"a=bc d=4\r\n=XY\xE4\n");
        assert_eq!(*decode(b"8bit", b"x"), *b"x");
        assert!(is_known(b"") && is_known(b" 8BIT") && is_known(b"Base64") && !is_known(b"x-uuencode"));
    }
}

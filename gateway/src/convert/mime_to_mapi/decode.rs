use std::borrow::Cow;

use encoding_rs::Encoding;
use mail_parser::decoders::charsets::map::charset_decoder;

use crate::convert::strings::guess;

/// Undoes a Content-Transfer-Encoding. Broken content gives what can be had of it; an unknown encoding is none.
pub(super) fn transfer<'a>(encoding: &str, data: &'a [u8]) -> Cow<'a, [u8]> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => Cow::Owned(base64(data)),
        "quoted-printable" => Cow::Owned(quoted_printable(data)),
        _ => Cow::Borrowed(data),
    }
}

/// Text of a declared charset. What is declared as ASCII or not at all is UTF-8 if it can be, else windows-1252.
pub(super) fn text(charset: Option<&str>, data: &[u8]) -> String {
    let charset = charset.map(|charset| charset.trim().to_ascii_lowercase()).unwrap_or_default();
    if matches!(charset.as_str(), "" | "us-ascii" | "ascii" | "ansi_x3.4-1968" | "unknown-8bit") {
        return guess(data).into_owned();
    }
    if let Some(encoding) = Encoding::for_label(charset.as_bytes()) {
        return encoding.decode_with_bom_removal(data).0.into_owned();
    }
    match charset_decoder(charset.as_bytes()) {
        Some(decoder) => decoder(data),
        None => guess(data).into_owned(),
    }
}

/// RFC 2045 6.8: characters outside the alphabet are passed over, padding ends the data.
fn base64(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for &byte in data {
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
        assert_eq!(*transfer("BASE64 ", b"aGVs\r\nbG8=\r\n!"), *b"hello");
        assert_eq!(*transfer("base64", b"aGVsbG8"), *b"hello");
        assert_eq!(*transfer("base64", b"aGk=aGk="), *b"hihi");
        assert_eq!(*transfer("quoted-printable", b"a=3Db=  \r\nc =\nd=4\r\n=XY=E4 \n"), *b"a=bc d=4\r\n=XY\xE4\n");
        assert_eq!(*transfer("8bit", b"x"), *b"x");
    }

    #[test]
    fn charsets() {
        assert_eq!(text(Some("ISO-8859-1"), b"\xE4"), "ä");
        assert_eq!(text(Some("koi8-r"), b"\xC1"), "а");
        assert_eq!(text(Some("utf-7"), b"a+AOQ-b"), "aäb");
        assert_eq!(text(Some("us-ascii"), "ä".as_bytes()), "ä");
        assert_eq!(text(None, b"\xE4"), "ä");
        assert_eq!(text(Some("no-such"), b"\xE4"), "ä");
    }
}

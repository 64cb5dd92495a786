//! Text in any charset.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, Encoding, REPLACEMENT, UTF_8, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

use crate::work::spend;

/// So much is decoded at a time.
const PIECE: usize = 16 << 10;

/// So much of a text is looked at to find out its charset, and so far a `<meta>` is looked for.
const DETECTED: usize = 64 << 10;
const META: usize = 4 << 10;
/// What is declared where nothing is known, or nothing is meant.
const NO_CHARSETS: [&str; 5] = ["", "us-ascii", "ascii", "ansi_x3.4-1968", "unknown-8bit"];

/// Whether there is a charset of that name, whatever the case.
pub fn is_known(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    match Encoding::for_label(name.as_bytes()) {
        // It stands for those that are not safe to be decoded.
        Some(encoding) => encoding != REPLACEMENT,
        None => NO_CHARSETS.iter().skip(1).any(|known| *known == name) || charset_decoder(name.as_bytes()).is_some(),
    }
}

/// Text of a declared charset. What is declared as ASCII or not at all is UTF-8 if it can be, else windows-1252; so is what
/// is declared as a charset that nobody knows.
pub fn decode(charset: Option<&str>, data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len());
    decode_in_pieces(charset, data, &mut |piece| text.push_str(piece));
    text
}

/// Text of a declared charset, as [`decode`] has it, piece by piece: in memory there is little of it at a time.
pub fn decode_in_pieces(charset: Option<&str>, data: &[u8], each: &mut dyn FnMut(&str)) {
    let charset = charset.map(|charset| charset.trim().to_ascii_lowercase()).unwrap_or_default();
    if NO_CHARSETS.contains(&charset.as_str()) {
        return guess_in_pieces(data, each);
    }
    if let Some(encoding) = Encoding::for_label(charset.as_bytes()) {
        return in_pieces(encoding.new_decoder_with_bom_removal(), data, each);
    }
    match charset_decoder(charset.as_bytes()) {
        Some(decoder) => each(&decoder(data)),
        None => guess_in_pieces(data, each),
    }
}

/// The charset of a text whose header names none that is known: what its byte order mark says, or the `<meta>` of HTML; UTF-8
/// if it can be, else what it looks like.
pub fn detect(data: &[u8], is_html: bool) -> &'static str {
    if let Some((encoding, _)) = Encoding::for_bom(data) {
        return encoding.name();
    }
    if let Some(encoding) = is_html.then(|| said_in_html(data)).flatten() {
        return encoding.name();
    }
    // What a piece ends with may be the half of a character.
    let looked_at = data.get(..DETECTED).unwrap_or(data);
    match std::str::from_utf8(looked_at) {
        Ok(_) => UTF_8.name(),
        Err(error) if error.error_len().is_none() && looked_at.len() < data.len() => UTF_8.name(),
        Err(_) => {
            spend(8 * looked_at.len());
            let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
            detector.feed(looked_at, looked_at.len() == data.len());
            detector.guess(None, Utf8Detection::Deny).name()
        }
    }
}

/// What the first `<meta>` that names a charset says (HTML 13.2.3.2).
fn said_in_html(data: &[u8]) -> Option<&'static Encoding> {
    let head = data.get(..META).unwrap_or(data).to_ascii_lowercase();
    spend(head.len());
    let mut rest = &head[..];
    while let Some(at) = find(rest, b"<meta") {
        rest = rest.get(at..)?;
        let (tag, after) = rest.split_at(find(rest, b">")?);
        rest = after;
        let Some(at) = find(tag, b"charset") else { continue };
        let value = tag.get(at + b"charset".len()..)?.trim_ascii_start();
        let Some(value) = value.strip_prefix(b"=") else { continue };
        let mut words = value.split(|byte| !(byte.is_ascii_alphanumeric() || b"-_:.".contains(byte)));
        let Some(encoding) = words.find(|word| !word.is_empty()).and_then(Encoding::for_label) else { continue };
        // Who can read the tag does not read UTF-16.
        let is_ascii = encoding.is_ascii_compatible() && encoding != REPLACEMENT;
        return Some(if is_ascii { encoding } else { UTF_8 });
    }
    None
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, wanted)
}

/// Bytes of an unknown encoding as text: UTF-8 if they are, else windows-1252, which fits always.
pub fn guess(bytes: &[u8]) -> Cow<'_, str> {
    match UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => text,
        None if bytes.len() > PIECE => {
            let mut text = String::with_capacity(bytes.len());
            in_pieces(WINDOWS_1252.new_decoder_without_bom_handling(), bytes, &mut |piece| text.push_str(piece));
            text.into()
        }
        None => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

fn guess_in_pieces(data: &[u8], each: &mut dyn FnMut(&str)) {
    match UTF_8.decode_without_bom_handling_and_without_replacement(data) {
        Some(text) => each(&text),
        None => in_pieces(WINDOWS_1252.new_decoder_without_bom_handling(), data, each),
    }
}

fn in_pieces(mut decoder: Decoder, data: &[u8], each: &mut dyn FnMut(&str)) {
    let mut text = String::new();
    let mut pieces = data.chunks(PIECE).peekable();
    loop {
        let piece = pieces.next().unwrap_or_default();
        spend(piece.len());
        let last = pieces.peek().is_none();
        // There is room for all of it, so nothing of the piece is left over.
        text.reserve(decoder.max_utf8_buffer_length(piece.len()).unwrap_or_default());
        let _ = decoder.decode_to_string(piece, &mut text, last);
        each(&text);
        text.clear();
        if last {
            return;
        }
    }
}

/// Whether a text with this charset in its header says nothing of what it is written in.
pub fn says_nothing(declared: Option<&str>) -> bool {
    declared.is_none_or(|name| NO_CHARSETS.contains(&name.trim().to_ascii_lowercase().as_str()) || !is_known(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_that_nobody_names() {
        let polish = b"Za\xBF\xF3\xB3\xE6 g\xEA\xB6l\xB1 ja\xBC\xF1. Dzi\xEAkuj\xEA bardzo, pozdrawiam serdecznie.";
        for (data, is_html, expected) in [
            (&b"plain"[..], false, "UTF-8"),
            ("Grüße".as_bytes(), false, "UTF-8"),
            (b"\xFF\xFEa\0", false, "UTF-16LE"),
            (b"\xEF\xBB\xBF\xE4", false, "UTF-8"),
            (b"Sch\xF6ne Gr\xFC\xDFe aus M\xFCnchen", false, "windows-1252"),
            (polish, false, "ISO-8859-2"),
            (b"\xF0\xD2\xC9\xD7\xC5\xD4, \xCB\xC1\xCB \xC4\xC5\xCC\xC1?", false, "KOI8-U"),
            (
                b"<html><META http-equiv=\"Content-Type\" content=\"text/html; charset=iso-8859-2\">\xB3",
                true,
                "ISO-8859-2",
            ),
            (b"<meta name=x><meta charset = 'koi8-r'>\xC1", true, "KOI8-R"),
            (b"<meta charset=utf-16>\xC3\xA4", true, "UTF-8"),
            (b"<meta charset=nothing><meta charset=big5>", true, "Big5"),
            (b"<meta charset=big5", true, "UTF-8"),
            (b"<meta charset=big5>", false, "UTF-8"),
        ] {
            assert_eq!(detect(data, is_html), expected, "{data:?}");
        }
        // A character that the piece that is looked at cuts in two.
        let long = [&b"x".repeat(DETECTED - 1)[..], "ä".as_bytes()].concat();
        assert_eq!(detect(&long, false), "UTF-8");
        assert!(says_nothing(None) && says_nothing(Some("US-ASCII ")) && says_nothing(Some("x-user-defined-no")));
        assert!(!says_nothing(Some("utf-8")) && !says_nothing(Some("iso-8859-1")));
    }

    #[test]
    fn charsets() {
        assert_eq!(decode(Some("ISO-8859-1"), b"\xE4"), "ä");
        assert_eq!(decode(Some("koi8-r"), b"\xC1"), "а");
        assert_eq!(decode(Some("utf-7"), b"a+AOQ-b"), "aäb");
        assert_eq!(decode(Some("us-ascii"), "ä".as_bytes()), "ä");
        assert_eq!(decode(None, b"\xE4"), "ä");
        assert_eq!(decode(Some("no-such"), b"\xE4"), "ä");
        assert_eq!(decode(Some("iso-8859-1"), b""), "");
        for (name, expected) in [
            ("utf8", true),
            ("UTF-8", true),
            ("US-ASCII", true),
            ("Latin1", true),
            ("cp1252", true),
            ("KOI8-R", true),
            ("utf-7", true),
            ("", false),
            ("x-nothing", false),
            ("iso-2022-kr", false),
        ] {
            assert_eq!(is_known(name), expected, "{name}");
        }
        let long = "ä\u{20ac}x".repeat(PIECE / 3);
        assert_eq!(decode(Some("utf-8"), long.as_bytes()), long);
        assert_eq!(decode(None, &b"\xE4".repeat(2 * PIECE)), "ä".repeat(2 * PIECE));
    }
}

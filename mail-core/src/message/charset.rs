//! Text in any charset.

use std::borrow::Cow;

use encoding_rs::{Decoder, Encoding, REPLACEMENT, UTF_8, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

use crate::work::spend;

/// So much is decoded at a time.
const PIECE: usize = 16 << 10;

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

#[cfg(test)]
mod tests {
    use super::*;

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

//! Text in any charset.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

/// Text of a declared charset. What is declared as ASCII or not at all is UTF-8 if it can be, else windows-1252; so is what
/// is declared as a charset that nobody knows.
pub fn decode(charset: Option<&str>, data: &[u8]) -> String {
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

/// Bytes of an unknown encoding as text: UTF-8 if they are, else windows-1252, which fits always.
pub fn guess(bytes: &[u8]) -> Cow<'_, str> {
    match UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => text,
        None => WINDOWS_1252.decode_without_bom_handling(bytes).0,
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
    }
}

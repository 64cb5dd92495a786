use super::charset::{decode as decode_charset, guess, is_known};
use super::line::one_line;
use super::transfer::base64;
use crate::work::spend;

/// So many bytes are one piece of work.
const PIECE: usize = 4 << 10;

/// Begins what sets the state of a charset.
const ESCAPE: u8 = 0x1B;

/// Free text on one line, encoded words decoded (RFC 2047 6.2).
pub(super) fn decode(value: &[u8]) -> String {
    decode_text(&without_ends(value))
}

/// The same of what is text already.
pub(super) fn decode_text(value: &str) -> String {
    let mut out = Words { value, text: String::new(), empty: true, after_word: true, run: None, words: None };
    let bytes = value.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if at % PIECE == 0 {
            spend(PIECE);
        }
        match byte {
            b'\n' => out.end_run(),
            b' ' | b'\t' | b'\r' => {}
            _ => {
                if let Some((word, end)) = word(value, at) {
                    out.end_run();
                    out.word(word, at);
                    at = end;
                    continue;
                }
                out.run = Some((out.run.map_or(at, |(start, _)| start), at + 1));
            }
        }
        at += 1;
    }
    out.end_run();
    out.end_words();
    one_line(&out.text)
}

/// Text that is put together of what is written plainly and of encoded words.
struct Words<'a> {
    value: &'a str,
    text: String,
    empty: bool,
    after_word: bool,
    /// Where what is written plainly begins and ends.
    run: Option<(usize, usize)>,
    /// Encoded words of one charset, one behind the other: some senders begin a character in one and end it in the next.
    words: Option<Word<'a>>,
}

impl<'a> Words<'a> {
    fn end_run(&mut self) {
        let Some((start, end)) = self.run.take() else { return };
        self.end_words();
        if !self.empty && self.is_apart(start) {
            self.text.push(' ');
        }
        self.text.push_str(self.value.get(start..end).unwrap_or_default());
        (self.empty, self.after_word) = (false, false);
    }

    /// Space between encoded words means nothing.
    fn word(&mut self, word: Word<'a>, at: usize) {
        // A word that sets its state itself (ISO-2022-JP) goes on with nothing; decoders take two escapes in a row for an error.
        let goes_on =
            |before: &Word<'_>| before.charset.eq_ignore_ascii_case(word.charset) && !word.bytes.starts_with(&[ESCAPE]);
        match &mut self.words {
            Some(words) if goes_on(words) => words.bytes.extend(word.bytes),
            _ => {
                self.end_words();
                self.words = Some(word);
            }
        }
        if !self.after_word && self.is_apart(at) {
            self.text.push(' ');
        }
        (self.empty, self.after_word) = (false, true);
    }

    fn end_words(&mut self) {
        if let Some(Word { charset, bytes }) = self.words.take() {
            self.text.push_str(&decode_charset(Some(charset), &bytes));
        }
    }

    /// Whether space stands before what begins at `at`. Without it encoded words and text belong together, as in names of
    /// files.
    fn is_apart(&self, at: usize) -> bool {
        at.checked_sub(1).and_then(|before| self.value.as_bytes().get(before)).is_some_and(u8::is_ascii_whitespace)
    }
}

/// An encoded word whose text is bytes again.
struct Word<'a> {
    charset: &'a str,
    bytes: Vec<u8>,
}

/// The encoded word that begins at `at`, and where it ends.
fn word(value: &str, at: usize) -> Option<(Word<'_>, usize)> {
    let end = word_end(value.as_bytes(), at)?;
    let mut pieces = value.get(at + 2..end - 2)?.splitn(3, '?');
    let (charset, encoding, text) = (pieces.next()?, pieces.next()?, pieces.next()?);
    // A language may follow (RFC 2231 5).
    let charset = charset.split_once('*').map_or(charset, |(charset, _)| charset);
    if !is_known(charset) {
        return None;
    }
    let encoded = text.as_bytes();
    let bytes = if encoding.eq_ignore_ascii_case("b") { base64(encoded) } else { q_decoded(encoded) };
    Some((Word { charset, bytes }, end))
}

/// The "Q" encoding (RFC 2047 4.2). What is no escape stays, but for an equals sign at the end.
fn q_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        out.push(match (first, tail) {
            (b'_', _) => b' ',
            (b'=', [high, low, after @ ..]) => match hex(*high, *low) {
                Some(byte) => {
                    rest = after;
                    byte
                }
                None => b'=',
            },
            (b'=', []) => break,
            (byte, _) => *byte,
        });
    }
    out
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Where the encoded word ends that begins at `at`, if it looks like one: `=?charset?encoding?text?=`. No text is looked at
/// for more than one word, however many begin and never end.
fn word_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?.strip_prefix(b"=?")?;
    let charset =
        rest.iter().position(|byte| matches!(byte, b'?' | b'\n')).filter(|end| rest.get(*end) == Some(&b'?'))?;
    let [b'?', b'q' | b'Q' | b'b' | b'B', b'?'] = rest.get(charset..charset + 3)? else { return None };
    let text = charset + 3;
    let mut from = text;
    loop {
        let mark = from + rest.get(from..)?.iter().position(|byte| *byte == b'?')?;
        if rest.get(mark + 1) == Some(&b'=') {
            return Some(at + 2 + mark + 2);
        }
        // The next one begins in it.
        if mark > text && rest.get(mark - 1) == Some(&b'=') {
            return None;
        }
        from = mark + 1;
    }
}

/// A value as text with the line end that parsers of values look for.
pub(super) fn terminated(value: &[u8]) -> String {
    without_ends(value) + "\n"
}

/// A value as text without space at its end and without what would end it early.
fn without_ends(value: &[u8]) -> String {
    guess(value.trim_ascii_end()).replace(['\r', '\0'], "")
}

#[cfg(test)]
mod tests {
    use mail_parser::HeaderValue;
    use mail_parser::parsers::MessageStream;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answers() {
        for (value, expected) in [
            ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?= aus\r\n =?iso-8859-1?Q?K=F6ln?=\r\n", "Grüße aus Köln"),
            ("=?utf-8?B?w6Q=?= =?utf-8?B?w6Q=?=\r\n\t=?utf-8?q?_x?=", "ää x"),
            ("a=?utf-8?q?b?=c", "abc"),
            ("=?utf-8?q?no end", "=?utf-8?q?no end"),
            ("=?utf-8?q?no=?= =?utf-8?q?end?=", "noend"),
            ("=?x?q?a?= =?utf-8?z?a?= =?", "=?x?q?a?= =?utf-8?z?a?= =?"),
            ("=?utf-8?Q?Gr=C3?=\r\n =?UTF-8?b?vMOfZQ?= =?utf-8?q?!?=", "Grüße!"),
            ("=?utf-8?q?=C3?= x =?utf-8?q?=BC?=", "\u{fffd} x \u{fffd}"),
            ("=?utf-8?q?=C3=A4?= =?iso-8859-1?q?=E4?= =?iso-8859-1?q?=E4?=", "äää"),
            ("=?iso-2022-jp?B?GyRCRnwbKEI=?= =?iso-2022-jp?B?GyRCS1wbKEI=?=", "日本"),
            ("=?utf-8*de?q?a=?= =?utf-8?q?=zz=4?=", "a=zz=4"),
            ("=?utf-8?B?SGVsbG8gV29ybGQ?=", "Hello World"),
            ("\tplain  text \0", "plain  text"),
            ("", ""),
        ] {
            assert_eq!(decode(value.as_bytes()), expected, "{value}");
        }
        assert_eq!(decode(b"Gr\xFC\xDFe"), "Grüße");
    }

    #[test]
    fn words_without_end_are_looked_at_once() {
        // Minutes, if the end of each were looked for.
        let value = "=?ab?q?x".repeat(1 << 19);
        assert_eq!(decode(value.as_bytes()), value);
    }

    fn library(value: &str) -> String {
        let value = format!("{}\n", value.trim_ascii_end());
        match MessageStream::new(value.as_bytes()).parse_unstructured() {
            HeaderValue::Text(text) => one_line(&text),
            _ => String::new(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Words are put together as the library does, which sets apart also what is not.
        #[test]
        fn as_the_library(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("=?utf-8?Q?=C3=A4?="), Just("=?iso-8859-1?b?5A==?="), Just(" "), Just("\n "), Just("x"), Just("="),
                    Just("  y z"), Just("é"), Just("=?utf-8?q?a_b?="), Just("?"), Just("\t"),
                ],
                0..12,
            )
        ) {
            let value = pieces.join(" ");
            prop_assert_eq!(decode(value.as_bytes()), library(&value));
        }
    }
}

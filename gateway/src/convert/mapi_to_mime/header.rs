use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_core::message::one_line;

use super::encoding::MAX_LINE;

/// Lines are folded after this column (RFC 5322 2.1.1).
const FOLD_AT: usize = 76;
/// Longest `encoded-word` (RFC 2047 2).
const MAX_WORD: usize = 75;
const WORD_FRAME: usize = "=?utf-8?B??=".len();

/// A header block under construction. Whatever is put in, no value can start another field: line ends are written
/// by folding alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Header(Vec<u8>);

impl Header {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a field of free text (RFC 5322 3.6.5), in encoded words if need be. Empty text makes no field.
    pub(super) fn unstructured(&mut self, name: &str, text: &str) {
        let text = one_line(text);
        if text.is_empty() {
            return;
        }
        let value = if is_plain_text(&text) { text } else { encoded_words(&text, FOLD_AT - (name.len() + 2).min(40)) };
        self.structured(name, &value);
    }

    /// Adds a field whose value is ASCII and in its final form; folded at its spaces.
    pub(super) fn structured(&mut self, name: &str, value: &str) {
        self.put(name, value, words(value));
    }

    /// The same for a value with parameters: folded between them only, since not everybody unfolds quoted strings.
    pub(super) fn with_parameters(&mut self, name: &str, value: &str) {
        self.put(name, value, value.split_inclusive(';'));
    }

    fn put<'v>(&mut self, name: &str, value: &str, words: impl Iterator<Item = &'v str>) {
        debug_assert!(value.is_ascii(), "{name}: {value}");
        let name_ok = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if !name_ok || name.len() > FOLD_AT {
            return;
        }
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        let mut column = name.len() + 2;
        let mut first = true;
        for word in words {
            // Spaces before the word belong to it, so that unfolding gives the value back.
            let foldable = !first && word.starts_with(' ');
            if foldable && column + word.len() > FOLD_AT {
                self.0.extend_from_slice(b"\r\n");
                column = 0;
            }
            for byte in word.bytes().filter(|b| (b' '..=b'~').contains(b)) {
                if column >= MAX_LINE - 1 {
                    self.0.extend_from_slice(b"\r\n ");
                    column = 1;
                }
                self.0.push(byte);
                column += 1;
            }
            first = false;
        }
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds lines that are complete already.
    pub(super) fn lines(&mut self, lines: &[u8]) {
        self.0.extend_from_slice(lines);
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A display name as `phrase` (RFC 5322 3.2.5): atoms, a quoted string, or encoded words.
pub(crate) fn phrase(name: &str) -> String {
    let name = one_line(name);
    let atoms = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~ ".contains(c);
    let regular = is_plain_text(&name) && name.len() <= 200;
    if regular && name.chars().all(atoms) {
        name
    } else if regular {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        encoded_words(&name, 40)
    }
}

/// Text as encoded words (RFC 2047), separated by spaces; the first has room for `first` columns.
pub(super) fn encoded_words(text: &str, first: usize) -> String {
    let quoted_length: usize = text.bytes().map(|b| if is_q_safe(b) || b == b' ' { 1 } else { 3 }).sum();
    // The readable form, unless the other is much shorter.
    let base64 = text.len().div_ceil(3) * 4 * 3 < quoted_length * 2;
    let mut out = String::new();
    let mut rest = text;
    let mut room = first.clamp(WORD_FRAME + 16, MAX_WORD) - WORD_FRAME;
    while !rest.is_empty() {
        let cut = fitting(rest, room, base64);
        let (word, after) = rest.split_at(cut);
        if !out.is_empty() {
            out.push(' ');
        }
        if base64 {
            out.push_str("=?utf-8?B?");
            STANDARD.encode_string(word, &mut out);
        } else {
            out.push_str("=?utf-8?Q?");
            for byte in word.bytes() {
                match byte {
                    b' ' => out.push('_'),
                    b if is_q_safe(b) => out.push(char::from(b)),
                    b => out.push_str(&format!("={b:02X}")),
                }
            }
        }
        out.push_str("?=");
        rest = after;
        room = MAX_WORD - WORD_FRAME;
    }
    out
}

/// How many bytes of `text` fit into an encoded word of `room` characters: whole characters, at least one.
fn fitting(text: &str, room: usize, base64: bool) -> usize {
    let mut used = 0;
    let mut cut = 0;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        used = if base64 {
            end.div_ceil(3) * 4
        } else {
            used + text[at..end].bytes().map(|b| if is_q_safe(b) || b == b' ' { 1 } else { 3 }).sum::<usize>()
        };
        if used > room && cut > 0 {
            break;
        }
        cut = end;
    }
    cut
}

/// Bytes that stand for themselves in a Q-encoded word, also within a phrase (RFC 2047 5 (3)).
fn is_q_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'*' | b'+' | b'-' | b'/')
}

/// Whether text survives as it is: printable ASCII, nothing that looks encoded, single spaces, no endless words.
fn is_plain_text(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && !text.contains("=?")
        && !text.contains("  ")
        && text.split(' ').all(|word| word.len() < MAX_LINE / 2)
}

/// Splits before single spaces.
fn words(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let next = rest.bytes().zip(rest.bytes().skip(1)).enumerate().skip(1);
        // A fold before more than one space could leave a line of nothing but space.
        let cut = next.filter(|(_, (a, b))| *a == b' ' && *b != b' ').map(|(at, _)| at).next();
        let (word, after) = rest.split_at(cut.unwrap_or(rest.len()));
        rest = after;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    use super::*;

    fn field(name: &str, text: &str) -> String {
        let mut header = Header::new();
        header.unstructured(name, text);
        String::from_utf8(header.0).expect("ASCII")
    }

    #[test]
    fn free_text() {
        assert_eq!(field("Subject", "Hello  \r\n"), "Subject: Hello\r\n");
        assert_eq!(field("Subject", "\u{e4}"), "Subject: =?utf-8?Q?=C3=A4?=\r\n");
        assert_eq!(field("Subject", "a\r\nBcc: x"), "Subject: a Bcc: x\r\n");
        assert_eq!(field("Subject", "a  b"), "Subject: =?utf-8?Q?a__b?=\r\n");
        assert_eq!(field("Subject", " \0"), "");
        assert_eq!(field("Bad Name", "x"), "");
        let long = field("Subject", &"word ".repeat(30));
        assert!(long.lines().all(|line| line.len() <= FOLD_AT), "{long}");
        assert_eq!(long.replace("\r\n", ""), format!("Subject: {}", "word ".repeat(30).trim()));
    }

    #[test]
    fn names() {
        assert_eq!(phrase("Alice Example"), "Alice Example");
        assert_eq!(phrase("O. \"X\" \\"), "\"O. \\\"X\\\" \\\\\"");
        assert_eq!(phrase("Zo\u{eb}, X"), "=?utf-8?Q?Zo=C3=AB=2C_X?=");
        assert_eq!(phrase("日本"), "=?utf-8?B?5pel5pys?=");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_text_comes_back_and_stays_one_field(text in "\\PC{0,200}|[a-z =?_\\r\\n]{0,100}") {
            let out = field("Subject", &text);
            prop_assert!(out.is_ascii());
            prop_assert!(out.lines().all(|line| line.len() <= 98));
            prop_assert!(out.lines().skip(1).all(|line| line.starts_with(' ') && !line.trim().is_empty()));
            let message = format!("{out}X: y\r\n\r\n");
            let parsed = MessageParser::new().with_minimal_headers().parse(message.as_bytes()).expect("a header");
            prop_assert_eq!(parsed.subject().unwrap_or_default(), one_line(&text));
        }
    }
}

//! Lines of bytes and of text.

use std::ops::Range;

use crate::work::spend;

/// So many characters are one piece of work.
const PIECE: usize = 4 << 10;

/// The bytes of a range, or none where it is beyond them.
pub(super) fn slice<'a>(raw: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    raw.get(range.clone()).unwrap_or_default()
}

/// The length of the first line with its line end, LF or CRLF.
pub(super) fn line_length(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |position| position + 1)
}

/// Where a line ends that is followed by `position`, without its line end.
pub(super) fn before_line_end(raw: &[u8], position: usize) -> usize {
    let before = raw.get(..position).unwrap_or_default();
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    before.strip_suffix(b"\r").unwrap_or(before).len()
}

/// A value without its line ends, and without space at its ends.
pub(super) fn unfold(value: &[u8]) -> Vec<u8> {
    value.trim_ascii().iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
}

/// Text on one line: control characters are gone, line ends and tabs are spaces, no space at the ends.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = '\0';
    for (position, c) in text.chars().enumerate() {
        if position % PIECE == 0 {
            spend(PIECE);
        }
        match c {
            // CRLF is one line end.
            '\n' if previous == '\r' => {}
            '\r' | '\n' | '\t' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
        previous = c;
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        assert_eq!((line_length(b"a\r\nb"), line_length(b"a"), line_length(b"")), (3, 1, 0));
        assert_eq!([before_line_end(b"a\r\nb", 3), before_line_end(b"a\nb", 2), before_line_end(b"ab", 1)], [1, 1, 1]);
        assert_eq!(unfold(b" a\r\n b \r\n"), b"a b");
        assert_eq!(one_line(" a\r\nb\tc\0\u{85}d\n"), "a b cd");
    }
}

//! Evens out what real clients send besides the grammar, before a command is parsed: double spaces, spaces at the end
//! of a line and inside parentheses; quoted strings with more than ASCII, which become literals; `\*` among flags. Other
//! quoted strings, and literals, stay as they are.

use mail_core::listener::append_wiped;
use zeroize::Zeroizing;

/// Numbers have no more digits (`number64`).
const MAX_DIGITS: usize = 20;

/// Stands for `\*`, which PERMANENTFLAGS lists and some clients send back: a flag that nobody has.
const ANY_FLAG: &[u8] = b"\\Any";

/// The command as the grammar has it. `command` is whole: lines ended by CRLF, literals between them.
pub fn normalise(command: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut output = Zeroizing::new(Vec::with_capacity(command.len()));
    let mut rest = command;
    while let Some((first, tail)) = rest.split_first() {
        let taken = match first {
            b' ' => {
                let next = tail.iter().position(|byte| *byte != b' ').unwrap_or(tail.len());
                let before = output.last().copied();
                let dropped =
                    matches!(before, None | Some(b'(')) || matches!(tail.get(next), None | Some(b')' | b'\r'));
                if !dropped {
                    append_wiped(&mut output, b" ");
                }
                rest = tail.get(next..).unwrap_or_default();
                continue;
            }
            b'"' => quoted_length(rest),
            b'{' => literal_length(rest),
            b'\\' if tail.starts_with(b"*") => 2,
            _ => 1,
        };
        let (copied, tail) = rest.split_at(taken.clamp(1, rest.len()));
        match copied {
            b"\\*" => append_wiped(&mut output, ANY_FLAG),
            [b'"', text @ .., b'"'] if !text.is_ascii() => write_literal(text, &mut output),
            copied => append_wiped(&mut output, copied),
        }
        rest = tail;
    }
    output
}

/// Whether what stands in quoted strings is UTF-8, as it has to be where they hold more than ASCII (RFC 9755 3). Literals are not
/// looked at.
pub fn is_quoting_utf8(command: &[u8]) -> bool {
    let mut rest = command;
    while let Some(first) = rest.first() {
        let length = match first {
            b'"' => quoted_length(rest),
            b'{' => literal_length(rest),
            _ => 1,
        };
        let (taken, tail) = rest.split_at(length.clamp(1, rest.len()));
        if *first == b'"' && std::str::from_utf8(taken).is_err() {
            return false;
        }
        rest = tail;
    }
    true
}

/// Writes what stands between quotes as a literal, which may hold any bytes (in RFC 9051 quoted strings may hold UTF-8, too).
fn write_literal(quoted: &[u8], output: &mut Zeroizing<Vec<u8>>) {
    let mut text = Zeroizing::new(Vec::with_capacity(quoted.len()));
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        text.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    append_wiped(output, format!("{{{}}}\r\n", text.len()).as_bytes());
    append_wiped(output, &text);
}

/// The length of the quoted string that `text` begins with; ends before a line end if it is not closed.
pub(super) fn quoted_length(text: &[u8]) -> usize {
    let mut escaped = false;
    for (position, byte) in text.iter().enumerate().skip(1) {
        match byte {
            b'\r' | b'\n' => return position,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return position + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the literal that `text` begins with, announcement and content; 1 if it is none.
pub(super) fn literal_length(text: &[u8]) -> usize {
    // No more is looked at than a number can have digits, however far the next `}` is.
    let digits = text.iter().skip(1).take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    let number = text.get(1..1 + digits).unwrap_or_default();
    let size = std::str::from_utf8(number).ok().and_then(|number| number.parse::<usize>().ok());
    let rest = text.get(1 + digits..).unwrap_or_default();
    let plus = usize::from(rest.starts_with(b"+"));
    match (size, rest.get(plus..plus + 3)) {
        (Some(size), Some(b"}\r\n")) => (1 + digits + plus + 3).saturating_add(size),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_utf8() {
        for (command, expected) in [
            (&b"a LIST \"\" \"\xc3\xa4\"\r\n"[..], true),
            (b"a LIST \"\" \"\xe4\"\r\n", false),
            (b"a LIST \"\" {1}\r\n\xe4\r\n", true),
            (b"a LIST \"\" {5}\r\n\"\xe4\"\r\n\r\n", true),
        ] {
            assert_eq!(is_quoting_utf8(command), expected);
        }
    }

    #[test]
    fn evened_out() {
        for (command, expected) in [
            ("a  NOOP \r\n", "a NOOP\r\n"),
            (" a FETCH 1:*  ( FLAGS  UID ) \r\n", "a FETCH 1:* (FLAGS UID)\r\n"),
            ("a LOGIN \"x  y \" {4}\r\n a  \r\n", "a LOGIN \"x  y \" {4}\r\n a  \r\n"),
            ("a X \"\\\"  \"  b\r\n", "a X \"\\\"  \" b\r\n"),
            ("a X {9}\r\n", "a X {9}\r\n"),
            ("a X {z}  b\r\n", "a X {z} b\r\n"),
            ("a X {3+}\r\n  b  c\r\n", "a X {3+}\r\n  b c\r\n"),
            ("a X {+}\r\n  b\r\n", "a X {+}\r\n b\r\n"),
            ("a X \"\u{e4}  \\\" \"  b\r\n", "a X {6}\r\n\u{e4}  \"  b\r\n"),
            ("a X \"\u{e4}\r\n", "a X \"\u{e4}\r\n"),
            ("a X (\\*  \\Seen \"\\*\")\r\n", "a X (\\Any \\Seen \"\\*\")\r\n"),
        ] {
            assert_eq!(normalise(command.as_bytes()).as_slice(), expected.as_bytes());
        }
    }
}

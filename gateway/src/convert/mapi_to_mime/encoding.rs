use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_core::work::{pieces, spend};

/// Lines may not be longer (RFC 5322 2.1.1), without their CRLF.
pub(super) const MAX_LINE: usize = 998;

/// A Content-Transfer-Encoding (RFC 2045 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransferEncoding {
    SevenBit,
    QuotedPrintable,
    Base64,
}

impl TransferEncoding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// The encoding for text whose line ends are CRLF, decided by its content alone.
    pub(super) fn for_text(text: &[u8]) -> Self {
        if is_seven_bit(text) {
            return Self::SevenBit;
        }
        let is_escaped = |b: u8| !is_plain(b) && !matches!(b, b'\r' | b'\n' | b' ' | b'\t');
        let escapes = pieces(text).flatten().filter(|&&b| is_escaped(b)).count();
        // An escape costs two more bytes, base64 a third of everything; short text is better readable.
        if escapes * 2 <= text.len() / 3 + 64 { Self::QuotedPrintable } else { Self::Base64 }
    }

    /// Puts `data` out in this encoding. Base64 ends without a line end, the others as the data does.
    pub(super) fn write(self, data: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::SevenBit => out.extend_from_slice(data),
            Self::QuotedPrintable => write_quoted_printable(data, out),
            Self::Base64 => write_base64(data, out),
        }
    }

    /// An upper bound of what [`TransferEncoding::write`] puts out.
    pub(super) fn bound(self, length: usize) -> usize {
        match self {
            Self::SevenBit => length,
            Self::QuotedPrintable => length.saturating_mul(4),
            Self::Base64 => (length / 3 + 1).saturating_mul(4).saturating_add(length / 57 * 2),
        }
    }
}

/// Whether the bytes may travel as they are: printable ASCII, CRLF line ends, no long lines.
pub(super) fn is_seven_bit(data: &[u8]) -> bool {
    let mut column = 0;
    let mut bytes = data.iter().peekable();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\r' if bytes.next_if_eq(&&b'\n').is_some() => {
                spend(column + 2);
                column = 0;
            }
            b'\t' | b' '..=b'~' if column < MAX_LINE => column += 1,
            _ => return false,
        }
    }
    true
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'='
}

fn write_base64(data: &[u8], out: &mut Vec<u8>) {
    let mut line = [0u8; 76];
    for (index, chunk) in data.chunks(57).enumerate() {
        spend(chunk.len());
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        let written = STANDARD.encode_slice(chunk, &mut line).expect("57 bytes make 76 characters");
        out.extend_from_slice(&line[..written]);
    }
}

fn write_quoted_printable(data: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut column = 0;
    let mut index = 0;
    while index < data.len() {
        let byte = data[index];
        let rest = &data[index + 1..];
        if byte == b'\r' && rest.first() == Some(&b'\n') {
            out.extend_from_slice(b"\r\n");
            spend(column + 2);
            column = 0;
            index += 2;
            continue;
        }
        let line_ends = rest.is_empty() || rest.starts_with(b"\r\n");
        let literal = is_plain(byte) || (matches!(byte, b' ' | b'\t') && !line_ends);
        let width = if literal { 1 } else { 3 };
        // The last character of a line may use the column that a soft break needs otherwise.
        if column + width > if line_ends { 76 } else { 75 } {
            out.extend_from_slice(b"=\r\n");
            spend(column);
            column = 0;
        }
        if literal {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'=', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        column += width;
        index += 1;
    }
}

#[cfg(test)]
mod tests {
    use mail_parser::decoders::base64::base64_decode;
    use mail_parser::decoders::quoted_printable::quoted_printable_decode;
    use proptest::prelude::*;

    use super::*;

    fn written(encoding: TransferEncoding, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encoding.write(data, &mut out);
        assert!(out.len() <= encoding.bound(data.len()), "{} bytes of {}", out.len(), data.len());
        out
    }

    #[test]
    fn quoted_printable_lines() {
        let data = format!("a=b \r\n\u{e4} x\t\r\n{}\r\nend ", "y".repeat(80));
        let expected = format!("a=3Db=20\r\n=C3=A4 x=09\r\n{}=\r\n{}\r\nend=20", "y".repeat(75), "y".repeat(5));
        assert_eq!(written(TransferEncoding::QuotedPrintable, data.as_bytes()), expected.as_bytes());
    }

    #[test]
    fn the_choice_depends_on_the_content() {
        assert_eq!(TransferEncoding::for_text(b"plain\r\n"), TransferEncoding::SevenBit);
        assert_eq!(TransferEncoding::for_text(b"bare\nline"), TransferEncoding::QuotedPrintable);
        assert_eq!(TransferEncoding::for_text(&[b'x'; MAX_LINE]), TransferEncoding::SevenBit);
        assert_eq!(TransferEncoding::for_text(&[b'x'; MAX_LINE + 1]), TransferEncoding::QuotedPrintable);
        assert_eq!(TransferEncoding::for_text("привет ".repeat(9).as_bytes()), TransferEncoding::Base64);
        assert_eq!(TransferEncoding::for_text("Die Größe eines Steins".as_bytes()), TransferEncoding::QuotedPrintable);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn encodings_are_inverted(data in proptest::collection::vec(any::<u8>(), 1..600)) {
            let base64 = written(TransferEncoding::Base64, &data);
            prop_assert_eq!(base64_decode(&base64), Some(data.clone()));
            let quoted = written(TransferEncoding::QuotedPrintable, &data);
            prop_assert!(quoted.split(|&b| b == b'\n').all(|line| line.len() <= 77));
            prop_assert_eq!(quoted_printable_decode(&quoted), Some(data));
        }
    }
}

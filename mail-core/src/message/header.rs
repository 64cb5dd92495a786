use std::borrow::Cow;

use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

/// A header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name as it stands there.
    pub name: &'a [u8],
    /// What follows the colon, folded as it stands there, with its line end.
    pub value: &'a [u8],
    /// The whole field with its line ends.
    pub raw: &'a [u8],
}

impl Field<'_> {
    /// Whether this is its name, whatever the case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The length of the header block at the start of `raw`, with the empty line that ends it.
pub fn header_length(raw: &[u8]) -> usize {
    let mut position = 0;
    while let Some(rest) = raw.get(position..).filter(|rest| !rest.is_empty()) {
        let line = line_length(rest);
        position += line;
        if matches!(rest.get(..line), Some(b"\r\n" | b"\n")) {
            break;
        }
    }
    position
}

/// The fields of a header block, in order. Lines that are no field are passed over.
pub fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let mut length = line_length(rest);
            while matches!(rest.get(length), Some(b' ' | b'\t')) {
                length += line_length(rest.get(length..).unwrap_or_default());
            }
            let (raw, tail) = rest.split_at(length);
            rest = tail;
            let Some(colon) = raw.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = raw.split_at(colon);
            let name = name.trim_ascii_end();
            if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) {
                return Some(Field { name, value: value.get(1..).unwrap_or_default(), raw });
            }
        }
        None
    })
}

/// The value of the first field of that name: on one line, without space at its ends. Encoded words stay encoded.
pub fn unfolded(header: &[u8], name: &str) -> Option<Vec<u8>> {
    fields(header).find(|field| field.is(name)).map(|field| unfold(field.value))
}

/// A field's value as a reader sees it: encoded words decoded (RFC 2047).
pub fn decoded(field: &Field<'_>) -> String {
    let mut value = unfold(field.value);
    value.push(b'\n');
    match MessageStream::new(&value).parse_unstructured() {
        HeaderValue::Text(text) => text.into_owned(),
        _ => String::new(),
    }
}

/// A value without its line ends, and without space at its ends.
pub(super) fn unfold(value: &[u8]) -> Vec<u8> {
    value.trim_ascii().iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
}

/// The length of the first line with its line end.
pub(super) fn line_length(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |position| position + 1)
}

/// A structured value: its first words, and parameters (RFC 2045 5.1, RFC 2183). Names and values as they stand there,
/// quoting removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameterized {
    /// What stands before the first semicolon, without comments.
    pub value: Vec<u8>,
    /// Name and value of each.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

/// How many parameters a value may have; more are left out.
const MAX_PARAMETERS: usize = 64;

impl Parameterized {
    /// Parses an unfolded value; anything is accepted.
    pub fn parse(value: &[u8]) -> Self {
        let mut pieces = split_semicolons(value).into_iter();
        let value = pieces.next().map(Cow::into_owned).unwrap_or_default();
        let parameters = pieces
            .filter_map(|piece| {
                let equals = piece.iter().position(|byte| *byte == b'=')?;
                let (name, value) = piece.split_at(equals);
                let name = name.trim_ascii();
                let value = unquote(value.get(1..).unwrap_or_default().trim_ascii());
                (!name.is_empty()).then(|| (name.to_vec(), value))
            })
            .take(MAX_PARAMETERS)
            .collect();
        Self { value, parameters }
    }

    /// The parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.parameters
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }
}

/// The pieces between semicolons that are in neither quotes nor comments; comments are removed.
fn split_semicolons(value: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut pieces = vec![Vec::new()];
    let mut quoted = false;
    let mut comments = 0_u32;
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        let mut kept = Some(byte);
        let mut escaped = None;
        match byte {
            b'\\' if quoted || comments > 0 => escaped = bytes.next(),
            b'"' if comments == 0 => quoted = !quoted,
            b'(' if !quoted => comments += 1,
            b')' if !quoted && comments > 0 => {
                comments -= 1;
                kept = None;
            }
            b';' if !quoted && comments == 0 => {
                if pieces.len() > MAX_PARAMETERS {
                    break;
                }
                pieces.push(Vec::new());
                kept = None;
            }
            _ => {}
        }
        if comments == 0
            && let Some(piece) = pieces.last_mut()
        {
            piece.extend(kept);
            piece.extend(escaped);
        }
    }
    pieces.into_iter().map(|piece| Cow::Owned(piece.trim_ascii().to_vec())).collect()
}

/// Removes the quotes of a quoted string, and the backslashes in it.
fn unquote(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"") else { return value.to_vec() };
    let mut output = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => output.extend(bytes.next()),
            b'"' => break,
            byte => output.push(byte),
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"From x\r\nSubject: one\r\n two\r\nX-Empty:\r\nsubject: three\r\nbad line\r\n\r\n";

    #[test]
    fn finds_fields() {
        let found: Vec<_> = fields(HEADER).map(|field| (field.name, field.raw)).collect();
        assert_eq!(
            found,
            [
                (&b"Subject"[..], &b"Subject: one\r\n two\r\n"[..]),
                (b"X-Empty", b"X-Empty:\r\n"),
                (b"subject", b"subject: three\r\n")
            ]
        );
        assert_eq!(unfolded(HEADER, "SUBJECT").as_deref(), Some(&b"one two"[..]));
        assert_eq!(unfolded(HEADER, "To"), None);
    }

    #[test]
    fn header_ends_at_an_empty_line() {
        assert_eq!(header_length(b"a: b\r\n\r\nbody"), 8);
        assert_eq!(header_length(b"a: b\n\nbody"), 6);
        assert_eq!(header_length(b"\r\nbody"), 2);
        assert_eq!(header_length(b"a: b"), 4);
        assert_eq!(header_length(b""), 0);
    }

    #[test]
    fn parameters() {
        let parsed = Parameterized::parse(
            b"text/plain (a comment; with) ; charset=\"us;\\\"ascii\"; Format=flowed (x); bad; filename*=utf-8''%c3%a4",
        );
        assert_eq!(parsed.value, b"text/plain");
        assert_eq!(
            parsed.parameters,
            [
                (b"charset".to_vec(), b"us;\"ascii".to_vec()),
                (b"Format".to_vec(), b"flowed".to_vec()),
                (b"filename*".to_vec(), b"utf-8''%c3%a4".to_vec())
            ]
        );
        assert_eq!(parsed.parameter("FORMAT"), Some(&b"flowed"[..]));
    }

    #[test]
    fn decodes_words() {
        let header = b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= aus\r\n =?iso-8859-1?Q?K=F6ln?=\r\n";
        assert_eq!(fields(header).map(|field| decoded(&field)).collect::<Vec<_>>(), ["Grüße aus Köln"]);
    }
}

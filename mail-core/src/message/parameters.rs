use super::charset::{self, guess};
use super::encoded_word::decode_text;
use super::line::one_line;

/// How many parameters a value may have; more are left out.
const MAX_PARAMETERS: usize = 64;

/// A structured value: its first words, and parameters (RFC 2045 5.1, RFC 2183). Names and values as they stand there,
/// quoting removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameterized {
    /// What stands before the first semicolon, without comments and quotes.
    pub value: Vec<u8>,
    /// The parameters, at most 64.
    pub parameters: Parameters,
}

/// Parameters of a value, as they stand there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters(Vec<(Vec<u8>, Vec<u8>)>);

impl Parameterized {
    /// Parses an unfolded value; anything is accepted.
    pub fn parse(value: &[u8]) -> Self {
        let mut pieces = pieces(value).into_iter();
        let mut value = pieces.next().unwrap_or_default();
        value.retain(|byte| *byte != b'"');
        let parameters = pieces.filter_map(|piece| {
            let equals = piece.iter().position(|byte| *byte == b'=')?;
            let (name, value) = piece.split_at(equals);
            let name = name.trim_ascii();
            let value = unquote(value.get(1..).unwrap_or_default().trim_ascii());
            (!name.is_empty()).then(|| (name.to_vec(), value))
        });
        Self::of(value, parameters)
    }

    /// A value with parameters, of which there may be too many.
    pub(super) fn of(value: Vec<u8>, parameters: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        Self { value, parameters: Parameters(parameters.into_iter().take(MAX_PARAMETERS).collect()) }
    }
}

impl Parameters {
    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a parameter as text on one line, in whatever form it is written (RFC 2231). Encoded words are decoded:
    /// they are not allowed in parameters, yet common.
    pub fn text(&self, name: &str) -> Option<String> {
        let (charset, bytes) = self.found(name)?;
        let text = match &charset {
            Some(charset) => charset::decode(Some(charset), &bytes),
            None => guess(&bytes).into_owned(),
        };
        let text = text.replace('\0', "");
        Some(if text.contains("=?") { decode_text(&text) } else { one_line(&text) })
    }

    /// The value of a parameter as bytes, in whatever form it is written (RFC 2231).
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.found(name).map(|(_, bytes)| bytes)
    }

    /// A parameter's charset, if it names one, and its bytes. Of several of that name that are not empty the extended one
    /// counts, for which a plain one stands in where readers know no better, and of the same form the first.
    fn found(&self, name: &str) -> Option<(Option<String>, Vec<u8>)> {
        let filled = self.0.iter().filter(|(_, value)| !value.is_empty());
        let known = filled.filter_map(|(known, value)| Some((Form::of(known, name)?, value)));
        let (form, value) = known.min_by_key(|(form, _)| form.rank())?;
        let (charset, bytes) = match form {
            Form::Plain => (None, value.clone()),
            Form::Extended => {
                let (charset, value) = extended(value);
                (charset, percent_decoded(value))
            }
            Form::Piece { .. } => self.joined(name),
        };
        (!bytes.is_empty()).then_some((charset, bytes))
    }

    /// The value that is continued over several parameters (RFC 2231 3).
    fn joined(&self, name: &str) -> (Option<String>, Vec<u8>) {
        let mut pieces: Vec<(u32, bool, &[u8])> = self
            .0
            .iter()
            .filter_map(|(known, value)| match Form::of(known, name)? {
                Form::Piece { number, encoded } => Some((number, encoded, value.as_slice())),
                Form::Plain | Form::Extended => None,
            })
            .collect();
        pieces.sort_by_key(|(number, ..)| *number);
        let mut charset = None;
        let mut out = Vec::new();
        for (index, (_, encoded, value)) in pieces.into_iter().enumerate() {
            match encoded {
                false => out.extend_from_slice(value),
                true if index == 0 => {
                    let (declared, value) = extended(value);
                    charset = declared;
                    out.extend(percent_decoded(value));
                }
                true => out.extend(percent_decoded(value)),
            }
        }
        (charset, out)
    }
}

/// How a parameter is written.
#[derive(Clone, Copy)]
enum Form {
    /// `name=value`
    Plain,
    /// `name*=charset'language'value`
    Extended,
    /// `name*0=value`, `name*0*=charset'language'value`
    Piece { number: u32, encoded: bool },
}

impl Form {
    /// Which form counts more; that with the lowest.
    fn rank(self) -> u8 {
        match self {
            Self::Extended => 0,
            Self::Piece { .. } => 1,
            Self::Plain => 2,
        }
    }

    /// That of a parameter, if it is the one of this name.
    fn of(known: &[u8], name: &str) -> Option<Self> {
        let (head, rest) = known.split_at_checked(name.len())?;
        if !head.eq_ignore_ascii_case(name.as_bytes()) {
            return None;
        }
        let Some(rest) = rest.strip_prefix(b"*") else { return rest.is_empty().then_some(Self::Plain) };
        let (rest, encoded) = rest.strip_suffix(b"*").map_or((rest, false), |rest| (rest, true));
        if rest.is_empty() {
            return (!encoded).then_some(Self::Extended);
        }
        let number = std::str::from_utf8(rest).ok()?.parse().ok()?;
        Some(Self::Piece { number, encoded })
    }
}

/// Charset and value of `charset'language'value` (RFC 2231 4).
fn extended(value: &[u8]) -> (Option<String>, &[u8]) {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(charset), Some(_), Some(value)) => {
            let charset = String::from_utf8_lossy(charset).into_owned();
            (Some(charset).filter(|charset| !charset.is_empty()), value)
        }
        _ => (None, value),
    }
}

/// What is no escape stays.
fn percent_decoded(value: &[u8]) -> Vec<u8> {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some(byte) = value.get(at) {
        match (byte, hex(value.get(at + 1)), hex(value.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

/// The pieces between semicolons that are in neither quotes nor comments; comments are removed. A semicolon that is missing
/// after a quoted string is forgiven.
fn pieces(value: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = vec![Vec::new()];
    let mut quoted = false;
    // A parameter's value ended with its quotes.
    let mut ended = false;
    let mut comments = 0_u32;
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        let mut kept = Some(byte);
        let mut escaped = None;
        let mut next = false;
        match byte {
            b'\\' if quoted || comments > 0 => escaped = bytes.next(),
            b'"' if comments == 0 && quoted => (quoted, ended) = (false, pieces.len() > 1),
            b'"' if comments == 0 => (quoted, next) = (true, ended),
            b'(' if !quoted => comments += 1,
            b')' if !quoted && comments > 0 => {
                comments -= 1;
                kept = None;
            }
            b';' if !quoted && comments == 0 => (next, kept) = (true, None),
            b' ' | b'\t' => {}
            _ => next = ended && comments == 0,
        }
        if next {
            if pieces.len() > MAX_PARAMETERS {
                break;
            }
            pieces.push(Vec::new());
            ended = false;
        }
        if comments == 0
            && let Some(piece) = pieces.last_mut()
        {
            piece.extend(kept);
            piece.extend(escaped);
        }
    }
    pieces.into_iter().map(|piece| piece.trim_ascii().to_vec()).collect()
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
    use mail_parser::HeaderValue;
    use mail_parser::parsers::MessageStream;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_they_stand_there() {
        let parsed = Parameterized::parse(
            b"text/plain (a comment; with) ; charset=\"us;\\\"ascii\"; Format=flowed (x); bad; filename*=utf-8''%c3%a4",
        );
        assert_eq!(parsed.value, b"text/plain");
        assert_eq!(
            parsed.parameters.iter().collect::<Vec<_>>(),
            [(&b"charset"[..], &b"us;\"ascii"[..]), (b"Format", b"flowed"), (b"filename*", b"utf-8''%c3%a4")]
        );
        assert_eq!(parsed.parameters.text("FORMAT").as_deref(), Some("flowed"));
        assert_eq!(parsed.parameters.text("filename").as_deref(), Some("ä"));
        assert_eq!(parsed.parameters.text("file"), None);
    }

    #[test]
    fn in_whatever_form() {
        for (parameters, expected) in [
            ("n=x", Some("x")),
            ("n=\"a; b\"", Some("a; b")),
            ("n=\"a\" m=b", Some("a")),
            ("m=\"a\" n=b", Some("b")),
            ("m=\"a\" (c) \"b\"; n=c", Some("c")),
            ("N*=iso-8859-1'de'%E4%20x", Some("ä x")),
            ("n*=''%C3%A4", Some("ä")),
            ("n*=%C3%A4%zz", Some("ä%zz")),
            ("n*=\"utf-8''%C3%A4\"", Some("ä")),
            ("n*1=def; n*0=abc", Some("abcdef")),
            ("n*0*=utf-8''%C3; n*1*=%A4b; n*2=\"%c\"", Some("äb%c")),
            ("n=\"\"; n=x", Some("x")),
            ("n*=utf-8''", None),
            ("n=first; n*=utf-8''second", Some("second")),
            ("n*=utf-8''first; n=second", Some("first")),
            ("n=\"=?utf-8?q?a=C3=A4?=\r\n =?utf-8?q?b?=\"", Some("aäb")),
            ("n=Gr\u{fc}n\0.txt", Some("Grün.txt")),
            ("n", None),
            ("nn=x", None),
            ("n*x=y", None),
            ("n**=y", None),
        ] {
            let parsed = Parameterized::parse(format!("\"attachment\"; {parameters}").as_bytes());
            assert_eq!(parsed.value, b"attachment");
            assert_eq!(parsed.parameters.text("n").as_deref(), expected, "{parameters}");
        }
        assert_eq!(Parameterized::parse(b"a; n=\xE4").parameters.text("n").as_deref(), Some("ä"));
        assert_eq!(Parameterized::parse(b"a; n*=x''%E4").parameters.bytes("n").as_deref(), Some(&b"\xE4"[..]));
    }

    #[test]
    fn their_number_is_bounded() {
        let many = Parameterized::parse(format!("a{}", "; n*1=x".repeat(1 << 18)).as_bytes());
        assert_eq!(many.parameters.iter().count(), MAX_PARAMETERS);
        assert_eq!(many.parameters.text("n").map(|text| text.len()), Some(MAX_PARAMETERS));
        let many = Parameterized::parse("a; n=\"\"".repeat(1 << 18).as_bytes());
        assert!(many.parameters.iter().count() <= MAX_PARAMETERS);
    }

    /// What the library makes of a value.
    fn library(value: &str, name: &str) -> Option<String> {
        let value = format!("{value}\n");
        let HeaderValue::ContentType(parsed) = MessageStream::new(value.as_bytes()).parse_content_type() else {
            return None;
        };
        parsed.attribute(name).map(one_line)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Well-formed values are read as the library does.
        #[test]
        fn as_the_library(
            values in proptest::collection::vec(
                prop_oneof![
                    "n=[a-z0-9.-]{1,9}", "m=\"[a-zäß;, ()=.]{0,9}[a-z]\"", "n=\"[a-z](\\\\\\\\|\\\\\"|é){0,3}\"",
                    "n\\*=utf-8''(%C3%A4|[a-z]){1,4}", "m\\*=iso-8859-1'en'(%E4|[a-z]|%20){1,4}z", "o\\*0=[a-z]{1,4}; o\\*1=\"[a-z]{1,4}\"",
                ],
                0..5,
            ),
            space in "[ \t]{0,2}", comment in "( \\([a-z;=]{0,5}\\))?",
        ) {
            let value = format!("attachment{comment}{}", values.iter().map(|v| format!("{space};{space}{v}")).collect::<String>());
            for name in ["n", "m", "o", "p"] {
                // The library joins what is continued to what came before under the same name, and takes the first form.
                let forms = ["=", "*="].map(|form| values.iter().any(|value| value.starts_with(&format!("{name}{form}"))));
                if forms == [true, true] {
                    continue;
                }
                if name != "o" || values.iter().filter(|value| value.starts_with('o')).count() < 2 {
                    prop_assert_eq!(Parameterized::parse(value.as_bytes()).parameters.text(name), library(&value, name), "{}", value);
                }
            }
        }
    }
}

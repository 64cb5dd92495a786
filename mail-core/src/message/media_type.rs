use super::charset::guess;
use super::header::Fields;
use super::parameters::{Parameterized, Parameters};
use super::reading::Reading;

/// A Content-Type (RFC 2045 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    /// Type as it stands there.
    pub kind: Vec<u8>,
    /// Subtype as it stands there.
    pub subtype: Vec<u8>,
    /// Parameters.
    pub parameters: Parameters,
    /// Whether the header says so, and it is not what a part is that says nothing.
    pub declared: bool,
}

impl MediaType {
    /// That of a part with this header. One that is missing or can't be understood is the default of where the part stands.
    pub(super) fn of(fields: Fields<'_>, default: fn() -> Self, reading: Reading) -> Self {
        let Some(Parameterized { value, parameters }) = fields.parameterized("Content-Type", reading) else {
            return default();
        };
        let mut halves = value.splitn(2, |byte| *byte == b'/');
        match (halves.next().and_then(token), halves.next().and_then(token)) {
            (Some(kind), Some(subtype)) => Self { kind, subtype, parameters, declared: true },
            // A name, a charset, a boundary may be understood all the same.
            _ if reading.is_lenient() => Self { parameters, ..default() },
            _ => default(),
        }
    }

    /// What a part is that does not say it (RFC 2045 5.2); its charset would be US-ASCII.
    pub(super) fn plain() -> Self {
        Self::default_of("text", "plain")
    }

    /// What a part of a `multipart/digest` is that does not say it (RFC 2046 5.1.5).
    pub(super) fn message() -> Self {
        Self::default_of("message", "rfc822")
    }

    /// What nothing is said of (RFC 2046 4.5.1).
    pub(super) fn unknown() -> Self {
        Self::default_of("application", "octet-stream")
    }

    fn default_of(kind: &str, subtype: &str) -> Self {
        Self { kind: kind.into(), subtype: subtype.into(), parameters: Parameters::default(), declared: false }
    }

    /// Whether the type is this, whatever the case.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
    }

    /// Whether type and subtype are these, whatever the case.
    pub fn is_exactly(&self, kind: &str, subtype: &str) -> bool {
        self.is(kind) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// Type and subtype in lower case: `text/plain`.
    pub fn essence(&self) -> String {
        format!("{}/{}", guess(&self.kind), guess(&self.subtype)).to_lowercase()
    }

    /// What stands between the parts of a multipart (RFC 2046 5.1.1); space at its end is none of it.
    pub(super) fn boundary(&self) -> Option<Vec<u8>> {
        let boundary = self.parameters.bytes("boundary")?.trim_ascii_end().to_vec();
        (!boundary.is_empty()).then_some(boundary)
    }
}

/// The first word of half a type.
fn token(half: &[u8]) -> Option<Vec<u8>> {
    let word = half.trim_ascii().split(|byte| !byte.is_ascii_graphic()).next()?;
    (!word.is_empty()).then(|| word.to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::header::Header;
    use super::*;

    #[test]
    fn known_answers() {
        for (value, expected) in [
            ("IMAGE/png; name=x", "image/png"),
            (" text / html (really)", "text/html"),
            ("\"application/pdf\"", "application/pdf"),
            ("text/plain charset=utf-8", "text/plain"),
            ("application/vnd.x+xml;", "application/vnd.x+xml"),
            ("text", "message/rfc822"),
            ("text/", "message/rfc822"),
            ("", "message/rfc822"),
        ] {
            let raw = format!("Content-Type: {value}\r\n");
            let header = Header::scan(raw.as_bytes(), 0..raw.len(), Reading::Strict);
            assert_eq!(
                MediaType::of(header.fields(raw.as_bytes()), MediaType::message, Reading::Strict).essence(),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn boundaries() {
        let of = |value: &str| {
            let raw = format!("Content-Type: multipart/mixed; {value}\r\n");
            let header = Header::scan(raw.as_bytes(), 0..raw.len(), Reading::Strict);
            MediaType::of(header.fields(raw.as_bytes()), MediaType::plain, Reading::Strict).boundary()
        };
        assert_eq!(of("boundary=\" a b \"").as_deref(), Some(&b" a b"[..]));
        assert_eq!(of("boundary*0=a; boundary*1=b").as_deref(), Some(&b"ab"[..]));
        assert_eq!(of("boundary=\"=?x?\"").as_deref(), Some(&b"=?x?"[..]));
        assert_eq!(of("boundary=\" \""), None);
    }
}

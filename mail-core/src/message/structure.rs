use std::ops::Range;

use super::header::{Parameterized, header_length, line_length, unfolded};

/// How deeply parts may nest; what is deeper is shown as one part without structure.
pub const MAX_DEPTH: usize = 32;
/// How many parts a message may have; further ones are left out.
pub const MAX_PARTS: usize = 1000;

/// A part of a message, or the message itself. Ranges are offsets into the message's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The header block with the empty line that ends it.
    pub header: Range<usize>,
    /// What follows it.
    pub body: Range<usize>,
    /// Content-Type.
    pub media: MediaType,
    /// What the body consists of.
    pub content: Content,
}

/// What a part's body consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing that IMAP looks into.
    Leaf,
    /// multipart/*: its parts, at least one.
    Multipart(Vec<Part>),
    /// message/rfc822: the message in it.
    Message(Box<Part>),
}

/// A Content-Type (RFC 2045 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    /// Type as it stands there.
    pub kind: Vec<u8>,
    /// Subtype as it stands there.
    pub subtype: Vec<u8>,
    /// Parameters as they stand there, quoting removed.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

impl MediaType {
    /// Whether the type is this, whatever the case.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
    }

    /// Whether type and subtype are these, whatever the case.
    pub fn is_exactly(&self, kind: &str, subtype: &str) -> bool {
        self.is(kind) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    fn new(kind: &str, subtype: &str, parameters: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        Self { kind: kind.into(), subtype: subtype.into(), parameters }
    }

    /// What a part is that does not say it, or not so that it can be understood (RFC 2045 5.2).
    fn plain() -> Self {
        Self::new("text", "plain", vec![(b"charset".to_vec(), b"us-ascii".to_vec())])
    }
}

impl Part {
    /// Finds the structure of a message.
    pub fn parse(raw: &[u8]) -> Self {
        let mut budget = MAX_PARTS;
        parse_part(raw, 0..raw.len(), MediaType::plain, 0, &mut budget)
    }
}

fn parse_part(raw: &[u8], range: Range<usize>, default: fn() -> MediaType, depth: usize, budget: &mut usize) -> Part {
    *budget = budget.saturating_sub(1);
    let bytes = slice(raw, &range);
    let header = range.start..range.start + header_length(bytes);
    let body = header.end..range.end;
    let (mut media, boundary) = content_type(slice(raw, &header), default);
    let multipart = media.is("multipart");
    let message = media.is_exactly("message", "rfc822") || media.is_exactly("message", "global");
    let content = if depth >= MAX_DEPTH || *budget == 0 {
        if multipart || message {
            media = MediaType::new("application", "octet-stream", Vec::new());
        }
        Content::Leaf
    } else if multipart {
        let digest = media.is_exactly("multipart", "digest");
        let default: fn() -> MediaType =
            if digest { || MediaType::new("message", "rfc822", Vec::new()) } else { MediaType::plain };
        let mut parts = Vec::new();
        for range in boundary.map(|boundary| split(raw, &body, &boundary, *budget)).unwrap_or_default() {
            if *budget == 0 {
                break;
            }
            parts.push(parse_part(raw, range, default, depth + 1, budget));
        }
        if parts.is_empty() {
            // The grammar of BODYSTRUCTURE knows no multipart without a part.
            let nothing = body.end..body.end;
            let (header, body) = (nothing.clone(), nothing);
            parts.push(Part { header, body, media: MediaType::plain(), content: Content::Leaf });
        }
        Content::Multipart(parts)
    } else if message {
        Content::Message(Box::new(parse_part(raw, body.clone(), MediaType::plain, depth + 1, budget)))
    } else {
        Content::Leaf
    };
    Part { header, body, media, content }
}

fn content_type(header: &[u8], default: fn() -> MediaType) -> (MediaType, Option<Vec<u8>>) {
    let Some(value) = unfolded(header, "Content-Type") else { return (default(), None) };
    let parsed = Parameterized::parse(&value);
    let boundary = parsed.parameter("boundary").map(<[u8]>::to_vec).filter(|boundary| !boundary.is_empty());
    let token = |bytes: &[u8]| {
        let bytes = bytes.trim_ascii();
        let valid = !bytes.is_empty()
            && bytes.iter().all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(byte));
        valid.then(|| bytes.to_vec())
    };
    let mut halves = parsed.value.splitn(2, |byte| *byte == b'/');
    match (halves.next().and_then(token), halves.next().and_then(token)) {
        (Some(kind), Some(subtype)) => (MediaType { kind, subtype, parameters: parsed.parameters }, boundary),
        _ => (MediaType::plain(), None),
    }
}

/// The ranges between the delimiters of a multipart body (RFC 2046 5.1.1), at most `limit`. The line end before a
/// delimiter belongs to it. A missing last delimiter is forgiven.
fn split(raw: &[u8], body: &Range<usize>, boundary: &[u8], limit: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut current = None;
    let mut position = body.start;
    while position < body.end && parts.len() < limit {
        let rest = slice(raw, &(position..body.end));
        let length = line_length(rest);
        if let Some(closing) = delimiter(rest.get(..length).unwrap_or_default(), boundary) {
            if let Some(start) = current.take() {
                parts.push(start..before_line_end(raw, position).max(start));
            }
            if closing {
                return parts;
            }
            current = Some(position + length);
        }
        position += length;
    }
    if let Some(start) = current
        && parts.len() < limit
    {
        parts.push(start..body.end);
    }
    parts
}

/// Whether a line is a delimiter, and if so whether it is the last.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?.trim_ascii_end();
    match rest {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

fn before_line_end(raw: &[u8], position: usize) -> usize {
    let before = raw.get(..position).unwrap_or_default();
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    before.strip_suffix(b"\r").unwrap_or(before).len()
}

/// The bytes of a range, or none where it is beyond them.
pub fn slice<'a>(raw: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    raw.get(range.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bodies(raw: &[u8], part: &Part) -> Vec<String> {
        match &part.content {
            Content::Multipart(parts) => parts.iter().flat_map(|part| bodies(raw, part)).collect(),
            _ => vec![String::from_utf8_lossy(slice(raw, &part.body)).into_owned()],
        }
    }

    #[test]
    fn multipart() {
        let raw = b"Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\npreamble\r\n--a b\r\n\r\none\r\n--a bc\r\n--a b \r\n\
            X: y\r\n\r\n\r\n--a b--\r\n--a b\r\n\r\nepilogue";
        let part = Part::parse(raw);
        assert_eq!(bodies(raw, &part), ["one\r\n--a bc", ""]);
    }

    #[test]
    fn nested_with_missing_ends() {
        let raw =
            b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/alternative; boundary=y\n\n\
            --y\n\none\n--y\n\ntwo\n--x\n\nthree";
        assert_eq!(bodies(raw, &Part::parse(raw)), ["one", "two", "three"]);
    }

    #[test]
    fn multipart_without_parts_has_an_empty_one() {
        for raw in [&b"Content-Type: multipart/mixed\r\n\r\ntext"[..], b"Content-Type: multipart/mixed; boundary=q"] {
            let Content::Multipart(parts) = Part::parse(raw).content else { panic!() };
            assert_eq!(parts.len(), 1);
            assert!(parts[0].body.is_empty());
        }
    }

    #[test]
    fn digests_hold_messages() {
        let raw = b"Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: in\r\n\r\nbody\r\n--x--\r\n";
        let Content::Multipart(parts) = Part::parse(raw).content else { panic!() };
        let Content::Message(inner) = &parts[0].content else { panic!() };
        assert_eq!(slice(raw, &inner.header), b"Subject: in\r\n\r\n");
        assert_eq!(slice(raw, &inner.body), b"body");
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let deep = b"Content-Type: message/rfc822\r\n\r\n".repeat(1000);
        let mut part = &Part::parse(&deep);
        let mut depth = 0;
        while let Content::Message(inner) = &part.content {
            part = inner;
            depth += 1;
        }
        assert_eq!(depth, MAX_DEPTH);
        assert!(part.media.is_exactly("application", "octet-stream"));
        let mut wide = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n".to_vec();
        wide.extend(b"--x\r\n\r\n".repeat(5000));
        let Content::Multipart(parts) = Part::parse(&wide).content else { panic!() };
        assert_eq!(parts.len(), MAX_PARTS - 1);
    }

    fn check(raw: &[u8], part: &Part) {
        assert!(part.header.start <= part.header.end && part.header.end <= part.body.end && part.body.end <= raw.len());
        match &part.content {
            Content::Leaf => {}
            Content::Multipart(parts) => parts.iter().for_each(|part| check(raw, part)),
            Content::Message(part) => check(raw, part),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_bytes_have_a_structure(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("Content-Type: multipart/mixed; boundary=x\r\n\r\n"), Just("--x\r\n"), Just("--x--\r\n"),
                    Just("Content-Type: message/rfc822\n\n"), Just("\r\n"), Just("a: b\r\n"), Just("\n--x"), Just("é\0"),
                    Just("Content-Type: multipart/digest; boundary=\"x"),
                ],
                0..24,
            )
        ) {
            let raw = pieces.concat();
            check(raw.as_bytes(), &Part::parse(raw.as_bytes()));
        }
    }
}

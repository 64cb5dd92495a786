use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::header::Header;
use super::line::{before_line_end, line_length, slice};
use super::media_type::MediaType;
use super::reading::Reading;
use super::reads;
use crate::work::{pieces, spend};

/// Bounds of what is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deeply multiparts and messages may nest; what is deeper is one part without structure.
    pub depth: usize,
    /// How many parts multiparts may have in all; in each of them further ones are one part without structure.
    pub parts: usize,
    /// How it is understood.
    pub reading: Reading,
}

impl Limits {
    /// Bounds of what is read as it was meant.
    pub const fn lenient(depth: usize, parts: usize) -> Self {
        Self { depth, parts, reading: Reading::Lenient }
    }
}

impl Default for Limits {
    /// 32 levels, 1,000 parts, read strictly.
    fn default() -> Self {
        Self { depth: 32, parts: 1000, reading: Reading::Strict }
    }
}

/// A part of a message, or the message itself. Ranges are offsets into the message's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The header block.
    pub header: Header,
    /// What follows it.
    pub body: Range<usize>,
    /// How large the body is, if it is left out of the bytes: [`super::Outline`].
    pub left_out: Option<BodySize>,
    /// Content-Type.
    pub media: MediaType,
    /// What the body consists of.
    pub content: Content,
    /// How it is understood.
    pub(super) reading: Reading,
}

/// What a part's body consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing that is looked into.
    Leaf,
    /// multipart/*: its parts, at least one.
    Multipart(Vec<Part>),
    /// multipart/* in which no part begins. One that is empty stands for them: the grammar of BODYSTRUCTURE knows no
    /// multipart without a part.
    Undivided(Box<Part>),
    /// message/rfc822: the message in it, as it was transferred.
    Message(Box<Part>),
    /// multipart/*, message/rfc822 or the rest of a multipart, beyond the [`Limits`].
    Opaque,
}

/// How large a body is, as it was transferred.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodySize {
    /// Bytes.
    pub octets: u64,
    /// Line ends.
    pub lines: u64,
}

impl BodySize {
    /// That of these bytes.
    pub fn of(body: &[u8]) -> Self {
        let lines = pieces(body).map(|piece| memchr::memchr_iter(b'\n', piece).count() as u64).sum();
        Self { octets: body.len() as u64, lines }
    }
}

impl Part {
    /// Finds the structure of a message with this header. Recursion is as deep as the limits allow.
    pub(super) fn parse(raw: &[u8], header: Header, limits: Limits) -> Self {
        reads::structure();
        let Limits { depth, parts, reading } = limits;
        Scanner { raw, depth, parts, reading }.part(header, raw.len(), MediaType::plain)
    }

    /// A part that is not there.
    pub(super) fn nothing(at: usize) -> Self {
        let header = Header::nothing(at);
        Self {
            header,
            body: at..at,
            left_out: None,
            media: MediaType::plain(),
            content: Content::Leaf,
            reading: Reading::Strict,
        }
    }

    /// All that is left of a multipart.
    fn rest(range: Range<usize>) -> Self {
        let header = Header::nothing(range.start);
        Self {
            header,
            body: range,
            left_out: None,
            media: MediaType::unknown(),
            content: Content::Opaque,
            reading: Reading::Strict,
        }
    }

    /// What a part in a multipart of this type is that does not say it.
    pub(super) fn default_in(media: &MediaType) -> fn() -> MediaType {
        if media.is_exactly("multipart", "digest") { MediaType::message } else { MediaType::plain }
    }
}

/// The longest that may stand between parts (RFC 2046 5.1.1).
const MAX_BOUNDARY: usize = 70;

struct Scanner<'a> {
    raw: &'a [u8],
    /// What is left of the limits.
    depth: usize,
    parts: usize,
    reading: Reading,
}

impl Scanner<'_> {
    fn part(&mut self, header: Header, end: usize, default: fn() -> MediaType) -> Part {
        let reading = self.reading;
        let media = MediaType::of(header.fields(self.raw), default, reading);
        let body = header.range().end..end;
        let content = self.content(&media, &body);
        Part { header, body, left_out: None, media, content, reading }
    }

    fn content(&mut self, media: &MediaType, body: &Range<usize>) -> Content {
        let multipart = media.is("multipart");
        let message = media.is_exactly("message", "rfc822") || media.is_exactly("message", "global");
        if !multipart && !message {
            return Content::Leaf;
        }
        if self.depth == 0 || self.parts == 0 {
            return Content::Opaque;
        }
        self.depth -= 1;
        let content = if message {
            Content::Message(Box::new(self.scanned(body.clone(), MediaType::plain)))
        } else {
            self.multipart(media, body)
        };
        self.depth += 1;
        content
    }

    fn scanned(&mut self, range: Range<usize>, default: fn() -> MediaType) -> Part {
        let end = range.end;
        self.part(Header::scan(self.raw, range, self.reading), end, default)
    }

    fn multipart(&mut self, media: &MediaType, body: &Range<usize>) -> Content {
        let default = Part::default_in(media);
        let mut parts = Vec::new();
        let mut ranges =
            media.boundary().map(|boundary| split(self.raw, body, &boundary, self.parts)).unwrap_or_default();
        if ranges.is_empty() && self.reading.is_lenient() {
            let boundary = found_boundary(slice(self.raw, body));
            ranges = boundary.map(|boundary| split(self.raw, body, boundary, self.parts)).unwrap_or_default();
        }
        for range in ranges {
            if self.parts == 0 {
                parts.push(Part::rest(range.start..body.end));
                break;
            }
            self.parts -= 1;
            parts.push(self.scanned(range, default));
        }
        if parts.is_empty() { Content::Undivided(Box::new(Part::nothing(body.end))) } else { Content::Multipart(parts) }
    }
}

/// The ranges between the delimiters of a multipart body (RFC 2046 5.1.1), at most `limit` and one with all the rest. The
/// line end before a delimiter belongs to it. A missing last delimiter is forgiven: the body ends as if it were there.
fn split(raw: &[u8], body: &Range<usize>, boundary: &[u8], limit: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut current: Option<usize> = None;
    let mut position = body.start;
    while position < body.end && parts.len() < limit {
        let rest = slice(raw, &(position..body.end));
        let length = line_length(rest);
        spend(length);
        if let Some(closing) = delimiter(rest.get(..length).unwrap_or_default(), boundary) {
            parts.extend(current.take().map(|start| start..before_line_end(raw, position).max(start)));
            if closing {
                return parts;
            }
            current = Some(position + length);
        }
        position += length;
    }
    parts.extend(current.map(|start| start..before_line_end(raw, body.end).max(start)));
    parts
}

/// What stands between the parts of a multipart whose header does not tell it: the first line that looks like a delimiter, if it
/// comes again.
fn found_boundary(body: &[u8]) -> Option<&[u8]> {
    let mut lines = body.split_inclusive(|byte| *byte == b'\n').inspect(|line| spend(line.len()));
    let boundary = lines.find_map(|line| {
        let boundary = line.strip_prefix(b"--")?.trim_ascii();
        let fits = (1..=MAX_BOUNDARY).contains(&boundary.len()) && boundary.iter().all(u8::is_ascii_graphic);
        // A line of dashes is one that separates texts.
        (fits && boundary.iter().any(u8::is_ascii_alphanumeric)).then_some(boundary)
    })?;
    lines.any(|line| delimiter(line, boundary).is_some()).then_some(boundary)
}

/// Whether a line is a delimiter, and if so whether it is the last. Space around its end means nothing.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?.trim_ascii();
    match rest {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(raw: &[u8], limits: Limits) -> Part {
        Part::parse(raw, Header::scan(raw, 0..raw.len(), limits.reading), limits)
    }

    fn parsed(raw: &[u8]) -> Part {
        parse(raw, Limits::default())
    }

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
        assert_eq!(bodies(raw, &parsed(raw)), ["one\r\n--a bc", ""]);
    }

    #[test]
    fn nested_with_missing_ends() {
        let raw =
            b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/alternative; boundary=y\n\n\
            --y\n\none\n--y\n\ntwo\n--x\n\nthree\n";
        assert_eq!(bodies(raw, &parsed(raw)), ["one", "two", "three"]);
    }

    #[test]
    fn delimiters() {
        let body = b"preamble\r\n--b\r\nA: 1\r\n\r\none\r\n--bb\r\n--b \r\n\r\ntwo\r\n\r\n--b--\r\nepilogue --b\r\n";
        let pieces = |body: &[u8], limit| -> Vec<String> {
            let ranges = split(body, &(0..body.len()), b"b", limit);
            ranges.iter().map(|range| String::from_utf8_lossy(slice(body, range)).into_owned()).collect()
        };
        assert_eq!(pieces(body, 9), ["A: 1\r\n\r\none\r\n--bb", "\r\ntwo\r\n"]);
        assert_eq!(pieces(body, 1), ["A: 1\r\n\r\none\r\n--bb", "\r\ntwo\r\n\r\n--b--\r\nepilogue --b"]);
        assert_eq!(pieces(b"--b\n\nx\n--b\n\ny", 9), ["\nx", "\ny"]);
        assert_eq!(pieces(b"--b\n--b\n--b --", 9), ["", ""]);
        assert_eq!(pieces(b"--b\n", 9), [""]);
        assert!(pieces(b"nothing", 9).is_empty());
        assert!(pieces(b"--b--\nx\n--b\n", 9).is_empty());
    }

    #[test]
    fn multipart_without_parts_has_an_empty_one() {
        for raw in [&b"Content-Type: multipart/mixed\r\n\r\ntext"[..], b"Content-Type: multipart/mixed; boundary=q"] {
            let Content::Undivided(part) = parsed(raw).content else { panic!() };
            assert!(part.body.is_empty());
        }
        let raw = b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q";
        assert!(matches!(parsed(raw).content, Content::Multipart(parts) if parts.len() == 1));
    }

    #[test]
    fn delimiters_that_nobody_named_are_found_where_that_was_meant() {
        let lenient = |raw: &[u8]| bodies(raw, &parse(raw, Limits::lenient(4, 20)));
        for header in ["Content-Type: multipart/mixed", "Content-Type: multipart/mixed; boundary=other"] {
            let raw = format!("{header}\r\n\r\n--\r\n-----\r\n--m 1\r\n--m\r\n\r\none\r\n--m\r\n\r\ntwo\r\n--m--\r\n");
            assert_eq!(lenient(raw.as_bytes()), ["one", "two"]);
            assert!(matches!(parsed(raw.as_bytes()).content, Content::Undivided(_)));
        }
        let once = b"Content-Type: multipart/mixed\r\n\r\n--m\r\ntext\r\n";
        assert!(matches!(parse(once, Limits::lenient(4, 20)).content, Content::Undivided(_)));
        // The part's header ends where its text begins, and at the next delimiter.
        let raw =
            b"Content-Type: multipart/mixed; boundary=m\nX: y\n--m\ntext at once\n\nand on\n--m\nA: b\nmore\n--m--";
        assert_eq!(lenient(raw), ["text at once\n\nand on", "more"]);
    }

    #[test]
    fn digests_hold_messages() {
        let raw = b"Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: in\r\n\r\nbody\r\n--x--\r\n";
        let Content::Multipart(parts) = parsed(raw).content else { panic!() };
        let Content::Message(inner) = &parts[0].content else { panic!() };
        assert_eq!(slice(raw, &inner.header.range()), b"Subject: in\r\n\r\n");
        assert_eq!(slice(raw, &inner.body), b"body");
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let deep = b"Content-Type: message/rfc822\r\n\r\n".repeat(1000);
        let mut part = &parsed(&deep);
        let mut depth = 0;
        while let Content::Message(inner) = &part.content {
            part = inner;
            depth += 1;
        }
        assert_eq!(depth, Limits::default().depth);
        assert_eq!(part.content, Content::Opaque);
        let mut wide = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n".to_vec();
        wide.extend(b"--x\r\n\r\n".repeat(5000));
        let Content::Multipart(parts) = parsed(&wide).content else { panic!() };
        assert_eq!(parts.len(), Limits::default().parts + 1);
        let Content::Multipart(parts) = parse(&wide, Limits { depth: 1, parts: 7, ..Limits::default() }).content else {
            panic!()
        };
        assert_eq!((parts.len(), &parts[7].content), (8, &Content::Opaque));
        assert_eq!(slice(&wide, &parts[7].body), [&b"\r\n--x\r\n".repeat(5000 - 8)[..], b"\r\n"].concat());
    }

    fn check(raw: &[u8], part: &Part) {
        let header = part.header.range();
        assert!(header.start <= header.end && header.end <= part.body.end && part.body.end <= raw.len());
        match &part.content {
            Content::Leaf | Content::Opaque => {}
            Content::Multipart(parts) => parts.iter().for_each(|part| check(raw, part)),
            Content::Message(part) | Content::Undivided(part) => check(raw, part),
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
            check(raw.as_bytes(), &parsed(raw.as_bytes()));
        }
    }
}

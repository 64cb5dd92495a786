use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::address::{Address, parse_addresses};
use super::charset::guess;
use super::date::Date;
use super::line::{line_length, one_line, slice, unfold};
use super::mailbox::{Mailbox, addressed, mailboxes};
use super::parameters::Parameterized;
use super::reading::Reading;
use super::{encoded_word, lenient, reads};
use crate::work::spend;

/// How many fields of a header are looked at when one is looked up by its name.
pub const MAX_FIELDS: usize = 10_000;

/// The header block of a message or part (RFC 5322 2.2): where it is, and where in it something begins. It takes four bytes
/// for every line that is no continuation, whatever the lines hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// With the empty line that ends it.
    range: Range<usize>,
    /// The length without that line.
    lines: usize,
    /// Offsets of lines that are no continuation.
    starts: Arc<[u32]>,
}

impl Header {
    /// Scans the header block at the start of a range.
    pub(super) fn scan(raw: &[u8], range: Range<usize>, reading: Reading) -> Self {
        reads::header();
        Self::of(Lines::of(slice(raw, &range), reading), range.start)
    }

    /// The header block with these lines.
    pub(super) fn of(lines: Lines, at: usize) -> Self {
        let Lines { length, without_end, starts } = lines;
        Self { range: at..at + length, lines: without_end, starts: starts.into() }
    }

    /// The header of a part that is not there.
    pub(super) fn nothing(at: usize) -> Self {
        Self { range: at..at, lines: 0, starts: Arc::default() }
    }

    /// Where it is, with the empty line that ends it.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Its fields; `raw` is what was scanned.
    pub fn fields<'a>(&'a self, raw: &'a [u8]) -> Fields<'a> {
        let block = slice(raw, &self.range);
        Fields { lines: block.get(..self.lines).unwrap_or_default(), starts: &self.starts }
    }
}

/// The lines of a header block.
pub(super) struct Lines {
    /// With the empty line.
    pub(super) length: usize,
    /// Without it.
    pub(super) without_end: usize,
    pub(super) starts: Vec<u32>,
}

impl Lines {
    pub(super) fn of(bytes: &[u8], reading: Reading) -> Self {
        let mut starts = Vec::new();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let length = line_length(rest);
            spend(length);
            match rest.get(..length) {
                Some(b"\r\n" | b"\n") => return Self { length: at + length, without_end: at, starts },
                Some([b' ' | b'\t', ..]) if !starts.is_empty() => {}
                Some(line) if reading.is_lenient() && !may_stand_in_header(line, at == 0) => {
                    return Self { length: at, without_end: at, starts };
                }
                _ => starts.extend(u32::try_from(at)),
            }
            at += length;
        }
        Self { length: at, without_end: at, starts }
    }

    /// Whether an empty line ended them.
    pub(super) fn are_ended(&self) -> bool {
        self.without_end < self.length
    }
}

/// Whether a line is a field, or how mail files say before the first one where a message begins.
fn may_stand_in_header(line: &[u8], first: bool) -> bool {
    Field::of(line).is_some() || (first && (line.starts_with(b"From ") || line.starts_with(b">From ")))
}

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

impl<'a> Field<'a> {
    /// What a line and its continuations hold; `None` if that is no field (RFC 5322 3.6.8). The name and the colon stand on
    /// the first line; space between them is forgiven.
    pub fn of(raw: &'a [u8]) -> Option<Self> {
        let line = raw.get(..line_length(raw))?;
        let (name, value) = raw.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
        let name = name.trim_ascii_end();
        let valid = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        valid.then_some(Self { name, value: value.get(1..)?, raw })
    }

    /// The same if it is the field of this name, without looking for its end.
    fn named(raw: &'a [u8], name: &str) -> Option<Self> {
        let (found, rest) = raw.split_at_checked(name.len())?;
        if !found.eq_ignore_ascii_case(name.as_bytes()) {
            return None;
        }
        let colon = rest.iter().position(|byte| !byte.is_ascii_whitespace() || *byte == b'\n')?;
        let value = rest.get(colon..)?.strip_prefix(b":")?;
        Some(Self { name: found, value, raw })
    }

    /// Whether this is its name, whatever the case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value without its line ends, and without space at its ends. Encoded words stay encoded.
    pub fn unfolded(&self) -> Vec<u8> {
        unfold(self.value)
    }

    /// The same as text on one line.
    pub fn verbatim(&self) -> String {
        one_line(&guess(self.value).replace(['\r', '\n'], ""))
    }

    /// The address list that it holds, as it stands there.
    pub fn addresses(&self) -> Vec<Address> {
        parse_addresses(&self.unfolded())
    }

    /// Everybody whom it lists, also by what can't be an address where one should be.
    pub fn addressed(&self) -> Vec<Mailbox> {
        addressed(self.value)
    }

    /// The value as a reader sees it: on one line, encoded words decoded (RFC 2047).
    pub fn text(&self) -> String {
        encoded_word::decode(self.value)
    }
}

/// The fields of a header block, in their order. Lines that are no field are passed over.
///
/// What looks a field up by its name sees the first [`MAX_FIELDS`].
#[derive(Clone, Copy, Default)]
pub struct Fields<'a> {
    lines: &'a [u8],
    starts: &'a [u32],
}

impl<'a> Fields<'a> {
    /// The header block without the empty line that ends it.
    pub fn raw(self) -> &'a [u8] {
        self.lines
    }

    /// Every line that is no continuation, with its continuations, whether it is a field or not.
    pub fn lines(self) -> impl Iterator<Item = &'a [u8]> {
        let Self { lines, starts } = self;
        let ends = starts.iter().skip(1).map(|end| *end as usize).chain([lines.len()]);
        let line = move |(start, end): (&u32, usize)| slice(lines, &(*start as usize..end));
        starts.iter().zip(ends).map(line).inspect(|line| spend(line.len()))
    }

    /// All fields.
    pub fn iter(self) -> impl Iterator<Item = Field<'a>> {
        self.lines().filter_map(Field::of)
    }

    /// The fields of a name.
    pub fn named(self, name: &str) -> impl Iterator<Item = Field<'a>> {
        self.lines().take(MAX_FIELDS).filter_map(move |line| Field::named(line, name))
    }

    /// The first field of a name.
    pub fn first(self, name: &str) -> Option<Field<'a>> {
        self.named(name).next()
    }

    /// Whether there is a field of that name.
    pub fn has(self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// [`Field::unfolded`] of the first field of a name.
    pub fn unfolded(self, name: &str) -> Option<Vec<u8>> {
        self.first(name).map(|field| field.unfolded())
    }

    /// [`Field::verbatim`] of the first field of a name, unless that is empty.
    pub fn verbatim(self, name: &str) -> Option<String> {
        self.first(name).map(|field| field.verbatim()).filter(|text| !text.is_empty())
    }

    /// [`Field::text`] of the first field of a name, unless that is empty.
    pub fn text(self, name: &str) -> Option<String> {
        self.first(name).map(|field| field.text()).filter(|text| !text.is_empty())
    }

    /// The value of the first field of a name with its parameters.
    pub fn parameterized(self, name: &str, reading: Reading) -> Option<Parameterized> {
        self.unfolded(name).map(|value| match reading {
            Reading::Strict => Parameterized::parse(&value),
            Reading::Lenient => lenient::parameterized(&value),
        })
    }

    /// The date that the first field of a name says.
    pub fn date(self, name: &str) -> Option<Date> {
        self.first(name).and_then(|field| Date::parse(field.value))
    }

    /// The address list of the first field of a name, as it stands there.
    pub fn addresses(self, name: &str) -> Vec<Address> {
        self.first(name).map(|field| field.addresses()).unwrap_or_default()
    }

    /// Everybody whom the fields of a name list.
    pub fn mailboxes(self, name: &str) -> Vec<Mailbox> {
        self.named(name).flat_map(|field| mailboxes(field.value)).collect()
    }

    /// The fields whose name starts so, whatever the case, as they are.
    pub fn raw_with_prefix(self, prefix: &str) -> Vec<u8> {
        let starts = |field: &Field<'_>| {
            field.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        self.iter().take(MAX_FIELDS).filter(starts).flat_map(|field| field.raw).copied().collect()
    }
}

impl fmt::Debug for Fields<'_> {
    /// Tells nothing of the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").field("lines", &self.starts.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &[u8] =
        b"From x\r\n y: z\r\nSubject: one\r\n two\r\nX-Empty:\r\nsubject : three\r\nbad line\r\n :\r\n\r\nA: b";

    fn scan(raw: &[u8]) -> Header {
        Header::scan(raw, 0..raw.len(), Reading::Strict)
    }

    #[test]
    fn finds_fields() {
        let header = scan(HEADER);
        let fields = header.fields(HEADER);
        let found: Vec<_> = fields.iter().map(|field| (field.name, field.raw)).collect();
        assert_eq!(
            found,
            [
                (&b"Subject"[..], &b"Subject: one\r\n two\r\n"[..]),
                (b"X-Empty", b"X-Empty:\r\n"),
                (b"subject", b"subject : three\r\n")
            ]
        );
        assert_eq!(fields.unfolded("SUBJECT").as_deref(), Some(&b"one two"[..]));
        assert_eq!(fields.named("subject").map(|field| field.text()).collect::<Vec<_>>(), ["one two", "three"]);
        assert_eq!((fields.unfolded("To"), fields.text("x-empty"), fields.has("x-empty")), (None, None, true));
        assert_eq!(fields.raw_with_prefix("SUBJ"), b"Subject: one\r\n two\r\nsubject : three\r\n");
        assert_eq!(fields.raw(), &HEADER[..HEADER.len() - 6]);
        assert_eq!(header.range(), 0..HEADER.len() - 4);
    }

    #[test]
    fn header_ends_at_an_empty_line() {
        for (raw, length, without_end) in [
            (&b"a: b\r\n\r\nbody"[..], 8, 6),
            (b"a: b\n\nbody", 6, 5),
            (b"\r\nbody", 2, 0),
            (b"a: b", 4, 4),
            (b"a: b\r\n \r\n\r\n", 11, 9),
            (b"", 0, 0),
        ] {
            assert_eq!(scan(raw).range(), 0..length);
            assert_eq!(scan(raw).fields(raw).raw().len(), without_end);
        }
    }

    #[test]
    fn a_line_that_is_no_field_ends_it_where_that_was_meant() {
        for (raw, length, without_end) in [
            (&b"Subject: UPS\r\nInput power failed at 10:02\r\nmore\r\n\r\nx"[..], 14, 14),
            (b"a: b\n--m\n", 5, 5),
            (b"text at once\n\na: b", 0, 0),
            (b" indented\n", 0, 0),
            (b"From x@y Mon\na: b\nFrom z\n", 18, 18),
            (b"a: b\n c d\ne: f\n\ng", 16, 15),
        ] {
            let header = Header::scan(raw, 0..raw.len(), Reading::Lenient);
            assert_eq!((header.range(), header.fields(raw).raw().len()), (0..length, without_end), "{raw:?}");
        }
    }

    #[test]
    fn any_number_of_fields_is_found_and_some_are_looked_up() {
        let many = "a:\n".repeat(MAX_FIELDS) + "b: c\n";
        let header = scan(many.as_bytes());
        assert_eq!(header.fields(many.as_bytes()).iter().count(), MAX_FIELDS + 1);
        assert!(!header.fields(many.as_bytes()).has("b"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn lookups_find_what_is_there(raw in "((ab|AB|a|x y)[ \t]{0,2}:?( [a-z:]{0,3}|\r|\r\n |\0)\r?\n){0,6}") {
            let header = scan(raw.as_bytes());
            let fields = header.fields(raw.as_bytes());
            for name in ["ab", "a", "x"] {
                let expected: Vec<_> = fields.iter().filter(|field| field.is(name)).collect();
                prop_assert_eq!(fields.named(name).collect::<Vec<_>>(), expected);
            }
            let lines: Vec<u8> = fields.lines().flatten().copied().collect();
            prop_assert_eq!(lines, fields.raw());
        }
    }
}

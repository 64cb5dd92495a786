use super::Marker;
use super::measure::{Measure, Measurer};
use crate::property::{Form, NamedId, PropertyKey, PropertyName, PropertyTag, PropertyType, PropertyValue, tags};
use crate::wire::{Reader, WireError, WireErrorKind, WireResult};

/// One unit of a FastTransfer stream ([MS-OXCFXICS] 2.2.4.1).
#[derive(Debug, Clone, PartialEq)]
pub enum Atom {
    /// A marker.
    Marker(Marker),
    /// A property with its value. Types of code page strings are already 0x001F (code page 1200) or 0x001E.
    Property(PropertyKey, PropertyValue),
    /// A property whose value was above [`ParserLimits::value`] and went by unread (only with
    /// [`ParserLimits::skip_large_values`]).
    Skipped(PropertyKey, u64),
}

/// Bounds of an [`AtomParser`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParserLimits {
    /// Largest value of one property, in bytes of the stream.
    pub value: usize,
    /// Longest stream, in bytes.
    pub total: u64,
    /// Whether a string or binary above `value` is passed over as [`Atom::Skipped`] instead of being an error.
    pub skip_large_values: bool,
}

impl Default for ParserLimits {
    /// 256 MiB a value, 1 TiB a stream, too large is an error.
    fn default() -> Self {
        Self { value: 256 << 20, total: 1 << 40, skip_large_values: false }
    }
}

/// Pull parser: buffers go in as they arrive, cut anywhere; atoms come out. Keeps only the bytes of the atom that is not
/// complete yet.
#[derive(Debug)]
pub struct AtomParser {
    limits: ParserLimits,
    buffer: Vec<u8>,
    /// Bytes of `buffer` already turned into atoms.
    taken: usize,
    /// Stream offset of `buffer[0]`.
    base: u64,
    /// Stream offset of the atom returned last.
    last: u64,
    /// Where reading of the incomplete atom at `taken` goes on.
    head: Option<Head>,
}

/// The read front part of an atom: everything before the value.
#[derive(Debug, Clone)]
struct Head {
    key: PropertyKey,
    kind: PropertyType,
    /// Bytes before the value.
    len: usize,
    value: ValueState,
}

#[derive(Debug, Clone)]
enum ValueState {
    Measuring(Measurer),
    /// A value that is passed over: its size field included, and what is still to come of it.
    Skipping {
        size: u64,
        left: u64,
    },
}

/// After a value of more bytes the room that it took is given back.
const KEPT_BYTES: usize = 256 << 10;

/// Names longer than this (bytes of UTF-16) do not occur: 255 characters are allowed.
const NAME_LIMIT: usize = 1024;

impl AtomParser {
    /// A parser at the start of a stream.
    pub fn new(limits: ParserLimits) -> Self {
        Self { limits, buffer: Vec::new(), taken: 0, base: 0, last: 0, head: None }
    }

    /// Takes the next bytes of the stream. Call [`AtomParser::next_atom`] until it returns `None` before the next push.
    ///
    /// # Errors
    /// [`WireErrorKind::TooLarge`] if the stream is longer than [`ParserLimits::total`].
    pub fn push(&mut self, bytes: &[u8]) -> WireResult<()> {
        let total = self.base + (self.buffer.len() + bytes.len()) as u64;
        if total > self.limits.total {
            let kind = WireErrorKind::TooLarge { asked: total, limit: self.limits.total };
            return Err(error_at(self.position(), "FastTransfer stream", kind));
        }
        if self.taken > 0 {
            self.forget_taken();
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Drops what was turned into atoms.
    fn forget_taken(&mut self) {
        self.buffer.drain(..self.taken);
        self.base += self.taken as u64;
        self.taken = 0;
    }

    /// The next atom, if it is complete.
    ///
    /// # Errors
    /// Malformed atoms and values above the limit. The parser is of no use afterwards.
    pub fn next_atom(&mut self) -> WireResult<Option<Atom>> {
        if self.head.is_none() {
            self.last = self.position();
            match self.read_head()? {
                None => return Ok(None),
                Some(Front::Marker(marker)) => {
                    self.taken += 4;
                    return Ok(Some(Atom::Marker(marker)));
                }
                Some(Front::Property(head)) => self.head = Some(head),
            }
        }
        self.read_value()
    }

    /// Stream offset of the first byte of the atom returned last (or being waited for).
    pub fn offset(&self) -> u64 {
        self.last
    }

    /// Stream offset behind the last complete atom.
    pub fn position(&self) -> u64 {
        self.base + self.taken as u64
    }

    /// An error of `kind` at the atom returned last.
    pub fn error(&self, context: &'static str, kind: WireErrorKind) -> WireError {
        error_at(self.last, context, kind)
    }

    /// Fails if the stream stopped inside an atom.
    pub fn finish(&self) -> WireResult<()> {
        let left = self.buffer.len() - self.taken;
        match left == 0 && self.head.is_none() {
            true => Ok(()),
            false => Err(self.error("end of FastTransfer stream", WireErrorKind::Truncated { needed: left + 1, left })),
        }
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    fn read_head(&self) -> WireResult<Option<Front>> {
        let base = usize::try_from(self.position()).unwrap_or(usize::MAX);
        let mut reader = Reader::with_base(self.unread(), base);
        let start = reader.remaining();
        let Ok(tag) = reader.u32("atom") else { return Ok(None) };
        if let Some(marker) = Marker::from_u32(tag) {
            return Ok(Some(Front::Marker(marker)));
        }
        let tag = PropertyTag(tag);
        let mut kind = tag.kind();
        // MetaTagIdsetGiven is binary although its tag says Integer32 ([MS-OXCFXICS] 2.2.1.1.1).
        if tag == tags::MetaTagIdsetGiven {
            kind = PropertyType::BINARY;
        }
        let normal = match kind {
            PropertyType::CODE_PAGE_UTF16 => PropertyType::STRING,
            kind if kind.is_code_page_string() => PropertyType::STRING8,
            kind => kind,
        };
        let key = if tag.is_named() {
            match read_name(&mut reader)? {
                None => return Ok(None),
                Some(name) => PropertyKey::Named(name, normal),
            }
        } else if tag == tags::MetaTagIdsetGiven {
            PropertyKey::Tag(tag)
        } else {
            PropertyKey::Tag(tag.with_kind(normal))
        };
        let len = start - reader.remaining();
        let Some(measurer) = Measurer::new(kind) else {
            return Err(reader.invalid("property type", kind.0));
        };
        Ok(Some(Front::Property(Head { key, kind, len, value: ValueState::Measuring(measurer) })))
    }

    fn read_value(&mut self) -> WireResult<Option<Atom>> {
        let Some(mut head) = self.head.take() else { return Ok(None) };
        let available = self.buffer.len() - self.taken;
        if let ValueState::Measuring(measurer) = &mut head.value {
            let value = self.buffer.get(self.taken + head.len..).unwrap_or_default();
            match measurer.measure(value) {
                Measure::Complete(len) if len <= self.limits.value => {
                    let at = self.last as usize + head.len;
                    let bytes = value.get(..len).unwrap_or_default();
                    let value =
                        PropertyValue::decode(&mut Reader::with_base(bytes, at), head.kind, Form::FastTransfer)?;
                    self.taken += head.len + len;
                    if len > KEPT_BYTES {
                        // What follows may let wait for itself.
                        self.forget_taken();
                        self.buffer.shrink_to(KEPT_BYTES);
                    }
                    return Ok(Some(Atom::Property(head.key, value)));
                }
                Measure::Complete(len) => self.start_skipping(&mut head, len as u64)?,
                Measure::AtLeast(len) if len > self.limits.value as u64 => self.start_skipping(&mut head, len)?,
                Measure::AtLeast(_) => {
                    self.head = Some(head);
                    return Ok(None);
                }
            }
        }
        let ValueState::Skipping { size, left } = &mut head.value else { return Ok(None) };
        let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
        self.taken += skipped;
        *left -= skipped as u64;
        if *left == 0 {
            return Ok(Some(Atom::Skipped(head.key, *size)));
        }
        self.head = Some(head);
        Ok(None)
    }

    fn start_skipping(&self, head: &mut Head, len: u64) -> WireResult<()> {
        if !self.limits.skip_large_values || head.kind.is_multiple() {
            let kind = WireErrorKind::TooLarge { asked: len, limit: self.limits.value as u64 };
            return Err(self.error("property value", kind));
        }
        head.value = ValueState::Skipping { size: len, left: head.len as u64 + len };
        Ok(())
    }
}

enum Front {
    Marker(Marker),
    Property(Head),
}

/// Reads GUID, kind and LID or name; `None` if they are not complete yet.
fn read_name(reader: &mut Reader<'_>) -> WireResult<Option<PropertyName>> {
    let (Ok(guid), at) = (reader.guid("property set"), reader.clone()) else { return Ok(None) };
    let Ok(kind) = reader.u8("property name kind") else { return Ok(None) };
    let id = match kind {
        0 => reader.u32("property LID").map(NamedId::Lid),
        1 => {
            let text = reader.peek_rest();
            let end = text.chunks_exact(2).take(NAME_LIMIT / 2 + 1).position(|unit| unit == [0, 0]);
            if end.is_none() && text.len() > NAME_LIMIT {
                let kind = WireErrorKind::TooLarge { asked: text.len() as u64, limit: NAME_LIMIT as u64 };
                return Err(reader.error("property name", kind));
            }
            reader.z16("property name").map(NamedId::Name)
        }
        other => return Err(at.invalid("property name kind", other)),
    };
    Ok(id.ok().map(|id| PropertyName { guid, id: Some(id) }))
}

fn error_at(offset: u64, context: &'static str, kind: WireErrorKind) -> WireError {
    WireError::new(usize::try_from(offset).unwrap_or(usize::MAX), context, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_large_value_is_given_back() {
        const SIZE: usize = 3 << 20;
        let mut parser = AtomParser::new(ParserLimits::default());
        let atom = |size: usize| {
            let mut atom = tags::PidTagAttachDataBinary.0.to_le_bytes().to_vec();
            atom.extend_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
            atom.resize(atom.len() + size, 7);
            atom
        };
        let stream = [atom(SIZE), atom(10), atom(20)].concat();
        let (most, rest) = stream.split_at(stream.len() - 5);
        let mut values = Vec::new();
        for piece in most.chunks(100_000).chain([rest]) {
            parser.push(piece).unwrap();
            while let Some(Atom::Property(_, PropertyValue::Binary(value))) = parser.next_atom().unwrap() {
                values.push(value.len());
            }
            if !values.is_empty() {
                assert!(parser.buffer.capacity() <= KEPT_BYTES, "{}", parser.buffer.capacity());
            }
        }
        assert_eq!((values, parser.position()), (vec![SIZE, 10, 20], stream.len() as u64));
        parser.finish().unwrap();
    }
}

//! Internet messages (RFC 5322, RFC 2045 to 2047): the one reader of headers and MIME. Everything is found in a message's
//! bytes and points into them.
//!
//! # Rules
//! * Nothing is refused: whatever the bytes are, they have a header and a structure.
//! * Every nesting and count is bounded ([`Limits`], [`MAX_FIELDS`], 64 parameters), and time is proportional to the bytes,
//!   times the depth for multiparts within each other.
//! * Who shows the bytes reads them strictly, who makes something else of them leniently ([`Reading`]).
//! * A [`Message`] scans its header block once and finds its structure once, whoever asks for them and how often ([`Reads`]).

mod address;
pub mod charset;
mod continuation;
mod date;
mod encoded_word;
mod entity;
mod header;
pub mod html;
mod lenient;
mod line;
mod mailbox;
mod media_type;
mod outline;
mod parameters;
mod reading;
mod reads;
mod section;
mod structure;
pub mod transfer;

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;

pub use self::address::Address;
pub use self::continuation::put_together;
pub use self::date::Date;
pub use self::entity::Entity;
pub use self::header::{Field, Fields, Header, MAX_FIELDS};
pub use self::line::one_line;
pub use self::mailbox::Mailbox;
pub use self::media_type::MediaType;
pub use self::outline::Outline;
pub use self::parameters::{Parameterized, Parameters};
pub use self::reading::Reading;
pub use self::reads::Reads;
pub use self::section::{Extract, Section, SectionText};
pub use self::structure::{BodySize, Content, Limits, Part};

use self::header::Lines;
use self::line::slice;

/// A message and what was found in it so far.
#[derive(Clone)]
pub struct Message {
    bytes: Bytes,
    limits: Limits,
    header: OnceLock<Header>,
    structure: OnceLock<Part>,
    /// Of what only this is there.
    outline: Option<Outline>,
}

impl Message {
    /// A message that is taken apart within the default limits. Nothing is read yet.
    pub fn new(bytes: Bytes) -> Self {
        Self::within(bytes, Limits::default())
    }

    /// The same within other limits.
    pub fn within(bytes: Bytes, limits: Limits) -> Self {
        Self { bytes, limits, header: OnceLock::new(), structure: OnceLock::new(), outline: None }
    }

    /// A message of which only the outline is there. Its bytes are the header blocks, and all bodies are empty.
    pub fn outlined(outline: Outline) -> Self {
        Self { bytes: outline.blocks().clone(), outline: Some(outline), ..Self::new(Bytes::new()) }
    }

    /// The same message with what was found in it, its bytes being these, which are the same.
    pub fn in_bytes(self, bytes: Bytes) -> Self {
        debug_assert_eq!(bytes.len(), self.bytes.len(), "other bytes");
        Self { bytes, ..self }
    }

    /// All of it.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its header block.
    pub fn header(&self) -> &Header {
        let range = || self.outline.as_ref().map_or(0..self.bytes.len(), Outline::header_range);
        self.header.get_or_init(|| Header::scan(&self.bytes, range(), self.limits.reading))
    }

    /// The fields of its header.
    pub fn fields(&self) -> Fields<'_> {
        self.header().fields(&self.bytes)
    }

    /// What follows the header; nothing in an outline.
    pub fn body(&self) -> &[u8] {
        if self.outline.is_some() {
            return &[];
        }
        self.bytes.get(self.header().range().end..).unwrap_or_default()
    }

    /// Its structure, the message itself being the outermost part.
    pub fn structure(&self) -> &Part {
        self.structure.get_or_init(|| match &self.outline {
            None => Part::parse(&self.bytes, self.header().clone(), self.limits),
            Some(outline) => outline.structure(),
        })
    }

    /// The outermost part.
    pub fn root(&self) -> Entity<'_> {
        Entity::new(&self.bytes, self.structure())
    }

    /// A message with lines added before its header, and with those fields, or lines that are none, left out that `goes`
    /// says. The rest is not read again: only the added lines are. If an empty line ends them, all of this message becomes
    /// the body.
    pub fn amended(&self, added: &[u8], goes: impl Fn(&[u8]) -> bool) -> Self {
        let mut lines = Lines::of(added, Reading::Strict);
        let mut bytes = Vec::with_capacity(added.len() + self.bytes.len());
        bytes.extend_from_slice(added);
        if lines.are_ended() {
            bytes.extend_from_slice(&self.bytes);
        } else {
            for line in self.fields().lines().filter(|line| !goes(line)) {
                lines.starts.extend(u32::try_from(bytes.len()));
                bytes.extend_from_slice(line);
            }
            lines.without_end = bytes.len();
            let end = self.fields().raw().len()..self.header().range().end;
            bytes.extend_from_slice(slice(&self.bytes, &end));
            if end.is_empty() && self.limits.reading.is_lenient() && !self.body().is_empty() {
                bytes.extend_from_slice(b"\r\n");
            }
            lines.length = bytes.len();
            bytes.extend_from_slice(self.body());
        }
        let header = Header::of(lines, 0);
        Self {
            bytes: bytes.into(),
            limits: self.limits,
            header: header.into(),
            structure: OnceLock::new(),
            outline: None,
        }
    }
}

impl fmt::Debug for Message {
    /// Tells nothing of the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_can_be_amended() {
        let message = Message::new(Bytes::from_static(b"A: 1\r\nB: 2\r\n b\r\nC: 3\r\n\r\nbody"));
        let amended = message.amended(b"D: 4\r\n d\r\nE: 5\r\n", |line| line.starts_with(b"B"));
        assert_eq!(amended.bytes(), &b"D: 4\r\n d\r\nE: 5\r\nA: 1\r\nC: 3\r\n\r\nbody"[..]);
        assert_eq!((amended.fields().text("c").as_deref(), amended.body()), (Some("3"), &b"body"[..]));
        // Where the empty line is missing it comes with what is added.
        let unheaded = Message::within(Bytes::from_static(b"A: 1\r\nno field\r\n"), Limits::lenient(1, 1));
        assert_eq!(unheaded.amended(b"B: 2\r\n", |_| false).bytes(), &b"B: 2\r\nA: 1\r\n\r\nno field\r\n"[..]);
        let headed = message.amended(b"D: 4\r\n\r\n", |_| true);
        assert_eq!((headed.fields().iter().count(), headed.body()), (1, &message.bytes()[..]));
        assert!(!format!("{message:?}").contains("body"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_is_amended_reads_as_if_it_were_scanned(
            raw in "((A|B|x y):?[a-z ]{0,3}\r?\n| c\r\n){0,5}(\r?\n[a-z]{0,3})?", added in "(D: [a-z]{0,3}\r\n( d\r\n)?){0,2}(\r\n)?") {
            let message = Message::new(raw.into_bytes().into());
            let amended = message.amended(added.as_bytes(), |line| line.starts_with(b"A"));
            let scanned = Message::new(amended.bytes().clone());
            // A first line that looks like a continuation is one of what was added.
            if added.is_empty() || !message.bytes().starts_with(b" ") {
                prop_assert_eq!(amended.header(), scanned.header());
            }
            prop_assert_eq!(amended.body(), scanned.body());
        }
    }
}

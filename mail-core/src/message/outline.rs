use std::fmt;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::Entity;
use super::header::Header;
use super::media_type::MediaType;
use super::reading::Reading;
use super::structure::{BodySize, Content, Part};

/// What listings need of a message: the header blocks of the message and its parts, and how these lie in each other, without
/// any body. `ENVELOPE`, `BODYSTRUCTURE`, headers and searches in them are the same of it as of the whole message.
#[derive(Clone, PartialEq, Eq)]
pub struct Outline {
    /// The parts from the outside in, each before those in it.
    nodes: Vec<Node>,
    /// Their header blocks in this order.
    blocks: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Node {
    kind: Kind,
    /// Bytes of its header block.
    header: u32,
    size: BodySize,
}

/// [`Content`], as far as it is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Leaf,
    Multipart(u32),
    Undivided,
    Message,
    Opaque,
    /// The rest of a multipart, which has no header of its own.
    Rest,
}

impl Kind {
    /// How many parts are in it.
    fn children(self) -> u32 {
        match self {
            Self::Leaf | Self::Opaque | Self::Rest => 0,
            Self::Undivided | Self::Message => 1,
            Self::Multipart(parts) => parts,
        }
    }
}

impl Outline {
    /// That of the message whose outermost part this is; nothing if its header blocks take more than `max_bytes`.
    pub fn of(root: Entity<'_>, max_bytes: usize) -> Option<Self> {
        let mut outline = Drawn { nodes: Vec::new(), blocks: BytesMut::new(), max_bytes };
        outline.add(root)?;
        Some(Self { nodes: outline.nodes, blocks: outline.blocks.freeze() })
    }

    /// The form in which it is kept: what lies in what, then the header blocks.
    pub fn to_bytes(&self) -> Bytes {
        let nodes = postcard::to_allocvec(&self.nodes).unwrap_or_default();
        let mut bytes = BytesMut::with_capacity(nodes.len() + self.blocks.len());
        bytes.put_slice(&nodes);
        bytes.put_slice(&self.blocks);
        bytes.freeze()
    }

    /// The reverse of [`Outline::to_bytes`]; nothing if these are other bytes.
    pub fn from_bytes(bytes: &Bytes) -> Option<Self> {
        let (nodes, blocks) = postcard::take_from_bytes::<Vec<Node>>(bytes).ok()?;
        let outline = Self { nodes, blocks: bytes.slice_ref(blocks) };
        outline.is_whole().then_some(outline)
    }

    /// The message's own header block, with the empty line that ends it.
    pub fn header(&self) -> Bytes {
        self.blocks.slice(self.header_range())
    }

    /// Bytes of the header blocks.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether no part has a header.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub(super) fn header_range(&self) -> Range<usize> {
        0..self.nodes.first().map_or(0, |root| root.header as usize).min(self.blocks.len())
    }

    /// All header blocks.
    pub(super) fn blocks(&self) -> &Bytes {
        &self.blocks
    }

    /// The structure, whose ranges are offsets into [`Outline::blocks`].
    pub(super) fn structure(&self) -> Part {
        let mut reader = Reader { blocks: &self.blocks, nodes: self.nodes.iter(), at: 0 };
        reader.part(MediaType::plain).unwrap_or_else(|| Part::nothing(0))
    }

    /// Whether every part has the parts that it says it has, within the limits that there can be, and all bytes are theirs.
    fn is_whole(&self) -> bool {
        // How many parts are still to come at each level.
        let mut open = vec![1u32];
        let mut bytes = 0u64;
        for node in &self.nodes {
            while open.last() == Some(&0) {
                open.pop();
            }
            let Some(left) = open.last_mut() else { return false };
            *left -= 1;
            open.push(node.kind.children());
            if open.len() > MAX_DEPTH {
                return false;
            }
            bytes += u64::from(node.header);
        }
        open.iter().all(|left| *left == 0) && bytes == self.blocks.len() as u64
    }
}

impl fmt::Debug for Outline {
    /// Tells nothing of the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outline").field("parts", &self.nodes.len()).field("bytes", &self.blocks.len()).finish()
    }
}

/// Nothing nests deeper, whatever the limits of the reader are.
const MAX_DEPTH: usize = 256;

/// An outline that is being made.
struct Drawn {
    nodes: Vec<Node>,
    blocks: BytesMut,
    max_bytes: usize,
}

impl Drawn {
    /// Adds a part and those in it. Recursion is as deep as the structure, which is bounded.
    fn add(&mut self, entity: Entity<'_>) -> Option<()> {
        let part = entity.part();
        let kind = match &part.content {
            Content::Leaf => Kind::Leaf,
            Content::Multipart(parts) => Kind::Multipart(u32::try_from(parts.len()).ok()?),
            Content::Undivided(_) => Kind::Undivided,
            Content::Message(_) => Kind::Message,
            Content::Opaque if part.media == MediaType::unknown() => Kind::Rest,
            Content::Opaque => Kind::Opaque,
        };
        let header = entity.header();
        if self.blocks.len() + header.len() > self.max_bytes {
            return None;
        }
        self.blocks.put_slice(header);
        self.nodes.push(Node { kind, header: u32::try_from(header.len()).ok()?, size: entity.size() });
        entity.children().try_for_each(|part| self.add(part))
    }
}

struct Reader<'a> {
    blocks: &'a Bytes,
    nodes: std::slice::Iter<'a, Node>,
    /// Where the next header block begins.
    at: usize,
}

impl Reader<'_> {
    /// The next part with those in it. Recursion is as deep as was looked at before.
    fn part(&mut self, default: fn() -> MediaType) -> Option<Part> {
        let Node { kind, header, size } = *self.nodes.next()?;
        let range = self.at..self.at + header as usize;
        self.at = range.end;
        let header = if range.is_empty() {
            Header::nothing(range.start)
        } else {
            Header::scan(self.blocks, range, Reading::Strict)
        };
        let media = match kind {
            Kind::Rest => MediaType::unknown(),
            _ => MediaType::of(header.fields(self.blocks), default, Reading::Strict),
        };
        let content = match kind {
            Kind::Leaf => Content::Leaf,
            Kind::Opaque | Kind::Rest => Content::Opaque,
            Kind::Undivided => Content::Undivided(Box::new(self.part(MediaType::plain)?)),
            Kind::Message => Content::Message(Box::new(self.part(MediaType::plain)?)),
            Kind::Multipart(parts) => {
                let default = Part::default_in(&media);
                Content::Multipart((0..parts).map(|_| self.part(default)).collect::<Option<_>>()?)
            }
        };
        let end = header.range().end;
        Some(Part { header, body: end..end, left_out: Some(size), media, content, reading: Reading::Strict })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::{Limits, Message};

    fn outline(raw: &[u8], limits: Limits) -> Outline {
        Outline::of(Message::within(raw.to_vec().into(), limits).root(), usize::MAX).expect("no limit")
    }

    /// Everything that listings show of a part, and of those in it.
    fn shown(entity: Entity<'_>, out: &mut Vec<String>) {
        let content = match &entity.part().content {
            Content::Leaf => "leaf",
            Content::Multipart(_) => "multipart",
            Content::Undivided(_) => "undivided",
            Content::Message(_) => "message",
            Content::Opaque => "opaque",
        };
        let lines: Vec<&[u8]> = entity.fields().lines().collect();
        out.push(format!("{content} {:?} {:?} {:?} {lines:?}", entity.header(), entity.part().media, entity.size()));
        entity.children().for_each(|part| shown(part, out));
    }

    fn all_shown(message: &Message) -> Vec<String> {
        let mut out = vec![format!("{:?}", message.header())];
        shown(message.root(), &mut out);
        out
    }

    #[test]
    fn large_headers_have_no_outline() {
        let message = Message::new(Bytes::from_static(b"Subject: long\r\n\r\nbody"));
        assert_eq!(Outline::of(message.root(), 16), None);
        let outline = Outline::of(message.root(), 17).expect("17 bytes of header");
        assert_eq!(&outline.header()[..], b"Subject: long\r\n\r\n");
        assert!(outline.to_bytes().len() < 17 + 8);
        assert!(!format!("{outline:?}").contains("long"));
    }

    #[test]
    fn other_bytes_are_none() {
        let outline = outline(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x--", Limits::default());
        let bytes = outline.to_bytes();
        assert_eq!(Outline::from_bytes(&bytes).as_ref(), Some(&outline));
        for cut in 0..bytes.len() {
            assert_eq!(Outline::from_bytes(&bytes.slice(..cut)), None, "{cut}");
        }
        let lies = Outline { nodes: vec![Node { kind: Kind::Multipart(7), ..outline.nodes[0] }], ..outline.clone() };
        assert_eq!(Outline::from_bytes(&lies.to_bytes()), None);
        let deep = Node { kind: Kind::Message, header: 0, size: BodySize::default() };
        let mut nodes = vec![deep; 100_000];
        nodes.push(Node { kind: Kind::Leaf, ..deep });
        assert_eq!(Outline::from_bytes(&Outline { nodes, blocks: Bytes::new() }.to_bytes()), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn it_shows_what_the_message_does(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("Content-Type: multipart/mixed; boundary=x\r\n\r\n"), Just("--x\r\n"), Just("--x--\r\n"),
                    Just("Content-Type: message/rfc822\n\n"), Just("\r\n"), Just("a: b\r\n"), Just("\n--x"), Just("é\0"),
                    Just("Content-Type: multipart/digest; boundary=\"x"), Just(" folded\r\n"), Just("text\ntext"),
                    Just("Content-Type: application/octet-stream\r\n\r\n"),
                ],
                0..24,
            ),
            depth in 0usize..5,
            parts in 0usize..5,
        ) {
            let limits = Limits { depth, parts, ..Limits::default() };
            let whole = Message::within(pieces.concat().into_bytes().into(), limits);
            let outline = Outline::of(whole.root(), usize::MAX).expect("no limit");
            let read = Outline::from_bytes(&outline.to_bytes());
            prop_assert_eq!(read.as_ref(), Some(&outline));
            prop_assert_eq!(outline.header(), whole.bytes().slice(whole.header().range()));
            prop_assert_eq!(all_shown(&Message::outlined(outline)), all_shown(&whole));
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>) {
            if let Some(outline) = Outline::from_bytes(&bytes.into()) {
                all_shown(&Message::outlined(outline));
            }
        }
    }
}

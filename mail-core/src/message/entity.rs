use std::borrow::Cow;
use std::fmt;

use super::header::Fields;
use super::line::slice;
use super::parameters::Parameterized;
use super::structure::{BodySize, Content, Part};
use super::{charset, transfer};

/// A part of a message together with the message's bytes (RFC 2045 2.4).
#[derive(Clone, Copy)]
pub struct Entity<'a> {
    raw: &'a [u8],
    part: &'a Part,
}

impl<'a> Entity<'a> {
    /// A part of the message with these bytes.
    pub(super) fn new(raw: &'a [u8], part: &'a Part) -> Self {
        Self { raw, part }
    }

    /// The part.
    pub fn part(self) -> &'a Part {
        self.part
    }

    /// The same message's other part.
    pub fn other(self, part: &'a Part) -> Self {
        Self { part, ..self }
    }

    /// The parts and the message in it, as far as it is taken apart.
    pub fn children(self) -> impl Iterator<Item = Self> {
        let parts = match &self.part.content {
            Content::Multipart(parts) => parts.as_slice(),
            Content::Message(part) | Content::Undivided(part) => std::slice::from_ref(&**part),
            Content::Leaf | Content::Opaque => &[],
        };
        parts.iter().map(move |part| self.other(part))
    }

    /// Its header.
    pub fn fields(self) -> Fields<'a> {
        self.part.header.fields(self.raw)
    }

    /// Its header block as it stands there, with the empty line that ends it.
    pub fn header(self) -> &'a [u8] {
        slice(self.raw, &self.part.header.range())
    }

    /// How large its body is, which is counted unless only an outline of the message is there.
    pub fn size(self) -> BodySize {
        self.part.left_out.unwrap_or_else(|| BodySize::of(self.body()))
    }

    /// Its body as it was transferred; empty in an outline.
    pub fn body(self) -> &'a [u8] {
        slice(self.raw, &self.part.body)
    }

    /// Content-Disposition (RFC 2183); an empty value if there is none.
    pub fn disposition(self) -> Parameterized {
        self.fields().parameterized("Content-Disposition", self.part.reading).unwrap_or_default()
    }

    /// Content-Transfer-Encoding as it stands there, without comments; empty if there is none. Read leniently, it is the first
    /// word that is known.
    pub fn transfer_encoding(self) -> Vec<u8> {
        let reading = self.part.reading;
        let value = self.fields().parameterized("Content-Transfer-Encoding", reading).unwrap_or_default().value;
        if !reading.is_lenient() || transfer::is_known(&value) {
            return value;
        }
        let mut words = value.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'-'));
        words.find(|word| !word.is_empty() && transfer::is_known(word)).map(<[u8]>::to_vec).unwrap_or(value)
    }

    /// Whether there is a transfer encoding to undo.
    pub fn is_encoded(self) -> bool {
        transfer::is_encoded(&self.transfer_encoding())
    }

    /// Its body, the transfer encoding undone; borrowed if there was none.
    pub fn decoded(self) -> Cow<'a, [u8]> {
        transfer::decode(&self.transfer_encoding(), self.body())
    }

    /// What is decoded of it as text of the charset that it says, or is written in ([`charset::detect`]).
    pub fn text_of(self, data: &[u8]) -> String {
        charset::decode(self.charset(data).as_deref(), data)
    }

    /// The same, piece by piece.
    pub fn text_in_pieces(self, data: &[u8], each: &mut dyn FnMut(&str)) {
        charset::decode_in_pieces(self.charset(data).as_deref(), data, each);
    }

    fn charset(self, data: &[u8]) -> Option<String> {
        let declared = self.part.media.parameters.text("charset");
        if !charset::says_nothing(declared.as_deref()) || data.is_ascii() && !data.contains(&0x1B) {
            return declared;
        }
        Some(charset::detect(data, self.part.media.is_exactly("text", "html")).to_owned())
    }
}

impl fmt::Debug for Entity<'_> {
    /// Tells nothing of the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entity").field("body", &self.part.body).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Message;

    #[test]
    fn leaves_are_decoded() {
        let message = Message::new(Bytes::from_static(
            b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: Base64 (c);\r\n\
              Content-Disposition: ATTACHMENT; filename*=utf-8''%C3%A4\r\n\r\n5A==\r\n",
        ));
        let root = message.root();
        assert_eq!(root.text_of(&root.decoded()), "ä");
        assert_eq!(root.disposition().value, b"ATTACHMENT");
        assert_eq!(root.disposition().parameters.text("filename").as_deref(), Some("ä"));
        assert_eq!(root.children().count(), 0);
        assert_eq!(root.body(), b"5A==\r\n");
    }
}

use super::Marker;
use crate::message::{Attachment, MessageContent, PropertyBag};
use crate::property::{Form, NamedId, PropertyKey, PropertyTag, PropertyValue, tags};
use crate::wire::Writer;

/// Builds a FastTransfer stream, the server's side of the transfer.
#[derive(Debug, Default)]
pub struct StreamWriter {
    out: Writer,
    /// Start and end of what may not be cut, ascending; between two of them a stream may be cut anywhere.
    solid: Vec<(usize, usize)>,
}

impl StreamWriter {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a marker.
    pub fn marker(&mut self, marker: Marker) -> &mut Self {
        let start = self.out.len();
        self.out.u32(marker.to_u32());
        self.solid.push((start, self.out.len()));
        self
    }

    /// Writes a property. The type on the wire is that of the value (tags of MetaTagIdsetGiven keep theirs).
    pub fn property(&mut self, key: &PropertyKey, value: &PropertyValue) -> &mut Self {
        let start = self.out.len();
        match key {
            PropertyKey::Tag(tag) if *tag == tags::MetaTagIdsetGiven => drop(self.out.u32(tag.0)),
            PropertyKey::Tag(tag) => drop(self.out.u32(tag.with_kind(value.kind()).0)),
            PropertyKey::Named(name, _) => {
                // The id itself means nothing outside its mailbox; the name that follows does.
                self.out.u32(PropertyTag::new(0x8000, value.kind()).0).guid(name.guid);
                match &name.id {
                    Some(NamedId::Lid(lid)) => drop(self.out.u8(0).u32(*lid)),
                    Some(NamedId::Name(text)) => drop(self.out.u8(1).z16(text)),
                    None => drop(self.out.u8(1).z16("")),
                }
            }
        }
        let fixed = match value {
            PropertyValue::Binary(_)
            | PropertyValue::String(_)
            | PropertyValue::String8(_)
            | PropertyValue::ServerId(_)
            | PropertyValue::Object(_) => self.out.len() + 4,
            _ => 0,
        };
        value.encode(&mut self.out, Form::FastTransfer);
        self.solid.push((start, if fixed == 0 { self.out.len() } else { fixed }));
        self
    }

    /// Writes a property with a fixed id.
    pub fn tagged(&mut self, tag: PropertyTag, value: PropertyValue) -> &mut Self {
        self.property(&PropertyKey::Tag(tag), &value)
    }

    /// Writes the properties of `bag` whose tags are not in `except`.
    pub fn bag(&mut self, bag: &PropertyBag, except: &[PropertyTag]) -> &mut Self {
        for (key, value) in bag.iter() {
            if !matches!(key, PropertyKey::Tag(tag) if except.contains(tag)) {
                self.property(key, value);
            }
        }
        self
    }

    /// Writes messageContent ([MS-OXCFXICS] 2.2.4.3.11): properties, recipients, attachments.
    pub fn message_content(&mut self, content: &MessageContent) -> &mut Self {
        self.bag(&content.properties, &[]);
        for (row, recipient) in content.recipients.iter().enumerate() {
            self.marker(Marker::StartRecip);
            let row = recipient.integer(tags::PidTagRowid).unwrap_or(i32::try_from(row).unwrap_or(i32::MAX));
            self.tagged(tags::PidTagRowid, PropertyValue::Integer32(row));
            self.bag(recipient, &[tags::PidTagRowid]).marker(Marker::EndToRecip);
        }
        content.attachments.iter().for_each(|attachment| self.attachment(attachment));
        self
    }

    /// Writes one element of messageList ([MS-OXCFXICS] 2.2.4.3.10).
    pub fn message(&mut self, content: &MessageContent, associated: bool) -> &mut Self {
        self.marker(if associated { Marker::StartFaiMsg } else { Marker::StartMessage });
        self.message_content(content).marker(Marker::EndMessage)
    }

    fn attachment(&mut self, attachment: &Attachment) {
        let number = attachment.number.cast_signed();
        self.marker(Marker::NewAttach).tagged(tags::PidTagAttachNumber, PropertyValue::Integer32(number));
        self.bag(&attachment.properties, &[tags::PidTagAttachNumber]);
        if let Some(embedded) = &attachment.embedded {
            self.marker(Marker::StartEmbed).message_content(embedded).marker(Marker::EndEmbed);
        }
        self.marker(Marker::EndAttach);
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The stream as one piece.
    pub fn into_vec(self) -> Vec<u8> {
        self.out.into_vec()
    }

    /// The stream to be handed out in pieces.
    pub fn into_source(self) -> StreamSource {
        StreamSource { bytes: self.out.into_vec(), solid: self.solid, position: 0 }
    }
}

/// A finished stream that is handed out in pieces, cut only between atoms or inside values of variable size
/// ([MS-OXCFXICS] 2.2.4.1.3).
#[derive(Debug)]
pub struct StreamSource {
    bytes: Vec<u8>,
    solid: Vec<(usize, usize)>,
    position: usize,
}

impl StreamSource {
    /// The next piece of at most `maximum` bytes; `None` if not even the next atom fits. At the end: an empty piece.
    pub fn next_piece(&mut self, maximum: usize) -> Option<&[u8]> {
        let start = self.position;
        let wanted = start.saturating_add(maximum).min(self.bytes.len());
        let around = self.solid.partition_point(|&(from, _)| from < wanted);
        let end = match around.checked_sub(1).and_then(|at| self.solid.get(at)) {
            Some(&(from, to)) if wanted < to => from,
            _ => wanted,
        };
        if end <= start && !self.is_done() {
            return None;
        }
        self.position = end;
        self.bytes.get(start..end)
    }

    /// Whether everything was handed out.
    pub fn is_done(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// Bytes handed out so far, and in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.position, self.bytes.len())
    }
}

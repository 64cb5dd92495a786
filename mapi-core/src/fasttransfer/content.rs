use super::{Atom, Marker, marker::meta};
use crate::message::{Attachment, MessageContent, PropertyBag};
use crate::property::{PropertyKey, tags};
use crate::wire::WireErrorKind;

/// Bounds of one message as it is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimits {
    /// Stream bytes of the message. Above: see [`super::FetchedMessage::oversize`].
    pub bytes: u64,
    /// Levels of attached messages. Above: as with `bytes`.
    pub depth: usize,
    /// Recipients and attachments, at all levels together. Above: as with `bytes`.
    pub objects: usize,
}

impl Default for MessageLimits {
    /// 256 MiB, 32 levels, 100,000 recipients and attachments.
    fn default() -> Self {
        Self { bytes: 256 << 20, depth: 32, objects: 100_000 }
    }
}

/// So many levels are not followed, also not of a message that is passed over.
const MAX_LEVELS: usize = 1024;

/// Puts messageContent ([MS-OXCFXICS] 2.2.4.3.11) together from its atoms.
#[derive(Debug)]
pub(super) struct ContentBuilder {
    limits: MessageLimits,
    frames: Vec<Frame>,
    objects: usize,
    depth: usize,
    /// Nothing is kept any more; only the nesting is followed.
    pub(super) discarding: bool,
}

#[derive(Debug)]
enum Frame {
    /// A message; whether its recipients or attachments have begun.
    Message(MessageContent, bool),
    Recipient(PropertyBag),
    Attachment(Attachment),
}

impl ContentBuilder {
    pub(super) fn new(limits: MessageLimits) -> Self {
        let top = Frame::Message(MessageContent::default(), false);
        Self { limits, frames: vec![top], objects: 0, depth: 0, discarding: false }
    }

    /// Whether no recipient, attachment or attached message is open.
    pub(super) fn is_at_top(&self) -> bool {
        self.frames.len() == 1
    }

    /// The finished content; what was not closed is left out (callers ask [`ContentBuilder::is_at_top`] before).
    pub(super) fn finish(mut self) -> MessageContent {
        match self.frames.drain(..).next() {
            Some(Frame::Message(content, _)) => content,
            _ => MessageContent::default(),
        }
    }

    /// Drops what was kept and keeps nothing any more.
    pub(super) fn discard(&mut self) {
        if self.discarding {
            return;
        }
        self.discarding = true;
        for frame in &mut self.frames {
            match frame {
                Frame::Message(content, _) => *content = MessageContent::default(),
                Frame::Recipient(bag) => *bag = PropertyBag::new(),
                Frame::Attachment(attachment) => *attachment = Attachment::default(),
            }
        }
    }

    /// Takes the next atom.
    pub(super) fn take(&mut self, atom: Atom) -> Result<(), WireErrorKind> {
        match atom {
            Atom::Property(
                PropertyKey::Tag(meta::MetaTagFXDelProp | meta::MetaTagEcWarning | meta::MetaTagDnPrefix),
                _,
            ) => {}
            Atom::Skipped(..) => self.discard(),
            Atom::Property(key, value) => {
                let bag = match self.frames.last_mut() {
                    Some(Frame::Message(content, false)) => &mut content.properties,
                    Some(Frame::Recipient(bag)) => bag,
                    Some(Frame::Attachment(attachment)) if attachment.embedded.is_none() => {
                        if key == PropertyKey::Tag(tags::PidTagAttachNumber) {
                            attachment.number = value.as_i32().unwrap_or_default().cast_unsigned();
                            return Ok(());
                        }
                        &mut attachment.properties
                    }
                    _ => return Err(unexpected(&key)),
                };
                if !self.discarding {
                    bag.set(key, value);
                }
            }
            Atom::Marker(marker) => return self.marker(marker),
        }
        Ok(())
    }

    fn marker(&mut self, marker: Marker) -> Result<(), WireErrorKind> {
        let refused = Err(WireErrorKind::Invalid(marker.to_u32().into()));
        let nested = self.frames.len() > 1;
        match (marker, self.frames.last_mut()) {
            (Marker::StartRecip, Some(Frame::Message(_, children))) => {
                *children = true;
                self.open(Frame::Recipient(PropertyBag::new()));
                Ok(())
            }
            (Marker::NewAttach, Some(Frame::Message(_, children))) => {
                *children = true;
                self.open(Frame::Attachment(Attachment::default()));
                Ok(())
            }
            (Marker::StartEmbed, Some(Frame::Attachment(attachment))) if attachment.embedded.is_none() => {
                self.depth += 1;
                if self.depth > MAX_LEVELS {
                    return Err(WireErrorKind::TooDeep(MAX_LEVELS));
                }
                if self.depth > self.limits.depth {
                    self.discard();
                }
                self.open(Frame::Message(MessageContent::default(), false));
                Ok(())
            }
            (Marker::EndToRecip, Some(Frame::Recipient(_)))
            | (Marker::EndAttach, Some(Frame::Attachment(_)))
            | (Marker::EndEmbed, Some(Frame::Message(..)))
                if nested =>
            {
                self.close();
                Ok(())
            }
            _ => refused,
        }
    }

    fn open(&mut self, frame: Frame) {
        self.objects += 1;
        if self.objects > self.limits.objects {
            self.discard();
        }
        self.frames.push(frame);
    }

    fn close(&mut self) {
        let Some(closed) = self.frames.pop() else { return };
        match (closed, self.frames.last_mut()) {
            (Frame::Message(content, _), Some(Frame::Attachment(attachment))) => {
                self.depth -= 1;
                // Kept even while discarding, so that the place of the attached message is known to be taken.
                attachment.embedded = Some(Box::new(content));
            }
            _ if self.discarding => {}
            (Frame::Recipient(bag), Some(Frame::Message(content, _))) => content.recipients.push(bag),
            (Frame::Attachment(attachment), Some(Frame::Message(content, _))) => content.attachments.push(attachment),
            _ => {}
        }
    }
}

/// The error for a property where none may stand.
pub(super) fn unexpected(key: &PropertyKey) -> WireErrorKind {
    WireErrorKind::Invalid(match key {
        PropertyKey::Tag(tag) => tag.0.into(),
        PropertyKey::Named(_, kind) => 0x8000_0000 | u64::from(kind.0),
    })
}

use super::content::{ContentBuilder, unexpected};
use super::marker::meta;
use super::{Atom, AtomParser, Marker, MessageLimits, ParserLimits};
use crate::id::MessageId;
use crate::message::MessageContent;
use crate::property::{PropertyKey, PropertyValue, tags};
use crate::wire::{WireErrorKind, WireResult};

/// A message of a [`MessageList`].
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedMessage {
    /// PidTagMid, which servers put into the streams of RopFastTransferSourceCopyMessages.
    pub mid: Option<MessageId>,
    /// Whether it is a folder-associated (FAI) message.
    pub associated: bool,
    /// The message; empty if `oversize`.
    pub content: MessageContent,
    /// Bytes of the stream it took.
    pub bytes: u64,
    /// Whether it was above [`MessageLimits::bytes`] and its content was not kept.
    pub oversize: bool,
}

/// Turns the stream of RopFastTransferSourceCopyMessages (messageList, [MS-OXCFXICS] 2.2.4.3.10), or of
/// RopFastTransferSourceCopyTo on a message (messageContent), into messages.
///
/// A message above the limit is passed over without being kept, and reported as [`FetchedMessage::oversize`]; the
/// messages behind it are not affected.
#[derive(Debug)]
pub struct MessageList {
    parser: AtomParser,
    limits: MessageLimits,
    open: Option<Open>,
    /// The stream is one messageContent, without markers around it.
    bare: bool,
}

#[derive(Debug)]
struct Open {
    builder: ContentBuilder,
    mid: Option<MessageId>,
    associated: bool,
    start: u64,
}

impl MessageList {
    /// For messageList.
    pub fn new(limits: MessageLimits) -> Self {
        let value = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
        let parser = AtomParser::new(ParserLimits { value, skip_large_values: true, ..ParserLimits::default() });
        Self { parser, limits, open: None, bare: false }
    }

    /// For the messageContent of one message; it is returned by [`MessageList::finish`].
    pub fn of_one_message(limits: MessageLimits) -> Self {
        let mut list = Self::new(limits);
        list.bare = true;
        list.open(false, 0);
        list
    }

    /// Takes the next bytes of the stream. Call [`MessageList::next_message`] until it returns `None` before the next push.
    pub fn push(&mut self, bytes: &[u8]) -> WireResult<()> {
        self.parser.push(bytes)
    }

    /// The next complete message.
    ///
    /// # Errors
    /// Malformed atoms, atoms the grammar does not allow there.
    pub fn next_message(&mut self) -> WireResult<Option<FetchedMessage>> {
        while let Some(atom) = self.parser.next_atom()? {
            let bare = self.bare;
            let Some(open) = &mut self.open else {
                match atom {
                    Atom::Marker(Marker::StartMessage) => self.open(false, self.parser.offset()),
                    Atom::Marker(Marker::StartFaiMsg) => self.open(true, self.parser.offset()),
                    Atom::Marker(marker) => {
                        let kind = WireErrorKind::Invalid(marker.to_u32().into());
                        return Err(self.parser.error("messageList", kind));
                    }
                    Atom::Property(PropertyKey::Tag(meta::MetaTagEcWarning | meta::MetaTagDnPrefix), _) => {}
                    Atom::Property(key, _) | Atom::Skipped(key, _) => {
                        return Err(self.parser.error("messageList", unexpected(&key)));
                    }
                }
                continue;
            };
            let at_top = open.builder.is_at_top();
            if at_top && !bare && atom == Atom::Marker(Marker::EndMessage) {
                return Ok(self.close());
            }
            if let Atom::Property(PropertyKey::Tag(tags::PidTagMid), PropertyValue::Integer64(mid)) = &atom
                && at_top
            {
                open.mid = Some(MessageId::from_i64(*mid));
            }
            open.builder.take(atom).map_err(|kind| self.parser.error("message", kind))?;
            if !open.builder.discarding && self.parser.position() - open.start > self.limits.bytes {
                open.builder.discard();
            }
        }
        Ok(None)
    }

    /// The end of the stream. Returns the message of [`MessageList::of_one_message`].
    ///
    /// # Errors
    /// The stream stopped inside an atom or a message.
    pub fn finish(mut self) -> WireResult<Option<FetchedMessage>> {
        self.parser.finish()?;
        match &self.open {
            None => Ok(None),
            Some(open) if self.bare && open.builder.is_at_top() => Ok(self.close()),
            Some(_) => Err(self.parser.error("message", WireErrorKind::Truncated { needed: 4, left: 0 })),
        }
    }

    fn open(&mut self, associated: bool, start: u64) {
        self.open = Some(Open { builder: ContentBuilder::new(self.limits), mid: None, associated, start });
    }

    fn close(&mut self) -> Option<FetchedMessage> {
        let open = self.open.take()?;
        Some(FetchedMessage {
            mid: open.mid,
            associated: open.associated,
            bytes: self.parser.position() - open.start,
            oversize: open.builder.discarding,
            content: open.builder.finish(),
        })
    }
}

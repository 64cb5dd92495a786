use bytes::Bytes;

use crate::message::{Message, Outline};

/// What of a message's content is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchNeed {
    /// Everything where it is at hand, else nothing, and then no size either: nobody waits for it.
    AtHand,
    /// Only the exact size.
    Size,
    /// The header blocks, and what lies in what.
    Outline,
    /// Everything, to be passed on as it is.
    Full,
    /// Everything, to be taken apart.
    Parts,
}

/// The content of one message.
#[derive(Debug, Clone)]
pub struct FetchedMessage {
    /// Its UID.
    pub uid: u32,
    /// RFC822.SIZE; 0 if it is not known and was not asked for ([`FetchNeed::AtHand`]).
    pub size: u32,
    /// SHA-256 of its bytes; nothing where [`FetchedMessage::size`] is not known.
    pub digest: Option<[u8; 32]>,
    /// What was asked for.
    pub content: FetchedContent,
}

/// What is there of a message.
#[derive(Debug, Clone)]
pub enum FetchedContent {
    /// Nothing beside its size: [`FetchNeed::Size`], [`FetchNeed::AtHand`].
    Nothing,
    /// Its outline: [`FetchNeed::Outline`].
    Outline(Outline),
    /// All of it. That may be so also where only the outline was asked for.
    Whole(Box<Message>),
}

impl FetchedContent {
    /// Bytes that are there.
    pub fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Outline(outline) => outline.len(),
            Self::Whole(message) => message.bytes().len(),
        }
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all of it is there.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// The message, of which only this is there.
    pub fn into_message(self) -> Message {
        match self {
            Self::Nothing => Message::new(Bytes::new()),
            Self::Outline(outline) => Message::outlined(outline),
            Self::Whole(message) => *message,
        }
    }
}

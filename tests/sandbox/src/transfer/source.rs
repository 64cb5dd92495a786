use std::collections::VecDeque;

use mapi_core::ErrorCode;
use mapi_core::fasttransfer::{Marker, StreamSource, StreamWriter};
use mapi_core::property::PropertyValue;
use mapi_core::property::tags::*;

use super::{Filter, write_message_content};
use crate::store::{Mailbox, StoreResult, object_id};

/// What a stream still has to tell. Messages are written only when their turn comes, so that a download of a whole
/// mailbox is never in memory at once.
#[derive(Debug)]
pub enum Step {
    /// A message of a messageList.
    Message {
        /// Its counter.
        id: u64,
    },
    /// A messageChange of a contents synchronisation, and its extra header properties.
    Change {
        /// Its counter.
        id: u64,
        /// PidTagMid.
        eid: bool,
        /// PidTagMessageSize.
        size: bool,
        /// PidTagChangeNumber.
        change_number: bool,
    },
    /// Bytes that are ready.
    Ready(StreamSource),
}

/// A download in progress (a FastTransfer source object).
#[derive(Debug)]
pub struct Source {
    steps: VecDeque<Step>,
    current: Option<StreamSource>,
    filter: Filter,
    total: usize,
}

impl Source {
    /// A stream of `steps`, whose messages go through `filter`.
    pub fn new(steps: impl IntoIterator<Item = Step>, filter: Filter) -> Self {
        let steps: VecDeque<Step> = steps.into_iter().collect();
        Self { total: steps.len(), steps, current: None, filter }
    }

    /// A stream that is ready.
    pub fn ready(stream: StreamWriter) -> Self {
        Self::new([Step::Ready(stream.into_source())], Filter::everything())
    }

    /// The next piece of at most `maximum` bytes.
    ///
    /// # Errors
    /// `ecError` if not even the next atom fits.
    pub fn next_piece(&mut self, mailbox: &Mailbox, maximum: usize) -> StoreResult<Vec<u8>> {
        let mut out = Vec::new();
        while out.len() < maximum {
            let Some(current) = &mut self.current else {
                if let Some(Step::Message { id }) = self.steps.front()
                    && mailbox.is_corrupt(*id)
                {
                    return if out.is_empty() { Err(ErrorCode::CORRUPT_DATA) } else { Ok(out) };
                }
                let Some(step) = self.steps.pop_front() else { break };
                self.current = self.write(mailbox, step);
                continue;
            };
            match current.next_piece(maximum - out.len()) {
                Some(piece) => out.extend_from_slice(piece),
                None if out.is_empty() => return Err(ErrorCode::ERROR),
                None => return Ok(out),
            }
            if current.is_done() {
                self.current = None;
            }
        }
        Ok(out)
    }

    /// Whether everything was handed out.
    pub fn is_done(&self) -> bool {
        self.current.is_none() && self.steps.is_empty()
    }

    /// Steps done and steps in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.total - self.steps.len() - usize::from(self.current.is_some()), self.total)
    }

    /// The bytes of one step; nothing if its message is gone.
    fn write(&self, mailbox: &Mailbox, step: Step) -> Option<StreamSource> {
        let mut out = StreamWriter::new();
        match step {
            Step::Ready(source) => return Some(source),
            Step::Message { id } => {
                let view = mailbox.message_view(id).ok()?;
                out.marker(if view.message.associated { Marker::StartFaiMsg } else { Marker::StartMessage });
                write_message_content(&mut out, view, &self.filter, &[]);
                out.marker(Marker::EndMessage);
            }
            Step::Change { id, eid, size, change_number } => {
                use crate::store::view::Properties;
                let view = mailbox.message_view(id).ok()?;
                out.marker(Marker::IncrSyncChg);
                for tag in [PidTagSourceKey, PidTagLastModificationTime, PidTagChangeKey, PidTagPredecessorChangeList] {
                    out.tagged(tag, view.value(tag)?.into_owned());
                }
                out.tagged(PidTagAssociated, PropertyValue::Boolean(view.message.associated));
                let number = |counter| PropertyValue::Integer64(object_id(counter).to_i64());
                if eid {
                    out.tagged(PidTagMid, number(id));
                }
                if size {
                    out.tagged(PidTagMessageSize, PropertyValue::Integer32(view.message.size.cast_signed()));
                }
                if change_number {
                    out.tagged(PidTagChangeNumber, number(view.message.change_number));
                }
                out.marker(Marker::IncrSyncMessage);
                write_message_content(&mut out, view, &self.filter, &HEADER);
            }
        }
        Some(out.into_source())
    }
}

/// Properties that stand in the header of a messageChange, or that no synchronisation transfers.
const HEADER: [mapi_core::property::PropertyTag; 9] = [
    PidTagSourceKey,
    PidTagLastModificationTime,
    PidTagChangeKey,
    PidTagPredecessorChangeList,
    PidTagAssociated,
    PidTagMid,
    PidTagMessageSize,
    PidTagChangeNumber,
    PidTagLocalCommitTime,
];

use std::time::Duration;

use crate::ErrorCode;
use crate::rop::{
    FastTransferSourceGetBufferRequest, FastTransferSourceGetBufferResponse, RequestBody, ResponseBody, RopId,
};

use super::handle::Handle;
use super::link::{Answers, Link, odd_answer, succeeded};
use super::script::{Script, Slot, Ticket};
use super::{Inner, MailboxError};

/// The largest TransferBuffer that fits a payload.
const BUFFER_SIZE: u16 = 0x7BC0;

/// A FastTransfer stream as it comes down, some 256 KiB per Execute request.
#[derive(Debug)]
pub(super) struct Download {
    source: Handle,
    patience: Duration,
    done: bool,
    /// Answers in a row that brought nothing.
    idle: u32,
}

impl Download {
    /// Runs the script that prepares a stream at `source`, and gets its first buffers with it. Buffers are handed to
    /// `on_bytes` in order.
    pub(super) async fn start(
        inner: &Inner,
        script: Script<'_>,
        source: Slot,
        on_bytes: impl FnMut(&[u8]) -> Result<(), MailboxError>,
    ) -> Result<Self, MailboxError> {
        Self::start_and_look(inner, script, source, on_bytes, |_| ()).await
    }

    /// The same; `look` sees the answers to the script.
    pub(super) async fn start_and_look(
        inner: &Inner,
        mut script: Script<'_>,
        source: Slot,
        on_bytes: impl FnMut(&[u8]) -> Result<(), MailboxError>,
        look: impl FnOnce(&Answers),
    ) -> Result<Self, MailboxError> {
        let ticket = script.rop(source, get_buffer());
        let answers = inner.link.run_chained(&mut script).await?;
        look(&answers);
        let source = script.take(source).ok_or_else(|| odd_answer(RopId::FAST_TRANSFER_SOURCE_GET_BUFFER))?;
        let mut download = Self { source, patience: Duration::from_secs(60), done: false, idle: 0 };
        let pause = download.take(answers, ticket, on_bytes)?;
        download.pause(&inner.link, pause).await?;
        Ok(download)
    }

    /// Whether the stream came to its end.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Gets the next buffers.
    pub(super) async fn more(
        &mut self,
        inner: &Inner,
        on_bytes: impl FnMut(&[u8]) -> Result<(), MailboxError>,
    ) -> Result<(), MailboxError> {
        let mut script = inner.link.script();
        let source = script.known(&self.source);
        let ticket = script.rop(source, get_buffer());
        let answers = inner.link.run_chained(&mut script).await?;
        let pause = self.take(answers, ticket, on_bytes)?;
        self.pause(&inner.link, pause).await
    }

    async fn pause(&mut self, link: &Link, pause: Option<Duration>) -> Result<(), MailboxError> {
        match pause {
            Some(pause) => link.pause(pause, &mut self.patience, RopId::FAST_TRANSFER_SOURCE_GET_BUFFER).await,
            None => Ok(()),
        }
    }

    fn take(
        &mut self,
        mut answers: Answers,
        ticket: Ticket,
        mut on_bytes: impl FnMut(&[u8]) -> Result<(), MailboxError>,
    ) -> Result<Option<Duration>, MailboxError> {
        let rop = RopId::FAST_TRANSFER_SOURCE_GET_BUFFER;
        let first = answers.take(ticket).ok_or_else(|| odd_answer(rop))?;
        self.idle += 1;
        for answer in std::iter::once(first).chain(std::mem::take(&mut answers.chained)) {
            let ResponseBody::FastTransferSourceGetBuffer(buffer) = &answer.body else { return Err(odd_answer(rop)) };
            if answer.return_value == ErrorCode::SERVER_BUSY {
                return Ok(Some(Duration::from_millis(buffer.backoff_time.unwrap_or(0).into())));
            }
            succeeded(&answer)?;
            if !buffer.transfer_buffer.is_empty() {
                self.idle = 0;
                on_bytes(&buffer.transfer_buffer)?;
            }
            match buffer.transfer_status {
                FastTransferSourceGetBufferResponse::DONE => self.done = true,
                FastTransferSourceGetBufferResponse::ERROR => {
                    return Err(MailboxError::Upstream { rop, code: ErrorCode::ERROR });
                }
                _ => {}
            }
        }
        // Neither data nor an end, again and again.
        if self.idle > MAX_IDLE && !self.done {
            return Err(MailboxError::Upstream { rop, code: ErrorCode::SERVER_BUSY });
        }
        Ok(None)
    }
}

/// Answers in a row that bring nothing: notifications of a large operation beside may fill some.
const MAX_IDLE: u32 = 16;

fn get_buffer() -> RequestBody {
    RequestBody::FastTransferSourceGetBuffer(FastTransferSourceGetBufferRequest::MaximumBufferSize(BUFFER_SIZE))
}

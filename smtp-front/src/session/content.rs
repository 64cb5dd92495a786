//! The content of a message: DATA (RFC 5321 4.1.1.4) and BDAT (RFC 3030).

use super::transaction::Transaction;
use super::*;
use crate::data::DataReceiver;

/// A chunk that comes in.
#[derive(Debug)]
pub(super) struct Chunk {
    size: u64,
    remaining: u64,
    last: bool,
    /// The reply at its end if it is not taken; its bytes are read all the same, lest they be taken as commands.
    refusal: Option<Reply>,
}

impl Session {
    pub(super) fn data(&mut self) {
        match &self.transaction {
            None => self.refuse(&Reply::new(503, "5.5.1", "Need MAIL before DATA")),
            Some(transaction) if transaction.chunks.is_some() => {
                self.refuse(&Reply::new(503, "5.5.1", "DATA and BDAT may not be mixed"));
            }
            Some(transaction) if transaction.envelope.recipients.is_empty() => {
                self.refuse(&Reply::new(554, "5.5.1", "No valid recipients"));
            }
            Some(_) => {
                self.phase = Phase::Data(DataReceiver::new());
                self.reply(&Reply::bare(354, "Start mail input, end with <CRLF>.<CRLF>"));
            }
        }
    }

    /// Works on what is there of a message after DATA.
    pub(super) fn data_piece(&mut self, now: Instant) {
        let Phase::Data(receiver) = &mut self.phase else { return };
        let pending = self.input.pending();
        let mut content = Vec::with_capacity(pending.len() + 2);
        let progress = receiver.receive(pending, &mut content);
        self.input.consume(progress.consumed);
        self.keep(content);
        if self.is_endless(0) {
            self.close_with(&Reply::too_big());
        } else if progress.complete {
            self.phase = Phase::Command;
            self.message(now);
        }
    }

    pub(super) fn bdat(&mut self, size: u64, last: bool, now: Instant) {
        if self.is_endless(size) {
            return self.close_with(&Reply::too_big());
        }
        let refusal = match &mut self.transaction {
            None => Some(Reply::new(503, "5.5.1", "Need MAIL before BDAT")),
            Some(transaction) if transaction.envelope.recipients.is_empty() => {
                Some(Reply::new(554, "5.5.1", "No valid recipients"))
            }
            Some(transaction) => {
                transaction.chunks.get_or_insert_default();
                None
            }
        };
        self.phase = Phase::Chunk(Chunk { size, remaining: size, last, refusal });
        if size == 0 {
            self.chunk_done(now);
        }
    }

    /// Works on what is there of a chunk.
    pub(super) fn chunk_piece(&mut self, now: Instant) {
        let Phase::Chunk(chunk) = &mut self.phase else { return };
        let pending = self.input.pending();
        let len = usize::try_from(chunk.remaining).map_or(pending.len(), |remaining| remaining.min(pending.len()));
        chunk.remaining -= len as u64;
        let done = chunk.remaining == 0;
        let mut content = Vec::new();
        if chunk.refusal.is_none()
            && let Some(ends) = self.transaction.as_mut().and_then(|transaction| transaction.chunks.as_mut())
        {
            content.reserve(len + 2);
            ends.receive(&pending[..len], &mut content);
        }
        self.input.consume(len);
        self.keep(content);
        if done {
            self.chunk_done(now);
        }
    }

    fn chunk_done(&mut self, now: Instant) {
        let Phase::Chunk(chunk) = std::mem::replace(&mut self.phase, Phase::Command) else { return };
        if let Some(refusal) = chunk.refusal {
            return self.refuse(&refusal);
        }
        if chunk.last {
            let mut content = Vec::new();
            if let Some(ends) = self.transaction.as_mut().and_then(|transaction| transaction.chunks.as_mut()) {
                ends.finish(&mut content);
            }
            self.keep(content);
            return self.message(now);
        }
        // RFC 3030 2: after a refusal the message has failed; chunks that follow are refused for want of MAIL.
        if self.transaction.as_ref().is_some_and(|transaction| transaction.too_large) {
            self.transaction = None;
            self.refuse(&Reply::too_big());
        } else {
            self.reply(&Reply::new(250, "2.0.0", format!("{} octets received", chunk.size)));
        }
    }

    /// Has content stored, unless the message can't be taken any more.
    fn keep(&mut self, content: Vec<u8>) {
        let limit = self.max_message();
        let Some(transaction) = self.transaction.as_mut().filter(|_| !content.is_empty()) else { return };
        transaction.size = transaction.size.saturating_add(content.len() as u64);
        if transaction.too_large {
            return;
        }
        if transaction.size > limit {
            transaction.too_large = true;
            self.actions.push_back(Action::Discard);
        } else {
            self.actions.push_back(Action::Store(content.into()));
        }
    }

    /// Whether a message with that much more is so far over the limit that nobody would wait for its end.
    fn is_endless(&self, more: u64) -> bool {
        let limit = self.max_message();
        let size = self.transaction.as_ref().map_or(0, |transaction| transaction.size);
        size.saturating_add(more) > limit.saturating_mul(2)
    }

    /// The end of the message was seen.
    fn message(&mut self, now: Instant) {
        let Some(Transaction { envelope, size, too_large, .. }) = self.transaction.take() else { return };
        if too_large {
            return self.refuse(&Reply::too_big());
        }
        tracing::debug!(bytes = size, recipients = envelope.recipients.len(), "message received");
        self.wait(Wait::Submit, Action::Submit(envelope), now);
    }

    /// The backend's answer to [`Action::Submit`].
    pub fn submit_done(&mut self, result: Result<(), SubmitError>, now: Instant) {
        let Some(Wait::Submit) = self.waited(now) else { return };
        match result {
            Ok(()) => self.reply(&Reply::new(250, "2.0.0", "Message accepted")),
            Err(error) => {
                self.reply(&Reply::submit_failed(&error));
                if error == SubmitError::AuthenticationFailed {
                    // A token expired or a password was changed. AUTH is possible once in a connection (RFC 4954 4).
                    self.close_with(&Reply::new(421, "4.7.0", "Log in again"));
                }
            }
        }
    }
}

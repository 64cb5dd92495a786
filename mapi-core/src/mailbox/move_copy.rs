use std::time::Duration;

use crate::ErrorCode;
use crate::id::{FolderId, MessageId};
use crate::rop::{MoveCopyMessagesRequest, OpenFolderRequest, RequestBody, ResponseBody};

use super::hub::Pairing;
use super::link::OnFailure;
use super::{Mailbox, MailboxError};

/// What became of a move or copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveCopyOutcome {
    /// Old and new ids, in the order asked for, as far as the server told them.
    pub pairs: Vec<(MessageId, MessageId)>,
    /// Whether every message has exactly one new id.
    pub complete: bool,
    /// The server says that it left some out. (Not all servers say so.)
    pub partial: bool,
}

/// Messages per RopMoveCopyMessages.
const ID_LIMIT: usize = 1000;
/// Empty Execute requests to collect the notifications of one operation: 1,000 need 2 or 3.
const POLL_LIMIT: usize = 8;
/// Notifications that did not come for this long do not come.
const QUIET: Duration = Duration::from_millis(500);
const QUIET_STEP: Duration = Duration::from_millis(10);

impl Mailbox {
    /// Copies or moves messages to another folder. The new ids come from notifications of the same and following answers
    /// (only if the mailbox was opened with a subscription).
    ///
    /// # Errors
    /// If the error says that the outcome is unknown, or there were more than 1,000 messages, some may have been copied.
    pub async fn move_copy(
        &self,
        source: FolderId,
        target: FolderId,
        messages: &[MessageId],
        copy: bool,
    ) -> Result<MoveCopyOutcome, MailboxError> {
        let mut outcome = MoveCopyOutcome { pairs: Vec::with_capacity(messages.len()), complete: true, partial: false };
        for ids in messages.chunks(ID_LIMIT) {
            let batch = self.move_copy_batch(source, target, ids, copy).await?;
            outcome.pairs.extend(batch.pairs);
            outcome.complete &= batch.complete;
            outcome.partial |= batch.partial;
        }
        Ok(outcome)
    }

    async fn move_copy_batch(
        &self,
        source: FolderId,
        target: FolderId,
        ids: &[MessageId],
        copy: bool,
    ) -> Result<MoveCopyOutcome, MailboxError> {
        let inner = &self.inner;
        let _hold = self.hold_polls();
        let following = inner.link.hub.follow(Pairing::new(source, target, copy, ids));
        let mut script = inner.link.script();
        let store = script.known(&inner.logon);
        let mut open = |folder_id| {
            let request = OpenFolderRequest { output_handle_index: 0, folder_id, open_mode_flags: 0 };
            script.open(store, RequestBody::OpenFolder(request)).0
        };
        let (from, to) = (open(source), open(target));
        let request = MoveCopyMessagesRequest {
            dest_handle_index: 0,
            message_ids: ids.to_vec(),
            want_asynchronous: false,
            want_copy: copy,
        };
        let ticket = script.rop_with(from, to, RequestBody::MoveCopyMessages(request));
        script.release(from);
        script.release(to);
        let answers = inner.link.run(&mut script, OnFailure::Stop).await?;
        let answer = answers.answer(ticket)?;
        let partial = answer.return_value == ErrorCode::PARTIAL_COMPLETION
            || matches!(&answer.body, ResponseBody::MoveCopy(moved) if moved.partial_completion);
        if inner.subscription.is_some() {
            self.collect_pairs(&following.pairing).await?;
        }
        let (pairs, complete) = following.pairing.pairs(ids);
        Ok(MoveCopyOutcome { pairs, complete, partial })
    }

    /// Fetches notifications until every pair is told, or nothing more comes. Some servers notify with the answer itself,
    /// others a moment later.
    async fn collect_pairs(&self, pairing: &Pairing) -> Result<(), MailboxError> {
        let link = &self.inner.link;
        let (mut polls, mut quiet, mut left) = (0, Duration::ZERO, pairing.left());
        while left > 0 && polls < POLL_LIMIT && quiet < QUIET {
            if link.hub.backlog.is_waiting() || polls == 0 {
                polls += 1;
                link.poll(false).await?;
            } else {
                tokio::time::sleep(QUIET_STEP).await;
                quiet += QUIET_STEP;
            }
            let now = pairing.left();
            if now < left {
                (left, quiet) = (now, Duration::ZERO);
            }
        }
        Ok(())
    }
}

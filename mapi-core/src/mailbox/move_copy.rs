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

/// Messages of one [`Mailbox::move_copy`].
pub const MOVE_COPY_LIMIT: usize = 1000;
/// Empty Execute requests to collect the notifications of one operation: 1,000 need 2 or 3.
const POLL_LIMIT: usize = 8;
/// Notifications that did not come for this long do not come.
const QUIET: Duration = Duration::from_millis(500);
const QUIET_STEP: Duration = Duration::from_millis(10);

impl Mailbox {
    /// Copies or moves at most [`MOVE_COPY_LIMIT`] messages to another folder, in one Execute request. The new ids come from
    /// notifications of the same and following answers (only if the mailbox was opened with a subscription). A session that
    /// is lost while these are collected leaves them untold; it does not make the operation one that failed.
    ///
    /// # Errors
    /// If [`MailboxError::may_have_run`] says so, some or all may have been copied. Otherwise none was.
    pub async fn move_copy(
        &self,
        source: FolderId,
        target: FolderId,
        ids: &[MessageId],
        copy: bool,
    ) -> Result<MoveCopyOutcome, MailboxError> {
        if ids.len() > MOVE_COPY_LIMIT {
            return Err(MailboxError::Limit { what: "number of messages to move", limit: MOVE_COPY_LIMIT as u64 });
        }
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
        let answers = inner.link.run_effect(&mut script, ticket, OnFailure::Stop).await?;
        let answer = answers.answer(ticket)?;
        let partial = answer.return_value == ErrorCode::PARTIAL_COMPLETION
            || matches!(&answer.body, ResponseBody::MoveCopy(moved) if moved.partial_completion);
        if inner.subscription.is_some()
            && let Err(error) = self.collect_pairs(&following.pairing).await
        {
            tracing::debug!(%error, "the new ids of messages are not told");
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

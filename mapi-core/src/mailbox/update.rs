use crate::ErrorCode;
use crate::id::{FolderId, MessageId};
use crate::rop::{
    DeleteMessagesRequest, OpenFolderRequest, RequestBody, ResponseBody, RopResponse, SetReadFlagsRequest,
};

use super::link::{OnFailure, succeeded};
use super::script::Slot;
use super::{Inner, Mailbox, MailboxError};

/// Messages per RopSetReadFlags and RopDeleteMessages.
const ID_LIMIT: usize = 1000;

impl Mailbox {
    /// Marks messages as read or unread. Never sends read receipts. One Execute request for a thousand.
    ///
    /// Messages that are gone are passed over.
    pub async fn set_read(&self, folder: FolderId, messages: &[MessageId], read: bool) -> Result<(), MailboxError> {
        let read_flags = if read { SetReadFlagsRequest::READ } else { SetReadFlagsRequest::UNREAD };
        self.inner
            .for_ids(folder, messages, |message_ids| {
                RequestBody::SetReadFlags(SetReadFlagsRequest { want_asynchronous: false, read_flags, message_ids })
            })
            .await
    }

    /// Deletes messages so that they can be recovered (soft delete). One Execute request for a thousand.
    ///
    /// Servers do not tell which messages could not be deleted: synchronise to see.
    pub async fn delete_messages(&self, folder: FolderId, messages: &[MessageId]) -> Result<(), MailboxError> {
        self.inner
            .for_ids(folder, messages, |message_ids| {
                let request = DeleteMessagesRequest { want_asynchronous: false, notify_non_read: false, message_ids };
                RequestBody::DeleteMessages(request)
            })
            .await
    }
}

impl Inner {
    /// Runs an operation on a folder for many messages.
    async fn for_ids(
        &self,
        folder_id: FolderId,
        messages: &[MessageId],
        request: impl Fn(Vec<MessageId>) -> RequestBody,
    ) -> Result<(), MailboxError> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut script = self.link.script();
        let store = script.known(&self.logon);
        let open = OpenFolderRequest { output_handle_index: 0, folder_id, open_mode_flags: 0 };
        let (folder, _): (Slot, _) = script.open(store, RequestBody::OpenFolder(open));
        for ids in messages.chunks(ID_LIMIT) {
            script.rop(folder, request(ids.to_vec()));
        }
        script.release(folder);
        self.link.run(&mut script, OnFailure::Stop).await.map(drop)
    }
}

/// Fails if a SetProperties failed as a whole, or for one of its properties.
pub(super) fn check_problems(answer: &RopResponse) -> Result<(), MailboxError> {
    succeeded(answer)?;
    match &answer.body {
        ResponseBody::PropertyProblems(problems) => match problems.property_problems.first() {
            Some(problem) if problem.error_code != ErrorCode::NONE => {
                tracing::debug!(tag = %problem.property_tag, code = %problem.error_code, "property not set");
                Err(MailboxError::Upstream { rop: answer.rop_id, code: problem.error_code })
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

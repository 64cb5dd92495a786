use crate::ErrorCode;
use crate::id::{FolderId, MessageId};
use crate::message::PropertyBag;
use crate::property::PropertyKey;
use crate::rop::{
    DeleteMessagesRequest, DeletePropertiesRequest, OpenFolderRequest, OpenMessageRequest, RequestBody, ResponseBody,
    RopResponse, SaveChangesMessageRequest, SetPropertiesRequest, SetReadFlagsRequest,
};

use super::link::{Answers, OnFailure, succeeded};
use super::script::{Slot, Ticket};
use super::{Inner, Mailbox, MailboxError};

/// A change of a message's properties.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageUpdate {
    /// The message.
    pub mid: MessageId,
    /// Properties to set.
    pub set: PropertyBag,
    /// Properties to remove. Those the message does not have are no error.
    pub delete: Vec<PropertyKey>,
}

/// Messages per RopSetReadFlags and RopDeleteMessages.
const ID_LIMIT: usize = 1000;
/// Updates per Execute request: RopOpenMessage answers with recipients, 740 bytes with one, 3 KB with five.
/// Thirty are what a script packs into one request; a larger batch would be cut into a full request and a small one.
const FIRST_BATCH: usize = 30;
const LARGEST_BATCH: usize = 30;
/// Bytes of answers to aim at.
const ANSWER_GOAL: usize = 24 * 1024;

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

    /// Sets and removes properties of messages, overriding what others saved meanwhile. One result per update; about 30
    /// updates per Execute request. Harmless to repeat.
    ///
    /// # Errors
    /// Only what stops the whole run; some updates may have been made then.
    pub async fn update_messages(
        &self,
        folder: FolderId,
        updates: &[MessageUpdate],
    ) -> Result<Vec<Result<(), MailboxError>>, MailboxError> {
        let keys = updates.iter().flat_map(|u| u.set.iter().map(|(key, _)| key).chain(&u.delete));
        self.inner.resolve(keys.collect(), true).await?;
        let mut results = Vec::with_capacity(updates.len());
        let mut size = FIRST_BATCH;
        while results.len() < updates.len() {
            let end = updates.len().min(results.len() + size);
            let batch = updates.get(results.len()..end).unwrap_or_default();
            match self.inner.update_batch(folder, batch).await {
                Ok((done, bytes)) => {
                    results.extend(done);
                    let each = (bytes / batch.len().max(1)).max(1);
                    size = (ANSWER_GOAL / each).clamp(1, LARGEST_BATCH);
                }
                Err(error) if error.is_answer_too_large() && batch.len() > 1 => size = (batch.len() / 3).max(1),
                Err(error) if error.is_answer_too_large() => results.push(Err(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(results)
    }
}

/// What one update was sent as.
struct Sent {
    open: Ticket,
    set: Option<Ticket>,
    save: Ticket,
}

impl Sent {
    fn result(&self, answers: &Answers) -> Result<(), MailboxError> {
        answers.body(self.open)?;
        if let Some(ticket) = self.set {
            check_problems(answers.answer(ticket)?)?;
        }
        answers.body(self.save).map(drop)
    }
}

impl Inner {
    async fn update_batch(
        &self,
        folder_id: FolderId,
        updates: &[MessageUpdate],
    ) -> Result<(Vec<Result<(), MailboxError>>, usize), MailboxError> {
        let mut script = self.link.script();
        let store = script.known(&self.logon);
        let mut sent = Vec::with_capacity(updates.len());
        for update in updates {
            let request = OpenMessageRequest {
                output_handle_index: 0,
                code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
                folder_id,
                open_mode_flags: OpenMessageRequest::READ_WRITE,
                message_id: update.mid,
            };
            let (message, open) = script.open(store, RequestBody::OpenMessage(request));
            let property_values = self.tagged(&update.set);
            let set = (!property_values.is_empty())
                .then(|| script.rop(message, RequestBody::SetProperties(SetPropertiesRequest { property_values })));
            let property_tags: Vec<_> = update.delete.iter().filter_map(|key| self.names.tag(key)).collect();
            if !property_tags.is_empty() {
                script.rop(message, RequestBody::DeleteProperties(DeletePropertiesRequest { property_tags }));
            }
            let save = SaveChangesMessageRequest {
                input_handle_index: 0,
                // One flag alone: servers refuse combinations, and ignore what of them does not concern them ([MS-OXCMSG]
                // 2.2.3.3.1, R466).
                save_flags: SaveChangesMessageRequest::FORCE_SAVE,
            };
            let save = script.rop_with(message, message, RequestBody::SaveChangesMessage(save));
            script.release(message);
            sent.push(Sent { open, set, save });
        }
        let answers = self.link.run(&mut script, OnFailure::GoOn).await?;
        Ok((sent.iter().map(|sent| sent.result(&answers)).collect(), answers.bytes))
    }

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

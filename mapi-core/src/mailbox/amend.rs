use crate::id::{FolderId, MessageId};
use crate::message::PropertyBag;
use crate::rop::{OpenMessageRequest, RequestBody, RopId};

use super::create::{CreatedMessage, check_set};
use super::link::{OnFailure, odd_answer};
use super::{Mailbox, MailboxError};

impl Mailbox {
    /// Sets properties of one message, however large they are, and tells which version it saved. What others save
    /// meanwhile is not overridden. Harmless to repeat.
    ///
    /// # Errors
    /// ObjectModified if somebody else was quicker; nothing was set then. If the outcome is unknown, they may have been set.
    pub async fn amend_message(
        &self,
        folder_id: FolderId,
        message_id: MessageId,
        set: &PropertyBag,
    ) -> Result<CreatedMessage, MailboxError> {
        let inner = &self.inner;
        inner.resolve(set.iter().map(|(key, _)| key).collect(), true).await?;
        let mut script = inner.link.script();
        let store = script.known(&inner.logon);
        let request = OpenMessageRequest {
            output_handle_index: 0,
            code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
            folder_id,
            open_mode_flags: OpenMessageRequest::READ_WRITE,
            message_id,
        };
        let (message, _) = script.open(store, RequestBody::OpenMessage(request));
        let mut setting = Vec::new();
        inner.fill_properties(&mut script, message, set, &[], &mut setting);
        let answers = inner.link.run(&mut script, OnFailure::Stop).await?;
        check_set(&answers, &setting)?;
        let message = script.take(message).ok_or_else(|| odd_answer(RopId::OPEN_MESSAGE))?;
        inner.save(&message).await
    }
}

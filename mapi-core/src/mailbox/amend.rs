use crate::id::{FolderId, MessageId};
use crate::message::PropertyBag;
use crate::property::tags;
use crate::rop::{OpenMessageRequest, RequestBody, ResponseBody, RopId, SaveChangesMessageRequest};

use super::create::{CreatedMessage, check_set};
use super::link::{OnFailure, odd_answer};
use super::open::{get_properties, told_key};
use super::{Mailbox, MailboxError};

impl Mailbox {
    /// Sets properties of one message, however large they are, and tells which version it saved. It is saved with ForceSave:
    /// without it Exchange 2013 and 2016 say yes to whoever saves after somebody else, and store nothing ([MS-OXCMSG]
    /// R1643, R1916). Harmless to repeat.
    ///
    /// # Errors
    /// If the outcome is unknown, they may have been set. Dropping the future while the last request is under way leaves
    /// it at that, too; before, nothing was set.
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
        let mut script = inner.link.script();
        let slot = script.known(&message);
        let save =
            SaveChangesMessageRequest { input_handle_index: 0, save_flags: SaveChangesMessageRequest::FORCE_SAVE };
        let save = script.rop_with(slot, slot, RequestBody::SaveChangesMessage(save));
        let version = script.rop(slot, get_properties(&[tags::PidTagChangeKey]));
        // The message is saved when the first of them succeeds, whatever becomes of the second.
        let answers = inner.link.run(&mut script, OnFailure::GoOn).await?;
        let ResponseBody::SaveChangesMessage(saved) = answers.body(save)? else {
            return Err(odd_answer(RopId::SAVE_CHANGES_MESSAGE));
        };
        Ok(CreatedMessage { mid: saved.message_id, change_key: told_key(&answers, version) })
    }
}

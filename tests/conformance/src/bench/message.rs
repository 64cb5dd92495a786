use mapi_core::ErrorCode;
use mapi_core::id::{FolderId, MessageId, ObjectId};
use mapi_core::property::PropertyName;
use mapi_core::property::{PropertyTag, PropertyType, RowValue, TaggedValue, tags};
use mapi_core::rop::{
    CreateMessageRequest, DeleteMessagesRequest, GetPropertyIdsFromNamesRequest, ModifyRecipientRow,
    ModifyRecipientsRequest, OpenMessageRequest, OpenRecipientRow, ReadRecipientsRequest, RecipientRow, RequestBody,
    ResponseBody, SaveChangesMessageRequest, SetReadFlagsRequest,
};

use super::super::Trouble;
use super::session::OUT;
use super::value::{integer, text};
use super::{Answer, Bench};

impl Bench {
    /// A new message that is not saved yet.
    pub(crate) async fn new_message(&mut self, folder_id: FolderId, values: Vec<TaggedValue>) -> Result<u32, Trouble> {
        let create = CreateMessageRequest {
            output_handle_index: OUT,
            code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
            folder_id,
            associated_flag: false,
        };
        let handle = self.call(self.store, RequestBody::CreateMessage(create)).await?.ok()?.handle;
        self.set(handle, values).await?;
        Ok(handle)
    }

    /// A stored message with these properties.
    pub(crate) async fn create_message(
        &mut self,
        folder: FolderId,
        mut values: Vec<TaggedValue>,
    ) -> Result<MessageId, Trouble> {
        if !values.iter().any(|value| value.tag == tags::PidTagMessageClass) {
            values.push(text(tags::PidTagMessageClass, "IPM.Note"));
        }
        let handle = self.new_message(folder, values).await?;
        let id = self.save_new(handle).await?;
        self.release(handle).await?;
        Ok(id)
    }

    /// A stored unread message with this subject.
    pub(crate) async fn create_plain(&mut self, folder: FolderId, subject: &str) -> Result<MessageId, Trouble> {
        let body = text(tags::PidTagBody, "Some text.\r\n");
        let unread = integer(tags::PidTagMessageFlags, 0);
        self.create_message(folder, vec![text(tags::PidTagSubject, subject), body, unread]).await
    }

    /// The id of a message that was there and is gone.
    pub(crate) async fn gone_message(&mut self, folder: FolderId) -> Result<MessageId, Trouble> {
        let id = self.create_plain(folder, "gone").await?;
        let handle = self.open_folder(folder).await?;
        self.delete_messages(handle, &[id], true).await?.ok()?;
        self.release(handle).await?;
        Ok(id)
    }

    /// RopSaveChangesMessage of a new message; its id.
    pub(crate) async fn save_new(&mut self, handle: u32) -> Result<MessageId, Trouble> {
        let answer = self.save(handle, SaveChangesMessageRequest::KEEP_OPEN_READ_WRITE).await?.ok()?;
        match &answer.body {
            ResponseBody::SaveChangesMessage(saved) => Ok(saved.message_id),
            _ => answer.odd(),
        }
    }

    /// RopSaveChangesMessage.
    pub(crate) async fn save(&mut self, handle: u32, save_flags: u8) -> Result<Answer, Trouble> {
        let save = SaveChangesMessageRequest { input_handle_index: 1, save_flags };
        self.call(handle, RequestBody::SaveChangesMessage(save)).await
    }

    /// RopOpenMessage.
    pub(crate) async fn try_open_message(
        &mut self,
        folder_id: FolderId,
        message_id: MessageId,
        open_mode_flags: u8,
    ) -> Result<Answer, Trouble> {
        let open = OpenMessageRequest {
            output_handle_index: OUT,
            code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
            folder_id,
            open_mode_flags,
            message_id,
        };
        self.call(self.store, RequestBody::OpenMessage(open)).await
    }

    /// A handle of a message that is there, for writing.
    pub(crate) async fn open_message(&mut self, folder: FolderId, message: MessageId) -> Result<u32, Trouble> {
        Ok(self.try_open_message(folder, message, OpenMessageRequest::READ_WRITE).await?.ok()?.handle)
    }

    /// Properties of a stored message.
    pub(crate) async fn message_properties(
        &mut self,
        folder: FolderId,
        message: MessageId,
        tags: &[PropertyTag],
    ) -> Result<Vec<RowValue>, Trouble> {
        let opened = self.try_open_message(folder, message, OpenMessageRequest::READ_ONLY).await?.ok()?;
        let values = self.get(opened.handle, tags).await;
        self.release(opened.handle).await?;
        values
    }

    /// Opens a message, sets properties, saves.
    pub(crate) async fn change(
        &mut self,
        folder: FolderId,
        message: MessageId,
        values: Vec<TaggedValue>,
    ) -> Result<(), Trouble> {
        let handle = self.open_message(folder, message).await?;
        self.set(handle, values).await?;
        self.save(handle, SaveChangesMessageRequest::KEEP_OPEN_READ_WRITE).await?.ok()?;
        self.release(handle).await
    }

    /// RopSetReadFlags.
    pub(crate) async fn set_read_flags(
        &mut self,
        folder: u32,
        messages: &[MessageId],
        read_flags: u8,
    ) -> Result<Answer, Trouble> {
        let message_ids = messages.to_vec();
        let request = SetReadFlagsRequest { want_asynchronous: false, read_flags, message_ids };
        self.call(folder, RequestBody::SetReadFlags(request)).await
    }

    /// RopDeleteMessages, or RopHardDeleteMessages.
    pub(crate) async fn delete_messages(
        &mut self,
        folder: u32,
        messages: &[MessageId],
        hard: bool,
    ) -> Result<Answer, Trouble> {
        let request =
            DeleteMessagesRequest { want_asynchronous: false, notify_non_read: false, message_ids: messages.to_vec() };
        let body = if hard { RequestBody::HardDeleteMessages(request) } else { RequestBody::DeleteMessages(request) };
        self.call(folder, body).await
    }

    /// Gives a message SMTP recipients: type (1 To, 2 Cc, 3 Bcc) and address.
    pub(crate) async fn set_recipients(&mut self, handle: u32, recipients: &[(u8, String)]) -> Result<Answer, Trouble> {
        let row = |(row_id, (recipient_type, address)): (u32, &(u8, String))| ModifyRecipientRow {
            row_id,
            recipient_type: *recipient_type,
            recipient_row: Some(RecipientRow::smtp(address, address)),
        };
        let recipient_rows = (0..).zip(recipients).map(row).collect();
        let request = ModifyRecipientsRequest { recipient_columns: Vec::new(), recipient_rows };
        self.call(handle, RequestBody::ModifyRecipients(request)).await
    }

    /// The recipients of a message that is open, by RopReadRecipients; and how that ended.
    pub(crate) async fn recipients(&mut self, handle: u32) -> Result<(Vec<OpenRecipientRow>, ErrorCode), Trouble> {
        let mut recipients = Vec::new();
        let mut row_id = 0;
        loop {
            let request = RequestBody::ReadRecipients(ReadRecipientsRequest { row_id, reserved: 0 });
            let answer = self.call(handle, request).await?;
            let rows = match answer.body {
                ResponseBody::ReadRecipients(read) => read.recipient_rows,
                _ => Vec::new(),
            };
            let Some(last) = rows.last() else { return Ok((recipients, answer.code)) };
            row_id = last.row_id.saturating_add(1);
            recipients.extend(rows.into_iter().map(|row| row.recipient));
        }
    }

    /// The tags that names have here, each of the type asked for.
    pub(crate) async fn named_tags(
        &mut self,
        names: &[(PropertyName, PropertyType)],
    ) -> Result<Vec<PropertyTag>, Trouble> {
        let ids = self.named_ids(names.iter().map(|(name, _)| name.clone()).collect(), true).await?;
        Ok(ids.into_iter().zip(names).map(|(id, (_, kind))| PropertyTag::new(id, *kind)).collect())
    }

    /// RopGetPropertyIdsFromNames.
    pub(crate) async fn named_ids(
        &mut self,
        property_names: Vec<PropertyName>,
        create: bool,
    ) -> Result<Vec<u16>, Trouble> {
        let flags = if create { GetPropertyIdsFromNamesRequest::CREATE } else { 0 };
        let request = GetPropertyIdsFromNamesRequest { flags, property_names };
        let answer = self.call(self.store, RequestBody::GetPropertyIdsFromNames(request)).await?;
        match &answer.body {
            ResponseBody::GetPropertyIdsFromNames(found) => Ok(found.property_ids.clone()),
            _ => answer.ok()?.odd(),
        }
    }
}

/// An id of the same replica that no object has.
pub(crate) fn unknown_id(like: ObjectId) -> ObjectId {
    ObjectId::new(like.replica_id, 0x7FFF_0000_1234)
}

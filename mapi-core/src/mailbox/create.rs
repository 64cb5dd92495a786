use std::borrow::Cow;

use crate::ErrorCode;
use crate::id::{FolderId, MessageId};
use crate::message::{Attachment, MessageContent, PropertyBag};
use crate::property::{Form, PropertyKey, PropertyTag, PropertyValue, TaggedValue, tags};
use crate::rop::{
    CreateAttachmentRequest, CreateMessageRequest, OpenEmbeddedMessageRequest, OpenMessageRequest, OpenStreamRequest,
    RequestBody, ResponseBody, RopId, SaveChangesAttachmentRequest, SaveChangesMessageRequest, SetPropertiesRequest,
};
use crate::wire::Writer;

use super::handle::Handle;
use super::link::{Answers, OnFailure, odd_answer, succeeded};
use super::open::{get_properties, told_key};
use super::recipient::modify_recipients;
use super::script::{Script, Slot, Ticket};
use super::stream_content::StreamContent;
use super::{Inner, Mailbox, MailboxError};

/// Values above this many bytes are written through a stream.
const STREAM_FROM: usize = 4096;
/// Bytes of values in one RopSetProperties.
const SET_LIMIT: usize = 16 * 1024;
/// Levels of attached messages.
const DEPTH_LIMIT: usize = 32;

/// A message that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedMessage {
    /// Its id.
    pub mid: MessageId,
    /// Its PidTagChangeKey after the save, if the server told it.
    pub change_key: Option<Vec<u8>>,
}

/// A message that is filled and not saved. It belongs to the session that made it.
#[derive(Debug)]
pub struct ComposedMessage(Handle);

impl Mailbox {
    /// Stores a new message, recipients and attachments included, and returns its id. Nothing is stored unless all of it
    /// was taken.
    ///
    /// # Errors
    /// If the outcome is unknown, the message may have been stored.
    pub async fn create_message(
        &self,
        folder: FolderId,
        content: &MessageContent,
        associated: bool,
    ) -> Result<MessageId, MailboxError> {
        let message = self.inner.write_message(folder, content, associated, Vec::new()).await?;
        Ok(self.inner.save(&message).await?.mid)
    }

    /// Makes a message and fills it, recipients and attachments included, without saving it: nobody sees it before
    /// [`Mailbox::save`], and nothing of it is left if the session ends or what is returned is dropped.
    ///
    /// # Errors
    /// Nothing was stored.
    pub async fn compose(&self, folder: FolderId, content: &MessageContent) -> Result<ComposedMessage, MailboxError> {
        Ok(ComposedMessage(self.inner.write_message(folder, content, false, Vec::new()).await?))
    }

    /// Saves a composed message, which then appears in its folder, and tells which version that is. One Execute request.
    ///
    /// # Errors
    /// If [`MailboxError::may_have_run`] says so, the message may have been stored. Otherwise it was not.
    pub async fn save(&self, message: ComposedMessage) -> Result<CreatedMessage, MailboxError> {
        self.inner.save(&message.0).await
    }
}

impl Inner {
    /// Saves a message, and asks which version that is.
    pub(super) async fn save(&self, message: &Handle) -> Result<CreatedMessage, MailboxError> {
        let mut script = self.link.script();
        let slot = script.known(message);
        let save = script.rop_with(slot, slot, save_message());
        let version = script.rop(slot, get_properties(&[tags::PidTagChangeKey]));
        // The message is stored when the first of them succeeds, whatever becomes of the second.
        let answers = self.link.run_effect(&mut script, save, OnFailure::GoOn).await?;
        let ResponseBody::SaveChangesMessage(saved) = answers.body(save)? else {
            return Err(odd_answer(RopId::SAVE_CHANGES_MESSAGE));
        };
        Ok(CreatedMessage { mid: saved.message_id, change_key: told_key(&answers, version) })
    }

    /// Makes a message and fills it, with `more` properties, without saving it. A failure leaves nothing behind.
    pub(super) async fn write_message(
        &self,
        folder_id: FolderId,
        content: &MessageContent,
        associated_flag: bool,
        more: Vec<TaggedValue>,
    ) -> Result<Handle, MailboxError> {
        let mut keys = Vec::new();
        collect_names(content, &mut keys, 0)?;
        self.resolve(keys, true).await?;
        let mut script = self.link.script();
        let store = script.known(&self.logon);
        let request = CreateMessageRequest {
            output_handle_index: 0,
            code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
            folder_id,
            associated_flag,
        };
        let (message, _) = script.open(store, RequestBody::CreateMessage(request));
        let mut setting = Vec::new();
        if !more.is_empty() {
            setting.push(script.rop(message, set_properties(more)));
        }
        self.fill(&mut script, message, content, &mut setting);
        let answers = self.link.run(&mut script, OnFailure::Stop).await?;
        check_set(&answers, &setting)?;
        script.take(message).ok_or_else(|| odd_answer(RopId::CREATE_MESSAGE))
    }

    /// Adds what fills a message object: properties, recipients, attachments inside out.
    fn fill<'a>(&self, script: &mut Script<'a>, message: Slot, content: &'a MessageContent, setting: &mut Vec<Ticket>) {
        self.fill_properties(script, message, &content.properties, &[], setting);
        for request in modify_recipients(&content.recipients) {
            script.rop(message, RequestBody::ModifyRecipients(request));
        }
        for attachment in &content.attachments {
            let request = CreateAttachmentRequest { output_handle_index: 0 };
            let (slot, _) = script.open(message, RequestBody::CreateAttachment(request));
            self.fill_attachment(script, slot, attachment, setting);
            let save = SaveChangesAttachmentRequest {
                input_handle_index: 0,
                save_flags: SaveChangesMessageRequest::KEEP_OPEN_READ_ONLY,
            };
            script.rop_with(message, slot, RequestBody::SaveChangesAttachment(save));
            script.release(slot);
        }
    }

    fn fill_attachment<'a>(
        &self,
        script: &mut Script<'a>,
        slot: Slot,
        attachment: &'a Attachment,
        setting: &mut Vec<Ticket>,
    ) {
        // The server numbers attachments; the embedded message stands for the data object.
        let except = [tags::PidTagAttachNumber, tags::PidTagAttachSize, tags::PidTagAttachDataObject];
        self.fill_properties(script, slot, &attachment.properties, &except, setting);
        let Some(embedded) = &attachment.embedded else { return };
        if attachment.properties.integer(tags::PidTagAttachMethod).is_none() {
            let method = TaggedValue::new(tags::PidTagAttachMethod, PropertyValue::Integer32(5));
            let request = SetPropertiesRequest { property_values: vec![method] };
            script.rop(slot, RequestBody::SetProperties(request));
        }
        let request = OpenEmbeddedMessageRequest {
            output_handle_index: 0,
            code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
            open_mode_flags: OpenEmbeddedMessageRequest::CREATE,
        };
        let (inner, _) = script.open(slot, RequestBody::OpenEmbeddedMessage(request));
        self.fill(script, inner, embedded, setting);
        script.rop_with(inner, inner, save_message());
        script.release(inner);
    }

    /// Small values in as few operations as possible, large ones through streams.
    pub(super) fn fill_properties<'a>(
        &self,
        script: &mut Script<'a>,
        slot: Slot,
        bag: &'a PropertyBag,
        except: &[PropertyTag],
        setting: &mut Vec<Ticket>,
    ) {
        let mut group = Vec::new();
        let mut size = 0;
        let mut large = Vec::new();
        for (key, value) in bag.iter() {
            if matches!(key, PropertyKey::Tag(tag) if except.contains(tag)) {
                continue;
            }
            let Some(tag) = self.names.tag_as(key, Some(value.kind())) else { continue };
            if let Some(content) = streamed(value) {
                large.push((tag, content));
                continue;
            }
            let mut writer = Writer::new();
            value.encode(&mut writer, Form::Rop);
            if size + writer.len() + 4 > SET_LIMIT && !group.is_empty() {
                setting.push(script.rop(slot, set_properties(std::mem::take(&mut group))));
                size = 0;
            }
            size += writer.len() + 4;
            group.push(TaggedValue::new(tag, value.clone()));
        }
        if !group.is_empty() {
            setting.push(script.rop(slot, set_properties(group)));
        }
        for (property_tag, content) in large {
            let request =
                OpenStreamRequest { output_handle_index: 0, property_tag, open_mode_flags: OpenStreamRequest::CREATE };
            let (stream, _) = script.open(slot, RequestBody::OpenStream(request));
            script.write(stream, content);
            script.rop(stream, RequestBody::CommitStream);
            script.release(stream);
        }
    }
}

/// Fails if properties were not set for want of room, or not at all.
pub(super) fn check_set(answers: &Answers, setting: &[Ticket]) -> Result<(), MailboxError> {
    for ticket in setting {
        let answer = answers.answer(*ticket)?;
        succeeded(answer)?;
        if let ResponseBody::PropertyProblems(list) = &answer.body {
            for problem in &list.property_problems {
                tracing::debug!(tag = %problem.property_tag, code = %problem.error_code, "property not stored");
                if is_about_room(problem.error_code) {
                    return Err(MailboxError::Upstream { rop: answer.rop_id, code: problem.error_code });
                }
            }
        }
    }
    Ok(())
}

/// RopSaveChangesMessage; the object stays open, as the next operation may be on it.
pub(super) fn save_message() -> RequestBody {
    RequestBody::SaveChangesMessage(SaveChangesMessageRequest {
        input_handle_index: 0,
        save_flags: SaveChangesMessageRequest::KEEP_OPEN_READ_WRITE,
    })
}

fn set_properties(property_values: Vec<TaggedValue>) -> RequestBody {
    RequestBody::SetProperties(SetPropertiesRequest { property_values })
}

/// What a stream on the property holds, if the value is large enough for one.
fn streamed(value: &PropertyValue) -> Option<StreamContent<'_>> {
    match value {
        PropertyValue::Binary(bytes) | PropertyValue::String8(bytes) if bytes.len() > STREAM_FROM => {
            Some(StreamContent::Bytes(Cow::Borrowed(bytes)))
        }
        PropertyValue::String(text) if text.len() * 2 > STREAM_FROM => Some(StreamContent::Text(text)),
        _ => None,
    }
}

/// Problems that mean that the content is not all there; others are about properties the server makes itself.
fn is_about_room(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::QUOTA_EXCEEDED
            | ErrorCode::NP_QUOTA_EXCEEDED
            | ErrorCode::NOT_ENOUGH_MEMORY
            | ErrorCode::INSUFFICIENT_RESOURCES
            | ErrorCode::TOO_BIG
    )
}

/// The properties of a message and of all it contains that have names.
fn collect_names<'a>(
    content: &'a MessageContent,
    keys: &mut Vec<&'a PropertyKey>,
    depth: usize,
) -> Result<(), MailboxError> {
    if depth > DEPTH_LIMIT {
        return Err(MailboxError::Limit { what: "nesting of attached messages", limit: DEPTH_LIMIT as u64 });
    }
    let named = |(key, _): (&'a PropertyKey, &'a PropertyValue)| matches!(key, PropertyKey::Named(..)).then_some(key);
    keys.extend(content.properties.iter().filter_map(named));
    for attachment in &content.attachments {
        keys.extend(attachment.properties.iter().filter_map(named));
        if let Some(embedded) = &attachment.embedded {
            collect_names(embedded, keys, depth + 1)?;
        }
    }
    Ok(())
}

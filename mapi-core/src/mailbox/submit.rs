use crate::ErrorCode;
use crate::id::{FolderId, MessageId};
use crate::message::MessageContent;
use crate::property::{PropertyValue, TaggedValue, tags};
use crate::rop::{RequestBody, ResponseBody, RopId, SubmitMessageRequest};
use crate::wire::Writer;

use super::create::save_message;
use super::link::OnFailure;
use super::{Mailbox, MailboxError};

/// Why a message was not sent, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum NotSubmitted {
    /// The server does not send it. Nobody got it, and nothing is left in the Outbox.
    #[error("not sent: {0}")]
    Refused(#[source] MailboxError),
    /// Nothing was handed over for sending. Trying again is safe. A server that was busy between the two may have kept the
    /// message in the Outbox, unsent.
    #[error("not handed over: {0}")]
    NotSent(#[source] MailboxError),
    /// It may have been sent. Look for it in Sent Items and in the Outbox before trying again.
    #[error("unknown whether sent: {0}")]
    Unknown(#[source] MailboxError),
}

impl Mailbox {
    /// Sends a message: makes it in the Outbox with its recipients, and hands it over. Unless `content` says otherwise
    /// (PidTagSentMailSvrEID, PidTagDeleteAfterSubmit), the server keeps a copy in Sent Items. Two Execute requests for a
    /// small message.
    ///
    /// Returns the id the message had in the Outbox.
    pub async fn submit(&self, content: &MessageContent) -> Result<MessageId, NotSubmitted> {
        let inner = &self.inner;
        let folders = inner.info.folders;
        let told = content.properties.get(tags::PidTagSentMailSvrEID).is_some()
            || content.properties.get(tags::PidTagDeleteAfterSubmit).is_some();
        let sent = PropertyValue::ServerId(server_id(folders.sent_items));
        let copy = if told { Vec::new() } else { vec![TaggedValue::new(tags::PidTagSentMailSvrEID, sent)] };
        let message =
            inner.write_message(folders.outbox, content, false, copy).await.map_err(|error| match &error {
                MailboxError::Upstream { .. } => NotSubmitted::Refused(error),
                _ => NotSubmitted::NotSent(error),
            })?;
        let mut script = inner.link.script();
        let slot = script.known(&message);
        let save = script.rop_with(slot, slot, save_message());
        let submit = script.rop(slot, RequestBody::SubmitMessage(SubmitMessageRequest { submit_flags: 0 }));
        let answers = inner.link.run_effect(&mut script, submit, OnFailure::GoOn).await.map_err(|error| {
            // The request itself may be what did not arrive.
            if error.may_have_run() { NotSubmitted::Unknown(error) } else { NotSubmitted::NotSent(error) }
        })?;
        drop(message);
        let mid = match answers.body(save).map_err(NotSubmitted::Refused)? {
            ResponseBody::SaveChangesMessage(saved) => saved.message_id,
            _ => return Err(NotSubmitted::Unknown(super::link::odd_answer(RopId::SAVE_CHANGES_MESSAGE))),
        };
        let answer = answers.answer(submit).map_err(NotSubmitted::Unknown)?;
        if answer.return_value == ErrorCode::NONE {
            return Ok(mid);
        }
        // Warnings too mean that nothing was sent: some servers answer so when the next hop refuses.
        let refused = MailboxError::Upstream { rop: RopId::SUBMIT_MESSAGE, code: answer.return_value };
        if let Err(error) = self.delete_messages(folders.outbox, &[mid]).await {
            tracing::warn!(%error, "refused message left in the Outbox");
        }
        Err(NotSubmitted::Refused(refused))
    }
}

/// The ServerId of a folder of this mailbox ([MS-OXCDATA] 2.11.1.4).
fn server_id(folder: FolderId) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u8(1);
    folder.encode(&mut writer);
    MessageId::default().encode(&mut writer);
    writer.u32(0);
    writer.into_vec()
}

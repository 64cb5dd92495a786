use crate::id::{FolderId, MessageId};
use crate::message::PropertyBag;
use crate::property::{PropertyKey, PropertyRow, PropertyTag, tags};
use crate::rop::{OpenMessageRequest, RequestBody, ResponseBody};

use super::link::OnFailure;
use super::open::get_properties;
use super::table::ContentsQuery;
use super::{Mailbox, MailboxError};

/// Messages per request: RopOpenMessage answers with recipients, up to 3 KB.
const BATCH: usize = 8;

impl Mailbox {
    /// Some small properties of messages, by opening each; messages that are gone are left out. One Execute request for
    /// about eight.
    pub async fn message_properties(
        &self,
        folder_id: FolderId,
        messages: &[MessageId],
        keys: &[PropertyKey],
    ) -> Result<Vec<(MessageId, PropertyBag)>, MailboxError> {
        let (keys, tags) = self.known_tags(keys).await?;
        let mut found = Vec::with_capacity(messages.len());
        for batch in messages.chunks(BATCH) {
            let mut script = self.inner.link.script();
            let store = script.known(&self.inner.logon);
            let mut asked = Vec::with_capacity(batch.len());
            for &message_id in batch {
                let request = OpenMessageRequest {
                    output_handle_index: 0,
                    code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
                    folder_id,
                    open_mode_flags: OpenMessageRequest::READ_ONLY,
                    message_id,
                };
                let (message, _) = script.open(store, RequestBody::OpenMessage(request));
                asked.push((message_id, script.rop(message, get_properties(&tags))));
                script.release(message);
            }
            let answers = self.inner.link.run(&mut script, OnFailure::GoOn).await?;
            for (message_id, ticket) in asked {
                if let Ok(ResponseBody::GetPropertiesSpecific(got)) = answers.body(ticket) {
                    found.push((message_id, named(&keys, got.row.clone())));
                }
            }
        }
        Ok(found)
    }

    /// The same of all normal messages of a folder, from its contents table; values are cut at 510 bytes.
    pub async fn all_message_properties(
        &self,
        folder: FolderId,
        keys: &[PropertyKey],
    ) -> Result<Vec<(MessageId, PropertyBag)>, MailboxError> {
        let (keys, mut columns) = self.known_tags(keys).await?;
        columns.push(tags::PidTagMid);
        let mut found = Vec::new();
        let query = ContentsQuery { columns, ..ContentsQuery::default() };
        let on_rows = |rows: Vec<PropertyRow>| {
            for mut row in rows {
                let mid = row.values.pop().and_then(|value| value.value()?.as_i64());
                if let Some(mid) = mid {
                    found.push((MessageId::from_i64(mid), named(&keys, row)));
                }
            }
        };
        self.contents_rows(folder, &query, on_rows).await?;
        Ok(found)
    }

    /// Those of `keys` that the mailbox knows, and their tags.
    async fn known_tags(&self, keys: &[PropertyKey]) -> Result<(Vec<PropertyKey>, Vec<PropertyTag>), MailboxError> {
        let known = self.tags(keys, false).await?;
        Ok(keys.iter().zip(known).filter_map(|(key, tag)| Some((key.clone(), tag?))).unzip())
    }
}

/// The values of a row that are there.
fn named(keys: &[PropertyKey], row: PropertyRow) -> PropertyBag {
    keys.iter().zip(row.values).filter_map(|(key, value)| Some((key.clone(), value.into_value()?))).collect()
}

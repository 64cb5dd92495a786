use crate::id::{FolderId, MessageId};
use crate::property::{PropertyRow, tags};

use super::table::ContentsQuery;
use super::{Mailbox, MailboxError};

impl Mailbox {
    /// The ids of all normal messages of a folder, from its contents table. One Execute request for about 20,000.
    pub async fn message_ids(&self, folder: FolderId) -> Result<Vec<MessageId>, MailboxError> {
        let query = ContentsQuery { columns: vec![tags::PidTagMid], ..ContentsQuery::default() };
        let mut ids = Vec::new();
        let take = |rows: Vec<PropertyRow>| {
            let id = |row: &PropertyRow| row.values.first()?.value()?.as_i64().map(MessageId::from_i64);
            ids.extend(rows.iter().filter_map(id));
        };
        self.contents_rows(folder, &query, take).await?;
        Ok(ids)
    }
}

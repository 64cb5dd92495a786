use std::collections::{HashMap, HashSet};

use crate::ErrorCode;
use crate::id::{FolderId, MessageId};
use crate::message::PropertyBag;
use crate::property::{Form, PropertyKey, PropertyRow, PropertyTag, PropertyValue, Restriction, tags};
use crate::rop::{OpenMessageRequest, ResponseBody, RopId};
use crate::wire::Writer;

use super::link::{Answers, odd_answer};
use super::open::get_properties;
use super::opening::{OpenPlan, Opening, Work};
use super::script::{Script, Slot, Ticket};
use super::table::ContentsQuery;
use super::{Inner, Mailbox, MailboxError};

/// So many messages are opened rather than looked for in the table of their folder.
const FEW: usize = 64;
/// Tables cut values at 510 bytes ([MS-OXCTABL] R121); what is as long as this may have been cut.
const MAYBE_CUT: usize = 500;

impl Mailbox {
    /// Some small properties of messages, by opening each; messages that are gone are left out. One Execute request for
    /// about 28; see [`OpenPlan`].
    pub async fn message_properties(
        &self,
        folder_id: FolderId,
        messages: &[MessageId],
        keys: &[PropertyKey],
    ) -> Result<Vec<(MessageId, PropertyBag)>, MailboxError> {
        let (keys, tags) = self.known_tags(keys).await?;
        let opened = self.read_opened(folder_id, messages, Reading { keys, tags }, &mut OpenPlan::default()).await?;
        Ok(opened.into_iter().filter_map(|(id, read)| Some((id, read.ok()?))).collect())
    }

    /// The same of all normal messages of a folder, from its contents table; values are cut at 510 bytes.
    pub async fn all_message_properties(
        &self,
        folder: FolderId,
        keys: &[PropertyKey],
    ) -> Result<Vec<(MessageId, PropertyBag)>, MailboxError> {
        let mut found = Vec::new();
        self.each_message_properties(folder, keys, |id, bag| found.push((id, bag))).await?;
        Ok(found)
    }

    /// The same, handed out as they arrive; `on_message` must not block.
    pub async fn each_message_properties(
        &self,
        folder: FolderId,
        keys: &[PropertyKey],
        on_message: impl FnMut(MessageId, PropertyBag) + Send,
    ) -> Result<(), MailboxError> {
        let (keys, columns) = self.known_tags(keys).await?;
        self.table_properties(folder, &keys, columns, None, on_message).await
    }

    /// The values that messages have now, whole; for what must be fresh before it is written. Messages that have none of
    /// the properties are left out, as are those that are gone: whether a message is there shows when it is written.
    ///
    /// Up to 64 messages are opened, by `plan`, which is to be kept for the next attempt if the session is lost. More are
    /// read by one query of the folder's contents table for rows that have any of the properties: one or two Execute
    /// requests for a thousand messages in ten thousand. Only messages with a value that the table may have cut (510 bytes,
    /// [MS-OXCTABL] R121) are opened then.
    ///
    /// Reads only: dropping the future does no harm.
    pub async fn message_values(
        &self,
        folder: FolderId,
        ids: &[MessageId],
        keys: &[PropertyKey],
        plan: &mut OpenPlan,
    ) -> Result<Vec<(MessageId, PropertyBag)>, MailboxError> {
        let (known, columns) = self.known_tags(keys).await?;
        if ids.is_empty() || known.is_empty() {
            return Ok(Vec::new());
        }
        let reading = Reading { keys: known.clone(), tags: columns.clone() };
        let mut values = HashMap::new();
        if ids.len() <= FEW {
            values.extend(there(self.read_opened(folder, ids, reading, plan).await?)?);
            return Ok(ids.iter().filter_map(|id| values.remove_entry(id)).collect());
        }
        let wanted: HashSet<MessageId> = ids.iter().copied().collect();
        let exists = Restriction::Or(columns.iter().map(|tag| Restriction::Exist(*tag)).collect());
        for restriction in [Some(exists), None] {
            let restricted = restriction.is_some();
            values.clear();
            let take = |id, bag: PropertyBag| {
                if wanted.contains(&id) && !bag.is_empty() {
                    values.insert(id, bag);
                }
            };
            match self.table_properties(folder, &known, columns.clone(), restriction, take).await {
                // Then all rows are to be read.
                Err(error) if restricted && error.code().is_some_and(is_unfit) => {
                    tracing::debug!(%error, "the table can't be restricted");
                }
                done => {
                    done?;
                    break;
                }
            }
        }
        let cut: Vec<_> = values.iter().filter(|(_, bag)| maybe_cut(bag)).map(|(id, _)| *id).collect();
        cut.iter().for_each(|id| drop(values.remove(id)));
        values.extend(there(self.read_opened(folder, &cut, reading, plan).await?)?);
        Ok(ids.iter().filter_map(|id| values.remove_entry(id)).collect())
    }

    async fn read_opened(
        &self,
        folder: FolderId,
        messages: &[MessageId],
        work: Reading,
        plan: &mut OpenPlan,
    ) -> Result<Vec<(MessageId, Result<PropertyBag, MailboxError>)>, MailboxError> {
        let mut found = Vec::with_capacity(messages.len());
        let mut on_result = |number: usize, result| found.extend(messages.get(number).map(|id| (*id, result)));
        let todo: Vec<_> = messages.iter().copied().enumerate().collect();
        Opening { inner: &self.inner, folder, work: &work, plan, on_result: &mut on_result }.run(&todo).await?;
        Ok(found)
    }

    async fn table_properties(
        &self,
        folder: FolderId,
        keys: &[PropertyKey],
        mut columns: Vec<PropertyTag>,
        restriction: Option<Restriction>,
        mut on_row: impl FnMut(MessageId, PropertyBag) + Send,
    ) -> Result<(), MailboxError> {
        columns.push(tags::PidTagMid);
        let query = ContentsQuery { columns, restriction, ..ContentsQuery::default() };
        let on_rows = |rows: Vec<PropertyRow>| {
            for mut row in rows {
                let mid = row.values.pop().and_then(|value| value.value()?.as_i64());
                if let Some(mid) = mid {
                    on_row(MessageId::from_i64(mid), named(keys, row));
                }
            }
        };
        self.contents_rows(folder, &query, on_rows).await
    }

    /// Those of `keys` that the mailbox knows, and their tags.
    async fn known_tags(&self, keys: &[PropertyKey]) -> Result<(Vec<PropertyKey>, Vec<PropertyTag>), MailboxError> {
        let known = self.tags(keys, false).await?;
        Ok(keys.iter().zip(known).filter_map(|(key, tag)| Some((key.clone(), tag?))).unzip())
    }
}

/// Opens and reads.
struct Reading {
    keys: Vec<PropertyKey>,
    tags: Vec<PropertyTag>,
}

impl Work for Reading {
    type Done = PropertyBag;
    type Sent = Ticket;
    const MODE: u8 = OpenMessageRequest::READ_ONLY;

    fn plan(&self, _: &Inner, script: &mut Script<'_>, message: Slot, _: usize) -> Ticket {
        script.rop(message, get_properties(&self.tags))
    }

    fn result(&self, answers: &Answers, sent: &Ticket, _: usize) -> Result<PropertyBag, MailboxError> {
        match answers.body(*sent)? {
            ResponseBody::GetPropertiesSpecific(got) => Ok(named(&self.keys, got.row.clone())),
            _ => Err(odd_answer(RopId::GET_PROPERTIES_SPECIFIC)),
        }
    }
}

/// What was read of messages that are there and have any of the values. A value that could not be read is an error: who
/// took it for absent would write over it.
fn there(
    read: Vec<(MessageId, Result<PropertyBag, MailboxError>)>,
) -> Result<Vec<(MessageId, PropertyBag)>, MailboxError> {
    let mut out = Vec::with_capacity(read.len());
    for (id, result) in read {
        match result {
            Ok(bag) if bag.is_empty() => {}
            Ok(bag) => out.push((id, bag)),
            Err(error) if error.code().is_some_and(ErrorCode::is_gone) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(out)
}

/// Codes that say that a table can't be restricted in this way.
fn is_unfit(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::TOO_COMPLEX | ErrorCode::NOT_SUPPORTED | ErrorCode::INVALID_PARAM)
}

/// Whether a table may have cut one of the values.
fn maybe_cut(bag: &PropertyBag) -> bool {
    let size = |value: &PropertyValue| {
        let mut writer = Writer::new();
        value.encode(&mut writer, Form::Rop);
        writer.len()
    };
    bag.iter().any(|(_, value)| size(value) >= MAYBE_CUT)
}

/// The values of a row that are there.
fn named(keys: &[PropertyKey], row: PropertyRow) -> PropertyBag {
    keys.iter().zip(row.values).filter_map(|(key, value)| Some((key.clone(), value.into_value()?))).collect()
}

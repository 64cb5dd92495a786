use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::id::FolderId;
use crate::property::{PropertyRow, PropertyTag, Restriction, RowValue, SortOrder};
use crate::rop::{
    GetTableRequest, OpenFolderRequest, QueryRowsRequest, RequestBody, ResponseBody, RestrictRequest, RopId,
    RopResponse, SetColumnsRequest, SortTableRequest,
};

use super::link::{odd_answer, succeeded};
use super::open::get_properties;
use super::{Inner, Mailbox, MailboxError};

/// What of a contents table is wanted.
#[derive(Debug, Clone, Default)]
pub struct ContentsQuery {
    /// The columns of the rows. String and binary values are cut at 510 bytes by servers.
    pub columns: Vec<PropertyTag>,
    /// Only rows that match.
    pub restriction: Option<Restriction>,
    /// The order of the rows.
    pub sort: Vec<SortOrder>,
    /// FAI messages instead of normal ones.
    pub associated: bool,
    /// At most so many rows; all if absent.
    pub limit: Option<u16>,
}

/// Rows asked for at a time; servers stop where the answer is full.
const ROWS: u16 = 0x7FFF;

impl Mailbox {
    /// The rows of a folder's contents table, handed out as they arrive; `on_rows` must not block. The table is live:
    /// rows of messages that come and go meanwhile may be missing or doubled.
    pub async fn contents_rows(
        &self,
        folder: FolderId,
        query: &ContentsQuery,
        on_rows: impl FnMut(Vec<PropertyRow>) + Send,
    ) -> Result<(), MailboxError> {
        let flags = GetTableRequest::USE_UNICODE
            | GetTableRequest::NO_NOTIFICATIONS
            | if query.associated { GetTableRequest::ASSOCIATED } else { 0 };
        let open = RequestBody::GetContentsTable(GetTableRequest { output_handle_index: 0, table_flags: flags });
        self.inner.rows(folder, &[], open, query, on_rows).await.map(drop)
    }
}

impl Inner {
    /// The rows of a table of `folder`, and the values `of_folder` of the folder itself, read on the way.
    pub(super) async fn rows(
        &self,
        folder: FolderId,
        of_folder: &[PropertyTag],
        open: RequestBody,
        query: &ContentsQuery,
        mut on_rows: impl FnMut(Vec<PropertyRow>) + Send,
    ) -> Result<Vec<RowValue>, MailboxError> {
        let mut script = self.link.script();
        let store = script.known(&self.logon);
        let request = OpenFolderRequest { output_handle_index: 0, folder_id: folder, open_mode_flags: 0 };
        let (folder, _) = script.open(store, RequestBody::OpenFolder(request));
        let own = (!of_folder.is_empty()).then(|| script.rop(folder, get_properties(of_folder)));
        let (table, _) = script.open(folder, open);
        script.release(folder);
        let columns: Arc<[PropertyTag]> = query.columns.as_slice().into();
        let request = SetColumnsRequest { set_columns_flags: 0, property_tags: query.columns.clone() };
        script.rop(table, RequestBody::SetColumns(request));
        if !query.sort.is_empty() {
            let request = SortTableRequest {
                sort_table_flags: 0,
                category_count: 0,
                expanded_count: 0,
                sort_orders: query.sort.clone(),
            };
            script.rop(table, RequestBody::SortTable(request));
        }
        if query.restriction.is_some() {
            let request = RestrictRequest { restrict_flags: 0, restriction: query.restriction.clone() };
            script.rop(table, RequestBody::Restrict(request));
        }
        let mut left = query.limit.map_or(usize::MAX, usize::from);
        let mut ticket = script.rop(table, self.query_rows(left));
        let mut answers = self.link.run_chained(&mut script).await?;
        let Some(handle) = script.take(table) else { return Err(odd_answer(RopId::GET_CONTENTS_TABLE)) };
        let own = match own.map(|ticket| answers.body(ticket)) {
            None => Vec::new(),
            Some(Ok(ResponseBody::GetPropertiesSpecific(got))) => got.row.values.clone(),
            Some(_) => return Err(odd_answer(RopId::GET_PROPERTIES_SPECIFIC)),
        };
        loop {
            let first = answers.take(ticket).ok_or_else(|| odd_answer(RopId::QUERY_ROWS))?;
            let mut end = false;
            let mut got: usize = 0;
            for answer in std::iter::once(first).chain(std::mem::take(&mut answers.chained)) {
                let (rows, last) = rows_of(answer)?;
                got += rows.len();
                end |= last || rows.is_empty();
                if !rows.is_empty() {
                    on_rows(rows);
                }
            }
            left = left.saturating_sub(got);
            if end || got == 0 || left == 0 {
                return Ok(own);
            }
            self.learn_chaining(answers.payloads);
            let mut script = self.link.script();
            let table = script.known_table(&handle, Arc::clone(&columns));
            ticket = script.rop(table, self.query_rows(left));
            answers = self.link.run_chained(&mut script).await?;
        }
    }

    fn query_rows(&self, limit: usize) -> RequestBody {
        let plain = self.plain_query_rows.load(Ordering::Relaxed);
        let row_count = u16::try_from(limit).map_or(ROWS, |limit| limit.min(ROWS));
        let query_rows_flags = if plain { 0 } else { QueryRowsRequest::ENABLE_PACKED_BUFFERS };
        RequestBody::QueryRows(QueryRowsRequest { query_rows_flags, forward_read: true, row_count })
    }

    /// Servers differ in whether they send several payloads with EnablePackedBuffers (as specified) or without (Gromox).
    /// If one way brought a single payload although there are more rows, the other way is tried next.
    fn learn_chaining(&self, payloads: usize) {
        if payloads == 1 {
            self.plain_query_rows.fetch_xor(true, Ordering::Relaxed);
        }
    }
}

/// The rows of an answer, and whether it says that they are the last.
fn rows_of(answer: RopResponse) -> Result<(Vec<PropertyRow>, bool), MailboxError> {
    succeeded(&answer)?;
    match answer.body {
        ResponseBody::QueryRows(query) => Ok((query.rows, query.origin == 2)),
        _ => Err(odd_answer(RopId::QUERY_ROWS)),
    }
}

use mapi_core::property::{PropertyRow, PropertyTag, Restriction, SortOrder, SortOrderKind};
use mapi_core::rop::{
    GetTableRequest, QueryRowsRequest, QueryRowsResponse, RequestBody, ResponseBody, RestrictRequest,
    SetColumnsRequest, SortTableRequest,
};

use super::super::Trouble;
use super::Bench;
use super::session::OUT;

/// More rows than any scenario makes.
const ROW_LIMIT: usize = 10_000;

impl Bench {
    /// A contents table with its columns set.
    pub(crate) async fn contents_table(
        &mut self,
        folder: u32,
        table_flags: u8,
        columns: &[PropertyTag],
    ) -> Result<u32, Trouble> {
        let request = GetTableRequest { output_handle_index: OUT, table_flags };
        self.table(folder, RequestBody::GetContentsTable(request), columns).await
    }

    /// A hierarchy table with its columns set.
    pub(crate) async fn hierarchy_table(
        &mut self,
        folder: u32,
        table_flags: u8,
        columns: &[PropertyTag],
    ) -> Result<u32, Trouble> {
        let request = GetTableRequest { output_handle_index: OUT, table_flags };
        self.table(folder, RequestBody::GetHierarchyTable(request), columns).await
    }

    async fn table(&mut self, folder: u32, open: RequestBody, columns: &[PropertyTag]) -> Result<u32, Trouble> {
        let table = self.call(folder, open).await?.ok()?.handle;
        self.set_columns(table, columns).await?;
        Ok(table)
    }

    /// RopSetColumns.
    pub(crate) async fn set_columns(&mut self, table: u32, columns: &[PropertyTag]) -> Result<(), Trouble> {
        let request = SetColumnsRequest { set_columns_flags: 0, property_tags: columns.to_vec() };
        self.call(table, RequestBody::SetColumns(request)).await?.ok().map(drop)
    }

    /// RopRestrict.
    pub(crate) async fn restrict(&mut self, table: u32, restriction: Restriction) -> Result<(), Trouble> {
        let request = RestrictRequest { restrict_flags: 0, restriction: Some(restriction) };
        self.call(table, RequestBody::Restrict(request)).await?.ok().map(drop)
    }

    /// RopSortTable by one key.
    pub(crate) async fn sort(&mut self, table: u32, tag: PropertyTag, order: SortOrderKind) -> Result<(), Trouble> {
        let sort_orders = vec![SortOrder { tag, order }];
        let request = SortTableRequest { sort_table_flags: 0, category_count: 0, expanded_count: 0, sort_orders };
        self.call(table, RequestBody::SortTable(request)).await?.ok().map(drop)
    }

    /// RopQueryRows, once.
    pub(crate) async fn query_rows(&mut self, table: u32, row_count: u16) -> Result<QueryRowsResponse, Trouble> {
        let request = QueryRowsRequest { query_rows_flags: 0, forward_read: true, row_count };
        let answer = self.call(table, RequestBody::QueryRows(request)).await?.ok()?;
        match answer.body {
            ResponseBody::QueryRows(rows) => Ok(rows),
            _ => answer.odd(),
        }
    }

    /// All rows from the cursor on. The table is released.
    pub(crate) async fn all_rows(&mut self, table: u32) -> Result<Vec<PropertyRow>, Trouble> {
        let mut rows = Vec::new();
        while rows.len() < ROW_LIMIT {
            let answer = self.query_rows(table, 0x1000).await?;
            if answer.rows.is_empty() {
                break;
            }
            rows.extend(answer.rows);
        }
        self.release(table).await?;
        Ok(rows)
    }

    /// All rows of the contents table of a folder.
    pub(crate) async fn contents(&mut self, folder: u32, columns: &[PropertyTag]) -> Result<Vec<PropertyRow>, Trouble> {
        let table = self.contents_table(folder, GetTableRequest::USE_UNICODE, columns).await?;
        self.all_rows(table).await
    }
}

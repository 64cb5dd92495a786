//! ROPs on tables ([MS-OXCROPS] 2.2.5, [MS-OXCTABL] 2.2.2).

use std::sync::Arc;

use crate::ErrorCode;
use crate::property::{Form, PropertyRow, PropertyTag, Restriction, SortOrder};
use crate::wire::{Reader, WireResult, Writer};

use super::ResponseContext;
use super::codec::{Answer, Bytes16, Count16, SizedRestriction, Wire, list, wire_struct};

wire_struct! {
    /// RopSetColumns request ([MS-OXCROPS] 2.2.5.1.1).
    pub struct SetColumnsRequest {
        /// 0, or 1 to be answered before the work is done.
        pub set_columns_flags: u8,
        pub property_tags: Vec<PropertyTag> as Count16,
    }

    /// Response of RopSetColumns, RopSortTable, RopRestrict, RopGetStatus and RopAbort ([MS-OXCROPS] 2.2.5.1.2 to
    /// 2.2.5.6.2).
    pub struct TableStatusResponse {
        /// 0 complete, 9 sorting, 0x0A sort error, 0x0B setting columns, 0x0D column error, 0x0E restricting,
        /// 0x0F restriction error.
        pub table_status: u8,
    }

    /// RopRestrict request ([MS-OXCROPS] 2.2.5.3.1).
    pub struct RestrictRequest {
        /// 0, or 1 to be answered before the work is done.
        pub restrict_flags: u8,
        /// `None` lifts the restriction.
        pub restriction: Option<Restriction> as SizedRestriction,
    }

    /// RopQueryRows request ([MS-OXCROPS] 2.2.5.4.1).
    pub struct QueryRowsRequest {
        /// 0 advance, 1 do not advance, 2 packed buffers.
        pub query_rows_flags: u8,
        pub forward_read: bool,
        /// At most so many rows.
        pub row_count: u16,
    }

    /// RopQueryPosition response ([MS-OXCROPS] 2.2.5.7.2).
    pub struct QueryPositionResponse {
        /// Row of the cursor, from 0.
        pub numerator: u32,
        /// Rows of the table.
        pub denominator: u32,
    }

    /// RopSeekRow request ([MS-OXCROPS] 2.2.5.8.1).
    pub struct SeekRowRequest {
        /// 0 beginning, 1 current row, 2 end.
        pub origin: u8,
        /// Rows to move, backwards if negative.
        pub row_count: i32,
        pub want_row_moved_count: bool,
    }

    /// RopSeekRow response ([MS-OXCROPS] 2.2.5.8.2).
    pub struct SeekRowResponse {
        pub has_sought_less: bool,
        pub rows_sought: i32,
    }

    /// RopSeekRowBookmark request ([MS-OXCROPS] 2.2.5.9.1).
    pub struct SeekRowBookmarkRequest {
        pub bookmark: Vec<u8> as Bytes16,
        /// Rows to move, backwards if negative.
        pub row_count: i32,
        pub want_row_moved_count: bool,
    }

    /// RopSeekRowBookmark response ([MS-OXCROPS] 2.2.5.9.2).
    pub struct SeekRowBookmarkResponse {
        pub row_no_longer_visible: bool,
        pub has_sought_less: bool,
        pub rows_sought: i32,
    }

    /// RopSeekRowFractional request ([MS-OXCROPS] 2.2.5.10.1).
    pub struct SeekRowFractionalRequest {
        pub numerator: u32,
        pub denominator: u32,
    }

    /// RopCreateBookmark response and RopFreeBookmark request ([MS-OXCROPS] 2.2.5.11.2, 2.2.5.14.1).
    pub struct Bookmark {
        /// Opaque, made by the server.
        pub bookmark: Vec<u8> as Bytes16,
    }

    /// RopQueryColumnsAll and RopGetPropertiesList response ([MS-OXCROPS] 2.2.5.12.2, 2.2.8.5.2).
    pub struct PropertyTagsResponse {
        pub property_tags: Vec<PropertyTag> as Count16,
    }

    /// RopFindRow request ([MS-OXCROPS] 2.2.5.13.1).
    pub struct FindRowRequest {
        /// 0 forward, 1 backward.
        pub find_row_flags: u8,
        pub restriction: Option<Restriction> as SizedRestriction,
        /// 0 beginning, 1 current row, 2 end, 3 `bookmark`.
        pub origin: u8,
        pub bookmark: Vec<u8> as Bytes16,
    }
}

impl QueryRowsRequest {
    /// Leave the cursor where it is.
    pub const NO_ADVANCE: u8 = 0x01;
    /// Rows may come in several payloads.
    pub const ENABLE_PACKED_BUFFERS: u8 = 0x02;
}

/// RopSortTable request ([MS-OXCROPS] 2.2.5.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortTableRequest {
    /// 0, or 1 to be answered before the work is done.
    pub sort_table_flags: u8,
    /// How many of the keys, from the first, make categories.
    pub category_count: u16,
    /// How many of the categories start expanded.
    pub expanded_count: u16,
    /// The keys, the most important one first.
    pub sort_orders: Vec<SortOrder>,
}

impl Wire for SortTableRequest {
    const MIN_SIZE: usize = 7;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let sort_table_flags = reader.u8("SortTableFlags")?;
        let count = usize::from(reader.u16("SortOrderCount")?);
        let category_count = reader.u16("CategoryCount")?;
        let expanded_count = reader.u16("ExpandedCount")?;
        let sort_orders = list(reader, count, "SortOrders")?;
        Ok(Self { sort_table_flags, category_count, expanded_count, sort_orders })
    }

    fn put(&self, writer: &mut Writer) {
        writer.u8(self.sort_table_flags).len16(self.sort_orders.len());
        writer.u16(self.category_count).u16(self.expanded_count);
        self.sort_orders.iter().for_each(|order| order.put(writer));
    }
}

/// RopQueryRows response ([MS-OXCROPS] 2.2.5.4.2).
#[derive(Debug, Clone, PartialEq)]
pub struct QueryRowsResponse {
    /// Where the cursor is now: 0 beginning, 1 in between, 2 end.
    pub origin: u8,
    /// The columns of the rows, as RopSetColumns named them.
    pub columns: Arc<[PropertyTag]>,
    /// The rows.
    pub rows: Vec<PropertyRow>,
}

impl QueryRowsResponse {
    /// Origin at the end of the table.
    pub const ORIGIN_END: u8 = 2;
}

impl Answer for QueryRowsResponse {
    fn get_answer(
        reader: &mut Reader<'_>,
        return_value: ErrorCode,
        context: &ResponseContext,
    ) -> WireResult<Option<Self>> {
        if !return_value.is_success() {
            return Ok(None);
        }
        let columns = context.columns();
        let origin = reader.u8("Origin")?;
        let count = usize::from(reader.u16("RowCount")?);
        reader.check_count(count, 1, "RowCount")?;
        let mut rows = Vec::with_capacity(count.min(1024));
        for _ in 0..count {
            rows.push(PropertyRow::decode(reader, &columns, Form::Rop)?);
        }
        Ok(Some(Self { origin, columns, rows }))
    }

    fn put_answer(&self, writer: &mut Writer, _: ErrorCode) {
        writer.u8(self.origin).len16(self.rows.len());
        self.rows.iter().for_each(|row| row.encode(writer, &self.columns, Form::Rop));
    }
}

/// RopFindRow response ([MS-OXCROPS] 2.2.5.13.2).
#[derive(Debug, Clone, PartialEq)]
pub struct FindRowResponse {
    /// The bookmark's row is gone.
    pub row_no_longer_visible: bool,
    /// The columns of the row, as RopSetColumns named them.
    pub columns: Arc<[PropertyTag]>,
    /// The row found.
    pub row: Option<PropertyRow>,
}

impl Answer for FindRowResponse {
    fn get_answer(
        reader: &mut Reader<'_>,
        return_value: ErrorCode,
        context: &ResponseContext,
    ) -> WireResult<Option<Self>> {
        if !return_value.is_success() {
            return Ok(None);
        }
        let columns = context.columns();
        let row_no_longer_visible = reader.bool8("RowNoLongerVisible")?;
        let has_row_data = reader.bool8("HasRowData")?;
        let row = if has_row_data { Some(PropertyRow::decode(reader, &columns, Form::Rop)?) } else { None };
        Ok(Some(Self { row_no_longer_visible, columns, row }))
    }

    fn put_answer(&self, writer: &mut Writer, _: ErrorCode) {
        writer.bool8(self.row_no_longer_visible).bool8(self.row.is_some());
        if let Some(row) = &self.row {
            row.encode(writer, &self.columns, Form::Rop);
        }
    }
}

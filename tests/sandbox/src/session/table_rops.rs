//! ROPs on tables ([MS-OXCROPS] 2.2.5, [MS-OXCTABL] 3.2.5).

use mapi_core::ErrorCode;
use mapi_core::property::PropertyType;
use mapi_core::rop::*;

use super::context::{Cx, RopResult};
use super::object::Object;
use super::row::row_size;
use super::table::{Rows, Table};
use crate::store::{Mailbox, StoreResult};

/// The table at the head's index, and its mailbox.
fn with_table<R>(cx: &mut Cx<'_>, work: impl FnOnce(&mut Table, &Mailbox) -> StoreResult<R>) -> StoreResult<R> {
    let handle = cx.handle(cx.index)?;
    let entry = cx.session.objects.get_mut(&handle).ok_or(ErrorCode::NULL_OBJECT)?;
    let mailbox = cx.store.mailbox(entry.mailbox).ok_or(ErrorCode::NULL_OBJECT)?;
    match &mut entry.object {
        Object::Table(table) => work(table, mailbox),
        _ => Err(ErrorCode::NOT_SUPPORTED),
    }
}

fn complete() -> RopResult {
    Ok(ResponseBody::TableStatus(TableStatusResponse { table_status: 0 }))
}

pub fn set_columns(cx: &mut Cx<'_>, request: &SetColumnsRequest) -> RopResult {
    let bad = |kind: PropertyType| {
        matches!(kind, PropertyType::UNSPECIFIED | PropertyType::ERROR_CODE) || kind.0 & 0x2000 != 0
    };
    if request.property_tags.is_empty() || request.property_tags.iter().any(|tag| bad(tag.kind())) {
        // The table is without columns until they are set again ([MS-OXCTABL] R610).
        with_table(cx, |table, _| {
            table.forget_columns();
            Ok(())
        })?;
        return Err(ErrorCode::INVALID_PARAM);
    }
    with_table(cx, |table, _| {
        table.set_columns(&request.property_tags);
        complete()
    })
}

pub fn sort_table(cx: &mut Cx<'_>, request: &SortTableRequest) -> RopResult {
    if request.category_count > 0 {
        return Err(ErrorCode::TOO_COMPLEX);
    }
    with_table(cx, |table, _| {
        if matches!(table.rows(), Rows::Fixed(_)) {
            return Err(ErrorCode::NOT_SUPPORTED);
        }
        table.set_sort(request.sort_orders.clone());
        complete()
    })
}

pub fn restrict(cx: &mut Cx<'_>, request: &RestrictRequest) -> RopResult {
    with_table(cx, |table, _| {
        table.set_restriction(request.restriction.clone());
        complete()
    })
}

pub fn status(cx: &mut Cx<'_>) -> RopResult {
    with_table(cx, |_, _| complete())
}

pub fn query_rows(cx: &mut Cx<'_>, request: &QueryRowsRequest) -> RopResult {
    // Head, origin and count of the answer.
    let room = cx.room.saturating_sub(9);
    with_table(cx, |table, mailbox| {
        let columns = table.columns()?;
        let total = table.len(mailbox);
        let start = table.position.min(total);
        let wanted = usize::from(request.row_count);
        let (mut rows, mut used) = (Vec::new(), 0);
        let indexes: Vec<usize> = if request.forward_read {
            (start..total).take(wanted).collect()
        } else {
            (0..start).rev().take(wanted).collect()
        };
        for at in &indexes {
            let Some(row) = table.row(mailbox, *at, &columns) else { continue };
            let size = row_size(&row, &columns);
            if used + size > room {
                break;
            }
            used += size;
            rows.push(row);
        }
        if rows.is_empty() && !indexes.is_empty() {
            return Err(ErrorCode::BUFFER_TOO_SMALL);
        }
        let position = if request.forward_read { start + rows.len() } else { start - rows.len() };
        if request.query_rows_flags & QueryRowsRequest::NO_ADVANCE == 0 {
            table.position = position;
        }
        let origin = match position {
            at if at >= total => QueryRowsResponse::ORIGIN_END,
            // Whichever end it is that the reading came to ([MS-OXCTABL] R897).
            0 if !request.forward_read => QueryRowsResponse::ORIGIN_END,
            0 => 0,
            _ => 1,
        };
        Ok(ResponseBody::QueryRows(QueryRowsResponse { origin, columns, rows }))
    })
}

pub fn query_position(cx: &mut Cx<'_>) -> RopResult {
    with_table(cx, |table, mailbox| {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let denominator = table.len(mailbox);
        let numerator = count(table.position.min(denominator));
        Ok(ResponseBody::QueryPosition(QueryPositionResponse { numerator, denominator: count(denominator) }))
    })
}

pub fn seek_row(cx: &mut Cx<'_>, request: &SeekRowRequest) -> RopResult {
    with_table(cx, |table, mailbox| {
        let total = table.len(mailbox);
        let start = match request.origin {
            0 => 0,
            1 => table.position.min(total),
            2 => total,
            _ => return Err(ErrorCode::INVALID_PARAM),
        };
        let rows_sought = moved(table, total, start, request.row_count);
        let has_sought_less = rows_sought != request.row_count;
        Ok(ResponseBody::SeekRow(SeekRowResponse { has_sought_less, rows_sought }))
    })
}

pub fn seek_row_bookmark(cx: &mut Cx<'_>, request: &SeekRowBookmarkRequest) -> RopResult {
    with_table(cx, |table, mailbox| {
        table.columns()?;
        let (start, row_no_longer_visible) = table.bookmarked(mailbox, &request.bookmark)?;
        let total = table.len(mailbox);
        let rows_sought = moved(table, total, start, request.row_count);
        let has_sought_less = rows_sought != request.row_count;
        let response = SeekRowBookmarkResponse { row_no_longer_visible, has_sought_less, rows_sought };
        Ok(ResponseBody::SeekRowBookmark(response))
    })
}

pub fn seek_row_fractional(cx: &mut Cx<'_>, request: &SeekRowFractionalRequest) -> RopResult {
    if request.denominator == 0 {
        return Err(ErrorCode::INVALID_BOOKMARK);
    }
    with_table(cx, |table, mailbox| {
        let total = table.len(mailbox) as u64;
        let at = total * u64::from(request.numerator.min(request.denominator)) / u64::from(request.denominator);
        table.position = usize::try_from(at).unwrap_or(usize::MAX);
        Ok(ResponseBody::Empty)
    })
}

pub fn create_bookmark(cx: &mut Cx<'_>) -> RopResult {
    with_table(cx, |table, mailbox| {
        let bookmark = table.bookmark(mailbox)?.to_le_bytes().to_vec();
        Ok(ResponseBody::CreateBookmark(Bookmark { bookmark }))
    })
}

pub fn free_bookmark(cx: &mut Cx<'_>, request: &Bookmark) -> RopResult {
    with_table(cx, |table, _| {
        table.columns()?;
        table.free_bookmark(&request.bookmark).map(|()| ResponseBody::Empty)
    })
}

pub fn find_row(cx: &mut Cx<'_>, request: &FindRowRequest) -> RopResult {
    with_table(cx, |table, mailbox| {
        let columns = table.columns()?;
        let total = table.len(mailbox);
        let (start, row_no_longer_visible) = match request.origin {
            0 => (0, false),
            1 => (table.position.min(total), false),
            2 => (total, false),
            3 => table.bookmarked(mailbox, &request.bookmark)?,
            _ => return Err(ErrorCode::INVALID_PARAM),
        };
        let backward = request.find_row_flags & 1 != 0;
        let found = table.find(mailbox, start, backward, request.restriction.as_ref());
        let at = found.ok_or(ErrorCode::NOT_FOUND)?;
        table.position = at;
        let row = table.row(mailbox, at, &columns);
        Ok(ResponseBody::FindRow(FindRowResponse { row_no_longer_visible, columns, row }))
    })
}

pub fn query_columns_all(cx: &mut Cx<'_>) -> RopResult {
    with_table(cx, |table, _| {
        use mapi_core::property::tags::*;
        let property_tags = match table.rows() {
            Rows::Contents { .. } => vec![
                PidTagFolderId,
                PidTagMid,
                PidTagMessageClass,
                PidTagSubject,
                PidTagMessageFlags,
                PidTagMessageSize,
                PidTagMessageDeliveryTime,
                PidTagLastModificationTime,
                PidTagHasAttachments,
            ],
            Rows::Hierarchy { .. } => vec![
                PidTagFolderId,
                PidTagDisplayName,
                PidTagDepth,
                PidTagContentCount,
                PidTagContentUnreadCount,
                PidTagSubfolders,
            ],
            Rows::Fixed(bags) => {
                let tags = bags.iter().flat_map(|bag| bag.iter()).filter_map(|(key, _)| match key {
                    mapi_core::property::PropertyKey::Tag(tag) => Some(*tag),
                    mapi_core::property::PropertyKey::Named(..) => None,
                });
                let mut tags: Vec<_> = tags.collect();
                tags.sort_unstable();
                tags.dedup();
                tags
            }
        };
        Ok(ResponseBody::PropertyTags(PropertyTagsResponse { property_tags }))
    })
}

pub fn reset(cx: &mut Cx<'_>) -> RopResult {
    with_table(cx, |table, _| {
        table.reset();
        Ok(ResponseBody::Empty)
    })
}

/// Moves the cursor `count` rows from `start`; returns how many it were.
fn moved(table: &mut Table, total: usize, start: usize, count: i32) -> i32 {
    let distance = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let target = if count < 0 { start.saturating_sub(distance) } else { start.saturating_add(distance).min(total) };
    table.position = target;
    let signed = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    signed(target).saturating_sub(signed(start))
}

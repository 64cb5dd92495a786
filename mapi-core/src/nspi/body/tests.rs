use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::ErrorCode;
use crate::http::Failure;
use crate::id::Guid;
use crate::nspi::{AddressBookValue, AnsiText, NamedProperty, Stat, Table, UnicodeText};
use crate::property::{PropertyRow, PropertyTag, PropertyValue, Restriction, RowValue, tags};

const COLUMNS: [PropertyTag; 4] =
    [tags::PidTagEntryId, tags::PidTagDisplayName, tags::PidTagDisplayType, PropertyTag(0x800F_101F)];

fn value(column: usize) -> BoxedStrategy<PropertyValue> {
    match column {
        0 => vec(any::<u8>(), 0..9).prop_map(PropertyValue::Binary).boxed(),
        1 => "[^\0]{0,9}".prop_map(PropertyValue::String).boxed(),
        2 => any::<i32>().prop_map(PropertyValue::Integer32).boxed(),
        _ => vec("[^\0]{0,5}", 0..3).prop_map(PropertyValue::MultipleString).boxed(),
    }
}

fn row() -> impl Strategy<Value = PropertyRow> {
    let cell = |column| {
        prop_oneof![
            3 => value(column).prop_map(RowValue::Value),
            1 => Just(RowValue::Absent),
            1 => any::<u32>().prop_map(RowValue::Error),
        ]
    };
    (cell(0), cell(1), cell(2), cell(3)).prop_map(|(a, b, c, d)| PropertyRow::new(vec![a, b, c, d]))
}

fn table() -> impl Strategy<Value = Table> {
    vec(row(), 0..4).prop_map(|rows| Table { columns: COLUMNS.to_vec(), rows })
}

fn values() -> impl Strategy<Value = Vec<AddressBookValue>> {
    let tagged = (0usize..4).prop_flat_map(|column| {
        let there = value(column).prop_map(Some);
        let maybe = if column == 2 { there.boxed() } else { prop_oneof![3 => there, 1 => Just(None)].boxed() };
        maybe.prop_map(move |value| AddressBookValue { tag: COLUMNS[column], value })
    });
    vec(tagged, 0..4)
}

fn stat() -> impl Strategy<Value = Stat> {
    any::<([u32; 4], i32)>().prop_map(|([sort_type, current_record, position, code_page], delta)| Stat {
        sort_type,
        current_record,
        delta,
        position,
        code_page,
        ..Stat::start()
    })
}

fn tag_list() -> impl Strategy<Value = Vec<PropertyTag>> {
    vec(any::<u32>().prop_map(PropertyTag), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn requests_round_trip(
        n: u32, state in of(stat()), tags in of(tag_list()), ids in vec(any::<u32>(), 0..4),
        names in of(vec("[^\0]{0,9}", 0..4)), dns in of(vec("[ -~]{0,9}", 0..4)), auxiliary in vec(any::<u8>(), 0..9),
        guid: [u8; 16], filtered: bool,
    ) {
        macro_rules! check {
            ($kind:ident { $($field:ident: $value:expr),* $(,)? }) => {{
                let request = $kind { $($field: $value,)* auxiliary: auxiliary.clone() };
                prop_assert_eq!($kind::decode(&request.encode()), Ok(request));
            }};
        }
        let unicode: Option<Vec<_>> = names.map(|names| names.into_iter().map(UnicodeText).collect());
        let filter = filtered.then_some(Restriction::Exist(tags::PidTagSmtpAddress));
        let property_name = filtered.then_some(NamedProperty { guid: Guid(guid), id: n });
        check!(BindRequest { flags: n, state: state });
        check!(UnbindRequest { reserved: n });
        check!(ResolveNamesRequest { reserved: n, state: state, tags: tags.clone(), names: unicode });
        check!(DnToMIdRequest { reserved: n, names: dns.map(|dns| dns.into_iter().map(AnsiText).collect()) });
        check!(GetPropsRequest { flags: n, state: state, tags: tags.clone() });
        check!(GetPropListRequest { flags: n, minimal_id: n, code_page: n });
        check!(QueryColumnsRequest { reserved: n, flags: n });
        check!(QueryRowsRequest {
            flags: n, state: state, explicit_table: ids.clone(), row_count: n, columns: tags.clone(),
        });
        check!(GetMatchesRequest {
            reserved: n, state: state, minimal_ids: Some(ids), interface_options: n, filter: filter,
            property_name: property_name, row_count: n, columns: tags,
        });
        check!(GetSpecialTableRequest { flags: n, state: state, version: filtered.then_some(n) });
        check!(GetMailboxUrlRequest { flags: n, server_dn: "/o=x".into() });
        check!(GetAddressBookUrlRequest { flags: n, user_dn: "/o=x".into() });
    }

    #[test]
    fn responses_round_trip(
        n: u32, state in of(stat()), tags in of(tag_list()), ids in of(vec(any::<u32>(), 0..4)),
        table in of(table()), values in of(values()), auxiliary in vec(any::<u8>(), 0..9), guid: [u8; 16],
    ) {
        macro_rules! check {
            ($kind:ident { $($field:ident: $value:expr),* $(,)? }) => {{
                let response = $kind { error: ErrorCode(n), $($field: $value,)* auxiliary: auxiliary.clone() };
                prop_assert_eq!($kind::decode(&response.encode()), Ok(Ok(response)));
            }};
        }
        check!(BindResponse { server_guid: Guid(guid) });
        check!(UnbindResponse {});
        check!(ResolveNamesResponse { code_page: n, minimal_ids: ids.clone(), table: table.clone() });
        check!(DnToMIdResponse { minimal_ids: ids.clone() });
        check!(GetPropsResponse { code_page: n, values: values.clone() });
        check!(GetPropListResponse { tags: tags.clone() });
        check!(QueryColumnsResponse { columns: tags });
        check!(QueryRowsResponse { state: state, table: table.clone() });
        check!(GetMatchesResponse { state: state, minimal_ids: ids, table: table });
        check!(GetSpecialTableResponse { code_page: n, version: Some(n), rows: values.map(|row| vec![row.clone(), row]) });
        check!(GetMailboxUrlResponse { url: "https://x/".into() });
        check!(GetAddressBookUrlResponse { url: "https://x/".into() });
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in vec(any::<u8>(), 8..200), zero: bool) {
        if zero {
            bytes[..8].fill(0);
        }
        let _ = BindRequest::decode(&bytes);
        let _ = ResolveNamesRequest::decode(&bytes);
        let _ = DnToMIdRequest::decode(&bytes);
        let _ = GetPropsRequest::decode(&bytes);
        let _ = QueryRowsRequest::decode(&bytes);
        let _ = GetMatchesRequest::decode(&bytes);
        let _ = GetSpecialTableRequest::decode(&bytes);
        let _ = GetMailboxUrlRequest::decode(&bytes);
        let _ = ResolveNamesResponse::decode(&bytes);
        let _ = DnToMIdResponse::decode(&bytes);
        let _ = GetPropsResponse::decode(&bytes);
        let _ = GetPropListResponse::decode(&bytes);
        let _ = QueryRowsResponse::decode(&bytes);
        let _ = GetMatchesResponse::decode(&bytes);
        let _ = GetSpecialTableResponse::decode(&bytes);
        let _ = GetMailboxUrlResponse::decode(&bytes);
    }
}

#[test]
fn failures_may_end_early() {
    assert_eq!(GetPropsResponse::decode(&[1, 0, 0, 0]), Ok(Err(Failure { status: 1 })));
    let refused = GetPropsResponse { error: ErrorCode::NOT_FOUND, ..GetPropsResponse::default() };
    assert_eq!(GetPropsResponse::decode(&refused.encode()[..8]), Ok(Ok(refused)));
    assert!(GetPropsResponse::decode(&[0; 8]).is_err(), "success has all its fields");
}

#[test]
fn rows_that_cannot_be_there_are_not_reserved() {
    // Two columns of type PtypNull, whose values take no bytes, and as many rows as there can be.
    let mut body = vec![0; 9];
    body.extend([0xFF, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0]);
    body.extend(200u32.to_le_bytes());
    body.extend([0; 200]);
    assert_eq!(QueryRowsResponse::decode(&body).expect_err("too many").context, "RowCount");
}

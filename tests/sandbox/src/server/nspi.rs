//! The address book endpoint ([MS-OXCMAPIHTTP] 2.2.5, [MS-OXNSPI] 3.1.4).

use std::sync::Arc;

use http::Response;
use mapi_core::ErrorCode;
use mapi_core::http::{Endpoint, RequestType, ResponseCode};
use mapi_core::nspi::*;
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyTag, PropertyType, PropertyValue, RowValue};
use mapi_core::wire::WireResult;

use super::answer::AnyBody;
use super::autodiscover::endpoint_url;
use super::mailbox::{bad_body, claim, close_former, finish, ping, set_cookies};
use super::request::MapiRequest;
use super::service::Service;
use crate::session::Session;
use crate::store::{AddressBook, AddressEntry, Store, entry_id};

/// Columns of rows for which none were asked.
const COLUMNS: [PropertyTag; 6] =
    [PidTagEntryId, PidTagDisplayName, PidTagAddressType, PidTagEmailAddress, PidTagSmtpAddress, PidTagDisplayType];
/// Rows that one answer holds at most.
const MAX_ROWS: usize = 1_000;
/// Strings are Unicode: CP_WINUNICODE.
const UNICODE: u32 = 1200;

/// Answers a request of the address book endpoint.
pub async fn handle(service: Arc<Service>, mut request: MapiRequest) -> Response<AnyBody> {
    match request.kind {
        RequestType::Bind => return bind(service, request).await,
        RequestType::Ping => return ping(service, request, Endpoint::AddressBook).await,
        _ => {}
    }
    let found = service.contexts.find(&request.cookies, request.user, Endpoint::AddressBook, true);
    let (context, _claim) = match found.and_then(claim) {
        Ok(claimed) => claimed,
        Err(code) => return request.envelope.failure(code, request.kind.name()).await,
    };
    if request.kind == RequestType::Unbind {
        if UnbindRequest::decode(&request.body).is_err() {
            return bad_body(request).await;
        }
        service.contexts.close(context.id());
        let response = UnbindResponse { error: UNBIND_SUCCESS, ..Default::default() };
        return finish(&service, request, response.encode());
    }
    let (kind, user) = (request.kind, request.user);
    let body = service.store.with(|store| answer(store, &service.base_url, kind, user, &request.body));
    match body {
        Some(Ok(body)) => {
            context.advance();
            set_cookies(&mut request, &service, &context);
            finish(&service, request, body)
        }
        Some(Err(_)) => bad_body(request).await,
        None => request.envelope.failure(ResponseCode::INVALID_REQUEST_TYPE, request.kind.name()).await,
    }
}

async fn bind(service: Arc<Service>, mut request: MapiRequest) -> Response<AnyBody> {
    let Ok(body) = BindRequest::decode(&request.body) else { return bad_body(request).await };
    close_former(&service, &request.cookies, request.user);
    let mut response = BindResponse::default();
    if body.state.is_some_and(|state| state.code_page == UNICODE) {
        response.error = ErrorCode::UNKNOWN_CODE_PAGE;
    } else {
        match service.contexts.open(request.user, Endpoint::AddressBook, Session::new(request.user)) {
            Some(context) => {
                response.server_guid =
                    service.store.with(|store| store.users().first().map(|user| user.mailbox_guid).unwrap_or_default());
                set_cookies(&mut request, &service, &context);
            }
            None => response.error = ErrorCode::LOGIN_FAILURE,
        }
    }
    finish(&service, request, response.encode())
}

/// The body of an answer; `None` for request types that this server does not have.
fn answer(store: &Store, base_url: &str, kind: RequestType, user: usize, body: &[u8]) -> Option<WireResult<Vec<u8>>> {
    let book = AddressBook::new(store);
    Some(match kind {
        RequestType::ResolveNames => ResolveNamesRequest::decode(body).map(|body| resolve_names(&book, &body).encode()),
        RequestType::QueryRows => QueryRowsRequest::decode(body).map(|body| query_rows(&book, &body).encode()),
        RequestType::GetMatches => GetMatchesRequest::decode(body).map(|body| get_matches(&book, &body).encode()),
        RequestType::DnToMId => DnToMIdRequest::decode(body).map(|body| dn_to_mid(&book, &body).encode()),
        RequestType::GetProps => GetPropsRequest::decode(body).map(|body| get_props(&book, &body).encode()),
        RequestType::GetPropList => GetPropListRequest::decode(body).map(|body| {
            let entry = book.entry(body.minimal_id);
            let error = if entry.is_some() { ErrorCode::NONE } else { ErrorCode::NOT_FOUND };
            let tags = entry.map(|entry| entry.tags());
            GetPropListResponse { error, tags, ..Default::default() }.encode()
        }),
        RequestType::QueryColumns => QueryColumnsRequest::decode(body).map(|_| {
            let columns = book.entries().next().map(|entry| entry.tags());
            QueryColumnsResponse { columns, ..Default::default() }.encode()
        }),
        RequestType::GetMailboxUrl => GetMailboxUrlRequest::decode(body).map(|_| {
            let url = store.users().get(user).map(|user| endpoint_url(base_url, "emsmdb", user));
            let url = UnicodeText(url.unwrap_or_default());
            GetMailboxUrlResponse { url, ..Default::default() }.encode()
        }),
        RequestType::GetAddressBookUrl => GetAddressBookUrlRequest::decode(body).map(|body| {
            let index = store.user_by_dn(&body.user_dn.0).unwrap_or(user);
            let url = store.users().get(index).map(|user| endpoint_url(base_url, "nspi", user));
            let url = UnicodeText(url.unwrap_or_default());
            GetAddressBookUrlResponse { url, ..Default::default() }.encode()
        }),
        RequestType::GetSpecialTable => GetSpecialTableRequest::decode(body).map(|_| special_table().encode()),
        _ => return None,
    })
}

/// The containers of the address book: there is one ([MS-OXNSPI] 3.1.4.1.3).
fn special_table() -> GetSpecialTableResponse {
    /// PidTagContainerFlags ([MS-OXOABK] 2.2.2.1): recipients, read only.
    const CONTAINER_FLAGS: PropertyTag = PropertyTag(0x3600_0003);
    /// PidTagAddressBookContainerId ([MS-OXOABK] 2.2.2.3).
    const CONTAINER_ID: PropertyTag = PropertyTag(0xFFFD_0003);
    /// Display type of an address list.
    const CONTAINER: u32 = 0x0000_0100;
    let row = [
        (PidTagEntryId, PropertyValue::Binary(entry_id::address_book("/", CONTAINER))),
        (CONTAINER_FLAGS, PropertyValue::Integer32(9)),
        (PidTagDepth, PropertyValue::Integer32(0)),
        (CONTAINER_ID, PropertyValue::Integer32(0)),
        (PidTagDisplayName, PropertyValue::String("Global Address List".to_owned())),
    ];
    let row = row.map(|(tag, value)| AddressBookValue { tag, value: Some(value) });
    GetSpecialTableResponse {
        code_page: UNICODE,
        version: Some(1),
        rows: Some(vec![row.to_vec()]),
        ..Default::default()
    }
}

fn resolve_names(book: &AddressBook<'_>, request: &ResolveNamesRequest) -> ResolveNamesResponse {
    let columns = request.tags.clone().unwrap_or_else(|| COLUMNS.to_vec());
    let mut rows = Vec::new();
    let resolve = |name: &UnicodeText| match book.resolve(&name.0).as_slice() {
        [] if book.manners().unknown_names_ambiguous => minimal_id::AMBIGUOUS,
        [] => minimal_id::UNRESOLVED,
        [entry] => {
            rows.push(entry.row(&columns));
            minimal_id::RESOLVED
        }
        _ => minimal_id::AMBIGUOUS,
    };
    let minimal_ids = request.names.iter().flatten().take(MAX_ROWS).map(resolve).collect();
    ResolveNamesResponse {
        code_page: UNICODE,
        minimal_ids: Some(minimal_ids),
        table: Some(Table { columns, rows }),
        ..Default::default()
    }
}

fn query_rows(book: &AddressBook<'_>, request: &QueryRowsRequest) -> QueryRowsResponse {
    let columns = request.columns.clone().unwrap_or_else(|| COLUMNS.to_vec());
    let wanted = usize::try_from(request.row_count).unwrap_or(MAX_ROWS).min(MAX_ROWS);
    let mut state = request.state;
    let entries: Vec<AddressEntry<'_>> = if request.explicit_table.is_empty() {
        let all: Vec<_> = book.entries().collect();
        let stat = state.unwrap_or_else(Stat::start);
        let current = match stat.current_record {
            0 => 0,
            2 => all.len(),
            mid => all.iter().position(|entry| entry.mid == mid).unwrap_or(0),
        };
        let delta = isize::try_from(stat.delta).unwrap_or(0);
        let start = current.saturating_add_signed(delta).min(all.len());
        let end = start.saturating_add(wanted).min(all.len());
        if let Some(stat) = &mut state {
            stat.current_record = all.get(end).map_or(2, |entry| entry.mid);
            stat.delta = 0;
            stat.position = u32::try_from(end).unwrap_or(u32::MAX);
            stat.total = u32::try_from(all.len()).unwrap_or(u32::MAX);
        }
        all.into_iter().skip(start).take(end - start).collect()
    } else {
        request.explicit_table.iter().take(wanted).filter_map(|mid| book.entry(*mid)).collect()
    };
    let rows = entries.iter().map(|entry| entry.row(&columns)).collect();
    QueryRowsResponse { state, table: Some(Table { columns, rows }), ..Default::default() }
}

fn get_matches(book: &AddressBook<'_>, request: &GetMatchesRequest) -> GetMatchesResponse {
    let columns = request.columns.clone().unwrap_or_else(|| COLUMNS.to_vec());
    let wanted = usize::try_from(request.row_count).unwrap_or(MAX_ROWS).min(MAX_ROWS);
    let found: Vec<_> = book
        .entries()
        .filter(|entry| request.filter.as_ref().is_none_or(|filter| entry.matches(filter)))
        .take(wanted)
        .collect();
    GetMatchesResponse {
        state: request.state,
        minimal_ids: Some(found.iter().map(|entry| entry.mid).collect()),
        table: Some(Table { rows: found.iter().map(|entry| entry.row(&columns)).collect(), columns }),
        ..Default::default()
    }
}

fn dn_to_mid(book: &AddressBook<'_>, request: &DnToMIdRequest) -> DnToMIdResponse {
    let names = request.names.iter().flatten().take(MAX_ROWS);
    let minimal_ids = names.map(|name| book.by_dn(&name.0).unwrap_or(0)).collect();
    DnToMIdResponse { minimal_ids: Some(minimal_ids), ..Default::default() }
}

fn get_props(book: &AddressBook<'_>, request: &GetPropsRequest) -> GetPropsResponse {
    let Some(entry) = request.state.and_then(|state| book.entry(state.current_record)) else {
        return GetPropsResponse { error: ErrorCode::NOT_FOUND, code_page: UNICODE, ..Default::default() };
    };
    let tags = request.tags.clone().unwrap_or_else(|| entry.tags());
    let value = |tag: PropertyTag| match entry.column(tag) {
        RowValue::Value(value) => {
            let kind = if tag.kind() == PropertyType::UNSPECIFIED { value.kind() } else { tag.kind() };
            AddressBookValue { tag: tag.with_kind(kind), value: Some(value) }
        }
        RowValue::Absent | RowValue::Error(_) => AddressBookValue {
            tag: tag.with_kind(PropertyType::ERROR_CODE),
            value: Some(PropertyValue::ErrorCode(ErrorCode::NOT_FOUND.0)),
        },
    };
    let values: Vec<AddressBookValue> = tags.into_iter().map(value).collect();
    let missing = values.iter().any(|value| value.tag.kind() == PropertyType::ERROR_CODE);
    GetPropsResponse {
        error: if missing { ErrorCode::ERRORS_RETURNED } else { ErrorCode::NONE },
        code_page: UNICODE,
        values: Some(values),
        ..Default::default()
    }
}

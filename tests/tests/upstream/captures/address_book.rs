//! Exchanges with the address book.

use mapi_core::http::Reply;
use mapi_core::nspi::*;
use mapi_core::wire::WireResult;
use serde_json::{Map, Value, json};

use super::Compared;
use super::envelope::entity;
use super::recording::Exchange;
use super::value::{self, hex};

/// Decodes both bodies, checks that they encode to the same bytes, and hands the fields of the response to `$fields`.
macro_rules! compare {
    ($exchange:ident, $request:ident, $response:ident, |$r:ident| $fields:expr) => {{
        let request = $request::decode(&$exchange.request_body).expect("a request");
        assert_eq!(request.encode(), $exchange.request_body);
        let body = entity($exchange).body;
        let decoded: WireResult<Reply<$response>> = $response::decode(&body);
        let $r = decoded.expect("a response").expect("success");
        assert_eq!($r.encode(), body);
        let head = json!({ "status": 0, "error": format!("0x{:08X}", $r.error.0) });
        (request, merge(head, $fields))
    }};
}

pub fn exchange(exchange: &Exchange) -> Compared {
    let none = json!({});
    let got = match exchange.kind.as_str() {
        "Bind" => compare!(exchange, BindRequest, BindResponse, |r| json!({ "server_guid": hex(&r.server_guid.0) })).1,
        "Unbind" => compare!(exchange, UnbindRequest, UnbindResponse, |r| none).1,
        "DNToMId" => {
            let (request, got) =
                compare!(exchange, DnToMIdRequest, DnToMIdResponse, |r| json!({ "mids": r.minimal_ids }));
            let names = request.names.expect("names").into_iter().map(|name| name.0).collect::<Value>();
            assert_eq!(Some(&names), exchange.field("names"));
            got
        }
        "ResolveNames" => {
            let (request, got) = compare!(exchange, ResolveNamesRequest, ResolveNamesResponse, |r| merge(
                json!({ "code_page": r.code_page, "mids": r.minimal_ids }),
                table(r.table.as_ref())
            ));
            let names = request.names.expect("names").into_iter().map(|name| name.0).collect::<Value>();
            assert_eq!(Some(&names), exchange.field("names"));
            got
        }
        "QueryRows" => {
            let fields = |r: &QueryRowsResponse| merge(json!({ "state": state(r.state) }), table(r.table.as_ref()));
            compare!(exchange, QueryRowsRequest, QueryRowsResponse, |r| fields(&r)).1
        }
        "GetMatches" => {
            let fields = |r: &GetMatchesResponse| {
                let head = json!({ "state": state(r.state), "mids": r.minimal_ids });
                merge(head, table(r.table.as_ref()))
            };
            compare!(exchange, GetMatchesRequest, GetMatchesResponse, |r| fields(&r)).1
        }
        "GetProps" => {
            let fields =
                |r: &GetPropsResponse| json!({ "code_page": r.code_page, "values": r.values.as_deref().map(values) });
            compare!(exchange, GetPropsRequest, GetPropsResponse, |r| fields(&r)).1
        }
        "GetPropList" => {
            let fields = |r: &GetPropListResponse| json!({ "tags": r.tags.as_deref().map(value::tag_list) });
            compare!(exchange, GetPropListRequest, GetPropListResponse, |r| fields(&r)).1
        }
        "GetSpecialTable" => {
            let fields = |r: &GetSpecialTableResponse| {
                let rows: Option<Value> = r.rows.as_ref().map(|rows| rows.iter().map(|row| values(row)).collect());
                json!({ "code_page": r.code_page, "version": r.version, "rows": rows })
            };
            compare!(exchange, GetSpecialTableRequest, GetSpecialTableResponse, |r| fields(&r)).1
        }
        "GetMailboxUrl" => {
            compare!(exchange, GetMailboxUrlRequest, GetMailboxUrlResponse, |r| json!({ "url": r.url.0 })).1
        }
        other => panic!("no comparison for exchanges of type {other}"),
    };
    assert_eq!(Some(&got), exchange.expected());
    Compared::Whole
}

fn merge(head: Value, more: Value) -> Value {
    let (Value::Object(mut all), Value::Object(more)) = (head, more) else { panic!("two objects") };
    all.extend(more);
    Value::Object(all)
}

fn state(stat: Option<Stat>) -> Value {
    let Some(stat) = stat else { return Value::Null };
    json!({
        "sort": stat.sort_type,
        "container": stat.container_id,
        "current": stat.current_record,
        "delta": stat.delta,
        "pos": stat.position,
        "total": stat.total,
        "code_page": stat.code_page,
        "template": stat.template_locale,
        "locale": stat.sort_locale,
    })
}

fn table(table: Option<&Table>) -> Value {
    let Some(table) = table else { return json!({}) };
    let rows: Value = table.rows.iter().map(|row| value::row(&table.columns, row)).collect();
    json!({ "columns": value::tag_list(&table.columns), "rows": rows })
}

fn values(values: &[AddressBookValue]) -> Value {
    let one = |v: &AddressBookValue| {
        let shown = v.value.as_ref().map_or(Value::Null, |inner| value::property(v.tag, inner));
        (value::tag(v.tag), shown)
    };
    Value::Object(values.iter().map(one).collect::<Map<_, _>>())
}

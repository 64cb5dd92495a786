//! Answers of an independent server (Gromox 3.10), request for request.

use mapi_core::ErrorCode;
use mapi_core::http::{
    AuxiliaryBlock, ConnectRequest, ConnectResponse, DisconnectRequest, DisconnectResponse, Entity, EntityDecoder,
    ExecuteRequest, ExecuteResponse, ExtendedFlags, Packing, RequestType, WaitRequest, WaitResponse, pack, unpack,
};
use mapi_core::nspi::*;
use mapi_core::property::{PropertyTag, PropertyValue, tags};
use mapi_core::session::{execute_answer, execute_body};

/// One line per exchange: recording and number, request type, HTTP status, X-ResponseCode, Content-Type, then in hex
/// request body, response entity, ROP request, and ROP answers (`#n`: n bytes, not kept).
const EXCHANGES: &str = include_str!("recorded/exchanges.txt");

pub struct Exchange {
    pub name: &'static str,
    pub kind: &'static str,
    pub code: &'static str,
    pub content_type: &'static str,
    pub request: Vec<u8>,
    pub entity: Vec<u8>,
    pub rop_request: Vec<u8>,
    pub rop_answers: Vec<&'static str>,
}

pub fn exchanges() -> impl Iterator<Item = Exchange> {
    EXCHANGES.lines().map(|line| {
        let fields: Vec<_> = line.split(' ').collect();
        let [name, kind, _, code, content_type, request, entity, rop_request, rop_answers] = fields[..] else {
            panic!("nine fields: {line}");
        };
        Exchange {
            name,
            kind,
            code,
            content_type,
            request: unhex(request),
            entity: unhex(entity),
            rop_request: unhex(rop_request),
            rop_answers: if rop_answers == "-" { Vec::new() } else { rop_answers.split(',').collect() },
        }
    })
}

/// The exchange `name`, and the binary body of its response.
pub fn exchange(name: &str) -> (Exchange, Vec<u8>) {
    let exchange = exchanges().find(|exchange| exchange.name == name).expect("a recorded exchange");
    let body = decode(&exchange.entity, usize::MAX).body;
    (exchange, body)
}

fn unhex(text: &str) -> Vec<u8> {
    let text = if text == "-" { "" } else { text };
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(digit).collect()
}

fn decode(entity: &[u8], chunk: usize) -> Entity {
    let mut decoder = EntityDecoder::new(1 << 20);
    entity.chunks(chunk.min(entity.len())).for_each(|part| decoder.push(part).expect("recorded bytes"));
    decoder.finish().expect("recorded bytes")
}

fn binary() -> impl Iterator<Item = (Exchange, Vec<u8>)> {
    exchanges().filter(|exchange| exchange.content_type == "application/mapi-http").map(|exchange| {
        let body = decode(&exchange.entity, 1).body;
        (exchange, body)
    })
}

#[test]
fn entities_read_the_same_however_they_are_cut() {
    let mut seen = 0;
    for exchange in exchanges() {
        if exchange.content_type == "text/html" {
            assert_ne!(exchange.code, "0");
            assert!(EntityDecoder::new(1 << 20).push(&exchange.entity).is_err(), "{}", exchange.name);
            continue;
        }
        let whole = decode(&exchange.entity, usize::MAX);
        assert!(whole.header("X-ElapsedTime").is_some(), "{}", exchange.name);
        for chunk in [1, 2, 3, 7, 64] {
            assert_eq!(decode(&exchange.entity, chunk), whole, "{} in pieces of {chunk}", exchange.name);
        }
        seen += 1;
    }
    assert_eq!(seen, 33);
}

#[test]
fn mailbox_bodies_re_encode_to_the_same_bytes() {
    for (Exchange { name, kind, request, .. }, body) in binary().filter(|(e, _)| !e.name.starts_with("15")) {
        let (request_again, body_again) = match RequestType::parse(kind).expect("a known type") {
            RequestType::Connect => (
                ConnectRequest::decode(&request).expect(name).encode(),
                ConnectResponse::decode(&body).expect(name).expect(name).encode(),
            ),
            RequestType::Execute => (
                ExecuteRequest::decode(&request).expect(name).encode(),
                ExecuteResponse::decode(&body).expect(name).expect(name).encode(),
            ),
            RequestType::NotificationWait => (
                WaitRequest::decode(&request).expect(name).encode(),
                WaitResponse::decode(&body).expect(name).expect(name).encode(),
            ),
            RequestType::Disconnect => (
                DisconnectRequest::decode(&request).expect(name).encode(),
                DisconnectResponse::decode(&body).expect(name).expect(name).encode(),
            ),
            RequestType::Ping => (Vec::new(), Vec::new()),
            other => panic!("{name}: {other}"),
        };
        assert_eq!(request_again, request, "{name}");
        assert_eq!(body_again, body, "{name}");
    }
}

#[test]
fn execute_payloads_unpack_to_what_was_recorded() {
    let mut compressed = 0;
    for (exchange, body) in binary().filter(|(exchange, _)| exchange.kind == "Execute") {
        let name = exchange.name;
        let request = ExecuteRequest::decode(&exchange.request).expect(name);
        let asked = unpack(&request.rop_buffer).expect(name);
        assert_eq!(asked[0].data, exchange.rop_request, "{name}");
        if request.flags.0 == 3 {
            assert_eq!(execute_body(&asked[0].data, request.max_rop_out, false).expect(name), exchange.request);
        }
        let answer = ExecuteResponse::decode(&body).expect(name).expect(name);
        let payloads = unpack(&answer.rop_buffer).expect(name);
        assert_eq!(payloads.len(), exchange.rop_answers.len(), "{name}");
        for (payload, expected) in payloads.iter().zip(&exchange.rop_answers) {
            match expected.strip_prefix('#') {
                Some(length) => assert_eq!(payload.data.len().to_string(), length, "{name}"),
                None => assert_eq!(payload.data, unhex(expected), "{name}"),
            }
            if payload.flags.has(ExtendedFlags::COMPRESSED) {
                compressed += 1;
                let packing = Packing { compress_from: Some(0), xor_magic: false };
                let ours = pack(&[&payload.data], packing).expect(name);
                assert_eq!(unpack(&ours).expect(name)[0].data, payload.data);
                assert!(ours.len() <= answer.rop_buffer.len() + 16, "{name}: ours has {} bytes", ours.len());
            } else {
                assert_eq!(pack(&[&payload.data], Packing::default()).expect(name), answer.rop_buffer, "{name}");
            }
        }
        if answer.error != ErrorCode::NONE {
            assert!(execute_answer(&body).is_err(), "{name}");
        }
    }
    assert_eq!(compressed, 2);
}

#[test]
fn what_connect_says() {
    let (_, body) = exchange("01/1");
    let answer = ConnectResponse::decode(&body).expect("recorded").expect("no failure");
    assert_eq!((answer.error, answer.display_name.as_str()), (ErrorCode::NONE, "Dave Daniels"));
    let blocks = AuxiliaryBlock::decode_buffer(&answer.auxiliary).expect("recorded");
    assert_eq!(AuxiliaryBlock::encode_buffer(&blocks).expect("small"), answer.auxiliary);
    let (_, body) = exchange("16/32");
    assert_eq!(ConnectResponse::decode(&body).expect("recorded").expect("no failure").error, ErrorCode::RPC_FAILED);
    let (_, body) = exchange("21/5");
    assert!(WaitResponse::decode(&body).expect("recorded").expect("no failure").event_pending);
}

#[test]
fn address_book_bodies_re_encode_to_the_same_bytes() {
    macro_rules! again {
        ($exchange:expr, $body:expr, $request:ident, $response:ident) => {{
            let name = $exchange.name;
            let request = $request::decode(&$exchange.request).expect(name).encode();
            let response = $response::decode(&$body).expect(name).expect(name).encode();
            (request, response)
        }};
    }
    let mut seen = 0;
    for (exchange, body) in binary().filter(|(exchange, _)| exchange.name.starts_with("15")) {
        let (request_again, body_again) = match RequestType::parse(exchange.kind).expect("a known type") {
            RequestType::Bind => again!(exchange, body, BindRequest, BindResponse),
            RequestType::ResolveNames => again!(exchange, body, ResolveNamesRequest, ResolveNamesResponse),
            RequestType::QueryRows => again!(exchange, body, QueryRowsRequest, QueryRowsResponse),
            RequestType::GetMatches => again!(exchange, body, GetMatchesRequest, GetMatchesResponse),
            RequestType::DnToMId => again!(exchange, body, DnToMIdRequest, DnToMIdResponse),
            RequestType::GetProps => again!(exchange, body, GetPropsRequest, GetPropsResponse),
            RequestType::GetPropList => again!(exchange, body, GetPropListRequest, GetPropListResponse),
            RequestType::GetSpecialTable => again!(exchange, body, GetSpecialTableRequest, GetSpecialTableResponse),
            RequestType::GetMailboxUrl => again!(exchange, body, GetMailboxUrlRequest, GetMailboxUrlResponse),
            RequestType::Unbind => again!(exchange, body, UnbindRequest, UnbindResponse),
            other => panic!("{}: {other}", exchange.name),
        };
        assert_eq!(request_again, exchange.request, "{} {}", exchange.name, exchange.kind);
        assert_eq!(body_again, body, "{} {}", exchange.name, exchange.kind);
        seen += 1;
    }
    assert_eq!(seen, 11);
}

#[test]
fn what_the_address_book_says() {
    let (_, body) = exchange("15/2");
    let answer = ResolveNamesResponse::decode(&body).expect("recorded").expect("no failure");
    assert_eq!(answer.minimal_ids.as_deref(), Some([2, 2, 2, 2, 1, 1, 2, 2].as_slice()));
    let table = answer.table.expect("rows");
    let smtp = |row| table.value(row, tags::PidTagSmtpAddress).and_then(PropertyValue::as_str);
    assert_eq!(smtp(&table.rows[0]), Some("alice@lab.test"));
    assert_eq!(table.rows.len(), 6);

    let (_, body) = exchange("15/6");
    let answer = DnToMIdResponse::decode(&body).expect("recorded").expect("no failure");
    assert_eq!(answer.minimal_ids, Some(vec![20, 0]));

    let (_, body) = exchange("15/7");
    let answer = GetPropsResponse::decode(&body).expect("recorded").expect("no failure");
    assert_eq!(answer.error, ErrorCode::ERRORS_RETURNED);
    let values = answer.values.expect("values");
    let find = |tag| AddressBookValue::find(&values, tag).cloned();
    assert_eq!(find(tags::PidTagSmtpAddress), Some(PropertyValue::String("dave@lab.test".into())));
    assert_eq!(find(PropertyTag(0x3A1C_000A)), Some(PropertyValue::ErrorCode(ErrorCode::NOT_FOUND.0)));
    let proxies = ["SMTP:dave@lab.test".to_owned(), "SMTP:dave.alias@lab.test".to_owned()];
    assert_eq!(find(PropertyTag(0x800F_101F)), Some(PropertyValue::MultipleString(proxies.to_vec())));

    let (_, body) = exchange("15/9");
    let answer = GetSpecialTableResponse::decode(&body).expect("recorded").expect("no failure");
    let rows = answer.rows.expect("containers");
    let name = |row: &[AddressBookValue]| AddressBookValue::find(row, tags::PidTagDisplayName).cloned();
    assert_eq!((name(&rows[0]), name(&rows[1])), (None, Some(PropertyValue::String("lab.test".into()))));

    let (_, body) = exchange("15/11");
    assert_eq!(UnbindResponse::decode(&body).expect("recorded").expect("no failure").error, UNBIND_SUCCESS);
}

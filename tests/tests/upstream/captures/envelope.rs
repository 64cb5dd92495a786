//! HTTP answers and the bodies of everything but Execute and the address book.

use mapi_core::ErrorCode;
use mapi_core::http::{
    ConnectRequest, ConnectResponse, DisconnectRequest, DisconnectResponse, Entity, EntityDecoder, MAX_PAYLOADS,
    Packing, Payload, ResponseCode, WaitRequest, WaitResponse, header, pack, unpack,
};
use serde_json::{Value, json};

use super::Compared;
use super::recording::Exchange;
use super::value::hex;

/// Whether the server refused the request as a whole, which then must be as recorded.
pub fn refused(exchange: &Exchange) -> Option<Compared> {
    let code = exchange.response_header(header::X_RESPONSE_CODE);
    let expected = exchange.expected().filter(|expected| expected.get("http_status").is_some());
    let Some(expected) = expected else {
        if exchange.kind != "Autodiscover" {
            assert_eq!((exchange.status, code.and_then(ResponseCode::parse)), (200, Some(ResponseCode(0))));
        }
        return None;
    };
    assert_eq!(expected, &json!({ "http_status": exchange.status, "response_code": code }));
    let code = code.map(|code| ResponseCode::parse(code).expect("a number"));
    assert!(exchange.status != 200 || code.is_some_and(|code| code != ResponseCode(0)));
    Some(Compared::Refused)
}

/// The answer behind the meta-tags, however it was cut.
pub fn entity(exchange: &Exchange) -> Entity {
    let read = |size: usize| {
        let mut decoder = EntityDecoder::new(1 << 20);
        exchange.response_body.chunks(size).for_each(|chunk| decoder.push(chunk).expect("an answer"));
        decoder.finish().expect("a whole answer")
    };
    let whole = read(usize::MAX);
    assert_eq!(read(7), whole);
    whole
}

/// Unpacks a buffer and checks that plain payloads pack to the same bytes.
pub fn payloads(buffer: &[u8]) -> Vec<Payload> {
    let payloads = unpack(buffer).expect("extended buffers");
    assert!(payloads.len() <= MAX_PAYLOADS);
    if payloads.iter().all(|payload| payload.flags.0 & 3 == 0) {
        let data: Vec<_> = payloads.iter().map(|payload| &payload.data).collect();
        let packed = if data.is_empty() { Ok(Vec::new()) } else { pack(&data, Packing::default()) };
        assert_eq!(packed.expect("packable"), buffer, "the same bytes after packing again");
    }
    payloads
}

fn auxiliary(buffer: &[u8]) -> Value {
    payloads(buffer).iter().map(|payload| json!([payload.flags.0, hex(&payload.data)])).collect()
}

pub fn connect(exchange: &Exchange) -> Compared {
    let request = ConnectRequest::decode(&exchange.request_body).expect("a Connect request");
    assert_eq!(request.encode(), exchange.request_body);
    let body = entity(exchange).body;
    let got = match ConnectResponse::decode(&body).expect("a Connect response") {
        Err(failure) => json!({ "status": failure.status }),
        Ok(response) => {
            assert_eq!(response.encode(), body);
            let error = format!("0x{:08X}", response.error.0);
            if response.error != ErrorCode::NONE {
                // The other fields mean nothing then and were not recorded.
                assert_eq!(exchange.expected(), Some(&json!({ "status": 0, "error": error })));
                return Compared::Whole;
            }
            json!({
                "status": 0,
                "error": error,
                "polls_max": response.polls_max,
                "retry_count": response.retry_count,
                "retry_delay": response.retry_delay,
                "dn_prefix": response.dn_prefix,
                "display_name": response.display_name,
                "aux": auxiliary(&response.auxiliary),
            })
        }
    };
    assert_eq!(Some(&got), exchange.expected());
    Compared::Whole
}

pub fn disconnect(exchange: &Exchange) -> Compared {
    let request = DisconnectRequest::decode(&exchange.request_body).expect("a Disconnect request");
    assert_eq!(request.encode(), exchange.request_body);
    let body = entity(exchange).body;
    let response = DisconnectResponse::decode(&body).expect("a Disconnect response").expect("success");
    assert_eq!(response.encode(), body);
    assert_eq!(exchange.expected(), Some(&json!({ "status": 0 })));
    Compared::Whole
}

pub fn wait(exchange: &Exchange) -> Compared {
    let request = WaitRequest::decode(&exchange.request_body).expect("a NotificationWait request");
    assert_eq!(request.encode(), exchange.request_body);
    let body = entity(exchange).body;
    let response = WaitResponse::decode(&body).expect("a NotificationWait response").expect("success");
    assert_eq!(response.encode(), body);
    let got = json!({
        "status": 0,
        "error": format!("0x{:08X}", response.error.0),
        "event_pending": u32::from(response.event_pending),
    });
    assert_eq!(Some(&got), exchange.expected());
    Compared::Whole
}

/// Neither direction has a body.
pub fn ping(exchange: &Exchange) -> Compared {
    assert!(exchange.request_body.is_empty());
    assert!(entity(exchange).body.is_empty());
    assert_eq!(exchange.expected(), None);
    Compared::ResultOnly
}

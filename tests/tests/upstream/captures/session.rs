//! Execute exchanges, with what a client remembers between them: columns of tables, recipient columns of messages, and
//! the parts of FastTransfer streams.

use std::collections::HashMap;
use std::ops::AddAssign;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mapi_core::http::{ExecuteRequest, ExecuteResponse, ExtendedFlags};
use mapi_core::property::PropertyTag;
use mapi_core::rop::{
    Expected, NO_HANDLE, RequestBody, RequestBuffer, Response, ResponseBody, ResponseBuffer, RopId, RopRequest,
};
use mapi_core::wire::WireErrorKind;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Compared;
use super::envelope::{entity, payloads};
use super::recording::Exchange;
use super::value::hex;
use super::{rops, streams};

/// The sessions of a recording by their cookie.
#[derive(Default)]
pub struct Sessions {
    sessions: HashMap<String, Session>,
}

/// How much was compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub requests: usize,
    pub payloads: usize,
    pub compressed_payloads: usize,
    pub answers: usize,
    pub notifications: usize,
    pub pending: usize,
    pub streams: usize,
    /// Requests that were malformed on purpose, and are refused here too.
    pub malformed: usize,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.payloads += other.payloads;
        self.compressed_payloads += other.compressed_payloads;
        self.answers += other.answers;
        self.notifications += other.notifications;
        self.pending += other.pending;
        self.streams += other.streams;
        self.malformed += other.malformed;
    }
}

#[derive(Default)]
pub struct Session {
    columns: HashMap<u32, Arc<[PropertyTag]>>,
    streams: HashMap<u32, Vec<u8>>,
    totals: Totals,
}

impl Sessions {
    pub fn of(&mut self, exchange: &Exchange) -> &mut Session {
        self.sessions.entry(exchange.session.clone()).or_default()
    }

    pub fn totals(&self) -> Totals {
        let mut all = Totals::default();
        self.sessions.values().for_each(|session| all += session.totals);
        all
    }
}

impl Session {
    pub fn execute(&mut self, exchange: &Exchange) -> Compared {
        let requests = self.request(exchange);
        let body = entity(exchange).body;
        let response = ExecuteResponse::decode(&body).expect("an Execute response").expect("success");
        assert_eq!(response.encode(), body);
        let payloads = payloads(&response.rop_buffer);
        let data: Vec<_> = payloads.iter().map(|payload| &payload.data).collect();
        recorded_payloads(exchange, &payloads);

        let no_requests = RequestBuffer::default();
        let sent = requests.as_ref().unwrap_or(&no_requests);
        let handle = |index: u8| sent.handles.get(usize::from(index)).copied().unwrap_or(NO_HANDLE);
        let columns = |request: &RopRequest| {
            self.columns.get(&handle(request.handle_index)).cloned().unwrap_or_else(|| Arc::new([]))
        };
        let due = Expected::of(&sent.requests, columns);
        let buffers = ResponseBuffer::decode_chain(&data, &due).expect("responses");
        for (buffer, payload) in buffers.iter().zip(&data) {
            assert_eq!(&&buffer.encode().expect("short enough"), payload, "the same bytes after encoding again");
        }
        self.learn(sent, &buffers);

        self.totals.payloads += payloads.len();
        self.totals.compressed_payloads +=
            payloads.iter().filter(|payload| payload.flags.has(ExtendedFlags::COMPRESSED)).count();
        for response in buffers.iter().flat_map(|buffer| &buffer.responses) {
            match response {
                Response::Rop(_) => self.totals.answers += 1,
                Response::Notify(_) => self.totals.notifications += 1,
                Response::Pending { .. } => self.totals.pending += 1,
                Response::Backoff(_) | Response::BufferTooSmall { .. } => panic!("never recorded: {response:?}"),
            }
        }
        let Some(expected) = exchange.expected() else { return Compared::BytesOnly };
        let mut got = json!({ "status": 0, "error": format!("0x{:08X}", response.error.0), "flags": response.flags });
        got["header_flags"] = payloads.iter().map(|payload| payload.flags.0).collect();
        got["payloads"] = payloads.len().into();
        got["rops"] = shown(&buffers, &due).into();
        shorten(&mut got, expected);
        assert_eq!(&got, expected);
        if let Some(stream) = exchange.field("stream") {
            self.stream(sent, stream);
        }
        Compared::Whole
    }

    /// The requests; `None` if they were malformed on purpose.
    fn request(&mut self, exchange: &Exchange) -> Option<RequestBuffer> {
        let request = ExecuteRequest::decode(&exchange.request_body).expect("an Execute request");
        assert_eq!(request.encode(), exchange.request_body);
        let sent = payloads(&request.rop_buffer);
        let [payload] = &sent[..] else { panic!("requests hold one payload") };
        if let Some(recorded) = exchange.field("rop_request") {
            assert_eq!(Some(STANDARD.encode(&payload.data).as_str()), recorded.as_str());
        }
        let refusal = match exchange.field("note").and_then(Value::as_str).unwrap_or_default() {
            "garbage ROP list (unknown RopId)" => Some("RopId"),
            "truncated ROP" => Some("OpenFolderRequest.output_handle_index"),
            "RopSize larger than payload" => Some("RopsList"),
            _ => None,
        };
        let decoded = RequestBuffer::decode(&payload.data);
        if let Some(context) = refusal {
            let error = decoded.expect_err("malformed on purpose");
            assert_eq!(error.context, context);
            assert!(matches!(error.kind, WireErrorKind::Invalid(_) | WireErrorKind::Truncated { .. }), "{error}");
            self.totals.malformed += 1;
            return None;
        }
        let decoded = decoded.expect("requests");
        assert_eq!(decoded.encode().expect("short enough"), payload.data, "the same bytes after encoding again");
        self.totals.requests += decoded.requests.len();
        Some(decoded)
    }

    /// Remembers what later answers need.
    fn learn(&mut self, sent: &RequestBuffer, buffers: &[ResponseBuffer]) {
        let Some(first) = buffers.first() else { return };
        let handle = |index: u8| {
            let at = |handles: &[u32]| handles.get(usize::from(index)).copied().filter(|h| *h != NO_HANDLE);
            at(&sent.handles).or_else(|| at(&first.handles))
        };
        for request in &sent.requests {
            match (&request.body, handle(request.handle_index)) {
                (RequestBody::SetColumns(set), Some(table)) => {
                    self.columns.insert(table, set.property_tags.as_slice().into());
                }
                (RequestBody::Release, Some(released)) => {
                    self.columns.remove(&released);
                    self.streams.remove(&released);
                }
                _ => {}
            }
        }
        for answer in buffers.iter().flat_map(ResponseBuffer::answers) {
            let Some(object) = handle(answer.handle_index) else { continue };
            match &answer.body {
                ResponseBody::OpenMessage(message) => {
                    self.columns.insert(object, Arc::clone(&message.recipient_columns));
                }
                ResponseBody::FastTransferSourceGetBuffer(part) => {
                    self.streams.entry(object).or_default().extend(&part.transfer_buffer);
                }
                _ => {}
            }
        }
    }

    /// Compares the stream whose last part this exchange got.
    fn stream(&mut self, sent: &RequestBuffer, expected: &Value) {
        let source =
            sent.requests.iter().find(|request| request.body.rop_id() == RopId::FAST_TRANSFER_SOURCE_GET_BUFFER);
        let index = usize::from(source.expect("a part of a stream was asked for").handle_index);
        let mut handle = sent.handles[index];
        if handle == NO_HANDLE {
            let drained: Vec<u32> = self.streams.keys().copied().filter(|h| !sent.handles.contains(h)).collect();
            handle = *drained.iter().max().expect("the handle made in this exchange");
        }
        streams::check(&self.streams.remove(&handle).expect("a stream"), expected);
        self.totals.streams += 1;
    }
}

/// The recording holds the payloads a second time, long ones as digests.
fn recorded_payloads(exchange: &Exchange, payloads: &[mapi_core::http::Payload]) {
    let Some(recorded) = exchange.field("rop_response") else { return };
    let recorded = recorded.as_array().expect("one entry per payload");
    assert_eq!(recorded.len(), payloads.len());
    for (recorded, payload) in recorded.iter().zip(payloads) {
        let data = &payload.data;
        match recorded {
            Value::String(text) => assert_eq!(text, &STANDARD.encode(data)),
            digest => assert_eq!(digest, &json!({ "len": data.len(), "sha256": hex(&Sha256::digest(data)) })),
        }
    }
}

/// Every response in the notation of the expectations.
fn shown(buffers: &[ResponseBuffer], due: &[Expected]) -> Vec<Value> {
    let mut out = Vec::new();
    let mut due = due.iter().map(|expected| expected.rop_id);
    let mut last = None;
    for response in buffers.iter().flat_map(|buffer| &buffer.responses) {
        let request = if matches!(response, Response::Rop(_)) {
            last = due.next().or(last);
            last
        } else {
            None
        };
        out.push(rops::response(response, request));
    }
    out
}

/// Shortens `got` as the expectation was shortened: of very many notifications only the first ones were kept.
fn shorten(got: &mut Value, expected: &Value) {
    if expected.get("rops_shortened") != Some(&Value::Bool(true)) {
        return;
    }
    let is_notify = |rop: &Value| rop["rop"] == "Notify";
    let kept = expected["rops"].as_array().expect("responses").iter().filter(|rop| is_notify(rop)).count();
    let all = got["rops"].as_array().expect("responses").clone();
    let mut counts = serde_json::Map::new();
    for rop in all.iter().filter(|rop| is_notify(rop)) {
        let flags = rop["flags"].as_str().expect("flags").to_owned();
        let count = counts.get(&flags).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(flags, (count + 1).into());
    }
    got["rops_shortened"] = true.into();
    got["rop_count"] = all.len().into();
    got["notify_counts"] = Value::Object(counts);
    let mut notifications = 0;
    got["rops"] = all
        .into_iter()
        .filter(|rop| {
            notifications += usize::from(is_notify(rop));
            !is_notify(rop) || notifications <= kept
        })
        .collect();
}

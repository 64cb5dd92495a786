//! The recordings of a real server in `tests/captures` (see the README there): everything is decoded, compared field by
//! field with what an independent decoder read from the same bytes, and encoded again to the same bytes.

mod address_book;
mod autodiscover;
mod envelope;
mod recording;
mod renderings;
mod rops;
mod session;
mod streams;
mod value;

use std::collections::BTreeMap;

use recording::{Exchange, Recording};
use session::Sessions;

use Compared::{BytesOnly, Refused, ResultOnly, Whole};

/// What was compared of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Compared {
    /// Everything: the request, the response, each field of both, and their bytes after encoding again.
    Whole,
    /// The request and the response re-encode to the same bytes; the recording has no decoded values.
    BytesOnly,
    /// The server refused the HTTP request: status and X-ResponseCode. The body is a text for people.
    Refused,
    /// Nothing but the result code is there to compare.
    ResultOnly,
}

fn check(exchange: &Exchange, sessions: &mut Sessions) -> Compared {
    if let Some(compared) = envelope::refused(exchange) {
        return compared;
    }
    match exchange.kind.as_str() {
        "Connect" => envelope::connect(exchange),
        "Disconnect" => envelope::disconnect(exchange),
        "NotificationWait" => envelope::wait(exchange),
        "PING" => envelope::ping(exchange),
        "Autodiscover" => autodiscover::exchange(exchange),
        "Execute" => sessions.of(exchange).execute(exchange),
        "Bind" | "ResolveNames" | "QueryRows" | "GetMatches" | "DNToMId" | "GetProps" | "GetPropList"
        | "GetSpecialTable" | "GetMailboxUrl" | "Unbind" => address_book::exchange(exchange),
        other => panic!("no comparison for exchanges of type {other}"),
    }
}

#[test]
fn every_recorded_exchange() {
    let mut totals: BTreeMap<(String, Compared), usize> = BTreeMap::new();
    let mut seen = session::Totals::default();
    for recording in Recording::all() {
        let mut sessions = Sessions::default();
        for exchange in &recording.exchanges {
            let compared = exchange.run(&recording, || check(exchange, &mut sessions));
            *totals.entry((exchange.kind.clone(), compared)).or_default() += 1;
        }
        seen += sessions.totals();
    }
    // Nothing is left out: these are all exchanges of all recordings.
    let totals: Vec<_> = totals.iter().map(|((kind, compared), n)| (kind.as_str(), *compared, *n)).collect();
    let expected = [
        ("Autodiscover", Whole, 9),
        ("Autodiscover", Refused, 1),
        // Without X-MapiHttpCapability: not decoded by the recorder, here checked for its contents.
        ("Autodiscover", ResultOnly, 1),
        ("Bind", Whole, 1),
        ("Connect", Whole, 24),
        ("Connect", Refused, 2),
        ("DNToMId", Whole, 1),
        ("Disconnect", Whole, 22),
        ("Execute", Whole, 274),
        // Sent to see whether a session survives; the recorder did not decode the answer.
        ("Execute", BytesOnly, 1),
        ("Execute", Refused, 6),
        ("Frobnicate", Refused, 1),
        ("GetMailboxUrl", Whole, 1),
        ("GetMatches", Whole, 2),
        ("GetPropList", Whole, 1),
        ("GetProps", Whole, 1),
        ("GetSpecialTable", Whole, 1),
        ("NotificationWait", Whole, 10),
        ("NotificationWait", Refused, 1),
        ("PING", Refused, 3),
        ("PING", ResultOnly, 1),
        ("QueryRows", Whole, 1),
        ("ResolveNames", Whole, 1),
        ("Unbind", Whole, 1),
    ];
    assert_eq!(totals, expected);
    let all = session::Totals {
        requests: 899,
        payloads: 272,
        compressed_payloads: 4,
        answers: 646,
        notifications: 1247,
        pending: 1,
        streams: 26,
        malformed: 3,
    };
    assert_eq!(seen, all);
}

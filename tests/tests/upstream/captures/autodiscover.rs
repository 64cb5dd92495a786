//! Autodiscover exchanges.

use mapi_core::autodiscover::{AutodiscoverAnswer, AutodiscoverRequest};
use serde_json::{Value, json};

use super::Compared;
use super::recording::Exchange;

pub fn exchange(exchange: &Exchange) -> Compared {
    let request = AutodiscoverRequest::decode(&exchange.request_body).expect("a request");
    assert_eq!(request.encode().as_bytes(), exchange.request_body);
    let note = exchange.field("note").and_then(Value::as_str).unwrap_or_default();
    if exchange.status != 200 {
        assert_eq!((exchange.status, note), (401, "no credentials: 401"));
        assert!(AutodiscoverAnswer::decode(&exchange.response_body).is_err());
        return Compared::Refused;
    }
    let answer = AutodiscoverAnswer::decode(&exchange.response_body).expect("an answer");
    // Answers hold much that nobody reads: what counts is that the same is read from our own.
    assert_eq!(AutodiscoverAnswer::decode(answer.encode().as_bytes()), Ok(answer.clone()));
    let got = match answer {
        AutodiscoverAnswer::Settings(settings) => json!({
            "dn": settings.legacy_dn,
            "emsmdb": settings.emsmdb.internal,
            "nspi": settings.nspi.internal,
        }),
        AutodiscoverAnswer::Error { code, message } => {
            assert_eq!((code, message.as_str()), (404, "Not Found"));
            json!({ "dn": null, "emsmdb": null, "nspi": null })
        }
        other => panic!("never recorded: {other:?}"),
    };
    let Some(expected) = exchange.expected() else {
        assert_eq!(note, "no X-MapiHttpCapability header");
        // The server names the same settings whether the header is there or not.
        assert!(got["dn"].as_str().is_some_and(|dn| dn.ends_with("-dave")));
        assert!(["emsmdb", "nspi"].iter().all(|url| got[*url].as_str().is_some_and(|u| u.contains("/?MailboxId="))));
        return Compared::ResultOnly;
    };
    assert_eq!(&got, expected);
    Compared::Whole
}

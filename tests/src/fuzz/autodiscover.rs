use mapi_core::autodiscover::{AutodiscoverAnswer, AutodiscoverRequest, decode_json};

/// Requests and answers in XML, and answers in JSON.
pub fn autodiscover(data: &[u8]) {
    if let Ok(url) = decode_json(data) {
        assert!(url.len() <= data.len() * 2);
    }
    if let Ok(request) = AutodiscoverRequest::decode(data) {
        assert_eq!(AutodiscoverRequest::decode(request.encode().as_bytes()).as_ref(), Ok(&request));
    }
    if let Ok(answer) = AutodiscoverAnswer::decode(data) {
        assert_eq!(AutodiscoverAnswer::decode(answer.encode().as_bytes()).as_ref(), Ok(&answer));
    }
}

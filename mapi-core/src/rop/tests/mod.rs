mod known_answers;
mod round_trip;

use super::{Expected, RequestBuffer, ResponseBuffer};

/// A payload of `list` and `handles`.
fn payload(list: &[u8], handles: &[u32]) -> Vec<u8> {
    let size = u16::try_from(list.len() + 2).expect("a short list");
    let mut out = size.to_le_bytes().to_vec();
    out.extend(list);
    handles.iter().for_each(|handle| out.extend(handle.to_le_bytes()));
    out
}

/// Decodes requests and checks that they encode to the same bytes.
fn requests(list: &[u8]) -> RequestBuffer {
    let payload = payload(list, &[]);
    let decoded = RequestBuffer::decode(&payload).expect("requests");
    assert_eq!(decoded.encode().expect("a short list"), payload);
    decoded
}

/// Decodes responses and checks that they encode to the same bytes.
fn responses(list: &[u8], expected: &[Expected]) -> ResponseBuffer {
    let payload = payload(list, &[]);
    let decoded = ResponseBuffer::decode(&payload, expected).expect("responses");
    assert_eq!(decoded.encode().expect("a short list"), payload);
    decoded
}

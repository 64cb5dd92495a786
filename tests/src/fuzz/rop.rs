use std::sync::Arc;

use mapi_core::property::PropertyTag;
use mapi_core::rop::{Expected, RequestBuffer, ResponseBuffer, RopRequest};

/// Request buffers.
pub fn request(data: &[u8]) {
    for public in [false, true] {
        let Ok(buffer) = RequestBuffer::decode_with(data, &|_| public) else { continue };
        let _ = Expected::of(&buffer.requests, none);
        let Ok(written) = buffer.encode() else { continue };
        // Bytes are compared, not values: a NaN is not equal to itself.
        let again = RequestBuffer::decode_with(&written, &|_| public).expect("what was written");
        assert_eq!(again.encode().as_ref(), Ok(&written));
    }
}

/// Response buffers. The first two bytes are the length of the request buffer that comes before the response buffer and
/// says how to read it.
pub fn response(data: &[u8]) {
    let Some((length, data)) = data.split_first_chunk() else { return };
    let Some((request, response)) = data.split_at_checked(usize::from(u16::from_le_bytes(*length))) else { return };
    let Ok(request) = RequestBuffer::decode(request) else { return };
    let expected = Expected::of(&request.requests, none);
    let Ok(buffer) = ResponseBuffer::decode(response, &expected) else { return };
    let Ok(written) = buffer.encode() else { return };
    let again = ResponseBuffer::decode(&written, &expected).expect("what was written");
    assert_eq!(again.encode().as_ref(), Ok(&written));
}

fn none(_: &RopRequest) -> Arc<[PropertyTag]> {
    Arc::new([])
}

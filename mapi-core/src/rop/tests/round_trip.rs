use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::SeedableRng;

use crate::ErrorCode;
use crate::rop::sample::{Sample, SampleRng};
use crate::rop::*;

const RETURN_VALUES: &[ErrorCode] = &[
    ErrorCode::NONE,
    ErrorCode::ERRORS_RETURNED,
    ErrorCode::DST_NULL_OBJECT,
    ErrorCode::SERVER_BUSY,
    ErrorCode::WRONG_SERVER,
    ErrorCode::NOT_FOUND,
];

fn every_request(rng: &mut SampleRng) -> Vec<RopRequest> {
    let make = |make: &fn(&mut SampleRng) -> RequestBody| RopRequest {
        logon_id: Sample::sample(rng),
        handle_index: Sample::sample(rng),
        body: make(rng),
    };
    RequestBody::SAMPLES.iter().map(make).collect()
}

/// One answer per ROP and return value, with notifications and the like between them.
fn every_response(rng: &mut SampleRng) -> (Vec<Response>, Vec<Expected>) {
    let (mut responses, mut expected) = (Vec::new(), Vec::new());
    for (rop_id, make) in ResponseBody::SAMPLES {
        for &return_value in RETURN_VALUES {
            let (body, context) = make(rng, return_value);
            let handle_index = Sample::sample(rng);
            responses.push(Response::Rop(RopResponse { rop_id: *rop_id, handle_index, return_value, body }));
            expected.push(Expected { rop_id: *rop_id, handle_index, context });
        }
        responses.push(Response::Notify(Sample::sample(rng)));
    }
    responses.push(Response::Pending { session_index: Sample::sample(rng) });
    responses.push(Response::Backoff(Sample::sample(rng)));
    let request_buffers = Sample::sample(rng);
    responses.push(Response::BufferTooSmall { size_needed: Sample::sample(rng), request_buffers });
    // A message opened in the same buffer settles the columns of its recipients: keep the indexes apart.
    for (response, expected) in responses.iter_mut().filter_map(rop).zip(&mut expected) {
        if expected.rop_id == RopId::READ_RECIPIENTS {
            (response.handle_index, expected.handle_index) = (255, 255);
        } else {
            response.handle_index = response.handle_index.min(254);
            expected.handle_index = response.handle_index;
        }
    }
    (responses, expected)
}

fn rop(response: &mut Response) -> Option<&mut RopResponse> {
    match response {
        Response::Rop(response) => Some(response),
        _ => None,
    }
}

#[test]
fn every_rop_has_a_request() {
    let rng = &mut SampleRng::seed_from_u64(0);
    let requests: BTreeSet<RopId> = every_request(rng).iter().map(|request| request.body.rop_id()).collect();
    let answers_only = [RopId::NOTIFY, RopId::PENDING, RopId::BACKOFF, RopId::BUFFER_TOO_SMALL];
    for (id, name) in RopId::NAMES {
        assert_eq!(requests.contains(id), !answers_only.contains(id), "{name}");
        assert_eq!(&id.name(), name);
    }
    assert_eq!(RopId(0x00).name(), "RopUnknown");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn requests(seed in any::<u64>(), handles in any::<Vec<u32>>()) {
        let requests = every_request(&mut SampleRng::seed_from_u64(seed));
        let buffer = RequestBuffer { requests, handles };
        let bytes = buffer.encode().expect("a short list");
        prop_assert_eq!(RequestBuffer::decode(&bytes), Ok(buffer));
    }

    #[test]
    fn responses(seed in any::<u64>(), handles in any::<Vec<u32>>()) {
        let (responses, expected) = every_response(&mut SampleRng::seed_from_u64(seed));
        let buffer = ResponseBuffer { responses, handles };
        let bytes = buffer.encode().expect("a short list");
        prop_assert_eq!(ResponseBuffer::decode(&bytes, &expected), Ok(buffer));
    }

    /// Damaged payloads are decoded or refused, and never make anything panic.
    #[test]
    fn damaged(
        seed in any::<u64>(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let rng = &mut SampleRng::seed_from_u64(seed);
        let (responses, expected) = every_response(rng);
        for request in every_request(rng) {
            let mut bytes = RequestBuffer { requests: vec![request], handles: vec![1] }.encode().expect("short");
            flips.iter().for_each(|(at, value)| { let at = at.index(bytes.len()); bytes[at] ^= value; });
            if let Ok(decoded) = RequestBuffer::decode(&bytes) {
                let _ = decoded.encode();
            }
        }
        let mut expected = expected.into_iter();
        for response in responses {
            let answers = usize::from(matches!(response, Response::Rop(_)));
            let due: Vec<_> = expected.by_ref().take(answers).collect();
            let mut bytes = ResponseBuffer { responses: vec![response], handles: vec![1] }.encode().expect("short");
            flips.iter().for_each(|(at, value)| { let at = at.index(bytes.len()); bytes[at] ^= value; });
            if let Ok(decoded) = ResponseBuffer::decode(&bytes, &due) {
                let _ = decoded.encode();
            }
        }
    }

    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), seed in any::<u64>()) {
        let _ = RequestBuffer::decode(&bytes);
        let mut list = vec![0, 0, 0];
        list.extend(&bytes);
        let size = u16::try_from(list.len()).expect("short");
        list[..2].copy_from_slice(&size.to_le_bytes());
        let _ = RequestBuffer::decode_with(&list, &|_| true);
        let (_, expected) = every_response(&mut SampleRng::seed_from_u64(seed));
        let _ = ResponseBuffer::decode(&list, &expected);
        for due in expected {
            list[2] = due.rop_id.0;
            let _ = ResponseBuffer::decode(&list, &[due]);
        }
    }
}

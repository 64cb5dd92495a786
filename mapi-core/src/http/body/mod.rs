//! Bodies of the mailbox endpoint's requests and responses ([MS-OXCMAPIHTTP] 2.2.4). PING has none.

mod connect;
mod disconnect;
mod execute;
mod wait;

pub use connect::{ConnectRequest, ConnectResponse};
pub use disconnect::{DisconnectRequest, DisconnectResponse};
pub use execute::{ExecuteFlags, ExecuteRequest, ExecuteResponse};
pub use wait::{WaitRequest, WaitResponse};

use crate::wire::{Reader, WireResult, Writer};

/// The body of a response whose StatusCode is not zero ([MS-OXCMAPIHTTP] 2.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// StatusCode, never zero.
    pub status: u32,
}

impl Failure {
    /// Writes StatusCode and an empty auxiliary buffer.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(self.status).u32(0);
        writer.into_vec()
    }
}

/// A response: what was asked for, or a failure of the request as a whole.
pub type Reply<T> = Result<T, Failure>;

/// Reads StatusCode. What follows a failure differs between servers and is ignored.
pub(crate) fn get_status(reader: &mut Reader<'_>) -> WireResult<Reply<()>> {
    Ok(match reader.u32("StatusCode")? {
        0 => Ok(()),
        status => Err(Failure { status }),
    })
}

pub(crate) fn get_auxiliary(reader: &mut Reader<'_>) -> WireResult<Vec<u8>> {
    let size = reader.u32("AuxiliaryBufferSize")? as usize;
    Ok(reader.bytes(size, "AuxiliaryBuffer")?.to_vec())
}

pub(crate) fn put_auxiliary(writer: &mut Writer, buffer: &[u8]) {
    writer.len32(buffer.len()).bytes(buffer);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorCode;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..40)
    }

    fn code() -> impl Strategy<Value = ErrorCode> {
        any::<u32>().prop_map(ErrorCode)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn requests_round_trip(user_dn in "[ -~]{0,30}", n: [u32; 4], auxiliary in bytes(), rop_buffer in bytes()) {
            let [flags, code_page, lcid_sort, lcid_string] = n;
            let connect = ConnectRequest { user_dn, flags, code_page, lcid_sort, lcid_string, auxiliary: auxiliary.clone() };
            prop_assert_eq!(ConnectRequest::decode(&connect.encode()), Ok(connect));
            let execute = ExecuteRequest {
                flags: ExecuteFlags(flags), rop_buffer, max_rop_out: code_page, auxiliary: auxiliary.clone(),
            };
            prop_assert_eq!(ExecuteRequest::decode(&execute.encode()), Ok(execute));
            let wait = WaitRequest { flags, auxiliary: auxiliary.clone() };
            prop_assert_eq!(WaitRequest::decode(&wait.encode()), Ok(wait));
            let disconnect = DisconnectRequest { auxiliary };
            prop_assert_eq!(DisconnectRequest::decode(&disconnect.encode()), Ok(disconnect));
        }

        #[test]
        fn responses_round_trip(
            error in code(), n: [u32; 3], dn_prefix in "[ -~]{0,9}", display_name in "[^\0]{0,9}",
            auxiliary in bytes(), rop_buffer in bytes(), event_pending: bool,
        ) {
            let [polls_max, retry_count, retry_delay] = n;
            let connect = ConnectResponse {
                error, polls_max, retry_count, retry_delay, dn_prefix, display_name, auxiliary: auxiliary.clone(),
            };
            prop_assert_eq!(ConnectResponse::decode(&connect.encode()), Ok(Ok(connect)));
            let execute = ExecuteResponse { error, flags: polls_max, rop_buffer, auxiliary: auxiliary.clone() };
            prop_assert_eq!(ExecuteResponse::decode(&execute.encode()), Ok(Ok(execute)));
            let wait = WaitResponse { error, event_pending, auxiliary: auxiliary.clone() };
            prop_assert_eq!(WaitResponse::decode(&wait.encode()), Ok(Ok(wait)));
            let disconnect = DisconnectResponse { error, auxiliary };
            prop_assert_eq!(DisconnectResponse::decode(&disconnect.encode()), Ok(Ok(disconnect)));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = ConnectRequest::decode(&bytes);
            let _ = ExecuteRequest::decode(&bytes);
            let _ = WaitRequest::decode(&bytes);
            let _ = DisconnectRequest::decode(&bytes);
            let zero = [[0; 4].as_slice(), &bytes].concat();
            let _ = ConnectResponse::decode(&zero);
            let _ = ExecuteResponse::decode(&zero);
            let _ = WaitResponse::decode(&zero);
            let _ = DisconnectResponse::decode(&zero);
        }
    }

    #[test]
    fn a_failure_ends_at_its_status() {
        let body = Failure { status: 5 }.encode();
        assert_eq!(ExecuteResponse::decode(&body), Ok(Err(Failure { status: 5 })));
        assert_eq!(ConnectResponse::decode(&[5, 0, 0, 0, 5, 0, 0, 0]), Ok(Err(Failure { status: 5 })));
        assert_eq!(WaitResponse::decode(&[1, 0]).expect_err("two bytes").context, "StatusCode");
    }
}

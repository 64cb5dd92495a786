//! The tokens of SPNEGO (RFC 4178 4.2), which the HTTP scheme Negotiate carries ([MS-SPNG], RFC 4559).

use super::der::{Der, ENUMERATED, OCTET_STRING, OID, SEQUENCE, context, element};

/// Contents of the object identifier of NTLM, 1.3.6.1.4.1.311.2.2.10 ([MS-SPNG] 1.9).
pub const NTLM: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A];
/// Contents of the object identifier of Kerberos 5, 1.2.840.113554.1.2.2 (RFC 4121 4.1).
pub const KERBEROS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];

const SPNEGO: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
/// The header of an initial GSS-API token (RFC 2743 3.1): [APPLICATION 0].
const INITIAL: u8 = 0x60;
/// Mechanisms that are read of a list.
const MAX_MECHANISMS: usize = 16;

/// NegTokenInit: what the client begins with (RFC 4178 4.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegTokenInit {
    /// Object identifiers of the mechanisms, the preferred one first.
    pub mechanisms: Vec<Vec<u8>>,
    /// The first token of the preferred one.
    pub token: Option<Vec<u8>>,
}

/// NegTokenResp: everything that follows, in both directions (RFC 4178 4.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegTokenResp {
    /// How it stands.
    pub state: Option<NegState>,
    /// The mechanism that the server chose.
    pub mechanism: Option<Vec<u8>>,
    /// The mechanism's token.
    pub token: Option<Vec<u8>>,
    /// The checksum over the list of mechanisms.
    pub mechanism_list_mic: Option<Vec<u8>>,
}

/// negState.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NegState {
    /// Authenticated.
    AcceptCompleted,
    /// Another token is expected.
    AcceptIncomplete,
    /// Refused.
    Reject,
    /// The checksum over the list of mechanisms is expected.
    RequestMic,
}

impl NegTokenInit {
    /// As an initial GSS-API token.
    pub fn encode(&self) -> Vec<u8> {
        let list: Vec<u8> = self.mechanisms.iter().flat_map(|oid| element(OID, oid)).collect();
        let mut fields = element(context(0), &element(SEQUENCE, &list));
        if let Some(token) = &self.token {
            fields.extend(element(context(2), &element(OCTET_STRING, token)));
        }
        let token = element(context(0), &element(SEQUENCE, &fields));
        element(INITIAL, &[element(OID, SPNEGO), token].concat())
    }

    /// `None` unless it is such a token. Fields that are not used here are skipped.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut initial = Der::new(Der::new(bytes).take(INITIAL)?);
        if initial.take(OID)? != SPNEGO {
            return None;
        }
        let mut fields = Der::new(initial.take_explicit(context(0), SEQUENCE)?);
        let mut list = Der::new(fields.take_explicit(context(0), SEQUENCE)?);
        let mut mechanisms = Vec::new();
        while let Some(oid) = list.take(OID) {
            if mechanisms.len() == MAX_MECHANISMS {
                return None;
            }
            mechanisms.push(oid.to_vec());
        }
        // reqFlags, of no use to anybody.
        fields.take(context(1));
        let token = fields.take_explicit(context(2), OCTET_STRING).map(<[u8]>::to_vec);
        Some(Self { mechanisms, token })
    }
}

impl NegTokenResp {
    /// As a token.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        if let Some(state) = self.state {
            fields.extend(element(context(0), &element(ENUMERATED, &[state as u8])));
        }
        let strings =
            [(1, OID, &self.mechanism), (2, OCTET_STRING, &self.token), (3, OCTET_STRING, &self.mechanism_list_mic)];
        for (number, tag, value) in strings {
            if let Some(value) = value {
                fields.extend(element(context(number), &element(tag, value)));
            }
        }
        element(context(1), &element(SEQUENCE, &fields))
    }

    /// `None` unless it is such a token.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Der::new(Der::new(bytes).take_explicit(context(1), SEQUENCE)?);
        let state = match fields.take_explicit(context(0), ENUMERATED) {
            None => None,
            Some([0]) => Some(NegState::AcceptCompleted),
            Some([1]) => Some(NegState::AcceptIncomplete),
            Some([2]) => Some(NegState::Reject),
            Some([3]) => Some(NegState::RequestMic),
            Some(_) => return None,
        };
        let mut string = |number, tag| fields.take_explicit(context(number), tag).map(<[u8]>::to_vec);
        let mechanism = string(1, OID);
        let token = string(2, OCTET_STRING);
        let mechanism_list_mic = string(3, OCTET_STRING);
        Some(Self { state, mechanism, token, mechanism_list_mic })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_of_a_first_token() {
        let init = NegTokenInit { mechanisms: vec![NTLM.to_vec()], token: Some(b"NTLMSSP\0".to_vec()) };
        let expected = [
            &[0x60, 0x28, 0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02, 0xA0, 0x1E, 0x30, 0x1C][..],
            &[0xA0, 0x0E, 0x30, 0x0C, 0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A],
            &[0xA2, 0x0A, 0x04, 0x08],
            b"NTLMSSP\0",
        ];
        assert_eq!(init.encode(), expected.concat());
        assert_eq!(NegTokenInit::decode(&init.encode()), Some(init));
    }

    fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
        prop::option::of(prop::collection::vec(any::<u8>(), 0..300))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn tokens_come_back(token in bytes(), mechanism in bytes(), mic in bytes(), state in 0u8..5) {
            let states = [NegState::AcceptCompleted, NegState::AcceptIncomplete, NegState::Reject, NegState::RequestMic];
            let state = states.get(usize::from(state)).copied();
            let response = NegTokenResp { state, mechanism, token: token.clone(), mechanism_list_mic: mic };
            prop_assert_eq!(NegTokenResp::decode(&response.encode()), Some(response));
            let init = NegTokenInit { mechanisms: vec![KERBEROS.to_vec(), NTLM.to_vec()], token };
            prop_assert_eq!(NegTokenInit::decode(&init.encode()), Some(init));
        }

        #[test]
        fn anything_may_come(mut bytes in prop::collection::vec(any::<u8>(), 0..64), first in 0usize..4) {
            if let (Some(byte), Some(&tag)) = (bytes.first_mut(), [INITIAL, context(1), SEQUENCE].get(first)) {
                *byte = tag;
            }
            NegTokenInit::decode(&bytes);
            NegTokenResp::decode(&bytes);
        }
    }
}

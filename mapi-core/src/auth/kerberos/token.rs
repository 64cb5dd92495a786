use crate::auth::der::{Der, OID, element};
use crate::auth::spnego;

const INITIAL: u8 = 0x60;

/// What is inside a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// AP-REQ: a ticket is shown.
    Request = 0x0100,
    /// AP-REP: the service proves itself.
    Reply = 0x0200,
    /// KRB-ERROR.
    Error = 0x0300,
}

/// A message in its GSS-API wrapping (RFC 4121 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What is inside.
    pub kind: TokenKind,
    /// The message.
    pub message: Vec<u8>,
}

impl Token {
    /// As it goes over the wire.
    pub fn encode(&self) -> Vec<u8> {
        let kind = (self.kind as u16).to_be_bytes();
        element(INITIAL, &[&element(OID, spnego::KERBEROS)[..], &kind, &self.message].concat())
    }

    /// `None` unless it is one of Kerberos.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let contents = Der::new(bytes).take(INITIAL)?;
        let mechanism = Der::new(contents).take(OID)?;
        if mechanism != spnego::KERBEROS {
            return None;
        }
        let rest = contents.get(element(OID, mechanism).len()..)?;
        let (kind, message) = rest.split_first_chunk::<2>()?;
        let kind = match u16::from_be_bytes(*kind) {
            0x0100 => TokenKind::Request,
            0x0200 => TokenKind::Reply,
            0x0300 => TokenKind::Error,
            _ => return None,
        };
        Some(Self { kind, message: message.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn round_trip(message in prop::collection::vec(any::<u8>(), 0..300)) {
            for kind in [TokenKind::Request, TokenKind::Reply, TokenKind::Error] {
                let token = Token { kind, message: message.clone() };
                prop_assert_eq!(Token::decode(&token.encode()), Some(token));
            }
        }

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            Token::decode(&bytes);
        }
    }
}

use std::fmt;

use secrecy::SecretString;

use super::{
    Authenticate, AvPairs, Challenge, Negotiate, ResponseKey, av_flag, av_id, message_integrity_code, negotiate_flag,
};
use crate::auth::SignInName;
use crate::wire::{WireError, Writer};

/// What the client offers. Key exchange, signing and sealing are not among it, so that the session key is the base key.
const OFFERED: u32 = negotiate_flag::UNICODE
    | negotiate_flag::REQUEST_TARGET
    | negotiate_flag::NTLM
    | negotiate_flag::ALWAYS_SIGN
    | negotiate_flag::EXTENDED_SESSION_SECURITY
    | negotiate_flag::TARGET_INFO
    | negotiate_flag::ENCRYPTION_128
    | negotiate_flag::ENCRYPTION_56;

/// The client's side of one exchange: [`NtlmClient::step`] with nothing gives the first message, with the server's challenge
/// the last one.
pub struct NtlmClient {
    name: SignInName,
    password: SecretString,
    client_challenge: [u8; 8],
    state: NtlmState,
}

enum NtlmState {
    Start,
    Negotiated(Vec<u8>),
    Ended,
}

/// What the last message says of connection and time.
#[derive(Debug, Clone, Copy)]
pub struct NtlmContext<'a> {
    /// The hash of the channel bindings ([`crate::auth::hash_of_bindings`]), on encrypted connections.
    pub channel_bindings: Option<[u8; 16]>,
    /// Service principal name of the server, e.g. `HTTP/mail.example.org`.
    pub target_name: &'a str,
    /// The time as FILETIME, which counts if the server doesn't say its own.
    pub now: u64,
}

/// Why an exchange cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NtlmError {
    /// The challenge cannot be read.
    Wire(WireError),
    /// The server wants names in an OEM code page.
    NoUnicode,
    /// A message too many.
    Ended,
}

impl NtlmClient {
    /// An exchange for `name`. `client_challenge` must come by chance.
    pub fn new(name: SignInName, password: SecretString, client_challenge: [u8; 8]) -> Self {
        Self { name, password, client_challenge, state: NtlmState::Start }
    }

    /// The client's next message, after `input` of the server.
    ///
    /// # Errors
    /// See [`NtlmError`].
    pub fn step(&mut self, input: &[u8], context: &NtlmContext<'_>) -> Result<Vec<u8>, NtlmError> {
        match std::mem::replace(&mut self.state, NtlmState::Ended) {
            NtlmState::Start => {
                let message = Negotiate { flags: OFFERED }.encode();
                self.state = NtlmState::Negotiated(message.clone());
                Ok(message)
            }
            NtlmState::Negotiated(negotiate) => self.authenticate(&negotiate, input, context),
            NtlmState::Ended => Err(NtlmError::Ended),
        }
    }

    fn authenticate(&self, negotiate: &[u8], input: &[u8], context: &NtlmContext<'_>) -> Result<Vec<u8>, NtlmError> {
        let challenge = Challenge::decode(input).map_err(NtlmError::Wire)?;
        if challenge.flags & negotiate_flag::UNICODE == 0 {
            return Err(NtlmError::NoUnicode);
        }
        let key = ResponseKey::new(&self.password, &self.name);
        let temp = self.temp(&challenge.target_info, context);
        let proof = key.proof(&challenge.server_challenge, &temp);
        let mut message = Authenticate {
            flags: challenge.flags & OFFERED,
            // The proof stands in the other response; zeros say that there is none here ([MS-NLMP] 3.1.5.1.2).
            lm_response: vec![0; 24],
            nt_response: [&proof, &temp[..]].concat(),
            domain: self.name.domain.clone(),
            user: self.name.user.clone(),
            workstation: String::new(),
            session_key: Vec::new(),
            mic: Some([0; 16]),
        };
        let unsigned = message.encode();
        message.mic = Some(message_integrity_code(&key.session_key(&proof), [negotiate, input, &unsigned]));
        Ok(message.encode())
    }

    /// NTLMv2_CLIENT_CHALLENGE ([MS-NLMP] 2.2.2.7) and the four zeros after it: what the proof covers.
    fn temp(&self, server: &AvPairs, context: &NtlmContext<'_>) -> Vec<u8> {
        let mut info = server.clone();
        info.set(av_id::FLAGS, (server.flags() | av_flag::MIC_PRESENT).to_le_bytes().to_vec());
        info.set(av_id::CHANNEL_BINDINGS, context.channel_bindings.unwrap_or_default().to_vec());
        info.set_text(av_id::TARGET_NAME, context.target_name);
        let mut out = Writer::new();
        // RespType, HiRespType and six reserved bytes.
        out.bytes(&[1, 1, 0, 0, 0, 0, 0, 0]);
        out.u64(server.timestamp().unwrap_or(context.now)).bytes(&self.client_challenge).u32(0);
        info.encode(&mut out);
        out.u32(0);
        out.into_vec()
    }
}

impl fmt::Debug for NtlmClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NtlmClient").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Display for NtlmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wire(error) => write!(f, "NTLM challenge: {error}"),
            Self::NoUnicode => write!(f, "NTLM challenge of a server that does not take Unicode names"),
            Self::Ended => write!(f, "NTLM challenge where none was expected"),
        }
    }
}

impl std::error::Error for NtlmError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 131_400_439_870_000_000;
    /// Hash of the channel bindings of Microsoft's example of Extended Protection.
    const BINDINGS: [u8; 16] =
        [0x65, 0x86, 0xE9, 0x9D, 0x81, 0xC2, 0xFC, 0x98, 0x4E, 0x47, 0x17, 0x2F, 0xD4, 0xDD, 0x03, 0x10];
    /// [MS-NLMP] 4.2.4.3.
    const CHALLENGE: &[u8] =
        b"NTLMSSP\0\x02\0\0\0\x0C\0\x0C\0\x38\0\0\0\x33\x82\x8A\xE2\x01\x23\x45\x67\x89\xAB\xCD\xEF\
        \0\0\0\0\0\0\0\0\x24\0\x24\0\x44\0\0\0\x06\0\x70\x17\0\0\0\x0FS\0e\0r\0v\0e\0r\0\
        \x02\0\x0C\0D\0o\0m\0a\0i\0n\0\x01\0\x0C\0S\0e\0r\0v\0e\0r\0\0\0\0\0";

    fn client() -> NtlmClient {
        let name = SignInName { user: "User".to_owned(), domain: "Domain".to_owned() };
        NtlmClient::new(name, SecretString::from("Password"), [0xAA; 8])
    }

    fn context() -> NtlmContext<'static> {
        NtlmContext { channel_bindings: Some(BINDINGS), target_name: "HTTP/Server", now: NOW }
    }

    /// The inputs of [MS-NLMP] 4.2.4 with Extended Protection. The specification has no values for that; these are those of
    /// an independent implementation (Chromium).
    #[test]
    fn a_proof_with_channel_binding_and_integrity_code() {
        let mut client = client();
        let negotiate = client.step(&[], &context()).expect("a first message");
        let message = client.step(CHALLENGE, &context()).expect("a last message");
        let decoded = Authenticate::decode(&message).expect("readable");
        let (proof, temp) = decoded.nt_response.split_at(16);
        assert_eq!(proof, b"\x8C\x02\x60\xDB\xEF\x69\x06\x62\xAF\x9C\x42\xD5\x07\x82\xD2\xED");
        assert_eq!(temp.len(), 122);
        assert_eq!((decoded.user.as_str(), decoded.domain.as_str()), ("User", "Domain"));
        assert_eq!(decoded.lm_response, [0; 24]);

        let session_key =
            [0x62, 0x3D, 0xBD, 0x07, 0x1B, 0xE7, 0xA5, 0x30, 0xB6, 0xA9, 0x5C, 0x2E, 0xB4, 0x98, 0x24, 0x70];
        let unsigned = Authenticate { mic: Some([0; 16]), ..decoded.clone() }.encode();
        assert_eq!(decoded.mic, Some(message_integrity_code(&session_key, [&negotiate, CHALLENGE, &unsigned])));

        // That implementation's own messages under the same key have this code.
        let its_negotiate = b"NTLMSSP\0\x01\0\0\0\x07\x82\x08\0\0\0\0\0\x20\0\0\0\0\0\0\0\x20\0\0\0";
        let mut its_message =
            Authenticate { flags: 0x0008_8203, workstation: "COMPUTER".to_owned(), mic: Some([0; 16]), ..decoded }
                .encode();
        // It points to the start of the payload where it has no session key.
        its_message[56] = 88;
        its_message[57] = 0;
        let expected = [0xF7, 0x36, 0x16, 0x33, 0xF0, 0xAD, 0x9B, 0xDF, 0x4A, 0x7C, 0x42, 0x1B, 0xC6, 0xB8, 0x24, 0xA3];
        assert_eq!(message_integrity_code(&session_key, [its_negotiate, CHALLENGE, &its_message]), expected);
    }

    #[test]
    fn time_and_flags_of_the_server_count() {
        let mut target_info = AvPairs::default();
        target_info.set(av_id::TIMESTAMP, 77u64.to_le_bytes().to_vec());
        target_info.set(av_id::FLAGS, 1u32.to_le_bytes().to_vec());
        let challenge =
            Challenge { flags: u32::MAX, server_challenge: [1; 8], target_name: String::new(), target_info };
        let mut client = client();
        client.step(&[], &context()).expect("a first message");
        let context = NtlmContext { channel_bindings: None, ..context() };
        let message = client.step(&challenge.encode(), &context).expect("a last message");
        let message = Authenticate::decode(&message).expect("readable");
        assert_eq!(message.flags, OFFERED);
        assert_eq!(message.nt_response[24..32], 77u64.to_le_bytes());
        let mut info = crate::wire::Reader::new(&message.nt_response[44..]);
        let info = AvPairs::decode(&mut info).expect("pairs");
        assert_eq!(info.flags(), 3);
        assert_eq!(info.get(av_id::CHANNEL_BINDINGS), Some(&[0; 16][..]));
        assert_eq!(client.step(&challenge.encode(), &context), Err(NtlmError::Ended));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_may_come(rest in prop::collection::vec(any::<u8>(), 0..100), challenge in any::<bool>()) {
            let mut client = client();
            client.step(&rest, &context()).expect("a first message");
            let prefix: &[u8] = if challenge { b"NTLMSSP\0\x02\0\0\0" } else { b"" };
            let _ = client.step(&[prefix, &rest].concat(), &context());
        }
    }
}

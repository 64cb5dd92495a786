use super::AvPairs;
use super::utf16::utf16;
use crate::wire::{Reader, WireError, WireErrorKind, WireResult, Writer};

/// How every message begins.
pub const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
/// Larger messages are not read.
pub const MAX_MESSAGE: usize = 32 * 1024;

const CHALLENGE_HEADER: usize = 56;
const AUTHENTICATE_HEADER: usize = 72;
const MIC_LENGTH: usize = 16;

/// NEGOTIATE_MESSAGE ([MS-NLMP] 2.2.1.1), which names no domain and no workstation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiate {
    /// What the client can do.
    pub flags: u32,
}

/// CHALLENGE_MESSAGE ([MS-NLMP] 2.2.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// What was chosen.
    pub flags: u32,
    /// The challenge.
    pub server_challenge: [u8; 8],
    /// Name of the domain or the server.
    pub target_name: String,
    /// Names and time of the server.
    pub target_info: AvPairs,
}

/// AUTHENTICATE_MESSAGE ([MS-NLMP] 2.2.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// What was chosen.
    pub flags: u32,
    /// LmChallengeResponse.
    pub lm_response: Vec<u8>,
    /// NtChallengeResponse; for NTLMv2 the proof and what it covers.
    pub nt_response: Vec<u8>,
    /// Domain of the user.
    pub domain: String,
    /// The user.
    pub user: String,
    /// The client's computer.
    pub workstation: String,
    /// EncryptedRandomSessionKey.
    pub session_key: Vec<u8>,
    /// The message integrity code, or zeros while it is computed.
    pub mic: Option<[u8; 16]>,
}

impl Negotiate {
    /// The message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = header(1);
        // DomainNameFields, WorkstationFields and Version are empty.
        out.u32(self.flags).bytes(&[0; 24]);
        out.into_vec()
    }

    /// # Errors
    /// Another message, or none.
    pub fn decode(bytes: &[u8]) -> WireResult<Self> {
        let mut reader = open(bytes, 1)?;
        Ok(Self { flags: reader.u32("NegotiateFlags")? })
    }
}

impl Challenge {
    /// The message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = header(2);
        let mut payload = Writer::new();
        field(&mut out, &mut payload, CHALLENGE_HEADER, &utf16(&self.target_name));
        out.u32(self.flags).bytes(&self.server_challenge).u64(0);
        let mut info = Writer::new();
        self.target_info.encode(&mut info);
        field(&mut out, &mut payload, CHALLENGE_HEADER, info.as_slice());
        // Version.
        out.u64(0).bytes(payload.as_slice());
        out.into_vec()
    }

    /// Messages of old servers end before the target information; it is empty then.
    ///
    /// # Errors
    /// Another message, or none; fields that point outside of it.
    pub fn decode(bytes: &[u8]) -> WireResult<Self> {
        let mut reader = open(bytes, 2)?;
        let target_name = text(payload(&mut reader, bytes, "TargetName")?);
        let flags = reader.u32("NegotiateFlags")?;
        let server_challenge = reader.array("ServerChallenge")?;
        let target_info = if reader.remaining() >= 16 {
            reader.u64("Reserved")?;
            let info = payload(&mut reader, bytes, "TargetInfo")?;
            AvPairs::decode(&mut Reader::new(info))?
        } else {
            AvPairs::default()
        };
        Ok(Self { flags, server_challenge, target_name, target_info })
    }
}

impl Authenticate {
    /// Where the integrity code stands.
    pub const MIC_RANGE: std::ops::Range<usize> = AUTHENTICATE_HEADER..AUTHENTICATE_HEADER + MIC_LENGTH;

    /// The message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = header(3);
        let mut payload = Writer::new();
        let base = AUTHENTICATE_HEADER + self.mic.map_or(0, |mic| mic.len());
        let texts = [&self.domain, &self.user, &self.workstation].map(|text| utf16(text));
        let [domain, user, workstation] = &texts;
        for value in [&self.lm_response, &self.nt_response, domain, user, workstation, &self.session_key] {
            field(&mut out, &mut payload, base, value);
        }
        // NegotiateFlags and Version.
        out.u32(self.flags).u64(0);
        if let Some(mic) = &self.mic {
            out.bytes(mic);
        }
        out.bytes(payload.as_slice());
        out.into_vec()
    }

    /// There is an integrity code if there is room for it before the first field.
    ///
    /// # Errors
    /// Another message, or none; fields that point outside of it.
    pub fn decode(bytes: &[u8]) -> WireResult<Self> {
        let mut reader = open(bytes, 3)?;
        let mut first = bytes.len();
        let mut next = |context| {
            let start = reader.peek_rest();
            let value = payload(&mut reader, bytes, context)?;
            if let Some(&[a, b, c, d]) = start.get(4..8).filter(|_| !value.is_empty()) {
                first = first.min(u32::from_le_bytes([a, b, c, d]) as usize);
            }
            Ok(value)
        };
        let lm_response = next("LmChallengeResponse")?.to_vec();
        let nt_response = next("NtChallengeResponse")?.to_vec();
        let domain = text(next("DomainName")?);
        let user = text(next("UserName")?);
        let workstation = text(next("Workstation")?);
        let session_key = next("EncryptedRandomSessionKey")?.to_vec();
        let flags = reader.u32("NegotiateFlags")?;
        let mic = bytes.get(Self::MIC_RANGE).filter(|_| first >= Self::MIC_RANGE.end);
        let mic = mic.and_then(|mic| mic.try_into().ok());
        Ok(Self { flags, lm_response, nt_response, domain, user, workstation, session_key, mic })
    }
}

fn text(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

fn header(kind: u32) -> Writer {
    let mut out = Writer::new();
    out.bytes(SIGNATURE).u32(kind);
    out
}

/// Writes length, again length, and offset of `value`, and the value behind the header.
fn field(out: &mut Writer, payload: &mut Writer, base: usize, value: &[u8]) {
    // Longer values are none that anybody could mean: names of thousands of characters.
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    let length = value.len() as u16;
    out.u16(length).u16(length).u32((base + payload.len()) as u32);
    payload.bytes(value);
}

fn open(bytes: &[u8], kind: u32) -> WireResult<Reader<'_>> {
    let mut reader = Reader::new(bytes);
    if bytes.len() > MAX_MESSAGE {
        let kind = WireErrorKind::TooLarge { asked: bytes.len() as u64, limit: MAX_MESSAGE as u64 };
        return Err(reader.error("NTLM message", kind));
    }
    if reader.array::<8>("NTLM Signature")? != *SIGNATURE {
        return Err(WireError::new(0, "NTLM Signature", WireErrorKind::Invalid(0)));
    }
    let found = reader.u32("NTLM MessageType")?;
    if found == kind {
        Ok(reader)
    } else {
        Err(WireError::new(8, "NTLM MessageType", WireErrorKind::Invalid(found.into())))
    }
}

/// Reads a field's length and offset; what they point to.
fn payload<'a>(reader: &mut Reader<'_>, message: &'a [u8], context: &'static str) -> WireResult<&'a [u8]> {
    let length = usize::from(reader.u16(context)?);
    reader.u16(context)?;
    let offset = reader.u32(context)? as usize;
    if length == 0 {
        return Ok(&[]);
    }
    let end = offset.saturating_add(length);
    let left = message.len().saturating_sub(offset);
    message.get(offset..end).ok_or_else(|| reader.error(context, WireErrorKind::Truncated { needed: length, left }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{av_id, negotiate_flag};
    use super::*;

    /// [MS-NLMP] 4.2.4.3.
    #[test]
    fn the_published_challenge() {
        let bytes = b"NTLMSSP\0\x02\0\0\0\x0C\0\x0C\0\x38\0\0\0\x33\x82\x8A\xE2\x01\x23\x45\x67\x89\xAB\xCD\xEF\
            \0\0\0\0\0\0\0\0\x24\0\x24\0\x44\0\0\0\x06\0\x70\x17\0\0\0\x0FS\0e\0r\0v\0e\0r\0\
            \x02\0\x0C\0D\0o\0m\0a\0i\0n\0\x01\0\x0C\0S\0e\0r\0v\0e\0r\0\0\0\0\0";
        let challenge = Challenge::decode(bytes).expect("a challenge");
        assert_eq!(challenge.target_name, "Server");
        assert_eq!(challenge.flags & negotiate_flag::TARGET_INFO, negotiate_flag::TARGET_INFO);
        assert_eq!(challenge.target_info.get(av_id::NB_DOMAIN_NAME), Some(&b"D\0o\0m\0a\0i\0n\0"[..]));
        // All but the version, which we don't tell.
        let mut encoded = challenge.encode();
        encoded[48..56].copy_from_slice(&bytes[48..56]);
        assert_eq!(encoded, bytes);
    }

    #[test]
    fn old_and_broken_challenges() {
        let short = [&b"NTLMSSP\0\x02\0\0\0\0\0\0\0\x20\0\0\0\x07\x82\x08\0"[..], &[7; 8]].concat();
        assert_eq!(Challenge::decode(&short).expect("a challenge").server_challenge, [7; 8]);
        let mut outside = short.clone();
        outside[12] = 1;
        outside[16] = 200;
        assert!(Challenge::decode(&outside).is_err());
        assert!(Challenge::decode(&Negotiate { flags: 0 }.encode()).is_err());
        assert!(Challenge::decode(&[&short[..], &vec![0; MAX_MESSAGE]].concat()).is_err());
    }

    fn pairs() -> impl Strategy<Value = AvPairs> {
        prop::collection::vec((1u16..20, prop::collection::vec(any::<u8>(), 0..20)), 0..5).prop_map(|values| {
            let mut pairs = AvPairs::default();
            values.into_iter().for_each(|(id, value)| pairs.set(id, value));
            pairs
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn messages_come_back(
            flags in any::<u32>(), server_challenge in any::<[u8; 8]>(), name in "\\PC{0,12}", target_info in pairs(),
            lm_response in prop::collection::vec(any::<u8>(), 0..30), mic in any::<Option<[u8; 16]>>(),
        ) {
            let negotiate = Negotiate { flags };
            prop_assert_eq!(Negotiate::decode(&negotiate.encode()), Ok(negotiate));
            let challenge = Challenge { flags, server_challenge, target_name: name.clone(), target_info };
            prop_assert_eq!(Challenge::decode(&challenge.encode()), Ok(challenge));
            let authenticate = Authenticate {
                flags, nt_response: lm_response.clone(), lm_response, domain: name.clone(), user: "u".to_owned(),
                workstation: name, session_key: Vec::new(), mic,
            };
            prop_assert_eq!(Authenticate::decode(&authenticate.encode()), Ok(authenticate));
        }

        #[test]
        fn anything_may_come(kind in 1u32..4, rest in prop::collection::vec(any::<u8>(), 0..120)) {
            let mut bytes = header(kind);
            bytes.bytes(&rest);
            let _ = (Negotiate::decode(bytes.as_slice()), Challenge::decode(bytes.as_slice()));
            let _ = Authenticate::decode(bytes.as_slice());
            let _ = Challenge::decode(&rest);
        }
    }
}

//! Messages of DNS (RFC 1035 4).

use std::fmt;

const HEADER: usize = 12;
const CLASS_IN: u16 = 1;
const TYPE_SRV: u16 = 33;
const TYPE_OPT: u16 = 41;
/// Records that are read.
const MAX_RECORDS: usize = 64;
/// Pointers that are followed in a name.
const MAX_POINTERS: usize = 16;
/// Characters of a name, with dots.
const MAX_NAME: usize = 253;
/// What an answer by UDP may have (RFC 6891).
const UDP_SIZE: u16 = 1232;

/// Where a service is (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrvRecord {
    /// Lower ones come first.
    pub priority: u16,
    /// Share among those of the same priority.
    pub weight: u16,
    /// Port.
    pub port: u16,
    /// Host name in small letters, without the dot at its end. Empty: the service is not there.
    pub host: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// It did not fit, and has to be asked for by TCP.
    pub truncated: bool,
    /// The records, the preferred ones first. Empty: the name, or such a record, is not there.
    pub records: Vec<SrvRecord>,
}

/// Why an answer is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageError {
    /// It answers another question.
    Other,
    /// It can't be read.
    Malformed,
    /// The server can't answer; its RCODE.
    Failed(u8),
}

/// The question for the SRV records of `name`; `None` if that is no name.
pub fn query(id: u16, name: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(HEADER + name.len() + 17);
    // A standard query with recursion; one question, one additional record.
    for word in [id, 0x0100, 1, 0, 0, 1] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    let name = name.trim_end_matches('.');
    if name.is_empty() || name.len() > MAX_NAME {
        return None;
    }
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
        out.push(length);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&TYPE_SRV.to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    out.push(0);
    out.extend_from_slice(&TYPE_OPT.to_be_bytes());
    out.extend_from_slice(&UDP_SIZE.to_be_bytes());
    out.extend_from_slice(&[0; 6]);
    Some(out)
}

/// Reads the answer to the question `id` for `name`.
///
/// # Errors
/// See [`MessageError`].
pub fn decode(id: u16, name: &str, bytes: &[u8]) -> Result<Answer, MessageError> {
    let header: &[u8; HEADER] = bytes.first_chunk().ok_or(MessageError::Malformed)?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    // Its number, that it is an answer, and to one question.
    if word(0) != id || word(2) & 0x8000 == 0 || word(4) != 1 {
        return Err(MessageError::Other);
    }
    match word(2) & 0xF {
        // NXDOMAIN: there is no such name.
        0 | 3 => {}
        code => return Err(MessageError::Failed(code as u8)),
    }
    let mut reader = Reader { bytes, at: HEADER };
    let (asked, kind, class) = reader.question().ok_or(MessageError::Malformed)?;
    if !asked.eq_ignore_ascii_case(name.trim_end_matches('.')) || kind != TYPE_SRV || class != CLASS_IN {
        return Err(MessageError::Other);
    }
    let truncated = word(2) & 0x0200 != 0;
    let mut records = Vec::new();
    for _ in 0..usize::from(word(6)).min(MAX_RECORDS) {
        match reader.record() {
            Some(record) => records.extend(record),
            None if truncated => break,
            None => return Err(MessageError::Malformed),
        }
    }
    records.sort_by_key(|record| (record.priority, u16::MAX - record.weight));
    Ok(Answer { truncated, records })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn word(&mut self) -> Option<u16> {
        let word = self.bytes.get(self.at..)?.first_chunk::<2>()?;
        self.at += 2;
        Some(u16::from_be_bytes(*word))
    }

    fn question(&mut self) -> Option<(String, u16, u16)> {
        Some((self.name()?, self.word()?, self.word()?))
    }

    /// A record, or nothing if it is of another type; `None` if it is damaged. Aliases are resolved by the server: whatever
    /// SRV records it answers with belong to the question.
    fn record(&mut self) -> Option<Option<SrvRecord>> {
        self.name()?;
        let (kind, class) = (self.word()?, self.word()?);
        // How long it may be kept.
        self.word()?;
        self.word()?;
        let end = usize::from(self.word()?) + self.at;
        if end > self.bytes.len() {
            return None;
        }
        let record = if kind == TYPE_SRV && class == CLASS_IN {
            let (priority, weight, port) = (self.word()?, self.word()?, self.word()?);
            Some(SrvRecord { priority, weight, port, host: self.name()? })
        } else {
            None
        };
        self.at = end;
        Some(record)
    }

    /// A name, in small letters; only letters, digits, `-` and `_` are taken, as in names of hosts and services.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let (mut at, mut pointers) = (self.at, 0);
        loop {
            let length = *self.bytes.get(at)?;
            match length {
                0 => {
                    if pointers == 0 {
                        self.at = at + 1;
                    }
                    return Some(name);
                }
                1..=63 => {
                    let label = self.bytes.get(at + 1..at + 1 + usize::from(length))?;
                    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
                    if !label.iter().all(plain) || name.len() + label.len() + 1 > MAX_NAME {
                        return None;
                    }
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
                    at += 1 + usize::from(length);
                }
                0xC0..=0xFF => {
                    let low = *self.bytes.get(at + 1)?;
                    if pointers == 0 {
                        self.at = at + 2;
                    }
                    pointers += 1;
                    if pointers > MAX_POINTERS {
                        return None;
                    }
                    at = usize::from(length & 0x3F) << 8 | usize::from(low);
                }
                _ => return None,
            }
        }
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other => write!(f, "an answer to another question"),
            Self::Malformed => write!(f, "an answer that can't be read"),
            Self::Failed(code) => write!(f, "the name server can't answer (code {code})"),
        }
    }
}

impl std::error::Error for MessageError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "_kerberos._tcp.example.test";

    fn answer(records: &[(u16, u16, u16, &[u8])]) -> Vec<u8> {
        let mut out = query(7, NAME).expect("a name");
        // Without the additional record; an answer.
        out.truncate(out.len() - 11);
        out[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
        for (priority, weight, port, host) in records {
            out.extend([0xC0, 12, 0, 33, 0, 1, 0, 0, 0, 60]);
            out.extend((6 + host.len() as u16).to_be_bytes());
            [priority, weight, port].iter().for_each(|word| out.extend(word.to_be_bytes()));
            out.extend_from_slice(host);
        }
        out
    }

    #[test]
    fn the_preferred_one_comes_first() {
        // `example.test` stands at 12 + 10 + 5.
        let bytes =
            answer(&[(10, 5, 88, b"\x03DC2\xC0\x1B"), (0, 5, 88, b"\x03dc3\xC0\x1B"), (0, 50, 89, b"\x03dc1\x00")]);
        let found = decode(7, "_KERBEROS._tcp.example.test.", &bytes).expect("an answer");
        let found: Vec<_> = found.records.iter().map(|record| (record.host.as_str(), record.port)).collect();
        assert_eq!(found, [("dc1", 89), ("dc3.example.test", 88), ("dc2.example.test", 88)]);
    }

    #[test]
    fn what_is_no_answer() {
        let good = answer(&[(0, 0, 88, b"\x01a\x00")]);
        assert_eq!(decode(8, NAME, &good), Err(MessageError::Other));
        assert_eq!(decode(7, "_kerberos._tcp.other.test", &good), Err(MessageError::Other));
        assert_eq!(decode(7, NAME, &good[..good.len() - 1]), Err(MessageError::Malformed));
        let mut failed = good.clone();
        failed[3] = 0x82;
        assert_eq!(decode(7, NAME, &failed), Err(MessageError::Failed(2)));
        let mut nothing = answer(&[]);
        nothing[3] = 0x83;
        assert_eq!(decode(7, NAME, &nothing), Ok(Answer { truncated: false, records: vec![] }));
        // A name that points to itself.
        assert_eq!(decode(7, NAME, &answer(&[(0, 0, 88, b"\xC0\x43")])), Err(MessageError::Malformed));
        for wrong in ["", ".", "a..b", &"x".repeat(64), &"a.".repeat(200)] {
            assert_eq!(query(1, wrong), None, "{wrong}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..100), at in 0usize..100, with: u8) {
            drop(decode(7, NAME, &bytes));
            let mut good = answer(&[(0, 0, 88, b"\x03dc1\xC0\x1B"), (0, 1, 88, b"\x01b\x00")]);
            let length = good.len();
            good[at % length] = with;
            drop(decode(7, NAME, &good));
        }
    }
}

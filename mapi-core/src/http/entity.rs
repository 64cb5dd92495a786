use std::fmt;

use super::{ResponseCode, header};

/// The request was taken; the server works on it.
pub const PROCESSING: &str = "PROCESSING\r\n";
/// Keep-alive of a server that still works.
pub const PENDING: &str = "PENDING\r\n";
/// The answer follows: additional headers, an empty line, the binary body.
pub const DONE: &str = "DONE\r\n";

const MAX_LINE: usize = 8 * 1024;
const MAX_HEADERS: usize = 64;

/// A whole response entity ([MS-OXCMAPIHTTP] 2.2.7).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entity {
    /// Headers between DONE and the empty line.
    pub headers: Vec<(String, String)>,
    /// The binary body.
    pub body: Vec<u8>,
}

impl Entity {
    /// The value of the last additional header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().rev().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The X-ResponseCode among the additional headers, which wins over the one in the HTTP headers.
    pub fn response_code(&self) -> Option<ResponseCode> {
        self.header(header::X_RESPONSE_CODE).and_then(ResponseCode::parse)
    }
}

/// What ends an answer: DONE, `headers`, an empty line and `body`.
pub fn encode_done(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut out = DONE.as_bytes().to_vec();
    for (name, value) in headers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

/// A whole entity of an answer that was never pending.
pub fn encode_entity(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    [PROCESSING.as_bytes(), &encode_done(headers, body)].concat()
}

/// Why an entity could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityError {
    /// A line that is no meta-tag, before DONE.
    UnexpectedLine {
        /// Bytes of the entity before the line.
        offset: usize,
    },
    /// A line, the number of headers or the body is above its bound.
    TooLarge {
        /// What was too large.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The entity ended before the empty line after DONE.
    Truncated {
        /// Bytes read.
        offset: usize,
    },
}

impl fmt::Display for EntityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedLine { offset } => write!(f, "no meta-tag at byte {offset} of the response"),
            Self::TooLarge { what, limit } => write!(f, "{what} of the response above {limit}"),
            Self::Truncated { offset } => write!(f, "response ended at byte {offset}, before its body"),
        }
    }
}

impl std::error::Error for EntityError {}

/// Reads an entity piece by piece, however it is cut.
///
/// PROCESSING and PENDING are accepted in any order and number until DONE, also without the line end that Gromox leaves
/// out after PENDING.
#[derive(Debug, Clone)]
pub struct EntityDecoder {
    state: EntityState,
    line: Vec<u8>,
    /// Whether meta-tags were taken off the line being read: it is then not the empty line.
    tagged: bool,
    offset: usize,
    pending: u64,
    entity: Entity,
    body_limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntityState {
    Tags,
    Headers,
    Body,
}

impl EntityDecoder {
    /// A decoder that refuses bodies above `body_limit` bytes.
    pub fn new(body_limit: usize) -> Self {
        Self {
            state: EntityState::Tags,
            line: Vec::new(),
            tagged: false,
            offset: 0,
            pending: 0,
            entity: Entity::default(),
            body_limit,
        }
    }

    /// PENDING keep-alives seen so far.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Lines that are no meta-tags, and anything above its bound. The decoder is of no use afterwards.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), EntityError> {
        while self.state != EntityState::Body {
            let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            self.offset += 1;
            self.line.push(byte);
            if byte == b'\n' {
                self.end_line()?;
            } else if self.line.len() > MAX_LINE {
                return Err(EntityError::TooLarge { what: "a line", limit: MAX_LINE });
            } else if self.state == EntityState::Tags {
                self.strip_tag();
            }
        }
        if self.entity.body.len() + bytes.len() > self.body_limit {
            return Err(EntityError::TooLarge { what: "the body", limit: self.body_limit });
        }
        self.offset += bytes.len();
        self.entity.body.extend_from_slice(bytes);
        Ok(())
    }

    /// The entity, once everything was pushed.
    ///
    /// # Errors
    /// [`EntityError::Truncated`] if the body was not reached.
    pub fn finish(self) -> Result<Entity, EntityError> {
        match self.state {
            EntityState::Body => Ok(self.entity),
            EntityState::Tags | EntityState::Headers => Err(EntityError::Truncated { offset: self.offset }),
        }
    }

    fn strip_tag(&mut self) {
        match self.line.as_slice() {
            b"PROCESSING" => {}
            b"PENDING" => self.pending += 1,
            _ => return,
        }
        self.line.clear();
        self.tagged = true;
    }

    fn end_line(&mut self) -> Result<(), EntityError> {
        let line = std::mem::take(&mut self.line);
        let tagged = std::mem::take(&mut self.tagged);
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        match self.state {
            EntityState::Tags if text == b"DONE" => self.state = EntityState::Headers,
            EntityState::Tags if text.is_empty() && tagged => {}
            EntityState::Tags => return Err(EntityError::UnexpectedLine { offset: self.offset - line.len() }),
            EntityState::Headers if text.is_empty() => self.state = EntityState::Body,
            EntityState::Headers => {
                if self.entity.headers.len() == MAX_HEADERS {
                    return Err(EntityError::TooLarge { what: "the number of headers", limit: MAX_HEADERS });
                }
                let text = String::from_utf8_lossy(text);
                let (name, value) = text.split_once(':').unwrap_or((&text, ""));
                self.entity.headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            EntityState::Body => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The answer to a NotificationWait as a real server sent it.
    const RECORDED: &[u8] = b"PROCESSING\r\nPENDINGPENDINGPROCESSING\r\nDONE\r\nX-ElapsedTime: 66\r\n\
        X-StartTime: Sun, 22 Nov 2026 02:14:54 GMT\r\n\r\n\x00\x00\x00\x00\r\n\r\nDONE\r\n";

    fn decode(parts: &[&[u8]]) -> Result<(u64, Entity), EntityError> {
        let mut decoder = EntityDecoder::new(1000);
        for part in parts {
            decoder.push(part)?;
        }
        Ok((decoder.pending(), decoder.finish()?))
    }

    #[test]
    fn every_split_reads_the_same() {
        let (pending, whole) = decode(&[RECORDED]).expect("a recorded answer");
        assert_eq!(pending, 2);
        assert_eq!(whole.header("x-elapsedtime"), Some("66"));
        assert_eq!(whole.body, b"\x00\x00\x00\x00\r\n\r\nDONE\r\n");
        for at in 0..=RECORDED.len() {
            let (a, b) = RECORDED.split_at(at);
            assert_eq!(decode(&[a, b]), Ok((2, whole.clone())), "cut at {at}");
        }
        let bytes: Vec<_> = RECORDED.chunks(1).collect();
        assert_eq!(decode(&bytes), Ok((2, whole)));
    }

    #[test]
    fn the_later_response_code_wins() {
        let bytes = encode_entity(&[("X-ResponseCode", "1"), ("X-ResponseCode", "10")], b"body");
        let (_, entity) = decode(&[&bytes]).expect("our own answer");
        assert_eq!(entity.response_code(), Some(ResponseCode::CONTEXT_NOT_FOUND));
        assert_eq!(entity.body, b"body");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        assert_eq!(decode(&[b"PROCESSING\r\n\r\n"]), Err(EntityError::UnexpectedLine { offset: 12 }));
        assert_eq!(decode(&[b"<html>\r\n"]), Err(EntityError::UnexpectedLine { offset: 0 }));
        assert_eq!(decode(&[b"PROCESSING\r\nDONE\r\n"]), Err(EntityError::Truncated { offset: 18 }));
        let long = [b"DONE\r\n\r\n".as_slice(), &[0; 1001]].concat();
        assert_eq!(decode(&[&long]), Err(EntityError::TooLarge { what: "the body", limit: 1000 }));
        assert!(decode(&[&[b'x'; MAX_LINE + 1]]).is_err());
        assert!(decode(&[b"DONE\r\n", &b"a: b\r\n".repeat(MAX_HEADERS + 1)]).is_err());
        let patient = b"PENDING".repeat(100_000);
        let (pending, _) = decode(&[&patient, b"\r\nDONE\r\n\r\n"]).expect("keep-alives have no bound");
        assert_eq!(pending, 100_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn chunking_never_matters(
            words in proptest::collection::vec(prop::sample::select(vec!["PROCESSING\r\n", "PENDING\r\n", "PENDING"]), 0..5),
            body in proptest::collection::vec(any::<u8>(), 0..40),
            chunk in 1usize..12,
        ) {
            let mut bytes = words.concat().into_bytes();
            bytes.extend(encode_entity(&[("A", "b")], &body));
            let chunks: Vec<_> = bytes.chunks(chunk).collect();
            let read = decode(&chunks);
            prop_assert_eq!(&read, &decode(&[&bytes]));
            prop_assert_eq!(read.expect("valid").1.body, body);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..200) {
            let (a, b) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(decode(&[a, b]), decode(&[&bytes]));
        }
    }
}

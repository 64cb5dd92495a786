use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mail_core::message::{Content, Entity, Message, transfer};
use mail_core::work::spend;
use memchr::memchr;

/// So many bytes make a line of base64 (RFC 2045 6.8).
const LINE: usize = 57;

/// A message whose parts with NUL are in base64 (RFC 3516 4.4); nothing if there is NUL where it can't be encoded.
pub fn without_nul(message: &Message) -> Option<Bytes> {
    let bytes = message.bytes();
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 2);
    let mut at = 0;
    encode(message.root(), bytes, &mut at, &mut out)?;
    out.extend_from_slice(bytes.get(at..)?);
    memchr(0, &out).is_none().then(|| out.into())
}

/// Writes what stands before the end of a part, from `at` on. Recursion is as deep as messages are taken apart.
fn encode(part: Entity<'_>, bytes: &[u8], at: &mut usize, out: &mut Vec<u8>) -> Option<()> {
    let body = part.part().body.clone();
    if memchr(0, part.body()).is_none() {
        return Some(());
    }
    if !matches!(part.part().content, Content::Leaf) {
        return part.children().try_for_each(|child| encode(child, bytes, at, out));
    }
    let encoding = part.transfer_encoding();
    if transfer::is_encoded(&encoding) || !transfer::is_known(&encoding) {
        return None;
    }
    out.extend_from_slice(bytes.get(*at..part.part().header.range().start)?);
    for line in part.fields().lines().filter(|line| !is_encoding(line)) {
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n");
    out.extend_from_slice(part.header().get(part.fields().raw().len()..)?);
    for (number, line) in part.body().chunks(LINE).enumerate() {
        spend(line.len());
        if number > 0 {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(STANDARD.encode(line).as_bytes());
    }
    if body.end == bytes.len() {
        out.extend_from_slice(b"\r\n");
    }
    *at = body.end;
    Some(())
}

fn is_encoding(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    name.trim_ascii_end().eq_ignore_ascii_case(b"Content-Transfer-Encoding")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(raw: &'static [u8]) -> Option<String> {
        let encoded = without_nul(&Message::new(Bytes::from_static(raw)))?;
        Some(String::from_utf8_lossy(&encoded).into_owned())
    }

    #[test]
    fn parts_with_nul_are_encoded() {
        assert_eq!(
            encoded(b"Subject: x\r\ncontent-transfer-encoding: binary\r\nA: b\r\n\r\na\0b").as_deref(),
            Some("Subject: x\r\nA: b\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n")
        );
        assert_eq!(
            encoded(
                b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nplain\r\n--x\r\n\
                Content-Type: application/octet-stream\r\nContent-Transfer-Encoding:\r\n binary\r\n\r\n\0\0\r\n--x\r\n\
                Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\n\0\r\n--x--\r\n"
            )
            .as_deref(),
            Some(
                "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nplain\r\n--x\r\n\
                Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAA=\r\n--x\r\n\
                Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Transfer-Encoding: base64\r\n\r\nAA==\r\n--x--\r\n"
            )
        );
    }

    #[test]
    fn lines_are_short_and_give_the_same_again() {
        let body: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let raw = [&b"Content-Transfer-Encoding: binary\r\n\r\n"[..], &body].concat();
        let encoded = without_nul(&Message::new(raw.into())).expect("it can be encoded");
        assert!(encoded.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
        assert_eq!(*Message::new(encoded).root().decoded(), *body);
    }

    #[test]
    fn what_can_not_be_encoded() {
        for raw in [
            &b"Subject: \0\r\n\r\nbody"[..],
            b"\0",
            b"Content-Transfer-Encoding: base64\r\n\r\nAA\0A",
            b"Content-Transfer-Encoding: x-own\r\n\r\n\0",
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n\0\r\n--x\r\n\r\nplain\r\n--x--\r\n",
        ] {
            assert_eq!(encoded(raw), None, "{}", String::from_utf8_lossy(raw));
        }
    }
}

use std::borrow::Cow;

use mail_core::work::spend;
use sha2::{Digest, Sha256};

use super::encoding::TransferEncoding;
use super::header::Header;
use crate::convert::ConvertError;

/// A MIME entity (RFC 2045 2.4): its header without what [`write`] adds, and its content.
#[derive(Debug, Clone)]
pub(super) struct Entity<'a> {
    pub(super) header: Header,
    pub(super) content: Content<'a>,
}

#[derive(Debug, Clone)]
pub(super) enum Content<'a> {
    /// A body of its own. The header has its Content-Type.
    Leaf { media_type: String, data: Cow<'a, [u8]>, encoding: TransferEncoding },
    /// `multipart/*`; parameters are those besides the boundary.
    Multipart { subtype: &'static str, parameters: String, parts: Vec<Entity<'a>> },
    /// `message/rfc822`
    Message(Box<Entity<'a>>),
    /// The last lines of a header, which are complete, and a body: both as they were found.
    Verbatim { lines: Vec<u8>, body: Cow<'a, [u8]> },
}

impl<'a> Entity<'a> {
    /// Text with CRLF line ends, whose Content-Type the header has.
    pub(super) fn text(header: Header, text: Cow<'a, str>) -> Self {
        let data = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        let encoding = TransferEncoding::for_text(&data);
        Self { header, content: Content::Leaf { media_type: "text/plain".into(), data, encoding } }
    }

    pub(super) fn multipart(subtype: &'static str, parameters: String, parts: Vec<Self>) -> Self {
        Self { header: Header::new(), content: Content::Multipart { subtype, parameters, parts } }
    }

    /// Type and subtype.
    pub(super) fn media_type(&self) -> String {
        match &self.content {
            Content::Leaf { media_type, .. } => media_type.clone(),
            Content::Multipart { subtype, .. } => format!("multipart/{subtype}"),
            Content::Message(_) => "message/rfc822".into(),
            Content::Verbatim { .. } => "multipart/signed".into(),
        }
    }

    /// Whether everything written for this entity is ASCII.
    fn is_ascii(&self) -> bool {
        match &self.content {
            Content::Leaf { .. } => true,
            Content::Multipart { parts, .. } => parts.iter().all(Self::is_ascii),
            Content::Message(inner) => inner.is_ascii(),
            Content::Verbatim { lines, body } => lines.is_ascii() && body.is_ascii(),
        }
    }

    /// Whether `needle` occurs where it could be taken for a boundary.
    fn contains(&self, needle: &[u8]) -> bool {
        if find(self.header.as_bytes(), needle) {
            return true;
        }
        match &self.content {
            // Neither base64 nor quoted-printable can hold the `=_` of a boundary.
            Content::Leaf { data, encoding, .. } => *encoding == TransferEncoding::SevenBit && find(data, needle),
            Content::Multipart { parts, .. } => parts.iter().any(|part| part.contains(needle)),
            Content::Message(inner) => inner.contains(needle),
            Content::Verbatim { lines, body } => find(lines, needle) || find(body, needle),
        }
    }
}

fn find(data: &[u8], needle: &[u8]) -> bool {
    let Some(&first) = needle.first() else { return true };
    let mut rest = data;
    while let Some(at) = rest.iter().position(|&b| b == first) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        spend(at + 1);
        rest = &rest[at + 1..];
    }
    false
}

/// Writes a message; also tells the length of its header with the empty line.
///
/// # Errors
/// A result above `limit` bytes.
pub(super) fn write(entity: &Entity<'_>, seed: &[u8], limit: usize) -> Result<(Vec<u8>, usize), ConvertError> {
    let mut writer = Writer { out: Vec::new(), seed, limit };
    let header_len = writer.entity(entity, &mut Vec::new())?;
    writer.end_line();
    if writer.out.len() > limit {
        return Err(ConvertError::TooLarge { limit });
    }
    Ok((writer.out, header_len))
}

struct Writer<'s> {
    out: Vec<u8>,
    seed: &'s [u8],
    limit: usize,
}

impl Writer<'_> {
    /// Writes an entity; tells where its body starts. `path` is the entity's place in the tree.
    fn entity(&mut self, entity: &Entity<'_>, path: &mut Vec<u32>) -> Result<usize, ConvertError> {
        self.put(entity.header.as_bytes())?;
        let mut header = Header::new();
        let wide = !entity.is_ascii();
        match &entity.content {
            Content::Leaf { data, encoding, .. } => {
                header.structured("Content-Transfer-Encoding", encoding.name());
                let start = self.end_header(&header)?;
                // Where encoding could exceed the limit its exact size decides.
                if encoding.bound(data.len()) > self.limit.saturating_sub(self.out.len()) && data.len() > self.limit {
                    return Err(ConvertError::TooLarge { limit: self.limit });
                }
                encoding.write(data, &mut self.out);
                self.put(b"")?;
                Ok(start)
            }
            Content::Multipart { subtype, parameters, parts } => {
                let boundary = self.boundary(parts, path);
                let separator = if parameters.is_empty() { "" } else { "; " };
                header.with_parameters(
                    "Content-Type",
                    &format!("multipart/{subtype}; boundary=\"{boundary}\"{separator}{parameters}"),
                );
                if wide {
                    header.structured("Content-Transfer-Encoding", "8bit");
                }
                let start = self.end_header(&header)?;
                for (index, part) in parts.iter().enumerate() {
                    self.put(format!("{}--{boundary}\r\n", if index > 0 { "\r\n" } else { "" }).as_bytes())?;
                    path.push(u32::try_from(index).unwrap_or(u32::MAX));
                    self.entity(part, path)?;
                    path.pop();
                }
                self.put(format!("\r\n--{boundary}--\r\n").as_bytes())?;
                Ok(start)
            }
            Content::Message(inner) => {
                if wide {
                    header.structured("Content-Transfer-Encoding", "8bit");
                }
                let start = self.end_header(&header)?;
                path.push(u32::MAX);
                self.entity(inner, path)?;
                path.pop();
                Ok(start)
            }
            Content::Verbatim { lines, body } => {
                header.lines(lines);
                let start = self.end_header(&header)?;
                self.put(body)?;
                Ok(start)
            }
        }
    }

    fn end_header(&mut self, last_fields: &Header) -> Result<usize, ConvertError> {
        self.put(last_fields.as_bytes())?;
        self.put(b"\r\n")?;
        Ok(self.out.len())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), ConvertError> {
        if self.out.len() + bytes.len() > self.limit {
            return Err(ConvertError::TooLarge { limit: self.limit });
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) {
        if !self.out.ends_with(b"\r\n") {
            self.out.extend_from_slice(b"\r\n");
        }
    }

    /// A boundary that occurs in none of `parts`: from the seed, the place in the tree, and a counter.
    fn boundary(&self, parts: &[Entity<'_>], path: &[u32]) -> String {
        let mut attempt = 0u32;
        loop {
            let mut hash = Sha256::new();
            hash.update(b"boundary");
            hash.update(self.seed);
            path.iter().chain([&attempt]).for_each(|n| hash.update(n.to_be_bytes()));
            let digest: [u8; 32] = hash.finalize().into();
            let boundary: String =
                ["=_".to_owned()].into_iter().chain(digest[..12].iter().map(|b| format!("{b:02x}"))).collect();
            if !parts.iter().any(|part| part.contains(boundary.as_bytes())) {
                return boundary;
            }
            attempt = attempt.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str) -> Entity<'static> {
        let mut header = Header::new();
        header.structured("Content-Type", "text/plain; charset=utf-8");
        Entity::text(header, content.to_owned().into())
    }

    #[test]
    fn boundaries_avoid_the_content() {
        let whole = |content: &str| {
            let entity = Entity::multipart("mixed", String::new(), vec![text(content)]);
            String::from_utf8(write(&entity, b"seed", 10_000).expect("small").0).expect("ASCII")
        };
        let boundary = |out: &str| out.split('"').nth(1).expect("a boundary").to_owned();
        let plain = whole("x\r\n");
        let first = boundary(&plain);
        assert_eq!(
            plain,
            format!(
                "Content-Type: multipart/mixed; boundary=\"{first}\"\r\n\r\n--{first}\r\nContent-Type: text/plain; \
                 charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nx\r\n\r\n--{first}--\r\n"
            )
        );
        assert_ne!(boundary(&whole(&first)), first);
    }

    #[test]
    fn the_limit_holds() {
        let entity = text(&"x\r\n".repeat(100));
        let (whole, _) = write(&entity, b"", 10_000).expect("small");
        assert!(write(&entity, b"", whole.len()).is_ok());
        assert_eq!(write(&entity, b"", whole.len() - 1), Err(ConvertError::TooLarge { limit: whole.len() - 1 }));
    }
}

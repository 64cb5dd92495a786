use std::borrow::Cow;

use super::decode;
use super::fields::{Fields, Structured};

/// What may still be taken apart.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) depth: usize,
    pub(super) parts: usize,
}

/// An entity (RFC 2045 2.4) of a message.
#[derive(Debug)]
pub(super) struct Entity<'a> {
    pub(super) fields: Fields<'a>,
    /// The body as it was transferred.
    pub(super) body: &'a [u8],
    pub(super) content_type: Structured,
    pub(super) disposition: Structured,
    pub(super) content: Content<'a>,
}

#[derive(Debug)]
pub(super) enum Content<'a> {
    /// A body of its own, decoded.
    Leaf(Cow<'a, [u8]>),
    Multipart(Vec<Entity<'a>>),
    /// `message/rfc822`
    Message(Box<Entity<'a>>),
    /// `message/rfc822` that was encoded although it must not be: its own parts can't refer to the transferred bytes.
    EncodedMessage(Vec<u8>),
    /// Not taken apart: too deep, or one too many.
    Opaque,
}

impl<'a> Entity<'a> {
    /// Takes a message apart.
    pub(super) fn parse(message: &'a [u8], budget: &mut Budget) -> Self {
        Self::part(message, "text/plain", budget)
    }

    fn part(raw: &'a [u8], default: &str, budget: &mut Budget) -> Self {
        let (fields, body) = Fields::split(raw);
        let content_type = fields
            .structured("content-type")
            .filter(|content_type| content_type.value.contains('/'))
            .unwrap_or_else(|| Structured::plain(default));
        let disposition = fields.structured("content-disposition").unwrap_or_default();
        let mut entity = Self { fields, body, content_type, disposition, content: Content::Opaque };
        entity.content = entity.contents(budget);
        entity
    }

    fn contents(&self, budget: &mut Budget) -> Content<'a> {
        let encoding = self.fields.verbatim("content-transfer-encoding").unwrap_or_default();
        let kind = &self.content_type.value[..];
        let nested = kind.starts_with("multipart/") || matches!(kind, "message/rfc822" | "message/global");
        if !nested {
            return Content::Leaf(decode::transfer(&encoding, self.body));
        }
        if budget.depth == 0 {
            return Content::Opaque;
        }
        if kind.starts_with("message/") {
            return match decode::transfer(&encoding, self.body) {
                Cow::Borrowed(body) => {
                    budget.depth -= 1;
                    let message = Self::part(body, "text/plain", budget);
                    budget.depth += 1;
                    Content::Message(Box::new(message))
                }
                Cow::Owned(decoded) => Content::EncodedMessage(decoded),
            };
        }
        let raw_parts = match self.content_type.parameter("boundary") {
            Some(boundary) if !boundary.is_empty() => split(self.body, boundary.as_bytes(), budget.parts),
            _ => Vec::new(),
        };
        if raw_parts.is_empty() {
            return Content::Leaf(Cow::Borrowed(self.body));
        }
        let default = if kind == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        budget.depth -= 1;
        let mut parts = Vec::new();
        for raw in raw_parts {
            if budget.parts == 0 {
                break;
            }
            budget.parts -= 1;
            parts.push(Self::part(raw, default, budget));
        }
        budget.depth += 1;
        Content::Multipart(parts)
    }

    /// A value of the header without `<>`.
    pub(super) fn content_id(&self) -> Option<String> {
        let id = self.fields.verbatim("content-id")?;
        let id = id.trim_matches(['<', '>', ' ']).to_owned();
        (!id.is_empty()).then_some(id)
    }

    /// The file name, if there is one.
    pub(super) fn name(&self) -> Option<String> {
        let name = self.disposition.parameter("filename").or_else(|| self.content_type.parameter("name"))?;
        let name = name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// Whether the sender wants it shown apart from the text.
    pub(super) fn is_attached(&self) -> bool {
        self.disposition.value == "attachment" || self.name().is_some()
    }
}

/// The parts between the delimiters of a multipart body (RFC 2046 5.1.1), at most `limit` and one with all the rest.
fn split<'a>(body: &'a [u8], boundary: &[u8], limit: usize) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    while at < body.len() {
        let rest = &body[at..];
        let length = rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |at| at + 1);
        let tail = rest[..length].strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        let tail = tail.map(<[u8]>::trim_ascii).filter(|tail| tail.is_empty() || *tail == b"--");
        if let Some(tail) = tail.filter(|tail| !tail.is_empty() || parts.len() < limit) {
            if let Some(start) = start {
                parts.push(without_line_end(&body[start..at.max(start)]));
            }
            start = Some(at + length);
            if !tail.is_empty() {
                return parts;
            }
        }
        at += length;
    }
    // The end is missing: the last part goes to where the body ends.
    parts.extend(start.map(|start| without_line_end(&body[start.min(body.len())..])));
    parts
}

/// The line end before a delimiter belongs to the delimiter.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters() {
        let body = b"preamble\r\n--b\r\nA: 1\r\n\r\none\r\n--bb\r\n--b \r\n\r\ntwo\r\n\r\n--b--\r\nepilogue --b\r\n";
        assert_eq!(split(body, b"b", 9), [&b"A: 1\r\n\r\none\r\n--bb"[..], b"\r\ntwo\r\n"]);
        assert_eq!(split(body, b"b", 1), [&b"A: 1\r\n\r\none\r\n--bb"[..], b"\r\ntwo\r\n"]);
        assert_eq!(split(b"--b\n\nx\n--b\n\ny", b"b", 9), [&b"\nx"[..], b"\ny"]);
        assert_eq!(split(b"--b\n--b\n--b--", b"b", 9), [&b""[..], b""]);
        assert!(split(b"nothing", b"b", 9).is_empty());
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(1000);
        let mut budget = Budget { depth: 3, parts: 10 };
        let mut entity = &Entity::parse(nested.as_bytes(), &mut budget);
        let mut depth = 0;
        while let Content::Message(inner) = &entity.content {
            entity = inner;
            depth += 1;
        }
        assert_eq!(depth, 3);
        assert!(matches!(entity.content, Content::Opaque));
        let many = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(50));
        let entity = Entity::parse(many.as_bytes(), &mut budget);
        let Content::Multipart(parts) = &entity.content else { panic!("no parts") };
        assert_eq!(parts.len(), 10);
    }
}

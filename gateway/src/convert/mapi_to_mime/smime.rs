use std::borrow::Cow;

use mapi_core::message::MessageContent;
use mapi_core::property::tags;

use super::encoding::TransferEncoding;
use super::entity::{Content, Entity};
use super::header::Header;
use crate::convert::strings::filled;

/// The content of a signed or encrypted message ([MS-OXOSMIME] 2.1.3), exactly as it was stored; `None` if the message
/// is of another class, or not stored as its class demands.
pub(super) fn entity(message: &MessageContent) -> Option<Entity<'_>> {
    let class = filled(&message.properties, tags::PidTagMessageClass)?.trim().to_ascii_uppercase();
    if !class.starts_with("IPM.NOTE.SMIME") {
        return None;
    }
    let [attachment] = &message.attachments[..] else { return None };
    let data = attachment.properties.binary(tags::PidTagAttachDataBinary)?;
    let media_type = filled(&attachment.properties, tags::PidTagAttachMimeTag).unwrap_or_default();
    verbatim(data).or_else(|| opaque(&class, &media_type, data))
}

/// A complete entity with its header.
fn verbatim(data: &[u8]) -> Option<Entity<'_>> {
    let end = [&b"\r\n\r\n"[..], b"\n\n"].into_iter().filter_map(|end| {
        let at = data[..data.len().min(64 << 10)].windows(end.len()).position(|window| window == end)?;
        Some((at, at + end.len()))
    });
    let (header_end, body) = end.min()?;
    let header = std::str::from_utf8(&data[..header_end]).ok()?;
    let mut lines = String::new();
    let mut keeping = false;
    let mut typed = false;
    for line in header.lines() {
        if !line.starts_with([' ', '\t']) {
            // The message has fields of its own; from here only those that describe the body may come.
            let lower = line.to_ascii_lowercase();
            keeping = lower.starts_with("content-");
            typed |= lower.starts_with("content-type:");
        }
        if keeping {
            lines.push_str(line);
            lines.push_str("\r\n");
        }
    }
    let content = Content::Verbatim { lines: lines.into_bytes(), body: Cow::Borrowed(&data[body..]) };
    typed.then_some(Entity { header: Header::new(), content })
}

/// A CMS object (RFC 8551 3.2).
fn opaque<'a>(class: &str, declared: &str, data: &'a [u8]) -> Option<Entity<'a>> {
    if class != "IPM.NOTE.SMIME" || data.first() != Some(&0x30) {
        return None;
    }
    let known = ["signed-data", "enveloped-data", "compressed-data", "certs-only", "authEnveloped-data"];
    let stored = declared.split(';').find_map(|parameter| parameter.trim().strip_prefix("smime-type="));
    let stored = stored.and_then(|stored| known.into_iter().find(|kind| kind.eq_ignore_ascii_case(stored)));
    let kind = stored.unwrap_or_else(|| smime_type(data));
    let mut header = Header::new();
    header.structured("Content-Type", &format!("application/pkcs7-mime; smime-type={kind}; name=\"smime.p7m\""));
    header.structured("Content-Disposition", "attachment; filename=\"smime.p7m\"");
    let media_type = "application/pkcs7-mime".to_owned();
    let content = Content::Leaf { media_type, data: Cow::Borrowed(data), encoding: TransferEncoding::Base64 };
    Some(Entity { header, content })
}

/// Told by the content type that a CMS object starts with (RFC 5652 3).
fn smime_type(data: &[u8]) -> &'static str {
    const PKCS7: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07];
    const AUTH_ENVELOPED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x17];
    const COMPRESSED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x09];
    let start = &data[..data.len().min(32)];
    let after = |oid: &[u8]| start.windows(oid.len()).position(|window| window == oid).map(|at| at + oid.len());
    if after(AUTH_ENVELOPED).is_some() {
        return "authEnveloped-data";
    }
    if after(COMPRESSED).is_some() {
        return "compressed-data";
    }
    match after(PKCS7).and_then(|at| start.get(at)) {
        Some(2) => "signed-data",
        _ => "enveloped-data",
    }
}

//! Messages as MIME ([MS-OXCMAIL] 2.1, [MS-OXBBODY]).
//!
//! A rendering is a pure function of stored properties: the same message gives the same bytes for ever. It reads
//! neither flags (read state, follow-up, categories, icon) nor sizes, article and change numbers, modification times.
//! Of PidTagMessageFlags it reads the unsent bit alone, which never changes while a message lives.
//!
//! Output is ASCII with CRLF line ends and lines of at most 998 characters; only S/MIME entities are passed on as they
//! are. Meeting requests, contacts and tasks are rendered as notes: their text and attachments, no text/calendar.

mod address;
mod attachment;
mod body;
mod context;
mod date;
mod encoding;
mod entity;
mod filename;
mod header;
mod html;
mod message_header;
mod needed;
mod report;
mod report_kind;
mod resolver;
mod smime;
mod transport;

use bytes::Bytes;
use mapi_core::message::MessageContent;

pub use self::context::{RenderContext, RenderLimits};
use self::entity::{Content, Entity};
use self::header::Header;
pub(crate) use self::header::phrase;
pub use self::needed::needed_dns;
pub use self::resolver::{AddressResolver, Resolution, ResolvedAddresses};
use super::ConvertError;

/// The version of the renderer. It changes whenever any message might be rendered to other bytes than before, so that
/// sizes and digests recorded with another version are known to be void.
pub const RENDER_VERSION: u32 = 1;

/// A message as MIME.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// The whole message.
    pub bytes: Bytes,
    /// The length of its header with the empty line.
    pub header_len: usize,
}

/// Renders a message.
///
/// # Errors
/// A result above the limits, an address that must be looked up first, an RTF body that can't be read.
pub fn render(message: &MessageContent, context: &RenderContext<'_>) -> Result<Rendering, ConvertError> {
    let entity = message_entity(message, context, 0)?;
    let (out, header_len) = entity::write(&entity, context.source_key, context.limits.max_bytes)?;
    Ok(Rendering { bytes: Bytes::from(out), header_len })
}

/// A message as an entity that starts with its header; `depth` counts the messages around it.
fn message_entity<'a>(
    message: &'a MessageContent,
    context: &RenderContext<'_>,
    depth: usize,
) -> Result<Entity<'a>, ConvertError> {
    let mut entity = content_entity(message, context, depth)?;
    let mut header = message_header::build(message, context, depth)?;
    header.append(entity.header);
    entity.header = header;
    Ok(entity)
}

fn content_entity<'a>(
    message: &'a MessageContent,
    context: &RenderContext<'_>,
    depth: usize,
) -> Result<Entity<'a>, ConvertError> {
    if let Some(entity) = smime::entity(message) {
        return Ok(entity);
    }
    let body = body::choose(message, context)?;
    let mut inline = Vec::new();
    let mut others = Vec::new();
    let mut attachments: Vec<_> = message.attachments.iter().collect();
    attachments.sort_by_key(|attachment| attachment.number);
    for attachment in attachments {
        if attachment::is_exception(attachment) {
            continue;
        }
        let message = attachment.embedded.as_deref().map(|message| embedded_entity(message, context, depth));
        let Some(part) = attachment::part(attachment, message.transpose()?, &body)? else { continue };
        if part.related { inline.push(part.entity) } else { others.push(part.entity) }
    }
    if let Some(report) = report::entity(message, &body, context)? {
        return Ok(report.with(others, inline));
    }
    if body.is_empty() && inline.is_empty() && is_pgp(&others) {
        return Ok(Entity::multipart("encrypted", "protocol=\"application/pgp-encrypted\"".to_owned(), others));
    }
    let mut entity = body.into_entity();
    if !inline.is_empty() {
        let kind = entity.media_type();
        let mut parts = vec![entity];
        parts.append(&mut inline);
        entity = Entity::multipart("related", format!("type=\"{kind}\""), parts);
    }
    if !others.is_empty() {
        let mut parts = vec![entity];
        parts.append(&mut others);
        entity = Entity::multipart("mixed", String::new(), parts);
    }
    Ok(entity)
}

/// Whether a message of these attachments and nothing else was encrypted after RFC 3156 4: Exchange knows no other form of it.
fn is_pgp(attachments: &[Entity<'_>]) -> bool {
    let [control, data] = attachments else { return false };
    control.media_type() == "application/pgp-encrypted" && data.media_type() == "application/octet-stream"
}

/// A message within a message.
fn embedded_entity<'a>(
    message: &'a MessageContent,
    context: &RenderContext<'_>,
    depth: usize,
) -> Result<Entity<'a>, ConvertError> {
    let mut header = Header::new();
    if depth >= context.limits.max_depth {
        header.structured("Content-Type", "text/plain; charset=utf-8");
        return Ok(Entity::text(header, "[A message nested too deeply is not shown here.]\r\n".into()));
    }
    let inner = message_entity(message, context, depth + 1)?;
    header.structured("Content-Type", "message/rfc822");
    Ok(Entity { header, content: Content::Message(Box::new(inner)) })
}

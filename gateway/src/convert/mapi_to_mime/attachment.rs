use std::borrow::Cow;

use mail_core::message::one_line;
use mapi_core::message::{Attachment, PropertyBag};
use mapi_core::property::tags;

use super::body::Body;
use super::encoding::{TransferEncoding, is_seven_bit};
use super::entity::{Content, Entity};
use super::filename::parameter;
use super::header::Header;
use super::message_header;
use crate::convert::ConvertError;
use crate::convert::strings::{filled, string_tag, visible_ascii};

/// PidTagAttachFlags: attRenderedInBody
const IN_BODY: i32 = 4;
/// PidTagAttachmentFlags: afException, a changed occurrence of a series.
const EXCEPTION: i32 = 2;
const METHOD_BY_REFERENCE: i32 = 2;
const METHOD_BY_REFERENCE_ONLY: i32 = 4;
const METHOD_EMBEDDED: i32 = 5;
const METHOD_OLE: i32 = 6;
const METHOD_WEB: i32 = 7;

/// An attachment as a part.
pub(super) struct Part<'a> {
    pub(super) entity: Entity<'a>,
    /// Whether it belongs to the HTML body.
    pub(super) related: bool,
}

/// Whether it is a changed occurrence of a series, which is not shown.
pub(super) fn is_exception(attachment: &Attachment) -> bool {
    attachment.properties.integer(tags::PidTagAttachmentFlags).unwrap_or(0) & EXCEPTION != 0
}

/// Makes a part of an attachment; `None` if it has nothing to show. `message` is the attached message as an entity, if it is
/// one.
pub(super) fn part<'a>(
    attachment: &'a Attachment,
    message: Option<Entity<'a>>,
    body: &Body<'_>,
) -> Result<Option<Part<'a>>, ConvertError> {
    let bag = &attachment.properties;
    if let (Some(embedded), Some(mut entity)) = (&attachment.embedded, message) {
        let subject = message_header::subject(&embedded.properties);
        let name = name(bag).unwrap_or(subject);
        let extension = if name.to_ascii_lowercase().ends_with(".eml") { "" } else { ".eml" };
        let name = if name.is_empty() { "message.eml".to_owned() } else { format!("{name}{extension}") };
        entity.header.with_parameters("Content-Disposition", &format!("attachment{}", parameter("filename", &name)));
        return Ok(Some(Part { entity, related: false }));
    }
    let entity = match bag.integer(tags::PidTagAttachMethod).unwrap_or(1) {
        METHOD_BY_REFERENCE | METHOD_BY_REFERENCE_ONLY | METHOD_WEB => reference(bag),
        // The message itself could not be had.
        METHOD_EMBEDDED => None,
        METHOD_OLE => {
            let object = bag.binary(tags::PidTagAttachDataObject).or_else(|| bag.binary(tags::PidTagAttachDataBinary));
            match object.filter(|data| !data.is_empty()) {
                Some(data) => return Ok(Some(by_value(bag, data, "application/octet-stream", body))),
                None => {
                    bag.binary(tags::PidTagAttachRendering).map(|data| by_value(bag, data, "image/x-wmf", body).entity)
                }
            }
        }
        _ => {
            let data = bag.binary(tags::PidTagAttachDataBinary);
            return Ok(data.map(|data| by_value(bag, data, &media_type(bag, data), body)));
        }
    };
    Ok(entity.map(|entity| Part { entity, related: false }))
}

/// The attachment's file name.
fn name(bag: &PropertyBag) -> Option<String> {
    let names = [tags::PidTagAttachLongFilename, tags::PidTagAttachFilename, tags::PidTagDisplayName];
    let name = names.into_iter().find_map(|tag| filled(bag, tag))?;
    let name = one_line(&name);
    let cut: String = name.chars().take(250).collect();
    (!cut.is_empty()).then_some(cut)
}

fn by_value<'a>(bag: &'a PropertyBag, data: &'a [u8], media_type: &str, body: &Body<'_>) -> Part<'a> {
    let name = name(bag);
    let content_id = filled(bag, tags::PidTagAttachContentId)
        .map(|id| visible_ascii(&id).trim_start_matches('<').trim_end_matches('>').to_owned())
        .filter(|id| !id.is_empty());
    let location = filled(bag, tags::PidTagAttachContentLocation).map(|location| visible_ascii(&location));
    let flagged = bag.integer(tags::PidTagAttachFlags).unwrap_or(0) & IN_BODY != 0;
    let referred = content_id.as_ref().is_some_and(|id| body.content_ids.contains(&id.to_lowercase()));
    let related = body.has_html() && (flagged || referred);

    let mut header = Header::new();
    let mut content_type = media_type.to_owned();
    if media_type.starts_with("text/")
        && let Some(charset) = filled(bag, string_tag(PID_TAG_TEXT_ATTACHMENT_CHARSET))
    {
        let charset = charset.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.:+".contains(*c));
        content_type.push_str(&format!("; charset=\"{}\"", charset.collect::<String>()));
    }
    if let Some(name) = name.as_ref().filter(|name| name.is_ascii() && name.len() <= 60) {
        content_type.push_str(&parameter("name", name));
    }
    header.with_parameters("Content-Type", &content_type);
    let disposition = if related || flagged { "inline" } else { "attachment" };
    let filename = name.map(|name| parameter("filename", &name)).unwrap_or_default();
    header.with_parameters("Content-Disposition", &format!("{disposition}{filename}"));
    if let Some(id) = content_id {
        header.structured("Content-ID", &format!("<{id}>"));
    }
    if let Some(location) = location.filter(|location| !location.is_empty()) {
        header.structured("Content-Location", &location);
    }
    // RFC 2046 5.2 allows no base64 within message/*; what isn't fit for that has another type by now.
    let encoding =
        if media_type.starts_with("message/") { TransferEncoding::SevenBit } else { TransferEncoding::Base64 };
    let content = Content::Leaf { media_type: media_type.to_owned(), data: Cow::Borrowed(data), encoding };
    Part { entity: Entity { header, content }, related }
}

/// PidTagTextAttachmentCharset
const PID_TAG_TEXT_ATTACHMENT_CHARSET: u16 = 0x371B;

fn media_type(bag: &PropertyBag, data: &[u8]) -> String {
    let declared = filled(bag, tags::PidTagAttachMimeTag).unwrap_or_default();
    let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
    };
    let valid = declared.len() <= 100
        && declared.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
        && !declared.starts_with("multipart/")
        && (!declared.starts_with("message/") || is_seven_bit(data));
    if valid {
        return declared;
    }
    let name = name(bag).unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    let known = EXTENSIONS.iter().find(|(known, _)| *known == extension);
    known.map_or("application/octet-stream", |(_, media_type)| media_type).to_owned()
}

/// A file that is elsewhere: a note that tells where.
fn reference(bag: &PropertyBag) -> Option<Entity<'static>> {
    let paths = [tags::PidTagAttachLongPathname, tags::PidTagAttachPathname];
    let path = paths.into_iter().find_map(|tag| filled(bag, tag)).map(|path| one_line(&path))?;
    let mut header = Header::new();
    header.structured("Content-Type", "text/plain; charset=utf-8");
    let name = format!("{}.txt", name(bag).unwrap_or_else(|| "link".into()));
    header.with_parameters("Content-Disposition", &format!("attachment{}", parameter("filename", &name)));
    Some(Entity::text(header, format!("Linked file: {path}\r\n").into()))
}

const EXTENSIONS: &[(&str, &str)] = &[
    ("bmp", "image/bmp"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ics", "text/calendar"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("rtf", "application/rtf"),
    ("svg", "image/svg+xml"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("vcf", "text/vcard"),
    ("wav", "audio/x-wav"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "text/xml"),
    ("zip", "application/zip"),
];

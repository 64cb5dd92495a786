use std::borrow::Cow;
use std::collections::BTreeSet;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use mail_core::work::pieces;
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{PropertyType, tags};
use mapi_core::rtf::{self, RtfContent};

use super::context::RenderContext;
use super::encoding::TransferEncoding;
use super::entity::{Content, Entity};
use super::header::Header;
use super::{html, transport};
use crate::convert::ConvertError;
use crate::convert::strings::{encoding_of, text};

/// What plain messages get as HTML when a server makes it up on reading (seen on Gromox).
const GENERATED_FROM_TEXT: &[u8] = b"content=\"gromox-texttohtml\"";

/// The body of a message: the native one, and what readers without HTML or RTF get beside it.
#[derive(Debug, Clone, Default)]
pub(super) struct Body<'a> {
    text: Option<Cow<'a, str>>,
    html: Option<HtmlBody<'a>>,
    rtf: Option<Vec<u8>>,
    /// What the HTML refers to by `cid:`, in lower case.
    pub(super) content_ids: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct HtmlBody<'a> {
    data: Cow<'a, [u8]>,
    encoding: &'static Encoding,
}

/// The body properties, best first, after PidTagNativeBody ([MS-OXBBODY] 2.1.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Native {
    Text,
    Html,
    Rtf,
}

/// Chooses and reads the body.
pub(super) fn choose<'a>(message: &'a MessageContent, context: &RenderContext<'_>) -> Result<Body<'a>, ConvertError> {
    let bag = &message.properties;
    let order = match native(bag) {
        Native::Text => [Native::Text, Native::Html, Native::Rtf],
        Native::Html => [Native::Html, Native::Rtf, Native::Text],
        Native::Rtf => [Native::Rtf, Native::Html, Native::Text],
    };
    let mut failed = None;
    for native in order {
        let body = match native {
            Native::Text => plain(bag).map(|text| Body { text: Some(text), ..Body::default() }),
            Native::Html => html_body(bag).map(|html| with_html(bag, html)),
            Native::Rtf => rtf_body(bag, context).unwrap_or_else(|error| {
                failed = Some(error);
                None
            }),
        };
        if let Some(body) = body {
            return Ok(body);
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(Body::default()),
    }
}

fn native(bag: &PropertyBag) -> Native {
    let has_text = bag.get(tags::PidTagBody).is_some();
    let has_html = bag.get(tags::PidTagHtml).is_some();
    let has_rtf = bag.get(tags::PidTagRtfCompressed).is_some();
    match bag.integer(tags::PidTagNativeBody) {
        Some(1) => return Native::Text,
        Some(2) => return Native::Rtf,
        Some(3) => return Native::Html,
        _ => {}
    }
    if has_text && has_html {
        let generated = bag.binary(tags::PidTagHtml).is_some_and(|html| {
            html[..html.len().min(200)].windows(GENERATED_FROM_TEXT.len()).any(|part| part == GENERATED_FROM_TEXT)
        });
        if generated || came_as(bag, "text/plain") {
            return Native::Text;
        }
    }
    let rtf_in_sync = bag.boolean(tags::PidTagRtfInSync).unwrap_or(false);
    match (has_text, has_html, has_rtf) {
        (_, true, rtf) if !rtf || !rtf_in_sync => Native::Html,
        (text, _, true) if rtf_in_sync || !text => Native::Rtf,
        _ => Native::Text,
    }
}

/// Whether the message was received with a body of this type alone.
fn came_as(bag: &PropertyBag, media_type: &str) -> bool {
    let found = transport::find(bag, "Content-Type").unwrap_or_default();
    found.split(';').next().is_some_and(|found| found.trim().eq_ignore_ascii_case(media_type))
}

fn plain(bag: &PropertyBag) -> Option<Cow<'_, str>> {
    text(bag, tags::PidTagBody).map(lines)
}

fn html_body(bag: &PropertyBag) -> Option<HtmlBody<'_>> {
    if let Some(html) = bag.binary(tags::PidTagHtml) {
        let declared = bag.integer(tags::PidTagInternetCodepage).and_then(encoding_of).unwrap_or(UTF_8);
        if declared == UTF_16LE || declared == UTF_16BE {
            let text = declared.decode_with_bom_removal(html).0;
            return Some(unicode(text.into_owned()));
        }
        // A wrong declaration is common enough: what is no UTF-8 is labelled with what fits any bytes.
        let encoding = if declared == UTF_8 && std::str::from_utf8(html).is_err() { WINDOWS_1252 } else { declared };
        return Some(HtmlBody { data: byte_lines(html), encoding });
    }
    // PidTagBodyHtml
    let html = bag.text(tags::PidTagHtml.with_kind(PropertyType::STRING))?;
    Some(unicode(html.to_owned()))
}

fn unicode(html: String) -> HtmlBody<'static> {
    HtmlBody { data: Cow::Owned(byte_lines(html.as_bytes()).into_owned()), encoding: UTF_8 }
}

fn with_html<'a>(bag: &'a PropertyBag, html: HtmlBody<'a>) -> Body<'a> {
    let text = if came_as(bag, "text/html") {
        None
    } else {
        // Servers that keep one body and make the others give none here; converting is then up to us.
        plain(bag).filter(|text| !text.trim().is_empty()).or_else(|| Some(converted(&html)))
    };
    Body { text, content_ids: html::content_ids(&html.data), html: Some(html), rtf: None }
}

fn converted(html: &HtmlBody<'_>) -> Cow<'static, str> {
    Cow::Owned(html::to_text(&html.encoding.decode_without_bom_handling(&html.data).0))
}

fn rtf_body<'a>(bag: &'a PropertyBag, context: &RenderContext<'_>) -> Result<Option<Body<'a>>, ConvertError> {
    let Some(compressed) = bag.binary(tags::PidTagRtfCompressed).filter(|bytes| !bytes.is_empty()) else {
        return Ok(None);
    };
    let rtf = rtf::decompress(compressed, context.limits.max_rtf_bytes)?.rtf;
    Ok(Some(match rtf::read(&rtf)? {
        RtfContent::Html(html) => {
            let html = unicode(html);
            let text = Some(converted(&html));
            Body { text, content_ids: html::content_ids(&html.data), html: Some(html), rtf: None }
        }
        RtfContent::Text(text) => Body { text: Some(lines(text.into())), ..Body::default() },
        RtfContent::Genuine(text) => Body { text: Some(lines(text.into())), rtf: Some(rtf), ..Body::default() },
    }))
}

impl<'a> Body<'a> {
    /// Whether there is nothing to read.
    pub(super) fn is_empty(&self) -> bool {
        self.html.is_none() && self.text.as_ref().is_none_or(|text| text.trim().is_empty())
    }

    /// Whether there is HTML that attachments may be parts of.
    pub(super) fn has_html(&self) -> bool {
        self.html.is_some()
    }

    /// `text/plain`, `text/html`, or the alternative of both.
    pub(super) fn into_entity(self) -> Entity<'a> {
        let mut alternatives = Vec::new();
        if let Some(text) = self.text.or_else(|| self.html.is_none().then_some(Cow::Borrowed(""))) {
            let mut header = Header::new();
            header.structured("Content-Type", "text/plain; charset=utf-8");
            alternatives.push(Entity::text(header, text));
        }
        if let Some(HtmlBody { data, encoding }) = self.html {
            let mut header = Header::new();
            let charset = encoding.name().to_ascii_lowercase();
            header.structured("Content-Type", &format!("text/html; charset={charset}"));
            let encoding = TransferEncoding::for_text(&data);
            alternatives.push(leaf(header, "text/html", data, encoding));
        }
        if let Some(rtf) = self.rtf {
            let mut header = Header::new();
            header.structured("Content-Type", "text/rtf");
            alternatives.push(leaf(header, "text/rtf", rtf.into(), TransferEncoding::Base64));
        }
        if alternatives.len() == 1 {
            alternatives.remove(0)
        } else {
            Entity::multipart("alternative", String::new(), alternatives)
        }
    }
}

fn leaf<'a>(header: Header, media_type: &str, data: Cow<'a, [u8]>, encoding: TransferEncoding) -> Entity<'a> {
    Entity { header, content: Content::Leaf { media_type: media_type.into(), data, encoding } }
}

/// The text with CRLF line ends and without NUL.
pub(super) fn lines(text: Cow<'_, str>) -> Cow<'_, str> {
    match byte_lines(text.as_bytes()) {
        Cow::Borrowed(_) => text,
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Cow::Owned(text),
            // Can't be: only ASCII bytes were put in and taken out.
            Err(error) => Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        },
    }
}

/// The same for bytes of any encoding that contains ASCII.
fn byte_lines(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut clean = true;
    let mut previous = 0;
    for &byte in pieces(bytes).flatten() {
        clean &= byte != 0 && (byte == b'\n') == (previous == b'\r');
        previous = byte;
    }
    if clean && previous != b'\r' {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    let mut bytes = pieces(bytes).flatten().copied().filter(|&byte| byte != 0).peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                out.extend_from_slice(b"\r\n");
            }
            b'\n' => out.extend_from_slice(b"\r\n"),
            byte => out.push(byte),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends() {
        assert!(matches!(lines("a\r\nb".into()), Cow::Borrowed("a\r\nb")));
        assert_eq!(lines("a\nb\rc\r\r\nd\0\r".into()), "a\r\nb\r\nc\r\n\r\nd\r\n");
    }
}

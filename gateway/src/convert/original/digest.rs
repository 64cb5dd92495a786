use std::borrow::Cow;

use mail_core::work::{pieces, spend};
use mapi_core::message::{Attachment, MessageContent, PropertyBag};
use mapi_core::property::{NamedId, PropertyKey, PropertyTag, PropertyType, PropertyValue, property_set, tags};
use mapi_core::rtf;
use sha2::{Digest, Sha256};

use super::super::strings::text;

/// Text of a message.
const TEXTS: [PropertyTag; 11] = [
    tags::PidTagTransportMessageHeaders,
    tags::PidTagInternetMessageId,
    tags::PidTagInReplyToId,
    tags::PidTagInternetReferences,
    tags::PidTagReplyRecipientNames,
    tags::PidTagSenderName,
    tags::PidTagSenderAddressType,
    tags::PidTagSenderEmailAddress,
    tags::PidTagSentRepresentingName,
    tags::PidTagSentRepresentingAddressType,
    tags::PidTagSentRepresentingEmailAddress,
];
/// Numbers of a message, and what stands for them if they are missing.
const NUMBERS: [(PropertyTag, i32); 3] =
    [(tags::PidTagImportance, 1), (tags::PidTagSensitivity, 0), (tags::PidTagAutoResponseSuppress, 0)];
const RECIPIENT_TEXTS: [PropertyTag; 3] = [tags::PidTagDisplayName, tags::PidTagAddressType, tags::PidTagEmailAddress];
const ATTACHMENT_TEXTS: [PropertyTag; 6] = [
    tags::PidTagAttachLongFilename,
    tags::PidTagAttachMimeTag,
    tags::PidTagAttachContentId,
    tags::PidTagAttachContentLocation,
    tags::PidTagAttachLongPathname,
    // PidTagTextAttachmentCharset
    PropertyTag::new(0x371B, PropertyType::STRING),
];
/// PidTagAttachFlags: attRenderedInBody
const IN_BODY: i32 = 4;
/// PidTagInternetCodepage of UTF-8.
const UTF_8: i32 = 65001;
/// Bytes of uncompressed RTF that are looked at.
const MAX_RTF: usize = 32 << 20;
/// The most bytes between `&` and `;`.
const MAX_ENTITY: usize = 8;
/// What HTML that a server made of plain text declares (seen on Gromox).
const GENERATED: &[u8] = b"content=\"gromox-texttohtml\"";

/// SHA-256 over what a message says. Stored with messages: these rules never change, other rules are another version.
pub(super) fn digest(content: &MessageContent) -> [u8; 32] {
    let bag = &content.properties;
    let mut out = Canonical::default();
    let class = text(bag, tags::PidTagMessageClass).unwrap_or_default().to_ascii_lowercase();
    out.bytes(tags::PidTagMessageClass.0, class.as_bytes());
    out.bytes(tags::PidTagSubject.0, trimmed(&subject(bag)).as_bytes());
    out.texts(bag, &TEXTS);
    for (tag, default) in NUMBERS {
        out.number(tag.0, bag.integer(tag).unwrap_or(default).into());
    }
    let sent = bag.time(tags::PidTagClientSubmitTime).map_or(0, |time| time.to_unix_seconds());
    out.number(tags::PidTagClientSubmitTime.0, sent);
    out.bytes(tags::PidTagReplyRecipientEntries.0, bag.binary(tags::PidTagReplyRecipientEntries).unwrap_or_default());
    out.custom(bag);
    out.bodies(bag);

    let mut recipients: Vec<_> = content.recipients.iter().map(recipient).collect();
    recipients.sort_unstable();
    out.all(tags::PidTagMessageRecipients.0, &recipients);
    let mut attachments: Vec<_> = content.attachments.iter().collect();
    attachments.sort_by_key(|attachment| attachment.number);
    let attachments: Vec<_> = attachments.into_iter().map(attachment).collect();
    out.all(tags::PidTagMessageAttachments.0, &attachments);
    out.finish()
}

fn subject(bag: &PropertyBag) -> Cow<'_, str> {
    let part = |tag| text(bag, tag).unwrap_or_default();
    text(bag, tags::PidTagSubject).unwrap_or_else(|| {
        Cow::Owned(format!("{}{}", part(tags::PidTagSubjectPrefix), part(tags::PidTagNormalizedSubject)))
    })
}

fn recipient(bag: &PropertyBag) -> [u8; 32] {
    let mut out = Canonical::default();
    // The upper bits tell what became of a resent message's recipient.
    out.number(tags::PidTagRecipientType.0, (bag.integer(tags::PidTagRecipientType).unwrap_or(1) & 0xF).into());
    out.texts(bag, &RECIPIENT_TEXTS);
    out.finish()
}

fn attachment(attachment: &Attachment) -> [u8; 32] {
    let bag = &attachment.properties;
    let mut out = Canonical::default();
    out.number(tags::PidTagAttachMethod.0, bag.integer(tags::PidTagAttachMethod).unwrap_or(1).into());
    let in_body = bag.integer(tags::PidTagAttachFlags).unwrap_or(0) & IN_BODY;
    out.number(tags::PidTagAttachFlags.0, in_body.into());
    out.texts(bag, &ATTACHMENT_TEXTS);
    match &attachment.embedded {
        Some(message) => out.bytes(tags::PidTagAttachDataObject.0, &digest(message)),
        None => {
            let data = bag.binary(tags::PidTagAttachDataBinary).or_else(|| bag.binary(tags::PidTagAttachDataObject));
            out.bytes(tags::PidTagAttachDataBinary.0, data.unwrap_or_default());
        }
    }
    out.finish()
}

/// A hash over numbered fields. Fields without content are left out, as servers keep some empty values and drop others.
#[derive(Default)]
struct Canonical {
    hash: Sha256,
}

impl Canonical {
    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.hash.update(field.to_le_bytes());
            self.hash.update((bytes.len() as u64).to_le_bytes());
            pieces(bytes).for_each(|piece| self.hash.update(piece));
        }
    }

    fn number(&mut self, field: u32, number: i64) {
        self.bytes(field, &number.to_le_bytes());
    }

    fn texts(&mut self, bag: &PropertyBag, tags: &[PropertyTag]) {
        for tag in tags {
            if let Some(text) = text(bag, *tag) {
                self.bytes(tag.0, trimmed(&text).as_bytes());
            }
        }
    }

    fn all(&mut self, field: u32, digests: &[[u8; 32]]) {
        self.bytes(field, &digests.concat());
    }

    /// Header fields kept as named properties. What transport adds is its own.
    fn custom(&mut self, bag: &PropertyBag) {
        for (key, value) in bag.iter() {
            let PropertyKey::Named(name, PropertyType::STRING) = key else { continue };
            let (Some(NamedId::Name(field)), PropertyValue::String(value)) = (&name.id, value) else { continue };
            let field = field.to_ascii_lowercase();
            if name.guid == property_set::PS_INTERNET_HEADERS && !field.starts_with("x-ms-exchange-") {
                self.bytes(u32::MAX, field.as_bytes());
                self.bytes(u32::MAX, trimmed(value).as_bytes());
            }
        }
    }

    /// The bodies that were written. Those that a server made of another one say nothing of their own, and may be made
    /// another way by its next version.
    fn bodies(&mut self, bag: &PropertyBag) {
        let mut plain = text(bag, tags::PidTagBody).map(|text| trimmed(&text).into_owned()).unwrap_or_default();
        let mut html = match bag.binary(tags::PidTagHtml) {
            Some(html) => Cow::Borrowed(html),
            // PidTagBodyHtml
            None => match text(bag, tags::PidTagHtml.with_kind(PropertyType::STRING)) {
                Some(html) => Cow::Owned(html.into_owned().into_bytes()),
                None => Cow::default(),
            },
        };
        if !plain.is_empty() && !html.is_empty() && letters(&plain) == html_letters(&html) {
            if html[..html.len().min(200)].windows(GENERATED.len()).any(|part| part == GENERATED) {
                html = Cow::default();
            } else {
                plain.clear();
            }
        }
        self.bytes(tags::PidTagBody.0, plain.as_bytes());
        if !html.is_empty() {
            self.bytes(tags::PidTagHtml.0, &lines(&html));
            self.number(
                tags::PidTagInternetCodepage.0,
                bag.integer(tags::PidTagInternetCodepage).unwrap_or(UTF_8).into(),
            );
        }
        if let Some(compressed) = bag.binary(tags::PidTagRtfCompressed) {
            match rtf::decompress(compressed, MAX_RTF) {
                Ok(decompressed) => self.bytes(tags::PidTagRtfCompressed.0, &decompressed.rtf),
                Err(_) => self.bytes(tags::PidTagRtfCompressed.0, compressed),
            }
        }
    }

    fn finish(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

/// Text with LF line ends, without NUL, without space around it.
fn trimmed(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let is_other = |byte: &u8| matches!(byte, b'\r' | 0);
    if !pieces(text.as_bytes()).flatten().any(is_other) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| is_other(&byte)) {
        spend(at + 1);
        out.push_str(&rest[..at]);
        let is_line_end = rest[at..].starts_with('\r');
        rest = &rest[at + 1..];
        if is_line_end {
            out.push('\n');
            rest = rest.trim_start_matches('\0');
            rest = rest.strip_prefix('\n').unwrap_or(rest);
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The same of bytes in any encoding that contains ASCII.
fn lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut previous = 0;
    for &byte in pieces(bytes.trim_ascii()).flatten() {
        match byte {
            b'\n' if previous == b'\r' => {}
            b'\r' | b'\n' => out.push(b'\n'),
            0 => {}
            byte => out.push(byte),
        }
        previous = byte;
    }
    out
}

/// A text without its space.
fn letters(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect()
}

/// What a page in UTF-8 says, without its space: no tags, no head, the commonest entities as what they stand for. Good
/// enough to recognise text that one was made of; what it does not recognise counts as written.
fn html_letters(html: &[u8]) -> String {
    let html = String::from_utf8_lossy(html);
    let mut rest = match (html.find("<body"), html.find("<BODY")) {
        (Some(at), _) | (None, Some(at)) => &html[at..],
        (None, None) => &html[..],
    };
    let mut out = String::new();
    // What has no end is not looked for again and again, so that hostile pages take linear time.
    let mut tags_end = true;
    while let Some(at) = rest.find(['<', '&']) {
        spend(at + 1);
        out.push_str(&letters(&rest[..at]));
        let is_tag = rest[at..].starts_with('<');
        rest = &rest[at + 1..];
        if is_tag {
            let end = if tags_end { rest.find('>') } else { None };
            match end {
                Some(end) => rest = &rest[end + 1..],
                None => {
                    tags_end = false;
                    out.push('<');
                }
            }
        } else {
            match rest.bytes().take(MAX_ENTITY + 1).position(|byte| byte == b';') {
                Some(end) => {
                    out.push_str(&letters(&entity(&rest[..end])));
                    rest = &rest[end + 1..];
                }
                None => out.push('&'),
            }
        }
    }
    out.push_str(&letters(rest));
    out
}

fn entity(name: &str) -> String {
    let code = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{A0}'),
        _ => match name.strip_prefix('#') {
            Some(hex) if hex.starts_with(['x', 'X']) => u32::from_str_radix(&hex[1..], 16).ok(),
            Some(decimal) => decimal.parse().ok(),
            None => None,
        }
        .and_then(char::from_u32),
    };
    code.map_or_else(|| format!("&{name};"), String::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn string(text: &str) -> PropertyValue {
        PropertyValue::String(text.into())
    }

    fn note(values: &[(PropertyTag, PropertyValue)]) -> MessageContent {
        MessageContent { properties: PropertyBag::from_iter(values.iter().cloned()), ..MessageContent::default() }
    }

    fn with_html(plain: &str, html: &str) -> [u8; 32] {
        let html = PropertyValue::Binary(html.as_bytes().to_vec());
        digest(&note(&[(tags::PidTagBody, string(plain)), (tags::PidTagHtml, html)]))
    }

    #[test]
    fn the_rules_never_change() {
        let mut content = note(&[
            (tags::PidTagMessageClass, string("IPM.Note")),
            (tags::PidTagSubject, string("Grüße")),
            (tags::PidTagBody, string("a\r\nb\r\n")),
        ]);
        content.recipients.push(PropertyBag::from_iter([(tags::PidTagEmailAddress, string("a@example.org"))]));
        let properties = PropertyBag::from_iter([(tags::PidTagAttachDataBinary, PropertyValue::Binary(vec![1, 2]))]);
        content.attachments.push(Attachment { number: 0, properties, embedded: None });
        let hex: String = digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "6fcd1b85001f75966574f5245d12c927ab9624a54c6e64d7c9520ba757b98be7");
    }

    #[test]
    fn generated_bodies_count_for_nothing() {
        let text = "1 < 2 & \"so\"\r\n\r\n  on \u{e4}\r\n";
        let plain = digest(&note(&[(tags::PidTagBody, string(text))]));
        let generated = |inner: &str| {
            format!(
                "<html><head><meta name=\"Generator\" content=\"gromox-texttohtml\">\r\n</head>\r\n<body>\r\n\
                 <pre>{inner}</pre>\r\n</body>\r\n</html>"
            )
        };
        assert_eq!(with_html(text, &generated("1 &lt; 2 &amp; &quot;so&quot;\r\n\r\n  on \u{e4}\r\n")), plain);
        assert_ne!(with_html(text, &generated("1 &lt; 3 &amp; &quot;so&quot; on \u{e4}")), plain, "edited");
        assert_ne!(with_html(text, "<p>1 &lt; 2 &amp; &quot;so&quot; on &#xe4;</p>"), plain, "written");
        let html = "<p>Hello <b>you</b></p>";
        assert_eq!(with_html("Hello you", html), with_html("", html));
        assert_ne!(with_html("Hello me", html), with_html("", html));
        assert_ne!(with_html("Hello you", "<p>Hello <i>you</i></p>"), with_html("", html));
    }

    #[test]
    fn what_never_ends_is_text() {
        assert_eq!(html_letters(b"a < b & c; &amp &amp; &#x000041; &verylong; < d &"), "a<b&c;&amp&amp;A&verylong;<d&");
        assert_eq!(html_letters(b"<p>a</p> & b <i"), "a&b<i");
        // Minutes, if each were looked for to the end of the page.
        let page = "<&".repeat(4 << 20);
        assert_eq!(html_letters(page.as_bytes()).len(), page.len());
    }

    #[test]
    fn order_of_recipients_and_row_ids_do_not_matter() {
        let row = |name: &str, id| {
            PropertyBag::from_iter([
                (tags::PidTagDisplayName, string(name)),
                (tags::PidTagRowid, PropertyValue::Integer32(id)),
            ])
        };
        let digest_of = |rows: Vec<PropertyBag>| digest(&MessageContent { recipients: rows, ..Default::default() });
        assert_eq!(digest_of(vec![row("a", 0), row("b", 1)]), digest_of(vec![row("b", 7), row("a", 9)]));
        assert_ne!(digest_of(vec![row("a", 0)]), digest_of(vec![row("a", 0), row("a", 1)]));
    }

    #[test]
    fn every_part_of_the_content_counts() {
        let empty = digest(&MessageContent::default());
        for tag in TEXTS.into_iter().chain([tags::PidTagSubject, tags::PidTagBody, tags::PidTagMessageClass]) {
            assert_ne!(digest(&note(&[(tag, string("x"))])), empty, "{tag}");
            assert_eq!(digest(&note(&[(tag, string(""))])), empty, "{tag}");
        }
        for (tag, default) in NUMBERS {
            assert_ne!(digest(&note(&[(tag, PropertyValue::Integer32(default + 1))])), empty, "{tag}");
            assert_eq!(digest(&note(&[(tag, PropertyValue::Integer32(default))])), empty, "{tag}");
        }
        let inner =
            Attachment { embedded: Some(Box::new(note(&[(tags::PidTagBody, string("in"))]))), ..Default::default() };
        let outer =
            |attachment: Attachment| digest(&MessageContent { attachments: vec![attachment], ..Default::default() });
        assert_ne!(outer(inner), outer(Attachment::default()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn arbitrary_pages_never_panic(page in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,40}") {
            html_letters(&page);
            let html = PropertyValue::Binary(page);
            digest(&note(&[(tags::PidTagBody, string(&text)), (tags::PidTagHtml, html)]));
        }

        #[test]
        fn line_ends_are_the_same_whatever_nul_stands_between(text in "[ a\r\n\0\u{e4}]{0,40}") {
            let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
            let expected = text.replace('\0', "").replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(trimmed(text), expected);
        }

        #[test]
        fn escaped_text_is_recognised(text in "[ -~äß€\r\n]{0,60}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let page = format!("<html><head><title>t</title></head><body><pre>{escaped}</pre></body></html>");
            prop_assert_eq!(html_letters(page.as_bytes()), letters(&text));
        }
    }
}

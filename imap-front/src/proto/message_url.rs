use mail_core::message::{Section, SectionText};

use super::mailbox_name::Names;

/// How many part numbers a section may have.
const MAX_PART_DEPTH: usize = 64;

/// A URL of a message, or of a part of one, on this server (RFC 5092 7): with an absolute path, but without the server's name, which this
/// server does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageUrl {
    /// The mailbox.
    pub mailbox: String,
    /// The UIDVALIDITY that it must have.
    pub uid_validity: Option<u32>,
    /// The message.
    pub uid: u32,
    /// What of it.
    pub section: Section,
    /// First byte, and how many at most.
    pub partial: Option<(u64, Option<u64>)>,
}

impl MessageUrl {
    /// Reads `ipath-query` with `;UID`: anything else names no message of this user that could be read.
    pub fn parse(url: &str) -> Option<Self> {
        let path = url.strip_prefix('/').filter(|path| !path.starts_with('/'))?;
        let (mailbox, message) = split_at_key(path, "/;UID=")?;
        let (mailbox, uid_validity) = match split_at_key(mailbox, ";UIDVALIDITY=") {
            Some((mailbox, validity)) => (mailbox, Some(nz_number(validity)?)),
            None => (mailbox, None),
        };
        let (message, partial) = match split_at_key(message, "/;PARTIAL=") {
            Some((message, partial)) => (message, Some(range(partial)?)),
            None => (message, None),
        };
        let (uid, section) = match split_at_key(message, "/;SECTION=") {
            Some((uid, text)) => (uid, section(&decoded(text)?)?),
            None => (message, Section::default()),
        };
        let mailbox = Names::Utf8.read(decoded(mailbox)?.as_bytes());
        Some(Self { mailbox, uid_validity, uid: nz_number(uid)?, section, partial })
    }
}

/// What stands before and behind a keyword, in any letter case.
fn split_at_key<'a>(text: &'a str, key: &str) -> Option<(&'a str, &'a str)> {
    let at = text.as_bytes().windows(key.len()).position(|part| part.eq_ignore_ascii_case(key.as_bytes()))?;
    Some((text.get(..at)?, text.get(at + key.len()..)?))
}

fn nz_number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number > 0 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `partial-range = number ["." nz-number]`
fn range(text: &str) -> Option<(u64, Option<u64>)> {
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    match text.split_once('.') {
        Some((first, count)) => Some((number(first)?, Some(number(count).filter(|count| *count > 0)?))),
        None => Some((number(text)?, None)),
    }
}

/// Without percent-encoding (RFC 3986 2.1), in UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            // What else is in a path is encoded (`achar`, RFC 5092 11); a `;` would begin something that is not known here.
            (first.is_ascii_graphic() && !matches!(first, b';' | b'?' | b'#' | b'"' | b'\\')).then_some(())?;
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

/// `section-spec` (RFC 9051 9)
fn section(text: &str) -> Option<Section> {
    let mut part = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (first, after) = text.split_once('.').map_or((text, None), |(first, after)| (first, Some(after)));
        let Some(number) = nz_number(first) else { break };
        part.push(number);
        rest = after;
    }
    let is_part = !part.is_empty();
    let text = match rest {
        None if is_part => SectionText::Whole,
        Some(text) => section_text(text).filter(|text| is_part || *text != SectionText::Mime)?,
        None => return None,
    };
    (part.len() <= MAX_PART_DEPTH).then_some(Section { part, text })
}

fn section_text(text: &str) -> Option<SectionText> {
    let (word, fields) = text.split_once(' ').map_or((text, None), |(word, fields)| (word, Some(fields)));
    let names = || {
        let names = fields?.strip_prefix('(')?.strip_suffix(')')?;
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        names.split(' ').map(|name| is_name(name).then(|| name.to_owned())).collect::<Option<Vec<_>>>()
    };
    match (word.to_ascii_uppercase().as_str(), fields) {
        ("HEADER", None) => Some(SectionText::Header),
        ("TEXT", None) => Some(SectionText::Text),
        ("MIME", None) => Some(SectionText::Mime),
        ("HEADER.FIELDS", Some(_)) => names().map(SectionText::HeaderFields),
        ("HEADER.FIELDS.NOT", Some(_)) => names().map(SectionText::HeaderFieldsNot),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answers() {
        let url = |mailbox: &str, uid_validity, uid, part: &[u32], text, partial| {
            let section = Section { part: part.to_vec(), text };
            Some(MessageUrl { mailbox: mailbox.to_owned(), uid_validity, uid, section, partial })
        };
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        for (text, expected) in [
            (
                "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER",
                url("Drafts", Some(385_759_045), 20, &[], SectionText::Header, None),
            ),
            ("/inbox/;uid=5", url("INBOX", None, 5, &[], SectionText::Whole, None)),
            ("/a/b%20%C3%A9/;UID=1/;SECTION=1.2.MIME", url("a/b \u{e9}", None, 1, &[1, 2], SectionText::Mime, None)),
            ("/x/;UID=1/;SECTION=3", url("x", None, 1, &[3], SectionText::Whole, None)),
            (
                "/x/;UID=1/;SECTION=TEXT/;PARTIAL=0.1024",
                url("x", None, 1, &[], SectionText::Text, Some((0, Some(1024)))),
            ),
            ("/x/;UID=1/;PARTIAL=7", url("x", None, 1, &[], SectionText::Whole, Some((7, None)))),
            (
                "/x/;UID=1/;SECTION=2.HEADER.FIELDS%20(DATE%20FROM)",
                url("x", None, 1, &[2], SectionText::HeaderFields(names(&["DATE", "FROM"])), None),
            ),
        ] {
            assert_eq!(MessageUrl::parse(text), expected, "{text}");
        }
        let deep = format!("/x/;UID=1/;SECTION=1{}", ".1".repeat(MAX_PART_DEPTH));
        for wrong in [
            "",
            "/",
            "/x",
            "x/;UID=1",
            ";UID=1",
            "//host/x/;UID=1",
            "imap://host/x/;UID=1",
            "/x/;UID=0",
            "/x/;UID=+1",
            "/x/;UID=",
            "/x;UIDVALIDITY=0/;UID=1",
            "/x;UIDVALIDITY=a/;UID=1",
            "/x/;UID=1/;SECTION=",
            "/x/;UID=1/;SECTION=MIME",
            "/x/;UID=1/;SECTION=0",
            "/x/;UID=1/;SECTION=1.",
            "/x/;UID=1/;SECTION=HEADER.FIELDS",
            "/x/;UID=1/;PARTIAL=",
            "/x/;UID=1/;PARTIAL=0.0",
            "/x/;UID=1;EXPIRE=2009-01-01T00:00:00Z;URLAUTH=user+a:internal",
            "/x?SUBJECT%20a/;UID=1",
            "/%/;UID=1",
            "/%GG/;UID=1",
            "/%FF/;UID=1",
            "/;UID=1",
            "//;UID=1",
            "/x y/;UID=1",
            &deep,
        ] {
            assert_eq!(MessageUrl::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn nearly_urls_never_panic(url in "(/[a%Cé]{0,4})?(/;UID=[01]{0,2})?(/;SECTION=[0-9.A-Z%() ]{0,8})?(/;PARTIAL=[0-9.]{0,4})?") {
            drop(MessageUrl::parse(&url));
        }
    }
}

use std::borrow::Cow;

use mail_core::message::{Content, Entity, html, transfer};

/// The most characters of a preview (RFC 8970 3.1).
const MAX_CHARACTERS: usize = 256;
/// So many bytes of a part are looked at: what style sheets there are before the text of newsletters fits in, and what is to be
/// done and held stays small, however large the message.
const MAX_LOOKED_AT: usize = 256 << 10;

/// The beginning of a message's text as people read it, all blanks between words one space (RFC 8970 3.1). Empty if there is no
/// text, or none that can be read.
pub fn preview(root: Entity<'_>) -> String {
    find(root).unwrap_or_default()
}

/// That of the first part with a text; of alternatives the plain one counts for most. Recursion is as deep as the structure, which
/// is bounded.
fn find(entity: Entity<'_>) -> Option<String> {
    let media = &entity.part().media;
    match &entity.part().content {
        Content::Leaf if media.is("text") && !entity.disposition().value.eq_ignore_ascii_case(b"attachment") => {
            let is_html = media.is_exactly("text", "html");
            // Calendars and the like are read by programs.
            (is_html || media.is_exactly("text", "plain"))
                .then(|| text(entity, is_html))
                .filter(|text| !text.is_empty())
        }
        Content::Multipart(_) if media.is_exactly("multipart", "alternative") => {
            let is_plain = |part: &Entity<'_>| part.part().media.is_exactly("text", "plain");
            entity.children().filter(is_plain).find_map(find).or_else(|| entity.children().find_map(find))
        }
        Content::Multipart(_) | Content::Message(_) => entity.children().find_map(find),
        Content::Leaf | Content::Opaque | Content::Undivided(_) => None,
    }
}

fn text(entity: Entity<'_>, is_html: bool) -> String {
    let body = entity.body();
    let decoded = transfer::decode(&entity.transfer_encoding(), body.get(..MAX_LOOKED_AT).unwrap_or(body));
    let written = entity.text_of(&decoded);
    let shown = if is_html { Cow::Owned(html::text(&written)) } else { Cow::Borrowed(written.as_str()) };
    begin(&shown)
}

/// The first words of a text.
fn begin(text: &str) -> String {
    let mut out = String::new();
    let mut left = MAX_CHARACTERS;
    for word in text.split(is_blank).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            if left <= 1 {
                break;
            }
            out.push(' ');
            left -= 1;
        }
        let taken: String = word.chars().take(left).collect();
        left -= taken.chars().count();
        out.push_str(&taken);
        if left == 0 {
            break;
        }
    }
    out
}

/// Nothing is seen of it: white space, control characters, and what newsletters fill the previews of mail programs with.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mail_core::message::Message;
    use proptest::prelude::*;

    use super::*;

    fn of(message: &str) -> String {
        preview(Message::new(Bytes::copy_from_slice(message.as_bytes())).root())
    }

    #[test]
    fn known_answers() {
        let part = |kind: &str, body: &str| format!("--b\r\nContent-Type: {kind}\r\n\r\n{body}\r\n");
        let multi = |kind: &str, parts: &[String]| {
            format!("Content-Type: multipart/{kind}; boundary=b\r\n\r\n{}--b--\r\n", parts.concat())
        };
        let (plain, rich) = (part("text/plain", "plain  \r\n text"), part("text/html", "<p>rich</p> text"));
        for (message, expected) in [
            ("Subject: x\r\n\r\n  Hello,\r\n\r\n\tworld\u{200b}!\r\n".to_owned(), "Hello, world !"),
            ("Content-Type: text/html\r\n\r\n<style>p{}</style><p>H&auml;</p><p>b".to_owned(), "H\u{e4} b"),
            (
                "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=\r\nb =E4".to_owned(),
                "ab \u{e4}",
            ),
            (
                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw6QgYg==\r\n".to_owned(),
                "\u{e4} b",
            ),
            (multi("alternative", &[rich.clone(), plain.clone()]), "plain text"),
            (multi("alternative", &[part("text/plain", " "), rich.clone()]), "rich text"),
            (multi("mixed", &[part("image/png", "x"), rich, plain]), "rich text"),
            (
                multi("mixed", &[part("text/plain\r\nContent-Disposition: attachment", "file"), part("text/calendar", "BEGIN")]),
                "",
            ),
            (multi("mixed", &[part("message/rfc822", "Subject: y\r\n\r\ninner")]), "inner"),
            ("Content-Type: application/pdf\r\n\r\nx".to_owned(), ""),
            ("Subject: x\r\n\r\n".to_owned(), ""),
        ] {
            assert_eq!(of(&message), expected, "{message}");
        }
    }

    #[test]
    fn it_is_bounded() {
        assert_eq!(begin(&"\u{20ac}".repeat(1000)), "\u{20ac}".repeat(MAX_CHARACTERS));
        assert_eq!(begin(&format!("{} b", "a".repeat(255))), "a".repeat(255));
        assert_eq!(begin(&format!("{} bc", "a".repeat(254))), format!("{} b", "a".repeat(254)));
        let late = |blanks: usize| of(&format!("Subject: x\r\n\r\n{}late", " ".repeat(blanks)));
        assert_eq!(late(MAX_LOOKED_AT - 4), "late");
        assert_eq!(late(MAX_LOOKED_AT), "");
    }

    proptest! {
        #[test]
        fn no_more_than_may_be_shown(text in "\\PC{0,600}") {
            let preview = of(&format!("Content-Type: text/html; charset=utf-8\r\n\r\n{text}"));
            prop_assert!(preview.chars().count() <= MAX_CHARACTERS);
            prop_assert!(!preview.contains("  ") && preview.trim() == preview);
        }
    }
}

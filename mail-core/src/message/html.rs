//! What HTML shows as text, for searching.

use mail_parser::decoders::html::add_html_token;
use memchr::{memchr, memchr2, memmem};

use crate::work::spend;

/// So many bytes are one piece of work.
const PIECE: usize = 4 << 10;
/// The longest character reference, with its ampersand and semicolon.
const MAX_REFERENCE: usize = 32;
/// Elements whose content is not shown.
const UNSEEN: [&str; 4] = ["script", "style", "template", "title"];
/// Elements that don't set apart what is in them from what is around them.
const INLINE: [&str; 30] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "wbr",
];

/// The text between tags, character references decoded, a space where an element sets things apart. Time is proportional to
/// the length, whatever is never closed.
pub fn text(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    // Once there is no `>` any more, no tag is.
    let mut tags = true;
    let mut since = 0;
    while let Some(at) = memchr2(b'<', b'&', rest.as_bytes()) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let length = match special.as_bytes() {
            [b'&', ..] => reference(special, &mut out),
            [b'<', next, ..] if tags && (next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?')) => {
                let length = tag(special, &mut out);
                tags = length > 0;
                length
            }
            _ => 0,
        };
        if length == 0 {
            out.push_str(special.get(..1).unwrap_or_default());
        }
        let taken = at + length.max(1);
        rest = rest.get(taken..).unwrap_or_default();
        since += taken;
        if since >= PIECE {
            spend(std::mem::take(&mut since));
        }
    }
    out.push_str(rest);
    spend(since + rest.len());
    out
}

/// Adds the character that is referred to, and tells the length of the reference; 0 if it is none.
fn reference(special: &str, out: &mut String) -> usize {
    let bytes = special.as_bytes();
    let bytes = bytes.get(..MAX_REFERENCE).unwrap_or(bytes);
    let Some(end) = memchr(b';', bytes) else { return 0 };
    let Some(token) = special.get(..=end).filter(|token| token.is_ascii()) else { return 0 };
    let mut character = String::new();
    add_html_token(&mut character, token.as_bytes(), false);
    match character.as_str() {
        "\u{a0}" => out.push(' '),
        // It is seen only where a line ends in it.
        "\u{ad}" => {}
        character => out.push_str(character),
    }
    token.len()
}

/// The length of a tag, of a comment, or of an element that is not shown; 0 if it has no end.
fn tag(special: &str, out: &mut String) -> usize {
    let bytes = special.as_bytes();
    if let Some(comment) = special.strip_prefix("<!--") {
        return memmem::find(comment.as_bytes(), b"-->").map_or(special.len(), |end| end + "<!---->".len());
    }
    let Some(end) = memchr(b'>', bytes) else { return 0 };
    let closes = bytes.get(1) == Some(&b'/');
    let name = special.get(1 + usize::from(closes)..end).unwrap_or_default();
    let name = name.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '-'))).next().unwrap_or_default();
    let is = |known: &&str| name.eq_ignore_ascii_case(known);
    if !INLINE.iter().any(is) {
        out.push(' ');
    }
    if closes || !UNSEEN.iter().any(is) {
        return end + 1;
    }
    // What is behind the start of the closing tag is read as a tag again.
    let mut from = end + 1;
    while let Some(found) = bytes.get(from..).and_then(|rest| memmem::find(rest, b"</")) {
        from += found;
        let closing = bytes.get(from + 2..from + 2 + name.len());
        if closing.is_some_and(|closing| closing.eq_ignore_ascii_case(name.as_bytes())) {
            return from;
        }
        from += 2;
    }
    special.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(html: &str) -> String {
        text(html).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn known_answers() {
        for (html, expected) in [
            ("<p>Gr&uuml;&#223;e &#x26; mehr</p>", "Grüße & mehr"),
            ("H<b>al</b>lo<br>du<div>da</div>dort", "Hallo du da dort"),
            ("a&nbsp;b&shy;c", "a bc"),
            ("<html><head><title>x</title><STYLE>p > a { }</style ><script>if (a </b) {}</SCRIPT></head>y", "y"),
            ("a<!-- <b> -- > -->b<!DOCTYPE x>c<?xml?>d", "ab c d"),
            ("1 < 2 && 3 > 2 &unknown; &#; &", "1 < 2 && 3 > 2 &unknown; &#; &"),
            ("a <b", "a <b"),
            ("a<!-- b", "a"),
            ("a<style>b", "a"),
            ("x<o:p>&nbsp;</o:p>é&é;", "x é&é;"),
            ("", ""),
        ] {
            assert_eq!(shown(html), expected, "{html}");
        }
    }

    #[test]
    fn what_is_never_closed_is_looked_for_once() {
        // Minutes, if the end of each were looked for.
        for piece in ["<a", "&x", "<a<!-", "</"] {
            let html = piece.repeat(1 << 19);
            assert_eq!(text(&html), html);
        }
        assert_eq!(text(&"<style></b".repeat(1 << 18)).trim(), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn anything_is_accepted(html in "(<|>|/|&|;|!--|--|#|x|é|style|b| |\u{1F600}|\"){0,24}") {
            let text = text(&html);
            prop_assert!(text.len() <= 4 * html.len());
        }
    }
}

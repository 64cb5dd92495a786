use std::ops::Range;

use mail_core::message::html;
use mail_core::work::spend;

/// A text of a message, as it stands there or as HTML. A message may have several beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Plain(String),
    Html(String),
}

impl Text {
    /// Whether it shows nothing.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Plain(text) => text.trim().is_empty(),
            Self::Html(html) => html::text(html).trim().is_empty() && find(html, "<img", 0).is_none(),
        }
    }

    pub(super) fn is_html(&self) -> bool {
        matches!(self, Self::Html(_))
    }
}

/// All texts of a message as one, in their order: Exchange has one body. It is HTML if one of them is, and plain ones are
/// quoted for that.
pub(super) fn joined(texts: Vec<Text>) -> Text {
    let Some(first) = texts.iter().position(|text| text.is_html() && !text.is_blank()) else {
        return plain(texts);
    };
    let mut texts = texts;
    let after = texts.split_off(first + 1);
    let document = match texts.pop() {
        Some(Text::Html(document)) => document,
        _ => String::new(),
    };
    let shown = |texts: Vec<Text>| texts.into_iter().filter(|text| !text.is_blank()).map(within).collect::<String>();
    let (before, after) = (shown(texts), shown(after));
    if before.is_empty() && after.is_empty() {
        return Text::Html(document);
    }
    let content = content(&document);
    let piece = |range: Range<usize>| document.get(range).unwrap_or_default();
    Text::Html(
        [
            piece(0..content.start),
            &before,
            piece(content.start..content.end),
            line_end(piece(0..content.end), &after),
            &after,
            piece(content.end..document.len()),
        ]
        .concat(),
    )
}

/// Plain texts, each beginning on a line of its own. HTML among them shows nothing.
fn plain(texts: Vec<Text>) -> Text {
    let mut texts = texts.into_iter();
    let first = texts.next();
    let only_html = matches!(&first, Some(Text::Html(_))) && texts.len() == 0;
    if only_html {
        return first.unwrap_or_else(|| Text::Plain(String::new()));
    }
    let mut all = String::new();
    for text in first.into_iter().chain(texts) {
        let Text::Plain(text) = text else { continue };
        all.push_str(line_end(&all, &text));
        all.push_str(&text);
    }
    Text::Plain(all)
}

/// The line end that is missing between two texts.
fn line_end(before: &str, after: &str) -> &'static str {
    if before.is_empty() || after.is_empty() || before.ends_with('\n') { "" } else { "\r\n" }
}

/// A text as it stands in an HTML document.
fn within(text: Text) -> String {
    match text {
        Text::Plain(text) => quoted(&text),
        Text::Html(document) => {
            let content = content(&document);
            let head = document.get(..content.start).unwrap_or_default();
            let shown = document.get(content.clone()).unwrap_or_default();
            format!("{}<div>{shown}</div>\r\n", styles(head))
        }
    }
}

/// A plain text as HTML.
fn quoted(text: &str) -> String {
    spend(text.len());
    let mut out = String::with_capacity(text.len() + text.len() / 8 + 16);
    out.push_str("<div>");
    let text = text.trim_end_matches(['\r', '\n']);
    let mut previous = '\n';
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => continue,
            '\n' => out.push_str("<br>\r\n"),
            // All but the last of several spaces are shown as such.
            ' ' if matches!(previous, ' ' | '\n') => out.push_str("&nbsp;"),
            c => out.push(c),
        }
        previous = c;
    }
    out.push_str("</div>\r\n");
    out
}

/// Where in a document its content stands.
fn content(document: &str) -> Range<usize> {
    spend(4 * document.len());
    let opened = |tag: &str| find(document, tag, 0).and_then(|at| tag_end(document, at));
    let start = opened("<body").or_else(|| opened("</head")).or_else(|| opened("<html")).unwrap_or(0);
    let last = |tag: &str| find_last(document, tag).filter(|at| *at >= start);
    let end = last("</body").or_else(|| last("</html")).unwrap_or(document.len());
    start..end
}

/// The style sheets in the head of a document.
fn styles(head: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    while let Some(start) = find(head, "<style", at) {
        let Some(end) = find(head, "</style", start).and_then(|end| tag_end(head, end)) else { break };
        out.push_str(head.get(start..end).unwrap_or_default());
        at = end;
    }
    out
}

/// Where the tag ends that begins at `at`.
fn tag_end(document: &str, at: usize) -> Option<usize> {
    let mut quote = None;
    for (offset, byte) in document.as_bytes().get(at..)?.iter().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'>') => return Some(at + offset + 1),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
    }
    None
}

/// The first place from `from` on where a tag begins, whatever its case.
fn find(document: &str, tag: &str, from: usize) -> Option<usize> {
    let rest = document.as_bytes().get(from..)?;
    memchr::memchr_iter(b'<', rest).map(|at| from + at).find(|at| begins(document, tag, *at))
}

fn find_last(document: &str, tag: &str) -> Option<usize> {
    memchr::memrchr_iter(b'<', document.as_bytes()).find(|at| begins(document, tag, *at))
}

fn begins(document: &str, tag: &str, at: usize) -> bool {
    let bytes = document.as_bytes();
    let end = at + tag.len();
    bytes.get(at..end).is_some_and(|found| found.eq_ignore_ascii_case(tag.as_bytes()))
        && bytes.get(end).is_none_or(|after| !after.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[Text]) -> Text {
        joined(texts.to_vec())
    }

    fn plain(text: &str) -> Text {
        Text::Plain(text.to_owned())
    }

    fn html(text: &str) -> Text {
        Text::Html(text.to_owned())
    }

    #[test]
    fn plain_texts_follow_each_other() {
        assert_eq!(of(&[]), plain(""));
        assert_eq!(of(&[plain("one"), plain(""), plain("two\r\n"), plain("three")]), plain("one\r\ntwo\r\nthree"));
        assert_eq!(of(&[plain("one"), html("<p> &nbsp;</p>")]), plain("one"));
        assert_eq!(of(&[html("<p></p>")]), html("<p></p>"));
    }

    #[test]
    fn html_takes_up_the_others_in_their_order() {
        assert_eq!(of(&[html("<p>a</p>")]), html("<p>a</p>"));
        assert_eq!(
            of(&[html("<p>a</p>"), plain("b & <c>\r\n  d\r\n")]),
            html("<p>a</p>\r\n<div>b &amp; &lt;c&gt;<br>\r\n&nbsp;&nbsp;d</div>\r\n")
        );
        let document = "<html><head><title>x</title></head><BODY class=\"a>b\"><p>b</p></BODY ></html>";
        let other = "<html><head><STYLE>p{}</STYLE></head><body><p>c</p></body></html>";
        assert_eq!(
            of(&[plain("a"), html(document), html(other), plain("d")]),
            html(
                "<html><head><title>x</title></head><BODY class=\"a>b\"><div>a</div>\r\n<p>b</p>\r\n\
                 <STYLE>p{}</STYLE><div><p>c</p></div>\r\n<div>d</div>\r\n</BODY ></html>"
            )
        );
        assert_eq!(of(&[plain("a"), html("<HTML><p>b</HTML>")]), html("<HTML><div>a</div>\r\n<p>b</HTML>"));
        assert_eq!(of(&[html("<body"), plain("a")]), html("<body\r\n<div>a</div>\r\n"));
        assert_eq!(of(&[html("<p>é</body><body>ü"), plain("a")]), html("<p>é</body><body>ü\r\n<div>a</div>\r\n"));
    }
}

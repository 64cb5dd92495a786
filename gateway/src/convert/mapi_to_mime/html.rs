use std::collections::BTreeSet;

use mail_core::work::spend;

/// What an HTML document refers to by `cid:`, without `<>` and percent encoding, in lower case.
pub(super) fn content_ids(html: &[u8]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = html;
    while let Some(at) = rest.windows(4).position(|window| window.eq_ignore_ascii_case(b"cid:")) {
        rest = &rest[at + 4..];
        let end = rest.iter().position(|b| b"\"'<>()\\ \t\r\n".contains(b)).unwrap_or(rest.len()).min(1000);
        let (id, after) = rest.split_at(end);
        found.insert(String::from_utf8_lossy(&percent_decoded(id)).to_lowercase());
        rest = after;
    }
    found
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let digits = text.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| text[at] == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}

/// The text of an HTML document, for readers without HTML: paragraphs and list items on lines of their own, no links,
/// no styles. Lines end with CRLF.
pub(super) fn to_text(html: &str) -> String {
    let mut text = Text::default();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        spend(at + 1);
        text.words(&rest[..at]);
        rest = &rest[at..];
        rest = if rest.starts_with('&') { text.entity(rest) } else { text.tag(rest) };
    }
    text.words(rest);
    let mut out = text.out.trim_end().to_owned();
    if !out.is_empty() {
        out.push_str("\r\n");
    }
    out
}

#[derive(Default)]
struct Text {
    out: String,
    /// White space was met that has not been written.
    space: bool,
    /// Nesting of `<pre>`.
    preformatted: usize,
    /// Elements whose end tag was looked for in vain: looking again would take too long in hostile documents.
    unended: Vec<String>,
}

impl Text {
    fn words(&mut self, text: &str) {
        for c in text.chars() {
            if self.preformatted > 0 && c == '\n' {
                self.new_line();
            } else if c == '\u{A0}' {
                self.push(' ');
            } else if self.preformatted > 0 && !c.is_control() {
                self.push(c);
            } else if c.is_ascii_whitespace() {
                self.space = true;
            } else if !c.is_control() {
                self.push(c);
            }
        }
    }

    fn push(&mut self, c: char) {
        if std::mem::take(&mut self.space) && !self.out.is_empty() && !self.out.ends_with(['\n', ' ']) {
            self.out.push(' ');
        }
        self.out.push(c);
    }

    /// Ends the line, unless it is empty.
    fn end_line(&mut self) {
        self.space = false;
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.new_line();
        }
    }

    fn new_line(&mut self) {
        self.space = false;
        self.out.truncate(self.out.trim_end_matches([' ', '\t']).len());
        // At most one empty line.
        if !self.out.ends_with("\r\n\r\n") {
            self.out.push_str("\r\n");
        }
    }

    /// Passes over a tag, comment or element that isn't shown; gives what follows.
    fn tag<'h>(&mut self, html: &'h str) -> &'h str {
        if let Some(comment) = html.strip_prefix("<!--") {
            return comment.find("-->").map_or("", |end| &comment[end + 3..]);
        }
        let inner = &html[1..];
        let closing = inner.starts_with('/');
        let name_at = inner.strip_prefix('/').unwrap_or(inner);
        if !name_at.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?') {
            self.push('<');
            return inner;
        }
        let name_end = name_at.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name_at.len());
        let name = name_at[..name_end].to_ascii_lowercase();
        let rest = after_tag(&name_at[name_end..]);
        match &name[..] {
            "script" | "style" | "head" | "title" | "template" if !closing && !self.unended.contains(&name) => {
                match after_element(rest, &name) {
                    Some(after) => return after,
                    None => self.unended.push(name),
                }
            }
            "br" => self.new_line(),
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "table" | "ul" | "ol" | "dl" | "hr" => {
                self.end_line();
                if !self.out.is_empty() {
                    self.new_line();
                }
            }
            "pre" => {
                self.end_line();
                self.preformatted = if closing { self.preformatted.saturating_sub(1) } else { self.preformatted + 1 };
            }
            "li" if !closing => {
                self.end_line();
                self.out.push_str("* ");
            }
            "div" | "tr" | "li" | "dt" | "dd" | "section" | "article" | "header" | "footer" | "body" => self.end_line(),
            "td" | "th" => self.space = true,
            _ => {}
        }
        rest
    }

    /// Writes the character of a reference that `html` starts with; gives what follows.
    fn entity<'h>(&mut self, html: &'h str) -> &'h str {
        let end = html[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '#').map_or(html.len(), |end| end + 1);
        let name = &html[1..end];
        let character = match name.strip_prefix('#') {
            Some(number) => match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok().and_then(char::from_u32),
                None => number.parse().ok().and_then(char::from_u32),
            },
            None => NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
        };
        let Some(character) = character else {
            self.push('&');
            return &html[1..];
        };
        self.words(character.encode_utf8(&mut [0; 4]));
        html[end..].strip_prefix(';').unwrap_or(&html[end..])
    }
}

/// What follows the `>` that ends a tag; quoted attribute values may hold others.
fn after_tag(attributes: &str) -> &str {
    let mut quote = None;
    for (at, c) in attributes.char_indices() {
        match (quote, c) {
            (None, '>') => return &attributes[at + 1..],
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    // An unbalanced quote must not swallow the rest of the document.
    attributes.find('>').map_or("", |at| &attributes[at + 1..])
}

/// What follows the end tag of `name`.
fn after_element<'h>(html: &'h str, name: &str) -> Option<&'h str> {
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        if rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            return Some(after_tag(&rest[name.len()..]));
        }
    }
    None
}

const NAMED: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{A0}'),
    ("iexcl", '¡'),
    ("cent", '¢'),
    ("pound", '£'),
    ("yen", '¥'),
    ("sect", '§'),
    ("copy", '©'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("reg", '®'),
    ("deg", '°'),
    ("plusmn", '±'),
    ("micro", 'µ'),
    ("para", '¶'),
    ("middot", '·'),
    ("iquest", '¿'),
    ("times", '×'),
    ("Agrave", 'À'),
    ("Aacute", 'Á'),
    ("Auml", 'Ä'),
    ("Aring", 'Å'),
    ("Ccedil", 'Ç'),
    ("Egrave", 'È'),
    ("Eacute", 'É'),
    ("Ntilde", 'Ñ'),
    ("Ouml", 'Ö'),
    ("Oslash", 'Ø'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("agrave", 'à'),
    ("aacute", 'á'),
    ("acirc", 'â'),
    ("auml", 'ä'),
    ("aring", 'å'),
    ("aelig", 'æ'),
    ("ccedil", 'ç'),
    ("egrave", 'è'),
    ("eacute", 'é'),
    ("ecirc", 'ê'),
    ("euml", 'ë'),
    ("iacute", 'í'),
    ("icirc", 'î'),
    ("iuml", 'ï'),
    ("ntilde", 'ñ'),
    ("oacute", 'ó'),
    ("ocirc", 'ô'),
    ("ouml", 'ö'),
    ("oslash", 'ø'),
    ("ugrave", 'ù'),
    ("uacute", 'ú'),
    ("ucirc", 'û'),
    ("uuml", 'ü'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("bull", '•'),
    ("hellip", '…'),
    ("euro", '€'),
    ("trade", '™'),
    ("larr", '←'),
    ("rarr", '→'),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documents() {
        let html = "<html><head><title>T</title><style>p{}</style></head>\n<body><p class='a>b'>One &amp; two&nbsp;\
                    <b>three</b>\n four</p><p>5 < 6 &lt;&#x20AC;&unknown;</p><ul><li>a<li>b</ul><!-- no --><div>x<br>y\
                    </div><pre>1\n  2</pre></body></html>";
        let expected = "One & two three four\r\n\r\n5 < 6 <€&unknown;\r\n\r\n* a\r\n* b\r\n\r\nx\r\ny\r\n1\r\n  2\r\n";
        assert_eq!(to_text(html), expected);
        assert_eq!(to_text(""), "");
        assert_eq!(to_text("<style>unended"), "unended\r\n");
        assert_eq!(to_text("<p title=\"unended>x"), "x\r\n");
    }

    #[test]
    fn references() {
        let ids = content_ids(b"<img src=\"cid:A%40b\"> url(CID:c@d) cid:");
        assert_eq!(ids.into_iter().collect::<Vec<_>>(), ["", "a@b", "c@d"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_is_survived(html in "(<[a-z/!?]{0,6}|[&;#x0-9]{0,4}|-->|['\">]|\\PC){0,60}") {
            let text = to_text(&html);
            prop_assert!(text.len() <= html.len() * 3 + 2, "{}", text);
            content_ids(html.as_bytes());
        }
    }
}

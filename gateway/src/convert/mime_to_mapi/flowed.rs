/// Text in which lines that end with a space go on in the next (RFC 3676), with each paragraph on one line: Exchange has no
/// other form. With `delsp` the space is none of the text.
pub(super) fn unwrapped(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // The quote depth of a paragraph that goes on.
    let mut open: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix("\r\n") {
            Some(line) => (line, "\r\n"),
            None => line.strip_suffix('\n').map_or((line, ""), |line| (line, "\r\n")),
        };
        let content = line.trim_start_matches('>');
        let depth = line.len() - content.len();
        let content = content.strip_prefix(' ').unwrap_or(content);
        let is_signature = content == "-- ";
        // A paragraph ends where its quotes end, and before a signature.
        if open.is_some_and(|open| open != depth || is_signature) {
            out.push_str("\r\n");
            open = None;
        }
        if open.is_none() && depth > 0 {
            out.push_str(&line[..depth]);
            out.push(' ');
        }
        let flows = content.ends_with(' ') && !is_signature && !end.is_empty();
        let kept = if flows && delsp { content.strip_suffix(' ').unwrap_or(content) } else { content };
        out.push_str(kept);
        open = flows.then_some(depth);
        if !flows {
            out.push_str(end);
        }
    }
    if open.is_some() {
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_one_line() {
        for (text, delsp, expected) in [
            ("one \r\ntwo\r\n\r\nthree\r\n", false, "one two\r\n\r\nthree\r\n"),
            ("one \r\ntwo", true, "onetwo"),
            (" >no quote\r\n  indented\r\n From me\r\n", false, ">no quote\r\n indented\r\nFrom me\r\n"),
            (">> a \r\n>> b\r\n> c \r\nd\r\n>\r\n", false, ">> a b\r\n> c \r\nd\r\n> \r\n"),
            ("text \r\n-- \r\nme \r\nand\r\n", false, "text \r\n-- \r\nme and\r\n"),
            ("open \r\n", false, "open \r\n"),
            ("日本 \n語\n", true, "日本語\r\n"),
            ("", false, ""),
            ("last ", false, "last "),
        ] {
            assert_eq!(unwrapped(text, delsp), expected, "{text:?}");
        }
    }
}

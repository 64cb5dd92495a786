//! GETMETADATA and SETMETADATA (RFC 5464 5).

use bytes::Bytes;

use super::cursor::Cursor;
use super::mailbox_name::Names;
use super::metadata_request::{Depth, MetadataRequest};
use super::request::Request;

/// The longest name of an entry, in bytes.
const MAX_NAME: usize = 255;

/// What follows `GETMETADATA ` up to the line end. The options stand before the mailbox, as in the grammar, or behind it, as in
/// the examples.
pub(super) fn parse_get(arguments: &[u8], names: Names) -> Option<Request> {
    let mut cursor = Cursor::new(arguments);
    let mut options = Options::default();
    if cursor.peek() == Some(b'(') {
        options.read(&mut cursor)?;
        cursor.expect(b' ')?;
    }
    let mailbox = names.read(&cursor.string(false)?);
    cursor.expect(b' ')?;
    if is_options(&cursor) {
        options.read(&mut cursor)?;
        cursor.expect(b' ')?;
    }
    let mut entries = Vec::new();
    if cursor.peek() == Some(b'(') {
        list(&mut cursor, |cursor| {
            entries.push(entry(cursor).filter(|name| is_name(name) || is_root(name))?);
            Some(())
        })?;
    } else {
        entries.push(entry(&mut cursor).filter(|name| is_name(name) || is_root(name))?);
    }
    cursor.is_at_end().then_some(())?;
    let (depth, max_size) = (options.depth.unwrap_or_default(), options.max_size);
    Some(Request::GetMetadata(MetadataRequest { mailbox, entries, depth, max_size }))
}

/// What follows `SETMETADATA ` up to the line end.
pub(super) fn parse_set(arguments: &[u8], names: Names) -> Option<Request> {
    let mut cursor = Cursor::new(arguments);
    let mailbox = names.read(&cursor.string(false)?);
    cursor.expect(b' ')?;
    let mut entries = Vec::new();
    list(&mut cursor, |cursor| {
        let name = entry(cursor).filter(|name| is_name(name))?;
        cursor.expect(b' ')?;
        entries.push((name, cursor.value()?.map(Bytes::from)));
        Some(())
    })?;
    cursor.is_at_end().then_some(Request::SetMetadata { mailbox, entries })
}

#[derive(Default)]
struct Options {
    depth: Option<Depth>,
    max_size: Option<u64>,
}

impl Options {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        list(cursor, |cursor| {
            let word = cursor.word()?;
            cursor.expect(b' ')?;
            match word.as_str() {
                "MAXSIZE" if self.max_size.is_none() => self.max_size = Some(cursor.number()?),
                "DEPTH" if self.depth.is_none() => {
                    self.depth = Some(match cursor.word()?.as_str() {
                        "0" => Depth::Zero,
                        "1" => Depth::One,
                        "INFINITY" => Depth::Infinity,
                        _ => return None,
                    });
                }
                _ => return None,
            }
            Some(())
        })
    }
}

/// Whether a list of options is next, and not one of entries, whose names begin otherwise.
fn is_options(cursor: &Cursor<'_>) -> bool {
    matches!(cursor.rest(), [b'(', first, ..] if first.is_ascii_alphabetic())
}

/// One or more of something in parentheses.
fn list<'a>(cursor: &mut Cursor<'a>, mut one: impl FnMut(&mut Cursor<'a>) -> Option<()>) -> Option<()> {
    cursor.expect(b'(')?;
    loop {
        one(cursor)?;
        if cursor.peek() == Some(b')') {
            return cursor.expect(b')');
        }
        cursor.expect(b' ')?;
    }
}

/// The name of an entry, in lower case: names don't tell letter case apart (RFC 5464 3.2).
fn entry(cursor: &mut Cursor<'_>) -> Option<String> {
    let name = String::from_utf8(cursor.string(false)?).ok()?;
    (name.len() <= MAX_NAME).then(|| name.to_ascii_lowercase())
}

/// Whether entries have such names (RFC 5464 3.2.1).
fn is_name(name: &str) -> bool {
    let levels = name.strip_prefix("/private/").or_else(|| name.strip_prefix("/shared/"));
    let is_level = |level: &str| !level.is_empty() && level.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    levels.is_some_and(|levels| levels.split('/').all(is_level)) && !name.contains(['*', '%'])
}

/// Whether all private or all shared entries are below it.
fn is_root(name: &str) -> bool {
    matches!(name, "/private" | "/shared")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(arguments: &str) -> Option<(String, String, Depth, Option<u64>)> {
        match parse_get(arguments.as_bytes(), Names::default())? {
            Request::GetMetadata(MetadataRequest { mailbox, entries, depth, max_size }) => {
                Some((mailbox, entries.join(" "), depth, max_size))
            }
            _ => None,
        }
    }

    fn set(arguments: &[u8]) -> Option<Vec<(String, Option<Bytes>)>> {
        match parse_set(arguments, Names::default())? {
            Request::SetMetadata { entries, .. } => Some(entries),
            _ => None,
        }
    }

    #[test]
    fn entries_are_asked_for() {
        let got =
            |mailbox: &str, entries: &str, depth, size| Some((mailbox.to_owned(), entries.to_owned(), depth, size));
        for (arguments, expected) in [
            ("\"\" /shared/comment", got("", "/shared/comment", Depth::Zero, None)),
            (
                "inbox (/Private/Comment \"/shared/a b\")",
                got("INBOX", "/private/comment /shared/a b", Depth::Zero, None),
            ),
            ("(MAXSIZE 1024) INBOX (/private/c)", got("INBOX", "/private/c", Depth::Zero, Some(1024))),
            ("INBOX (depth 1) (/private/c)", got("INBOX", "/private/c", Depth::One, None)),
            ("(DEPTH infinity MAXSIZE 0) x /private", got("x", "/private", Depth::Infinity, Some(0))),
        ] {
            assert_eq!(get(arguments), expected, "{arguments}");
        }
        let long = format!("x /private/{}", "a".repeat(MAX_NAME));
        for wrong in [
            "x",
            "x ()",
            "x /private/",
            "x /private//a",
            "x /private/a/",
            "x /private/*",
            "x \"/private/%\"",
            "x /comment",
            "x comment",
            "x \"/private/\u{e9}\"",
            "x \"/private/\t\"",
            "x /sharedx/a",
            "(DEPTH 2) x /private/a",
            "(DEPTH 1) x",
            "(DEPTH 1 DEPTH 1) x /private/a",
            "(MAXSIZE x) x /private/a",
            "(X 1) x /private/a",
            "() x /private/a",
            "x /private/a /private/b",
            "x (/private/a) ",
            &long,
        ] {
            assert_eq!(get(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn entries_are_set() {
        let value = |name: &str, value: &[u8]| (name.to_owned(), Some(Bytes::copy_from_slice(value)));
        assert_eq!(
            set(b"INBOX (/PRIVATE/comment {3+}\r\na\r\n /private/n nil /private/b ~{3}\r\n\x00)\xff /private/e \"\")"),
            Some(vec![
                value("/private/comment", b"a\r\n"),
                ("/private/n".to_owned(), None),
                value("/private/b", b"\0)\xff"),
                value("/private/e", b""),
            ])
        );
        for wrong in [
            &b"INBOX"[..],
            b"INBOX ()",
            b"INBOX (/private/a)",
            b"INBOX (/private/a b)",
            b"INBOX /private/a \"b\"",
            b"INBOX (/private \"b\")",
            b"INBOX (/private/a {1}\r\n\0)",
            b"INBOX (/private/a ~\"b\")",
            b"INBOX (/private/a NILx)",
            b"INBOX (/private/a \"b\"/private/b \"b\")",
            b"INBOX (/private/a \"b\" x)",
        ] {
            assert_eq!(set(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }
}

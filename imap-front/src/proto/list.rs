//! LIST and LSUB: the command in all its forms (RFC 3501 6.3.8, RFC 5258, RFC 5819, RFC 6154) and pattern matching.

use super::cursor::Cursor;
use super::mailbox_name::Names;
use super::request::ListRequest;
use super::status;

/// The longest pattern; matching takes time proportional to it.
const MAX_PATTERN: usize = 1024;
/// How many patterns one command may have.
const MAX_PATTERNS: usize = 64;

/// Parses the arguments of LIST: what follows `LIST ` up to the line end. Nothing if they are not well-formed or ask for
/// what is not known.
pub fn parse(arguments: &[u8], names: Names) -> Option<ListRequest> {
    let mut request = ListRequest::default();
    let mut cursor = Cursor::new(arguments);
    if cursor.peek() == Some(b'(') {
        request.extended = true;
        let mut others = false;
        for option in cursor.words()? {
            match option.as_str() {
                "SUBSCRIBED" => request.select_subscribed = true,
                "SPECIAL-USE" => request.select_special_use = true,
                // There are no remote mailboxes.
                "REMOTE" => {}
                "RECURSIVEMATCH" => request.recursive_match = true,
                _ => return None,
            }
            others |= matches!(option.as_str(), "SUBSCRIBED" | "SPECIAL-USE");
        }
        if request.recursive_match && !others {
            return None;
        }
        request.return_subscribed = request.select_subscribed;
        cursor.expect(b' ')?;
    }
    request.reference = names.read(&cursor.string(false)?);
    cursor.expect(b' ')?;
    if cursor.peek() == Some(b'(') {
        request.extended = true;
        cursor.expect(b'(')?;
        loop {
            request.patterns.push(pattern(&cursor.string(true)?, names)?);
            if request.patterns.len() > MAX_PATTERNS {
                return None;
            }
            if cursor.peek() == Some(b')') {
                break;
            }
            cursor.expect(b' ')?;
        }
        cursor.expect(b')')?;
    } else {
        request.patterns.push(pattern(&cursor.string(true)?, names)?);
    }
    if cursor.peek() == Some(b' ') {
        request.extended = true;
        cursor.expect(b' ')?;
        if cursor.word()? != "RETURN" {
            return None;
        }
        cursor.expect(b' ')?;
        parse_return(&mut cursor, &mut request)?;
    }
    cursor.is_at_end().then_some(request)
}

/// The pattern in Unicode.
pub(crate) fn pattern(bytes: &[u8], names: Names) -> Option<String> {
    (bytes.len() <= MAX_PATTERN).then(|| names.read(bytes))
}

fn parse_return(cursor: &mut Cursor<'_>, request: &mut ListRequest) -> Option<()> {
    cursor.expect(b'(')?;
    while cursor.peek() != Some(b')') {
        match cursor.word()?.as_str() {
            "SUBSCRIBED" => request.return_subscribed = true,
            // Both are always shown.
            "CHILDREN" | "SPECIAL-USE" => {}
            "STATUS" => {
                cursor.expect(b' ')?;
                request.return_status = Some(status::items(cursor)?);
            }
            _ => return None,
        }
        if cursor.peek() == Some(b' ') {
            cursor.expect(b' ')?;
        }
    }
    cursor.expect(b')')
}

/// Whether `name` matches `pattern`: `*` stands for anything, `%` for anything but the delimiter `/`.
/// Takes time proportional to the product of their lengths, whatever they are. All indices below are at most the
/// pattern's length, and the vectors are one longer.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    // `reached[i]` tells whether the first `i` characters of the pattern match what of the name was read.
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    close(&pattern, &mut reached);
    for character in name.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for (index, wanted) in pattern.iter().enumerate() {
            if !reached[index] {
                continue;
            }
            match wanted {
                '*' => next[index] = true,
                '%' => next[index] |= character != '/',
                wanted => next[index + 1] |= *wanted == character,
            }
        }
        close(&pattern, &mut next);
        reached = next;
    }
    reached[pattern.len()]
}

/// A wildcard may stand for nothing.
fn close(pattern: &[char], reached: &mut [bool]) {
    for (index, wanted) in pattern.iter().enumerate() {
        if reached[index] && matches!(wanted, '*' | '%') {
            reached[index + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::status_item::StatusItem;
    use super::*;

    fn parse(arguments: &[u8]) -> Option<ListRequest> {
        super::parse(arguments, Names::default())
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*", "a/b", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("a/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a/%/c", "a/b/c", true),
            ("a*c", "a/b/c", true),
            ("INBOX", "INBOX", true),
            ("INBOX", "INBOX2", false),
            ("%*", "a/b", true),
            ("", "", true),
            ("", "a", false),
            ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn plain() {
        let request = parse(b"\"\" \"*\"").unwrap();
        assert_eq!((request.reference.as_str(), request.patterns.as_slice()), ("", &["*".to_owned()][..]));
        assert!(!request.extended);
        assert_eq!(parse(b"Entw&APw-rfe {2}\r\n%a").unwrap().reference, "Entwürfe");
        assert_eq!(parse(b"\"\" inbox").unwrap().patterns, ["INBOX"]);
    }

    #[test]
    fn extended() {
        let request = parse(
            b"(SUBSCRIBED RECURSIVEMATCH) \"\" (\"INBOX\" x/%) RETURN (CHILDREN STATUS (MESSAGES UNSEEN) SPECIAL-USE)",
        )
        .unwrap();
        assert!(request.extended && request.select_subscribed && request.recursive_match && request.return_subscribed);
        assert_eq!(request.patterns, ["INBOX", "x/%"]);
        assert_eq!(request.return_status, Some(vec![StatusItem::Messages, StatusItem::Unseen]));
        for bad in ["(RECURSIVEMATCH) \"\" *", "(X) \"\" *", "\"\"", "\"\" * x", "\"\" * RETURN (X)", "\"\" ()"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in "[ ()\"*%a{}1\\\\\r\n]{0,40}") {
            parse(bytes.as_bytes());
        }
    }
}

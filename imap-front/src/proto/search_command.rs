//! The commands that search: SEARCH (RFC 3501 6.4.4) with what it is to return (RFC 4731, RFC 5182, RFC 5267, RFC 9394),
//! SORT and THREAD (RFC 5256), and CANCELUPDATE (RFC 5267).

use super::cursor::Cursor;
use super::order::{Order, SortBy, SortKey, ThreadAlgorithm};
use super::partial_range::PartialRange;
use super::request::Request;
use super::return_options::ReturnOptions;
use super::search::SearchRequest;
use super::search_program::program;
use super::text::text;

/// How many keys a SORT may have; each is kept of each message.
const MAX_SORT_KEYS: usize = 16;
/// How many contexts one CANCELUPDATE may name.
const MAX_TAGS: usize = 64;

/// What stands before charset and keys.
type Head = (Order, Option<ReturnOptions>);
type ReadHead = fn(&mut Cursor<'_>) -> Option<Head>;

/// The command in a body without its tag, if it is one of these.
pub(super) fn parse(body: &[u8]) -> Option<Result<Request, &'static str>> {
    let body = body.strip_suffix(b"\r\n")?;
    let after = |verb: &[u8], text: &mut &[u8]| {
        let (first, rest) = text.split_at_checked(verb.len())?;
        first.eq_ignore_ascii_case(verb).then(|| *text = rest)
    };
    let mut rest = body;
    if after(b"CANCELUPDATE ", &mut rest).is_some() {
        return Some(cancel(rest).ok_or("Invalid arguments of CANCELUPDATE"));
    }
    let uid = after(b"UID ", &mut rest).is_some();
    let (head, wrong): (ReadHead, _) = if after(b"SEARCH ", &mut rest).is_some() {
        (search, "Invalid arguments of SEARCH")
    } else if after(b"SORT ", &mut rest).is_some() {
        (sort, "Invalid arguments of SORT")
    } else if after(b"THREAD ", &mut rest).is_some() {
        (thread, "Invalid arguments of THREAD")
    } else {
        return None;
    };
    let request = || {
        let mut cursor = Cursor::new(rest);
        let (order, returns) = head(&mut cursor)?;
        let charset = charset(&mut cursor, order != Order::Mailbox)?;
        let key = program(&mut cursor, charset.as_deref())?;
        Some(Request::Search(Box::new(SearchRequest { uid, charset, key, order, returns }), Vec::new()))
    };
    Some(request().ok_or(wrong))
}

fn search(cursor: &mut Cursor<'_>) -> Option<Head> {
    Some((Order::Mailbox, returns(cursor)?))
}

fn sort(cursor: &mut Cursor<'_>) -> Option<Head> {
    let returns = returns(cursor)?;
    // Contexts are those of SEARCH only.
    if returns.is_some_and(|returns| returns.update || returns.context) {
        return None;
    }
    let mut keys = Vec::new();
    let mut reverse = false;
    for word in cursor.words()? {
        match SortBy::named(&word) {
            None if word == "REVERSE" && !reverse => reverse = true,
            None => return None,
            Some(by) => keys.push(SortKey { by, reverse: std::mem::take(&mut reverse) }),
        }
    }
    cursor.expect(b' ')?;
    let fits = !keys.is_empty() && keys.len() <= MAX_SORT_KEYS && !reverse;
    fits.then_some((Order::Sorted(keys), returns))
}

fn thread(cursor: &mut Cursor<'_>) -> Option<Head> {
    let algorithm = ThreadAlgorithm::named(&cursor.word()?)?;
    cursor.expect(b' ')?;
    Some((Order::Threads(algorithm), None))
}

/// The charset: always there, or only behind `CHARSET`.
fn charset(cursor: &mut Cursor<'_>, always: bool) -> Option<Option<String>> {
    if !always && !cursor.skip_word("CHARSET ") {
        return Some(None);
    }
    let charset = text(&cursor.string(false)?);
    cursor.expect(b' ')?;
    Some(Some(charset))
}

/// What is to be returned, if that is said.
fn returns(cursor: &mut Cursor<'_>) -> Option<Option<ReturnOptions>> {
    if !cursor.skip_word("RETURN ") {
        return Some(None);
    }
    let mut options = ReturnOptions::default();
    let mut named = false;
    cursor.expect(b'(')?;
    while cursor.peek() != Some(b')') {
        named = true;
        match cursor.word()?.as_str() {
            "MIN" => options.min = true,
            "MAX" => options.max = true,
            "ALL" => options.all = true,
            "COUNT" => options.count = true,
            "SAVE" => options.save = true,
            "CONTEXT" => options.context = true,
            "UPDATE" => options.update = true,
            "PARTIAL" if options.partial.is_none() => {
                cursor.expect(b' ')?;
                options.partial = Some(PartialRange::parse(cursor)?);
            }
            _ => return None,
        }
        if cursor.peek() == Some(b' ') {
            cursor.expect(b' ')?;
        }
    }
    cursor.expect(b')')?;
    cursor.expect(b' ')?;
    options.all |= !named;
    // RFC 9394 3.1
    let contradicts = options.all && options.partial.is_some();
    (!contradicts).then_some(Some(options))
}

fn cancel(arguments: &[u8]) -> Option<Request> {
    let mut cursor = Cursor::new(arguments);
    let mut tags = Vec::new();
    loop {
        if !matches!(cursor.peek(), Some(b'"' | b'{')) || tags.len() >= MAX_TAGS {
            return None;
        }
        tags.push(text(&cursor.string(false)?));
        if cursor.is_at_end() {
            return Some(Request::CancelUpdate(tags));
        }
        cursor.expect(b' ')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::search::SearchKey;

    fn parsed(command: &str) -> Option<SearchRequest> {
        match parse(format!("{command}\r\n").as_bytes())? {
            Ok(Request::Search(request, _)) => Some(*request),
            _ => None,
        }
    }

    #[test]
    fn what_is_returned() {
        let options = |text: &str| parsed(&format!("search return ({text}) all")).and_then(|request| request.returns);
        let default = ReturnOptions::default();
        assert_eq!(options(""), Some(ReturnOptions { all: true, ..default }));
        assert_eq!(options("min MAX"), Some(ReturnOptions { min: true, max: true, ..default }));
        assert_eq!(options("SAVE COUNT"), Some(ReturnOptions { save: true, count: true, ..default }));
        let partial = options("PARTIAL -1:-5 COUNT").unwrap();
        assert_eq!(partial.partial.unwrap().to_string(), "-1:-5");
        for wrong in ["X", "PARTIAL", "PARTIAL 1:2 ALL", "PARTIAL 1:2 PARTIAL 1:2", "PARTIAL 1:*", "(MIN)"] {
            assert_eq!(options(wrong), None, "{wrong}");
        }
        assert_eq!(parsed("UID SEARCH UNSEEN").unwrap().returns, None);
    }

    #[test]
    fn orders() {
        let request = parsed("UID SORT RETURN (COUNT) (REVERSE DATE Subject) utf-8 ALL").unwrap();
        let keys = vec![SortKey { by: SortBy::Date, reverse: true }, SortKey { by: SortBy::Subject, reverse: false }];
        assert_eq!(request.order, Order::Sorted(keys));
        assert!(request.uid && request.returns.unwrap().count);
        assert_eq!((request.charset.as_deref(), request.key), (Some("utf-8"), SearchKey::And(vec![SearchKey::All])));
        let request = parsed("thread references US-ASCII 1:2 SEEN").unwrap();
        assert_eq!(request.order, Order::Threads(ThreadAlgorithm::References));
        let many = |count| format!("SORT ({}) utf-8 ALL", vec!["DATE"; count].join(" "));
        assert!(parsed(&many(MAX_SORT_KEYS)).is_some());
        for wrong in [
            "SORT () utf-8 ALL",
            "SORT (REVERSE) utf-8 ALL",
            "SORT (REVERSE REVERSE DATE) utf-8 ALL",
            "SORT (X) utf-8 ALL",
            "SORT (DATE) utf-8",
            "SORT (DATE) ALL",
            "SORT RETURN (UPDATE) (DATE) utf-8 ALL",
            "THREAD X utf-8 ALL",
            "THREAD RETURN () REFS utf-8 ALL",
            &many(MAX_SORT_KEYS + 1),
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn cancelled_contexts() {
        let tags = |text: &str| match parse(format!("CANCELUPDATE {text}\r\n").as_bytes()) {
            Some(Ok(Request::CancelUpdate(tags))) => Some(tags),
            _ => None,
        };
        assert_eq!(tags("\"a\" \"b\""), Some(vec!["a".to_owned(), "b".to_owned()]));
        for wrong in ["a", "", "\"a\" ", "\"a\"b"] {
            assert_eq!(tags(wrong), None, "{wrong}");
        }
        assert_eq!(tags(&vec!["\"a\""; MAX_TAGS + 1].join(" ")), None);
    }
}

use std::borrow::Cow;

use chrono::{DateTime, Datelike, NaiveDate};
use mail_core::message::{Content, Part, decoded, fields, header_length, unfolded};
use mail_core::{FetchNeed, MessageRow};
use mail_parser::HeaderValue;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::parsers::MessageStream;

use crate::proto::search::{DateTest, SearchKey};
use crate::proto::sequence::{OutOfRange, Ranges, SequenceSet};

/// A search key made ready for many messages.
pub(crate) struct Matcher {
    key: SearchKey,
    /// The sets of `key`, resolved, in the order in which they stand there.
    sets: Vec<Ranges>,
}

/// A message to be matched, as far as it is known.
pub(crate) struct Candidate<'a> {
    pub row: &'a MessageRow,
    pub number: u32,
    pub recent: bool,
    pub size: Option<u64>,
    /// Its header, or all of it if `full`.
    pub content: Option<&'a [u8]>,
    pub full: bool,
}

impl Matcher {
    /// `count` messages are there, the last has `last_uid`.
    pub fn new(key: &SearchKey, count: u32, last_uid: u32) -> Result<Self, OutOfRange> {
        let mut sets = Vec::new();
        visit(key, &mut |key| {
            match key {
                SearchKey::Numbers(set) => sets.push(set.resolve_numbers(count)?),
                SearchKey::Uids(set) => sets.push(SequenceSet::resolve(set, last_uid)),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { key: key.clone(), sets })
    }

    /// Whether a message matches; nothing if more of it must be known.
    pub fn matches(&self, candidate: &Candidate<'_>) -> Option<bool> {
        eval(&self.key, candidate, &mut self.sets.iter())
    }

    /// What must be known of a message that the row alone does not decide.
    pub fn need(&self, size_known: bool) -> FetchNeed {
        let (mut size, mut header, mut body) = (false, false, false);
        // The visitor never fails.
        let _ = visit(&self.key, &mut |key| {
            match key {
                SearchKey::Larger(_) | SearchKey::Smaller(_) => size |= !size_known,
                SearchKey::Header(..) | SearchKey::Sent(..) => header = true,
                SearchKey::Body(_) | SearchKey::Text(_) => body = true,
                _ => {}
            }
            Ok(())
        });
        match (header, body) {
            (_, true) => FetchNeed::Full,
            // With the header alone a store need not tell the size.
            (true, false) if size => FetchNeed::Full,
            (true, false) => FetchNeed::Header,
            (false, false) => FetchNeed::Size,
        }
    }
}

/// Recursion is as deep as the grammar allows keys to nest.
fn visit(key: &SearchKey, each: &mut impl FnMut(&SearchKey) -> Result<(), OutOfRange>) -> Result<(), OutOfRange> {
    each(key)?;
    match key {
        SearchKey::Not(key) => visit(key, each),
        SearchKey::Or(one, other) => visit(one, each).and_then(|()| visit(other, each)),
        SearchKey::And(keys) => keys.iter().try_for_each(|key| visit(key, each)),
        _ => Ok(()),
    }
}

/// Every key is visited even if the result is known, so that `sets` stays in step; their own cost is low, and content is
/// looked at only if the result depends on it.
fn eval<'s>(key: &SearchKey, message: &Candidate<'_>, sets: &mut impl Iterator<Item = &'s Ranges>) -> Option<bool> {
    let row = message.row;
    match key {
        SearchKey::All => Some(true),
        SearchKey::Numbers(_) => Some(sets.next().is_some_and(|set| set.contains(message.number))),
        SearchKey::Uids(_) => Some(sets.next().is_some_and(|set| set.contains(row.uid))),
        SearchKey::Flag(flag, set) => Some(row.flags.contains(*flag) == *set),
        SearchKey::Keyword(keyword, set) => Some(row.keywords.contains(keyword) == *set),
        SearchKey::Recent(recent) => Some(message.recent == *recent),
        SearchKey::Internal(test, date) => {
            let day = DateTime::from_timestamp(row.internal_date, 0).unwrap_or_default().date_naive();
            Some(compare(*test, day, *date))
        }
        SearchKey::Larger(size) => message.size.map(|actual| actual > u64::from(*size)),
        SearchKey::Smaller(size) => message.size.map(|actual| actual < u64::from(*size)),
        SearchKey::Sent(test, date) => {
            let content = message.content?;
            Some(sent_day(content).is_some_and(|day| compare(*test, day, *date)))
        }
        SearchKey::Header(name, text) => {
            let header = header(message.content?);
            Some(fields(header).any(|field| field.is(name) && contains(&decoded(&field), text)))
        }
        SearchKey::Body(text) => message.content.filter(|_| message.full).map(|raw| body_contains(raw, text)),
        SearchKey::Text(text) => message.content.filter(|_| message.full).map(|raw| {
            fields(header(raw))
                .any(|field| contains(&String::from_utf8_lossy(field.name), text) || contains(&decoded(&field), text))
                || body_contains(raw, text)
        }),
        SearchKey::Not(key) => eval(key, message, sets).map(|result| !result),
        SearchKey::Or(one, other) => match (eval(one, message, sets), eval(other, message, sets)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        SearchKey::And(keys) => {
            let mut result = Some(true);
            for key in keys {
                // Once it is known that it does not match, only the sets must be passed over.
                if result == Some(false) {
                    skip(key, sets);
                } else {
                    result = match (result, eval(key, message, sets)) {
                        (_, Some(false)) => Some(false),
                        (Some(true), Some(true)) => Some(true),
                        _ => None,
                    };
                }
            }
            result
        }
    }
}

fn skip<'s>(key: &SearchKey, sets: &mut impl Iterator<Item = &'s Ranges>) {
    match key {
        SearchKey::Numbers(_) | SearchKey::Uids(_) => drop(sets.next()),
        SearchKey::Not(key) => skip(key, sets),
        SearchKey::Or(one, other) => {
            skip(one, sets);
            skip(other, sets);
        }
        SearchKey::And(keys) => keys.iter().for_each(|key| skip(key, sets)),
        _ => {}
    }
}

fn compare(test: DateTest, day: NaiveDate, date: NaiveDate) -> bool {
    match test {
        DateTest::Before => day < date,
        DateTest::On => day == date,
        DateTest::Since => day >= date,
    }
}

fn header(raw: &[u8]) -> &[u8] {
    raw.get(..header_length(raw)).unwrap_or_default()
}

/// The day that the `Date` header names, in its own time zone.
fn sent_day(raw: &[u8]) -> Option<NaiveDate> {
    let mut value = unfolded(header(raw), "Date")?;
    value.push(b'\n');
    let HeaderValue::DateTime(date) = MessageStream::new(&value).parse_date() else { return None };
    NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))
        .filter(|date| date.year() > 0)
}

/// `text` is in lower case.
fn contains(haystack: &str, text: &str) -> bool {
    text.is_empty() || haystack.to_lowercase().contains(text)
}

fn body_contains(raw: &[u8], text: &str) -> bool {
    part_contains(raw, &Part::parse(raw), text)
}

/// Recursion is as deep as the structure, which is bounded.
fn part_contains(raw: &[u8], part: &Part, text: &str) -> bool {
    match &part.content {
        Content::Multipart(parts) => parts.iter().any(|part| part_contains(raw, part, text)),
        Content::Message(inner) => {
            let header = raw.get(inner.header.clone()).unwrap_or_default();
            fields(header).any(|field| contains(&decoded(&field), text)) || part_contains(raw, inner, text)
        }
        Content::Leaf if part.media.is("text") => contains(&leaf_text(raw, part), text),
        Content::Leaf => false,
    }
}

/// The text of a text part: transfer encoding and charset decoded as far as they are known.
fn leaf_text<'a>(raw: &'a [u8], part: &Part) -> Cow<'a, str> {
    let body = raw.get(part.body.clone()).unwrap_or_default();
    let encoding = unfolded(raw.get(part.header.clone()).unwrap_or_default(), "Content-Transfer-Encoding");
    let encoding = encoding.unwrap_or_default().to_ascii_lowercase();
    let bytes = match encoding.as_slice() {
        b"base64" => base64_decode(body).map(Cow::Owned),
        b"quoted-printable" => quoted_printable_decode(body).map(Cow::Owned),
        _ => None,
    }
    .unwrap_or(Cow::Borrowed(body));
    let charset = part.media.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"charset"));
    match charset.and_then(|(_, charset)| charset_decoder(charset)) {
        Some(decode) => Cow::Owned(decode(&bytes)),
        None => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_core::{FlagSet, Keywords};

    const RAW: &[u8] = b"Date: Wed, 17 Jul 1996 23:23:25 -0700\r\nFrom: =?utf-8?q?J=C3=BCrgen?= <j@x>\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe aus K=\r\n=F6ln\r\n--b\r\n\
        Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+SGVsbG88L2I+\r\n--b--\r\n";

    fn row() -> MessageRow {
        let keywords = Keywords::from_iter(["Work"]);
        MessageRow { uid: 7, flags: FlagSet::SEEN, keywords, modseq: 1, internal_date: 837_596_665, size: None }
    }

    fn check(key: &SearchKey, content: Option<&[u8]>) -> Option<bool> {
        let row = row();
        let size = content.map(|content| content.len() as u64);
        let candidate = Candidate { row: &row, number: 3, recent: false, size, content, full: true };
        Matcher::new(key, 5, 9).unwrap().matches(&candidate)
    }

    #[test]
    fn by_row() {
        let set = |from, to| SequenceSet(vec![(Some(from), to)]);
        let day = NaiveDate::from_ymd_opt(1996, 7, 17).unwrap();
        for (key, expected) in [
            (SearchKey::All, true),
            (SearchKey::Flag(FlagSet::SEEN, false), false),
            (SearchKey::Keyword("work".to_owned(), true), true),
            (SearchKey::Recent(false), true),
            (SearchKey::Internal(DateTest::On, day), true),
            (SearchKey::Internal(DateTest::Before, day), false),
            (SearchKey::Internal(DateTest::Since, day), true),
            (
                SearchKey::And(vec![
                    SearchKey::Not(Box::new(SearchKey::Numbers(set(1, Some(2))))),
                    SearchKey::Or(
                        Box::new(SearchKey::And(vec![SearchKey::Recent(true), SearchKey::Uids(set(1, Some(1)))])),
                        Box::new(SearchKey::Uids(set(7, None))),
                    ),
                ]),
                true,
            ),
            // What the row decides needs no content.
            (SearchKey::And(vec![SearchKey::Text("x".to_owned()), SearchKey::Recent(true)]), false),
        ] {
            assert_eq!(check(&key, None), Some(expected), "{key:?}");
        }
        assert!(Matcher::new(&SearchKey::Numbers(set(6, Some(6))), 5, 9).is_err());
    }

    #[test]
    fn by_content() {
        let day = NaiveDate::from_ymd_opt(1996, 7, 17).unwrap();
        for (key, expected) in [
            (SearchKey::Sent(DateTest::On, day), true),
            (SearchKey::Header("FROM".to_owned(), "jürgen".to_owned()), true),
            (SearchKey::Header("From".to_owned(), String::new()), true),
            (SearchKey::Header("To".to_owned(), String::new()), false),
            (SearchKey::Body("aus köln".to_owned()), true),
            (SearchKey::Body("hello".to_owned()), true),
            (SearchKey::Body("jürgen".to_owned()), false),
            (SearchKey::Text("jürgen".to_owned()), true),
            (SearchKey::Larger(10), true),
            (SearchKey::Smaller(10), false),
        ] {
            assert_eq!(check(&key, None), None, "{key:?}");
            assert_eq!(check(&key, Some(RAW)), Some(expected), "{key:?}");
        }
    }

    #[test]
    fn asks_for_no_more_than_needed() {
        let need = |key, known| Matcher::new(&key, 5, 9).unwrap().need(known);
        assert_eq!(need(SearchKey::Larger(1), false), FetchNeed::Size);
        let header = SearchKey::Header("To".to_owned(), String::new());
        assert_eq!(need(header.clone(), false), FetchNeed::Header);
        assert_eq!(need(SearchKey::And(vec![header.clone(), SearchKey::Larger(1)]), false), FetchNeed::Full);
        assert_eq!(need(SearchKey::And(vec![header, SearchKey::Larger(1)]), true), FetchNeed::Header);
    }
}

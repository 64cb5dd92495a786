use chrono::{DateTime, NaiveDate};
use mail_core::{FetchNeed, MessageRow};

use crate::proto::search::{DateTest, SearchKey};
use crate::proto::sequence::{Ranges, SequenceSet};
use crate::session::searched::{Place, Searched, Sought};

/// A search key made ready for many messages.
pub(crate) struct Matcher {
    key: SearchKey,
    /// The sets of `key`, resolved, in the order in which they stand there.
    sets: Vec<Ranges>,
    sought: Sought,
    keys: usize,
    content_keys: usize,
    by_modseq: bool,
    is_lasting: bool,
    now: i64,
}

/// What sets and intervals in keys mean.
pub(crate) struct Scope<'a> {
    /// How many messages there are.
    pub count: u32,
    pub last_uid: u32,
    /// UIDs.
    pub saved: &'a Ranges,
    /// Seconds since 1970-01-01 UTC.
    pub now: i64,
}

/// A message to be matched, as far as it is known.
pub(crate) struct Candidate<'a> {
    pub row: &'a MessageRow,
    pub number: u32,
    pub recent: bool,
    pub size: Option<u64>,
    pub email_id: Option<String>,
    pub content: Option<Searched<'a>>,
}

impl Matcher {
    /// Numbers that no message has match none.
    pub fn new(key: &SearchKey, scope: &Scope<'_>) -> Self {
        let (mut sets, mut sought) = (Vec::new(), Vec::new());
        let (mut keys, mut content_keys) = (0, 0);
        let (mut by_modseq, mut is_lasting) = (false, true);
        visit(key, &mut |key| {
            keys += 1;
            match key {
                SearchKey::Numbers(set) => {
                    is_lasting = false;
                    sets.push(set.resolve_known(scope.count));
                }
                SearchKey::Uids(set) => {
                    is_lasting &= set.0.iter().all(|(from, to)| from.is_some() && to.is_some());
                    sets.push(SequenceSet::resolve(set, scope.last_uid));
                }
                SearchKey::Saved => sets.push(scope.saved.clone()),
                SearchKey::Older(_) | SearchKey::Younger(_) => is_lasting = false,
                SearchKey::Modseq(_) => by_modseq = true,
                SearchKey::Sent(..) | SearchKey::EmailId(_) => content_keys += 1,
                key => {
                    let places = places(key);
                    content_keys += usize::from(!places.is_empty());
                    sought.extend(places);
                }
            }
        });
        let (key, sought, now) = (key.clone(), Sought::new(sought), scope.now);
        Self { key, sets, sought, keys, content_keys, by_modseq, is_lasting, now }
    }

    /// What is looked for.
    pub fn key(&self) -> &SearchKey {
        &self.key
    }

    /// How many keys there are, those that combine others included.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// How many of them look at the content of messages.
    pub fn content_keys(&self) -> usize {
        self.content_keys
    }

    /// Whether a key is about MODSEQ, so that the client is to be told that of what is found (RFC 7162 3.1.5).
    pub fn by_modseq(&self) -> bool {
        self.by_modseq
    }

    /// Whether what matches can be followed: not by numbers, or by what time it is.
    pub fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// What is looked for in content.
    pub fn sought(&self) -> &Sought {
        &self.sought
    }

    /// Whether a message matches; nothing if more of it must be known.
    pub fn matches(&self, candidate: &Candidate<'_>) -> Option<bool> {
        eval(&self.key, candidate, self.now, &mut self.sets.iter())
    }

    /// What must be known of a message that the row alone does not decide.
    pub fn need(&self, size_known: bool) -> FetchNeed {
        let (mut size, mut outline, mut body) = (false, false, false);
        visit(&self.key, &mut |key| match key {
            SearchKey::Larger(_) | SearchKey::Smaller(_) => size |= !size_known,
            SearchKey::EmailId(_) => size = true,
            SearchKey::Address(..) | SearchKey::Header(..) | SearchKey::Sent(..) => outline = true,
            SearchKey::Body(_) | SearchKey::Text(_) => body = true,
            _ => {}
        });
        match (outline, body) {
            (_, true) => FetchNeed::Parts,
            (true, false) => FetchNeed::Outline,
            (false, false) => FetchNeed::Size,
        }
    }
}

/// In which places a key looks for which word; in any of them is enough.
fn places(key: &SearchKey) -> Vec<(Place<&str>, &str)> {
    match key {
        SearchKey::Address(name, word) => vec![(Place::Addresses(name), word)],
        SearchKey::Header(name, word) => vec![(Place::Field(name), word)],
        SearchKey::Body(word) => vec![(Place::Body, word)],
        SearchKey::Text(word) => vec![(Place::Headers, word), (Place::Body, word)],
        _ => Vec::new(),
    }
}

/// Recursion is as deep as the grammar allows keys to nest.
fn visit<'k>(key: &'k SearchKey, each: &mut impl FnMut(&'k SearchKey)) {
    each(key);
    match key {
        SearchKey::Not(key) => visit(key, each),
        SearchKey::Or(one, other) => {
            visit(one, each);
            visit(other, each);
        }
        SearchKey::And(keys) => keys.iter().for_each(|key| visit(key, each)),
        _ => {}
    }
}

/// Every key is visited even if the result is known, so that `sets` stays in step; their own cost is low, and content is
/// looked at only if the result depends on it.
fn eval<'s>(
    key: &SearchKey,
    message: &Candidate<'_>,
    now: i64,
    sets: &mut impl Iterator<Item = &'s Ranges>,
) -> Option<bool> {
    let row = message.row;
    match key {
        SearchKey::All => Some(true),
        SearchKey::Numbers(_) => Some(sets.next().is_some_and(|set| set.contains(message.number))),
        SearchKey::Uids(_) | SearchKey::Saved => Some(sets.next().is_some_and(|set| set.contains(row.uid))),
        SearchKey::Among(uids) => Some(uids.binary_search(&row.uid).is_ok()),
        SearchKey::Older(interval) => Some(row.internal_date <= now.saturating_sub(i64::from(*interval))),
        SearchKey::Younger(interval) => Some(row.internal_date >= now.saturating_sub(i64::from(*interval))),
        SearchKey::Modseq(modseq) => Some(row.modseq >= *modseq),
        SearchKey::Flag(flag, set) => Some(row.flags.contains(*flag) == *set),
        SearchKey::Keyword(keyword, set) => Some(row.keywords.contains(keyword) == *set),
        SearchKey::Recent(recent) => Some(message.recent == *recent),
        SearchKey::Internal(test, date) => {
            let day = DateTime::from_timestamp(row.internal_date, 0).unwrap_or_default().date_naive();
            Some(compare(*test, day, *date))
        }
        SearchKey::Larger(size) => message.size.map(|actual| actual > u64::from(*size)),
        SearchKey::Smaller(size) => message.size.map(|actual| actual < u64::from(*size)),
        SearchKey::EmailId(id) => message.email_id.as_ref().map(|of_message| of_message == id),
        // No message has one.
        SearchKey::ThreadId(_) => Some(false),
        SearchKey::Sent(test, date) => {
            let day = message.content.as_ref()?.sent_day();
            Some(day.is_some_and(|day| compare(*test, day, *date)))
        }
        SearchKey::Address(..) | SearchKey::Header(..) | SearchKey::Body(_) | SearchKey::Text(_) => {
            let content = message.content.as_ref()?;
            let mut result = Some(false);
            for (place, word) in places(key) {
                match content.contains(place, word) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => result = None,
                }
            }
            result
        }
        SearchKey::Not(key) => eval(key, message, now, sets).map(|result| !result),
        SearchKey::Or(one, other) => match (eval(one, message, now, sets), eval(other, message, now, sets)) {
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
                    result = match (result, eval(key, message, now, sets)) {
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
        SearchKey::Numbers(_) | SearchKey::Uids(_) | SearchKey::Saved => drop(sets.next()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use mail_core::message::Message;
    use mail_core::{FlagSet, Keywords};

    const RAW: &[u8] = b"Date: Wed, 17 Jul 1996 23:23:25 -0700\r\nFrom: =?utf-8?q?J=C3=BCrgen?= <j@x>\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe aus K=\r\n=F6ln\r\n--b\r\n\
        Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+SGVsbG88L2I+\r\n--b--\r\n";

    fn row() -> MessageRow {
        let keywords = Keywords::from_iter(["Work"]);
        MessageRow { uid: 7, flags: FlagSet::SEEN, keywords, modseq: 1, internal_date: 837_596_665, size: None }
    }

    fn scope(saved: &Ranges) -> Scope<'_> {
        Scope { count: 5, last_uid: 9, saved, now: 837_596_725 }
    }

    fn check(key: &SearchKey, content: Option<&[u8]>) -> Option<bool> {
        let row = row();
        let size = content.map(|content| content.len() as u64);
        let message = content.map(|content| Message::new(content.to_vec().into()));
        let matcher = Matcher::new(key, &scope(&Ranges::default()));
        let content = message.as_ref().map(|message| Searched::new(message, true, matcher.sought()));
        matcher.matches(&Candidate { row: &row, number: 3, recent: false, size, email_id: None, content })
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
            (SearchKey::Older(60), true),
            (SearchKey::Older(61), false),
            (SearchKey::Younger(60), true),
            (SearchKey::Younger(59), false),
            (SearchKey::Modseq(1), true),
            (SearchKey::Modseq(2), false),
            (SearchKey::Saved, false),
            (SearchKey::Numbers(set(6, Some(6))), false),
            (SearchKey::Numbers(set(2, Some(6))), true),
            // What the row decides needs no content.
            (SearchKey::And(vec![SearchKey::Text("x".to_owned()), SearchKey::Recent(true)]), false),
        ] {
            assert_eq!(check(&key, None), Some(expected), "{key:?}");
        }
    }

    #[test]
    fn by_content() {
        let day = NaiveDate::from_ymd_opt(1996, 7, 17).unwrap();
        for (key, expected) in [
            (SearchKey::Sent(DateTest::On, day), true),
            (SearchKey::Header("FROM".to_owned(), "jürgen".to_owned()), true),
            (SearchKey::Address("From", "jürgen <j@x>".to_owned()), true),
            (SearchKey::Address("To", String::new()), false),
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
        let need = |key, known| Matcher::new(&key, &scope(&Ranges::default())).need(known);
        assert_eq!(need(SearchKey::Larger(1), false), FetchNeed::Size);
        let header = SearchKey::Header("To".to_owned(), String::new());
        assert_eq!(need(header.clone(), false), FetchNeed::Outline);
        assert_eq!(need(SearchKey::And(vec![header.clone(), SearchKey::Larger(1)]), false), FetchNeed::Outline);
        assert_eq!(need(SearchKey::And(vec![header, SearchKey::Larger(1)]), true), FetchNeed::Outline);
    }
}

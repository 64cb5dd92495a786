//! What a store can tell of a search without the messages being read.

use std::collections::HashMap;

use chrono::NaiveDate;
use mail_core::{AddressField, ContentKey, Sifted};

use crate::proto::search::{DateTest, SearchKey};

/// What a store may be asked of a search, each once.
pub(crate) fn content_keys(key: &SearchKey) -> Vec<ContentKey> {
    let mut keys = Vec::new();
    collect(key, &mut keys);
    keys
}

/// The same search, in which messages that the store told of stand for what it was asked.
pub(crate) fn sifted(key: &SearchKey, told: &HashMap<ContentKey, Sifted>) -> SearchKey {
    match key {
        SearchKey::Not(key) => SearchKey::Not(Box::new(sifted(key, told))),
        SearchKey::Or(one, other) => SearchKey::Or(Box::new(sifted(one, told)), Box::new(sifted(other, told))),
        SearchKey::And(keys) => SearchKey::And(keys.iter().map(|key| sifted(key, told)).collect()),
        key => known(key, told).unwrap_or_else(|| key.clone()),
    }
}

/// Recursion is as deep as the grammar allows keys to nest.
fn collect(key: &SearchKey, keys: &mut Vec<ContentKey>) {
    match key {
        SearchKey::Not(key) => collect(key, keys),
        SearchKey::Or(one, other) => {
            collect(one, keys);
            collect(other, keys);
        }
        SearchKey::And(all) => all.iter().for_each(|key| collect(key, keys)),
        key => {
            for key in Question::of(key).into_iter().flat_map(Question::keys) {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
    }
}

/// What has to be known for a key.
enum Question {
    Whether(ContentKey),
    WhetherNot(ContentKey),
    /// The first holds, and the second does not; those of which that is known are looked at all the same.
    Between(ContentKey, ContentKey),
}

impl Question {
    fn of(key: &SearchKey) -> Option<Self> {
        Some(match key {
            SearchKey::Address(name, word) => Self::Whether(ContentKey::Address(field(name)?, word.clone())),
            // The empty word asks whether there is such a field.
            SearchKey::Header(name, word) if !word.is_empty() => {
                Self::Whether(ContentKey::Header(name.clone(), word.clone()))
            }
            SearchKey::Body(word) => Self::Whether(ContentKey::Body(word.clone())),
            SearchKey::Text(word) => Self::Whether(ContentKey::Text(word.clone())),
            SearchKey::Sent(DateTest::Since, day) => Self::Whether(sent_since(*day)),
            SearchKey::Sent(DateTest::Before, day) => Self::WhetherNot(sent_since(*day)),
            SearchKey::Sent(DateTest::On, day) => Self::Between(sent_since(*day), sent_since(day.succ_opt()?)),
            SearchKey::Larger(size) => Self::Whether(ContentKey::Larger(*size)),
            SearchKey::Smaller(size) => Self::WhetherNot(ContentKey::Larger(size.checked_sub(1)?)),
            _ => return None,
        })
    }

    fn keys(self) -> Vec<ContentKey> {
        match self {
            Self::Whether(key) | Self::WhetherNot(key) => vec![key],
            Self::Between(one, other) => vec![one, other],
        }
    }
}

fn field(name: &str) -> Option<AddressField> {
    [("From", AddressField::From), ("To", AddressField::To), ("Cc", AddressField::Cc), ("Bcc", AddressField::Bcc)]
        .into_iter()
        .find_map(|(known, field)| known.eq_ignore_ascii_case(name).then_some(field))
}

fn sent_since(day: NaiveDate) -> ContentKey {
    ContentKey::SentSince(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
}

/// A key by what the store told, if it did.
fn known(key: &SearchKey, told: &HashMap<ContentKey, Sifted>) -> Option<SearchKey> {
    let among = |uids: &[u32]| SearchKey::Among(uids.into());
    let not = |key| SearchKey::Not(Box::new(key));
    let or = |one, other| SearchKey::Or(Box::new(one), Box::new(other));
    let read = |sifted: &Sifted| SearchKey::And(vec![among(&sifted.open), key.clone()]);
    let maybe = |sifted: &Sifted| or(among(&sifted.matching), among(&sifted.open));
    Some(match Question::of(key)? {
        Question::Whether(key) => {
            let sifted = told.get(&key)?;
            or(among(&sifted.matching), read(sifted))
        }
        Question::WhetherNot(key) => {
            let sifted = told.get(&key)?;
            or(not(maybe(sifted)), read(sifted))
        }
        Question::Between(one, other) => {
            let (one, other) = (told.get(&one)?, told.get(&other)?);
            SearchKey::And(vec![maybe(one), not(among(&other.matching)), key.clone()])
        }
    })
}

#[cfg(test)]
mod tests {
    use mail_core::{FlagSet, Keywords, MessageRow};

    use super::*;
    use crate::proto::sequence::Ranges;
    use crate::session::matching::{Candidate, Matcher, Scope};

    fn told(key: &SearchKey, matching: &[u32], open: &[u32]) -> HashMap<ContentKey, Sifted> {
        let answer = Sifted { matching: matching.to_vec(), open: open.to_vec() };
        content_keys(key).into_iter().map(|key| (key, answer.clone())).collect()
    }

    /// What is known of message `uid` without reading it.
    fn check(key: &SearchKey, uid: u32) -> Option<bool> {
        let scope = Scope { count: 9, last_uid: 9, saved: &Ranges::default(), now: 0 };
        let row = MessageRow {
            uid,
            flags: FlagSet::EMPTY,
            keywords: Keywords::EMPTY,
            modseq: 1,
            internal_date: 0,
            size: None,
        };
        let candidate = Candidate { row: &row, number: uid, recent: false, size: None, email_id: None, content: None };
        Matcher::new(key, &scope).matches(&candidate)
    }

    #[test]
    fn what_the_store_told_decides() {
        let day = NaiveDate::from_ymd_opt(2026, 2, 1).unwrap();
        for key in [
            SearchKey::Body("x".into()),
            SearchKey::Text("x".into()),
            SearchKey::Header("Subject".into(), "x".into()),
            SearchKey::Address("Cc", "x".into()),
            SearchKey::Larger(9),
            SearchKey::Sent(DateTest::Since, day),
        ] {
            let sifted = sifted(&key, &told(&key, &[2, 3], &[5]));
            assert_eq!([2, 3, 4, 5].map(|uid| check(&sifted, uid)), [Some(true), Some(true), Some(false), None]);
        }
        for key in [SearchKey::Smaller(9), SearchKey::Sent(DateTest::Before, day)] {
            let sifted = sifted(&key, &told(&key, &[2, 3], &[5]));
            assert_eq!([2, 3, 4, 5].map(|uid| check(&sifted, uid)), [Some(false), Some(false), Some(true), None]);
        }
        let on = SearchKey::Sent(DateTest::On, day);
        let keys = content_keys(&on);
        let answers = [Sifted { matching: vec![2, 3], open: vec![4] }, Sifted { matching: vec![2], open: vec![] }];
        let answers = keys.into_iter().zip(answers).collect();
        let on = sifted(&on, &answers);
        assert_eq!([2, 3, 4, 5].map(|uid| check(&on, uid)), [Some(false), None, None, Some(false)]);
    }

    #[test]
    fn what_it_did_not_tell_is_read() {
        let key = SearchKey::Not(Box::new(SearchKey::Or(
            Box::new(SearchKey::Body("x".into())),
            Box::new(SearchKey::And(vec![SearchKey::All, SearchKey::Body("x".into()), SearchKey::Text("y".into())])),
        )));
        assert_eq!(content_keys(&key).len(), 2);
        assert_eq!(sifted(&key, &HashMap::new()), key);
        for key in [SearchKey::Header("To".into(), String::new()), SearchKey::Smaller(0), SearchKey::All] {
            assert_eq!(content_keys(&key), [], "{key:?}");
        }
    }
}

//! Search keys (RFC 3501 9, `search-key`), with those of RFC 5032, RFC 5182 and RFC 7162, and with flags where the grammar has
//! keywords: `KEYWORD \Forwarded`. Clients look for flags as FETCH and STORE name them.

use chrono::NaiveDate;
use mail_core::FlagSet;
use mail_core::message::charset;

use super::case::folded;
use super::cursor::Cursor;
use super::search::{DateTest, SearchKey};
use super::sequence::SequenceSet;
use super::text::text;

/// How deep keys may nest.
const MAX_DEPTH: usize = 32;

/// All keys up to the end, of which every message must match each.
pub(super) fn program(cursor: &mut Cursor<'_>, charset: Option<&str>) -> Option<SearchKey> {
    let mut reader = Reader { cursor, charset, depth: 0 };
    let mut keys = vec![reader.key()?];
    while !reader.cursor.is_at_end() {
        reader.cursor.expect(b' ')?;
        keys.push(reader.key()?);
    }
    Some(SearchKey::And(keys))
}

struct Reader<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    charset: Option<&'c str>,
    depth: usize,
}

impl Reader<'_, '_> {
    fn key(&mut self) -> Option<SearchKey> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let key = match self.cursor.peek()? {
            b'(' => self.list(),
            b'0'..=b'9' | b'*' | b'$' => self.set(SearchKey::Numbers),
            _ => self.named(),
        };
        self.depth -= 1;
        key
    }

    fn list(&mut self) -> Option<SearchKey> {
        self.cursor.expect(b'(')?;
        let mut keys = vec![self.key()?];
        while self.cursor.peek()? != b')' {
            self.cursor.expect(b' ')?;
            keys.push(self.key()?);
        }
        self.cursor.expect(b')')?;
        Some(SearchKey::And(keys))
    }

    fn set(&mut self, key: fn(SequenceSet) -> SearchKey) -> Option<SearchKey> {
        match self.cursor.atom()? {
            b"$" => Some(SearchKey::Saved),
            set => SequenceSet::parse(set).map(key),
        }
    }

    fn named(&mut self) -> Option<SearchKey> {
        let name = self.cursor.word()?;
        let flag = |flag, set| Some(SearchKey::Flag(flag, set));
        match name.as_str() {
            "ALL" => return Some(SearchKey::All),
            "ANSWERED" => return flag(FlagSet::ANSWERED, true),
            "DELETED" => return flag(FlagSet::DELETED, true),
            "DRAFT" => return flag(FlagSet::DRAFT, true),
            "FLAGGED" => return flag(FlagSet::FLAGGED, true),
            "SEEN" => return flag(FlagSet::SEEN, true),
            "UNANSWERED" => return flag(FlagSet::ANSWERED, false),
            "UNDELETED" => return flag(FlagSet::DELETED, false),
            "UNDRAFT" => return flag(FlagSet::DRAFT, false),
            "UNFLAGGED" => return flag(FlagSet::FLAGGED, false),
            "UNSEEN" => return flag(FlagSet::SEEN, false),
            "RECENT" => return Some(SearchKey::Recent(true)),
            "OLD" => return Some(SearchKey::Recent(false)),
            "NEW" => {
                return Some(SearchKey::And(vec![SearchKey::Recent(true), SearchKey::Flag(FlagSet::SEEN, false)]));
            }
            _ => {}
        }
        self.cursor.expect(b' ')?;
        Some(match name.as_str() {
            "UID" => return self.set(SearchKey::Uids),
            "NOT" => SearchKey::Not(Box::new(self.key()?)),
            "OR" => {
                let one = self.key()?;
                self.cursor.expect(b' ')?;
                SearchKey::Or(Box::new(one), Box::new(self.key()?))
            }
            "KEYWORD" => return self.keyword(true),
            "UNKEYWORD" => return self.keyword(false),
            "BEFORE" => SearchKey::Internal(DateTest::Before, self.date()?),
            "ON" => SearchKey::Internal(DateTest::On, self.date()?),
            "SINCE" => SearchKey::Internal(DateTest::Since, self.date()?),
            "SENTBEFORE" => SearchKey::Sent(DateTest::Before, self.date()?),
            "SENTON" => SearchKey::Sent(DateTest::On, self.date()?),
            "SENTSINCE" => SearchKey::Sent(DateTest::Since, self.date()?),
            "LARGER" => SearchKey::Larger(self.size()?),
            "SMALLER" => SearchKey::Smaller(self.size()?),
            "OLDER" => SearchKey::Older(self.interval()?),
            "YOUNGER" => SearchKey::Younger(self.interval()?),
            "FROM" => SearchKey::Address("From", self.words()?),
            "TO" => SearchKey::Address("To", self.words()?),
            "CC" => SearchKey::Address("Cc", self.words()?),
            "BCC" => SearchKey::Address("Bcc", self.words()?),
            "SUBJECT" => SearchKey::Header("Subject".to_owned(), self.words()?),
            "HEADER" => {
                let name = text(&self.cursor.string(false)?);
                self.cursor.expect(b' ')?;
                SearchKey::Header(name, self.words()?)
            }
            "BODY" => SearchKey::Body(self.words()?),
            "TEXT" => SearchKey::Text(self.words()?),
            "MODSEQ" => SearchKey::Modseq(self.modseq()?),
            "EMAILID" => SearchKey::EmailId(self.object_id()?),
            "THREADID" => SearchKey::ThreadId(self.object_id()?),
            _ => return None,
        })
    }

    /// A text, as it is compared.
    fn words(&mut self) -> Option<String> {
        Some(folded(&charset::decode(self.charset, &self.cursor.string(false)?)))
    }

    /// `objectid` (RFC 8474 7), between quotes or without.
    fn object_id(&mut self) -> Option<String> {
        let id = text(&self.cursor.string(false)?);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        ((1..=255).contains(&id.len()) && id.bytes().all(fits)).then_some(id)
    }

    fn keyword(&mut self, is_set: bool) -> Option<SearchKey> {
        let atom = self.cursor.atom()?;
        let Some(flag) = atom.strip_prefix(b"\\") else {
            let is_atom = atom.iter().all(|byte| !matches!(byte, b'"' | b'\\' | b'{' | b'%' | b'*' | b']'));
            return is_atom.then(|| SearchKey::Keyword(text(atom), is_set));
        };
        let is_it = |(_, name): &&(FlagSet, &str)| name.as_bytes().eq_ignore_ascii_case(atom);
        Some(match FlagSet::NAMES.iter().find(is_it) {
            Some((flag, _)) => SearchKey::Flag(*flag, is_set),
            None if flag.is_empty() => return None,
            None if flag.eq_ignore_ascii_case(b"Recent") => SearchKey::Recent(is_set),
            // No message has it.
            None if is_set => SearchKey::Not(Box::new(SearchKey::All)),
            None => SearchKey::All,
        })
    }

    /// `date` (RFC 3501 9): `1-Feb-1994`, with quotes or without.
    fn date(&mut self) -> Option<NaiveDate> {
        let written = text(&self.cursor.string(false)?);
        let mut parts = written.split('-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |part: &str, most: usize| part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit());
        if parts.next().is_some() || !digits(day, 2) || !digits(year, 4) || year.len() != 4 {
            return None;
        }
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = (1..).zip(MONTHS).find(|(_, name)| name.eq_ignore_ascii_case(month))?.0;
        NaiveDate::from_ymd_opt(year.parse().ok()?, month, day.parse().ok()?)
    }

    /// No message is larger than the largest that there is.
    fn size(&mut self) -> Option<u32> {
        self.cursor.number().map(|size| u32::try_from(size).unwrap_or(u32::MAX))
    }

    /// Seconds, at least one (RFC 5032 4).
    fn interval(&mut self) -> Option<u32> {
        self.cursor.number().filter(|seconds| *seconds > 0).map(|size| u32::try_from(size).unwrap_or(u32::MAX))
    }

    /// Which entry it is about makes no difference (RFC 7162 3.1.5): there is one MODSEQ of a message.
    fn modseq(&mut self) -> Option<u64> {
        if self.cursor.peek() == Some(b'"') {
            let entry = self.cursor.string(false)?;
            self.cursor.expect(b' ')?;
            let kind = self.cursor.word()?;
            self.cursor.expect(b' ')?;
            if !entry.starts_with(b"/flags/") || !matches!(kind.as_str(), "PRIV" | "SHARED" | "ALL") {
                return None;
            }
        }
        self.cursor.number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Option<Vec<SearchKey>> {
        match program(&mut Cursor::new(text.as_bytes()), None)? {
            SearchKey::And(keys) => Some(keys),
            _ => None,
        }
    }

    #[test]
    fn known_answers() {
        use SearchKey as K;
        let day = NaiveDate::from_ymd_opt(1994, 2, 1).unwrap();
        let set = |from, to| SequenceSet(vec![(from, to)]);
        for (text, expected) in [
            ("all", vec![K::All]),
            ("1:* $", vec![K::Numbers(set(Some(1), None)), K::Saved]),
            ("UID 5 uid $", vec![K::Uids(set(Some(5), Some(5))), K::Saved]),
            (
                "NOT (SEEN DELETED)",
                vec![K::Not(Box::new(K::And(vec![K::Flag(FlagSet::SEEN, true), K::Flag(FlagSet::DELETED, true)])))],
            ),
            (
                "OR UNSEEN KEYWORD $Junk",
                vec![K::Or(Box::new(K::Flag(FlagSet::SEEN, false)), Box::new(K::Keyword("$Junk".to_owned(), true)))],
            ),
            (
                "SINCE 1-Feb-1994 SENTON \"01-feb-1994\"",
                vec![K::Internal(DateTest::Since, day), K::Sent(DateTest::On, day)],
            ),
            ("LARGER 7 SMALLER 5000000000", vec![K::Larger(7), K::Smaller(u32::MAX)]),
            ("OLDER 60 YOUNGER 1", vec![K::Older(60), K::Younger(1)]),
            (
                "FROM Smith HEADER X-A \"\" BODY {2}\r\nÄ",
                vec![
                    K::Address("From", "smith".to_owned()),
                    K::Header("X-A".to_owned(), String::new()),
                    K::Body("ä".to_owned()),
                ],
            ),
            ("MODSEQ 620162338 MODSEQ \"/flags/\\\\draft\" all 5", vec![K::Modseq(620_162_338), K::Modseq(5)]),
            ("KEYWORD \\seen UNKEYWORD \\Recent", vec![K::Flag(FlagSet::SEEN, true), K::Recent(false)]),
            ("KEYWORD \\Junk UNKEYWORD \\Junk", vec![K::Not(Box::new(K::All)), K::All]),
            ("EMAILID M6d-_9 threadid \"T64\"", vec![K::EmailId("M6d-_9".to_owned()), K::ThreadId("T64".to_owned())]),
            ("KEYWORD Seen", vec![K::Keyword("Seen".to_owned(), true)]),
        ] {
            assert_eq!(keys(text), Some(expected), "{text}");
        }
        for wrong in [
            "",
            " ",
            "X",
            "ALL ",
            "ALLx",
            "()",
            "(ALL",
            "ALL)",
            "NOT",
            "OR ALL",
            "0",
            "1:0",
            "1,",
            "$,1",
            "$:1",
            "UID",
            "ON 32-Jan-2026",
            "ON 1-Jan-26",
            "ON x",
            "OLDER 0",
            "OLDER x",
            "KEYWORD \\",
            "KEYWORD \"a\"",
            "EMAILID \"\"",
            "EMAILID a.b",
            "MODSEQ",
            "MODSEQ \"/x\" all 5",
            "MODSEQ \"/flags/a\" x 5",
            "FROM",
            "TEXT {1}\r\n\0",
            "LARGER -1",
        ] {
            assert_eq!(keys(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nots = |depth: usize| keys(&("NOT ".repeat(depth) + "ALL")).is_some();
        assert!(nots(MAX_DEPTH - 1) && !nots(MAX_DEPTH));
        assert!(keys(&"(".repeat(1 << 20)).is_none());
    }
}

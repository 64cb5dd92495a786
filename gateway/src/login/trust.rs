use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::moment::Moment;

/// A source from which a user got in is the user's for this long.
pub(super) const TRUST: Duration = Duration::from_secs(7 * 24 * 3600);
/// A time of trust on disk may be so much older than the one in memory, so that not every login is written.
const COARSE: u64 = 60 * 60;
/// Entries kept, of all users and of one; the oldest go.
pub(super) const MAX_SOURCES: usize = 20_000;
const MAX_OF_USER: usize = 50;

/// The first line of the text.
const HEADER: &str = "mapi-gateway trusted sources 1";

/// From where users got in lately: user, source and time, and nothing else.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TrustedSources {
    /// By user; the times in seconds since 1970.
    users: HashMap<String, HashMap<IpAddr, Entry>>,
    len: usize,
    /// Whether what is on disk is too old.
    changed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    at: u64,
    /// The time that is on disk.
    written: u64,
}

impl TrustedSources {
    /// Whether a user got in from a source lately.
    pub(super) fn contains(&self, user: &str, source: IpAddr, now: Moment) -> bool {
        self.users.get(user).and_then(|of_user| of_user.get(&source)).is_some_and(|entry| is_recent(entry.at, now))
    }

    /// A user got in from a source. Tells whether that is to be written.
    pub(super) fn got_in(&mut self, user: &str, source: IpAddr, now: Moment) -> bool {
        if let Some(entry) = self.users.get_mut(user).and_then(|of_user| of_user.get_mut(&source)) {
            entry.at = now.unix;
            self.changed |= now.unix.abs_diff(entry.written) >= COARSE;
            return self.changed;
        }
        if self.users.get(user).is_some_and(|of_user| of_user.len() >= MAX_OF_USER) {
            self.drop_oldest_of(user);
        }
        if self.len >= MAX_SOURCES {
            self.drop_oldest(now);
        }
        self.insert(user, source, now.unix);
        self.changed = true;
        true
    }

    /// What is to be written, if it is: the text for a file. Counts as written then.
    pub(super) fn take_text(&mut self, now: Moment) -> Option<String> {
        std::mem::take(&mut self.changed).then(|| {
            let mut lines = Vec::new();
            for (user, of_user) in &mut self.users {
                for (source, entry) in of_user.iter_mut().filter(|(_, entry)| is_recent(entry.at, now)) {
                    entry.written = entry.at;
                    lines.push(format!("{}\t{source}\t{user}\n", entry.at));
                }
            }
            lines.sort_unstable();
            format!("{HEADER}\n{}end {}\n", lines.concat(), lines.len())
        })
    }

    /// It could not be written after all.
    pub(super) fn not_written(&mut self) {
        self.changed = true;
    }

    /// Reads the text of a file. Entries that are too old are left out.
    ///
    /// # Errors
    /// It is not as [`TrustedSources::take_text`] writes it, or has more entries than there may be; the line where that shows.
    pub(super) fn parse(text: &str, now: Moment) -> Result<Self, usize> {
        let mut out = Self::default();
        let mut lines = text.lines().enumerate();
        if lines.next().is_none_or(|(_, line)| line != HEADER) {
            return Err(1);
        }
        let mut count = 0;
        for (number, line) in &mut lines {
            if let Some(written) = line.strip_prefix("end ") {
                let whole = written.parse() == Ok(count) && lines.next().is_none();
                return if whole { Ok(out) } else { Err(number + 1) };
            }
            let (at, source, user) = entry(line).filter(|_| count < MAX_SOURCES).ok_or(number + 1)?;
            count += 1;
            // A clock that was wrong must not be trusted for ever.
            let at = at.min(now.unix);
            let known = out.users.get(&user).is_some_and(|of_user| of_user.contains_key(&source));
            if is_recent(at, now) && !known {
                out.insert(&user, source, at);
            }
        }
        Err(count + 2)
    }

    fn insert(&mut self, user: &str, source: IpAddr, at: u64) {
        self.users.entry(user.to_owned()).or_default().insert(source, Entry { at, written: at });
        self.len += 1;
    }

    fn drop_oldest_of(&mut self, user: &str) {
        let Some(of_user) = self.users.get_mut(user) else { return };
        let oldest = of_user.iter().min_by_key(|(_, entry)| entry.at).map(|(source, _)| *source);
        self.len -= usize::from(oldest.is_some_and(|source| of_user.remove(&source).is_some()));
    }

    /// Drops what is too old, and at least a tenth.
    fn drop_oldest(&mut self, now: Moment) {
        let mut times: Vec<u64> = self.users.values().flat_map(HashMap::values).map(|entry| entry.at).collect();
        times.sort_unstable();
        let bound = times.get(MAX_SOURCES / 10).copied().unwrap_or(0);
        for of_user in self.users.values_mut() {
            of_user.retain(|_, entry| entry.at > bound && is_recent(entry.at, now));
        }
        self.users.retain(|_, of_user| !of_user.is_empty());
        self.len = self.users.values().map(HashMap::len).sum();
    }
}

fn is_recent(at: u64, now: Moment) -> bool {
    now.unix.saturating_sub(at) < TRUST.as_secs()
}

fn entry(line: &str) -> Option<(u64, IpAddr, String)> {
    let mut parts = line.splitn(3, '\t');
    let (at, source, user) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    (!user.is_empty() && !user.contains(char::is_control)).then(|| (at, source, user.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let now = Moment::now();
        let mut trust = TrustedSources::default();
        assert!(trust.got_in("alice@example.test", source(1), now));
        assert!(trust.got_in("bob@example.test", "2001:db8::".parse().expect("an address"), now));
        let text = trust.take_text(now).expect("new");
        assert_eq!(trust.take_text(now), None, "written once");
        let read = TrustedSources::parse(&text, now).expect("as written");
        assert_eq!(read, trust);
        let late = now + (TRUST - Duration::from_secs(1));
        assert!(read.contains("alice@example.test", source(1), late));
        assert!(!read.contains("alice@example.test", source(1), now + TRUST));
        assert_eq!(TrustedSources::parse(&text, now + TRUST).map(|read| read.len), Ok(0));
        // Only a coarse time is written.
        assert!(!trust.got_in("alice@example.test", source(1), now + Duration::from_secs(COARSE - 1)));
        assert!(trust.got_in("alice@example.test", source(1), now + Duration::from_secs(COARSE)));
    }

    #[test]
    fn a_damaged_text_is_refused_wherever_it_is_cut() {
        let now = Moment::now();
        let mut trust = TrustedSources::default();
        assert!((0..3).all(|number| trust.got_in("alice", source(number), now)));
        let text = trust.take_text(now).expect("new");
        for at in 0..text.len() - 1 {
            assert!(TrustedSources::parse(&text[..at], now).is_err(), "cut at {at}");
        }
        assert!(TrustedSources::parse(&text.replace("end 3", "end 2"), now).is_err());
        assert!(TrustedSources::parse(&format!("{text}more"), now).is_err());
    }

    #[test]
    fn there_is_a_bound_for_all_and_for_one() {
        let now = Moment::now();
        let mut trust = TrustedSources::default();
        for number in 0..2 * MAX_OF_USER {
            trust.got_in("alice", source(number as u32), now + Duration::from_secs(number as u64));
        }
        assert_eq!(trust.len, MAX_OF_USER);
        let late = now + Duration::from_secs(2 * MAX_OF_USER as u64);
        assert!(trust.contains("alice", source(2 * MAX_OF_USER as u32 - 1), late), "the newest stays");
        for number in 0..2 * MAX_SOURCES {
            trust.got_in(&format!("u{number}"), source(1), late + Duration::from_secs(number as u64 / 100));
        }
        assert!(trust.len <= MAX_SOURCES);
        assert_eq!(trust.len, trust.users.values().map(HashMap::len).sum::<usize>());
        assert!(TrustedSources::parse(&trust.take_text(late).expect("changed"), late).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_is_read_or_refused(text in "(mapi-gateway trusted sources 1\n)?([0-9]{0,3}\t[0-9.]{0,9}\t[a-z]{0,3}\n){0,3}(end [0-9]\n)?.{0,5}") {
            let _ = TrustedSources::parse(&text, Moment::now());
        }
    }
}

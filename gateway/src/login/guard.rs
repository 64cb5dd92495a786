use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mail_core::listener::client_network;

/// Refused passwords count for this long; directories that lock accounts count them in such a time as well.
const WINDOW: Duration = Duration::from_secs(30 * 60);
/// A password that was refused is refused for this long without asking again.
const REMEMBERED: Duration = Duration::from_secs(60);
/// An address from which a user got in is the user's for this long.
const TRUST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Refused passwords of one address in [`WINDOW`], all users together: many of them may be behind it.
const ADDRESS_LIMIT: usize = 100;
/// Entries of each table; when one is full, what is oldest goes.
const TABLE_LIMIT: usize = 20_000;

/// Keeps guessing of passwords from the upstream: it would lock the accounts, and be kept busy.
///
/// A password that was just refused is not asked again. Of each user only a few wrong ones are passed on in half an hour,
/// except for addresses from which this user got in lately, which have as many of their own: who guesses elsewhere does not
/// keep the user out. Of each address many wrong ones are passed on, and those of users who got in from there do not count
/// among them.
pub(crate) struct Guard {
    user_limit: usize,
    state: Mutex<GuardState>,
}

#[derive(Default)]
struct GuardState {
    failures: HashMap<Key, Failures>,
    /// Passwords that were refused, by what stands for user and password.
    refused: HashMap<[u8; 32], Instant>,
    /// Where users got in.
    trusted: HashMap<(String, IpAddr), Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    User(String),
    UserAt(String, IpAddr),
    Address(IpAddr),
}

#[derive(Default)]
struct Failures {
    /// When passwords were refused, oldest first.
    at: VecDeque<Instant>,
    /// Attempts under way.
    running: usize,
}

/// Why an attempt is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// This password was refused a moment ago.
    Refused,
    /// Too many were; after this time one more may be tried.
    TooMany(Duration),
}

/// An attempt that is passed on.
pub(crate) struct Admitted {
    user: String,
    tag: [u8; 32],
    keys: Vec<Key>,
    address: Option<IpAddr>,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The upstream let the user in.
    Accepted,
    /// It refused the password.
    Refused,
    /// Neither.
    Unknown,
}

impl Guard {
    /// Passes on at most `user_limit` wrong passwords of a user in half an hour.
    pub(crate) fn new(user_limit: usize) -> Self {
        Self { user_limit, state: Mutex::default() }
    }

    /// Whether an attempt may be passed on. `tag` stands for user and password; `is_known` says that this password was
    /// accepted before and is no guess.
    pub(crate) fn admit(
        &self,
        user: &str,
        tag: [u8; 32],
        is_known: bool,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<Admitted, Denied> {
        let address = address.map(client_network);
        let mut state = self.state();
        let recently = |at: &Instant, time| now.saturating_duration_since(*at) < time;
        if state.refused.get(&tag).is_some_and(|at| recently(at, REMEMBERED)) {
            return Err(Denied::Refused);
        }
        let mut keys = Vec::new();
        if !is_known {
            let home = address.filter(|address| {
                state.trusted.get(&(user.to_owned(), *address)).is_some_and(|at| recently(at, TRUST))
            });
            match home {
                Some(address) => keys.push(Key::UserAt(user.to_owned(), address)),
                None => {
                    keys.push(Key::User(user.to_owned()));
                    keys.extend(address.map(Key::Address));
                }
            }
        }
        for key in &keys {
            let limit = if matches!(key, Key::Address(_)) { ADDRESS_LIMIT } else { self.user_limit };
            if let Some(failures) = state.failures.get_mut(key)
                && let Some(wait) = failures.wait(limit, now)
            {
                return Err(Denied::TooMany(wait));
            }
        }
        for key in &keys {
            bound(&mut state.failures, |failures| failures.at.back().copied(), |failures| failures.running == 0);
            state.failures.entry(key.clone()).or_default().running += 1;
        }
        Ok(Admitted { user: user.to_owned(), tag, keys, address })
    }

    /// What came of an attempt that was admitted.
    pub(crate) fn settle(&self, attempt: Admitted, verdict: Verdict, now: Instant) {
        let mut state = self.state();
        for key in &attempt.keys {
            let Some(failures) = state.failures.get_mut(key) else { continue };
            failures.running = failures.running.saturating_sub(1);
            if verdict == Verdict::Refused {
                failures.at.push_back(now);
            } else if failures.running == 0 && failures.at.is_empty() {
                state.failures.remove(key);
            }
        }
        match verdict {
            Verdict::Refused => {
                bound(&mut state.refused, |at| Some(*at), |_| true);
                state.refused.insert(attempt.tag, now);
            }
            Verdict::Accepted => {
                drop(state);
                self.got_in(&attempt.user, attempt.address, now);
            }
            Verdict::Unknown => {}
        }
    }

    /// A user got in from an address, whether the upstream was asked or not.
    pub(crate) fn got_in(&self, user: &str, address: Option<IpAddr>, now: Instant) {
        let Some(address) = address.map(client_network) else { return };
        let mut state = self.state();
        bound(&mut state.trusted, |at| Some(*at), |_| true);
        state.trusted.insert((user.to_owned(), address), now);
    }

    fn state(&self) -> MutexGuard<'_, GuardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    /// How long until one more may be tried, if not now.
    fn wait(&mut self, limit: usize, now: Instant) -> Option<Duration> {
        while self.at.front().is_some_and(|at| now.saturating_duration_since(*at) >= WINDOW) {
            self.at.pop_front();
        }
        let over = (self.at.len() + self.running + 1).checked_sub(limit).filter(|over| *over > 0)?;
        // Attempts under way that come to something make room at once.
        let frees = self.at.get(over - 1).copied();
        Some(frees.map_or(Duration::from_secs(1), |at| (at + WINDOW).saturating_duration_since(now)))
    }
}

/// Makes room in a table that is full: a tenth of what may go, oldest first.
fn bound<K: Clone + Eq + std::hash::Hash, V>(
    table: &mut HashMap<K, V>,
    age: impl Fn(&V) -> Option<Instant>,
    may_go: impl Fn(&V) -> bool,
) {
    if table.len() < TABLE_LIMIT {
        return;
    }
    let mut ages: Vec<_> = table.values().filter(|value| may_go(value)).map(&age).collect();
    ages.sort_unstable();
    if let Some(oldest) = ages.get(TABLE_LIMIT / 10).or(ages.last()).copied() {
        table.retain(|_, value| !may_go(value) || age(value) > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const AWAY: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1)));

    fn tag(number: usize) -> [u8; 32] {
        let mut tag = [0; 32];
        tag[..8].copy_from_slice(&number.to_be_bytes());
        tag
    }

    /// Tries passwords until none is passed on; tells how many were.
    fn guess(guard: &Guard, user: &str, from: Option<IpAddr>, first: usize, now: Instant) -> usize {
        (0..200)
            .take_while(|number| match guard.admit(user, tag(first + number), false, from, now) {
                Ok(attempt) => {
                    guard.settle(attempt, Verdict::Refused, now);
                    true
                }
                Err(_) => false,
            })
            .count()
    }

    #[test]
    fn guesses_end_and_begin_again_later() {
        let guard = Guard::new(4);
        let now = Instant::now();
        assert_eq!(guess(&guard, "alice", AWAY, 0, now), 4);
        let denied = guard.admit("alice", tag(50), false, HOME, now).err();
        assert_eq!(denied, Some(Denied::TooMany(WINDOW)));
        assert_eq!(guess(&guard, "bob", AWAY, 100, now), 4, "others are not concerned");
        assert!(guard.admit("alice", tag(50), true, HOME, now).is_ok(), "what was right before is no guess");
        assert_eq!(guess(&guard, "alice", AWAY, 200, now + WINDOW), 4);
    }

    #[test]
    fn where_a_user_got_in_others_dont_keep_the_user_out() {
        let guard = Guard::new(4);
        let now = Instant::now();
        let attempt = guard.admit("alice", tag(0), false, HOME, now).expect("the first");
        guard.settle(attempt, Verdict::Accepted, now);
        assert_eq!(guess(&guard, "alice", AWAY, 10, now), 4);
        assert_eq!(guess(&guard, "alice", HOME, 20, now), 4, "as many of its own");
        assert_eq!(guess(&guard, "alice", HOME, 30, now), 0);
    }

    #[test]
    fn a_password_that_was_refused_is_not_asked_again_at_once() {
        let guard = Guard::new(4);
        let now = Instant::now();
        let attempt = guard.admit("alice", tag(0), false, None, now).expect("the first");
        guard.settle(attempt, Verdict::Refused, now);
        assert_eq!(guard.admit("alice", tag(0), true, None, now).err(), Some(Denied::Refused));
        assert!(guard.admit("alice", tag(0), false, None, now + REMEMBERED).is_ok());
    }

    #[test]
    fn attempts_under_way_count_and_those_without_verdict_do_not() {
        let guard = Guard::new(2);
        let now = Instant::now();
        let admit = |number| guard.admit("alice", tag(number), false, AWAY, now);
        let (one, other) = (admit(0).expect("one"), admit(1).expect("another"));
        assert_eq!(admit(2).err(), Some(Denied::TooMany(Duration::from_secs(1))));
        guard.settle(one, Verdict::Unknown, now);
        guard.settle(other, Verdict::Unknown, now);
        assert!(guard.state().failures.is_empty());
        assert!(admit(2).is_ok());
    }

    #[test]
    fn many_users_fit_behind_one_address_and_tables_stay_bounded() {
        let guard = Guard::new(4);
        let now = Instant::now();
        let tried: usize = (0..50).map(|user| guess(&guard, &format!("user{user}"), AWAY, user * 200, now)).sum();
        assert_eq!(tried, ADDRESS_LIMIT);
        let attempt = guard.admit("at home", tag(80_000), true, AWAY, now).expect("known");
        guard.settle(attempt, Verdict::Accepted, now);
        assert_eq!(guess(&guard, "at home", AWAY, 90_000, now), 4, "who got in from there may mistype");
        for number in 0..TABLE_LIMIT + 100 {
            let later = now + Duration::from_millis(number as u64);
            assert_eq!(guess(&guard, &format!("u{number}"), None, 100_000 + number * 200, later), 4);
        }
        let state = guard.state();
        assert!(state.failures.len() <= TABLE_LIMIT && state.refused.len() <= TABLE_LIMIT);
    }
}

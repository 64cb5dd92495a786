use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::moment::Moment;

/// Refused passwords count for this long; directories that lock accounts count them in such a time as well.
pub(super) const WINDOW: Duration = Duration::from_secs(30 * 60);
/// Refused passwords of one source in [`WINDOW`], all users together: many of them may be behind it.
pub(super) const SOURCE_LIMIT: usize = 100;
/// Counts kept.
pub(super) const MAX_COUNTS: usize = 20_000;

/// What refused passwords are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Of a user, from all sources that the user never got in from.
    User(String),
    /// Of a user, from one source, whether the user got in from there or not.
    UserAt(String, IpAddr),
    /// From a source, of all users who never got in from there.
    Source(IpAddr),
}

/// Refused passwords, and attempts under way, which may become some.
///
/// What would let somebody try once more is never thrown away to make room: when all counts are at their limit, there is none
/// for another.
#[derive(Debug)]
pub(super) struct FailureTable {
    user_limit: usize,
    counts: HashMap<Key, Count>,
}

#[derive(Debug, Default)]
struct Count {
    /// When passwords were refused, oldest first.
    at: VecDeque<Instant>,
    /// Attempts under way.
    running: usize,
}

impl FailureTable {
    /// A user may have `user_limit` of them.
    pub(super) fn new(user_limit: usize) -> Self {
        Self { user_limit, counts: HashMap::new() }
    }

    /// Begins an attempt that counts under all of `keys`.
    ///
    /// # Errors
    /// It would be one too many under one of them; how long until that may change. Nothing was begun.
    pub(super) fn begin(&mut self, keys: &[Key], now: Moment) -> Result<(), Duration> {
        for key in keys {
            let limit = self.limit(key);
            if let Some(wait) = self.counts.get_mut(key).and_then(|count| count.wait(limit, now)) {
                return Err(wait);
            }
        }
        if self.counts.len() + keys.len() > MAX_COUNTS && !self.make_room(keys.len(), now) {
            return Err(WINDOW);
        }
        for key in keys {
            self.counts.entry(key.clone()).or_default().running += 1;
        }
        Ok(())
    }

    /// Ends an attempt that was begun under `keys`.
    pub(super) fn end(&mut self, keys: &[Key]) {
        for key in keys {
            let Some(count) = self.counts.get_mut(key) else { continue };
            count.running = count.running.saturating_sub(1);
            if count.running == 0 && count.at.is_empty() {
                self.counts.remove(key);
            }
        }
    }

    /// A password was refused. Counted also beyond the limit: it happened.
    pub(super) fn count(&mut self, keys: &[Key], now: Moment) {
        for key in keys {
            let limit = self.limit(key);
            let known = self.counts.contains_key(key);
            if !known && self.counts.len() >= MAX_COUNTS && !self.make_room(1, now) {
                continue;
            }
            let count = self.counts.entry(key.clone()).or_default();
            count.at.push_back(now.at);
            // More than the limit tell no more than the limit.
            if count.at.len() > limit {
                count.at.pop_front();
            }
        }
    }

    fn limit(&self, key: &Key) -> usize {
        match key {
            Key::Source(_) => SOURCE_LIMIT,
            Key::User(_) | Key::UserAt(..) => self.user_limit,
        }
    }

    /// Throws away what is over, and, if that is not enough, counts that are below their limit, oldest first. Tells whether
    /// `needed` more fit.
    fn make_room(&mut self, needed: usize, now: Moment) -> bool {
        self.counts.retain(|_, count| count.running > 0 || count.recent(now) > 0);
        if self.counts.len() + needed <= MAX_COUNTS {
            return true;
        }
        let (user_limit, source_limit) = (self.user_limit, SOURCE_LIMIT);
        let may_go = |key: &Key, count: &Count| {
            let limit = if matches!(key, Key::Source(_)) { source_limit } else { user_limit };
            count.running == 0 && count.at.len() < limit
        };
        let mut ages: Vec<_> = self.counts.iter().filter(|(key, count)| may_go(key, count)).collect();
        // Those with few go first: whoever fills the table to be rid of a count has to reach limits.
        ages.sort_unstable_by_key(|(_, count)| (count.at.len(), count.at.back().copied()));
        let going: Vec<Key> = ages.into_iter().take(MAX_COUNTS / 10).map(|(key, _)| key.clone()).collect();
        going.iter().for_each(|key| drop(self.counts.remove(key)));
        self.counts.len() + needed <= MAX_COUNTS
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }
}

impl Count {
    /// Refused passwords that count still.
    fn recent(&mut self, now: Moment) -> usize {
        while self.at.front().is_some_and(|at| !now.is_within(*at, WINDOW)) {
            self.at.pop_front();
        }
        self.at.len()
    }

    /// How long until one more may be tried, if not now.
    fn wait(&mut self, limit: usize, now: Moment) -> Option<Duration> {
        let over = (self.recent(now) + self.running + 1).checked_sub(limit).filter(|over| *over > 0)?;
        // Attempts under way that come to something make room at once.
        let frees = self.at.get(over - 1).copied();
        Some(frees.map_or(Duration::from_secs(1), |at| (at + WINDOW).saturating_duration_since(now.at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: usize) -> [Key; 1] {
        [Key::User(format!("u{number}"))]
    }

    #[test]
    fn a_count_at_its_limit_is_never_thrown_away() {
        let mut table = FailureTable::new(2);
        let now = Moment::now();
        let locked = user(0);
        table.count(&locked, now);
        table.count(&locked, now);
        // Whoever wants to be rid of it fills the table.
        for number in 1..2 * MAX_COUNTS {
            let later = now + Duration::from_millis(number as u64 / 100);
            if table.begin(&user(number), later).is_ok() {
                table.end(&user(number));
                table.count(&user(number), later);
            }
        }
        assert!(table.len() <= MAX_COUNTS);
        assert!(table.begin(&locked, now + Duration::from_secs(1)).is_err());
        // With nothing but such counts nobody else is let try.
        let mut full = FailureTable::new(1);
        (0..MAX_COUNTS).for_each(|number| full.count(&user(number), now));
        assert_eq!(full.begin(&user(MAX_COUNTS), now), Err(WINDOW));
        assert_eq!(full.begin(&user(MAX_COUNTS), now + WINDOW), Ok(()));
    }
}

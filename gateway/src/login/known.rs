use std::collections::HashMap;
use std::time::Instant;

use super::moment::Moment;
use super::trust::TRUST;

/// What stands for a name as it was sent and a password within this process ([`super::credential::AcceptedPasswords::tag`]).
pub(crate) type Tag = [u8; 32];

/// Passwords of one user: own, of apps.
const MAX_OF_USER: usize = 8;
/// Users kept; the oldest go.
pub(super) const MAX_USERS: usize = 20_000;

/// Which passwords the upstream accepted, for as long as the sources are trusted from which they came. In memory only.
#[derive(Debug, Default)]
pub(super) struct KnownPasswords {
    users: HashMap<String, Vec<Known>>,
}

#[derive(Debug)]
struct Known {
    tag: Tag,
    at: Instant,
    /// Whether it is being tried beyond the counts: one attempt at a time, since it may have been changed.
    tried: bool,
}

impl KnownPasswords {
    /// A user got in with a password.
    pub(super) fn accept(&mut self, user: &str, tag: Tag, now: Moment) {
        if self.users.len() >= MAX_USERS && !self.users.contains_key(user) {
            self.make_room(now);
        }
        let of_user = self.users.entry(user.to_owned()).or_default();
        let tried = of_user.iter().find(|known| known.tag == tag).is_some_and(|known| known.tried);
        of_user.retain(|known| known.tag != tag);
        if of_user.len() >= MAX_OF_USER {
            of_user.remove(0);
        }
        of_user.push(Known { tag, at: now.at, tried });
    }

    /// It was refused: it is as good as any other guess.
    pub(super) fn forget(&mut self, user: &str, tag: Tag) {
        if let Some(of_user) = self.users.get_mut(user) {
            of_user.retain(|known| known.tag != tag);
            if of_user.is_empty() {
                self.users.remove(user);
            }
        }
    }

    /// Begins an attempt with a password that was right, if it was, and no such attempt is under way.
    pub(super) fn begin(&mut self, user: &str, tag: Tag, now: Moment) -> bool {
        let known = self.users.get_mut(user).and_then(|of_user| of_user.iter_mut().find(|known| known.tag == tag));
        known.is_some_and(|known| now.is_within(known.at, TRUST) && !std::mem::replace(&mut known.tried, true))
    }

    /// Ends it.
    pub(super) fn end(&mut self, user: &str, tag: Tag) {
        let known = self.users.get_mut(user).and_then(|of_user| of_user.iter_mut().find(|known| known.tag == tag));
        known.into_iter().for_each(|known| known.tried = false);
    }

    /// Drops users who did not get in for too long, and at least a tenth.
    fn make_room(&mut self, now: Moment) {
        let newest = |of_user: &Vec<Known>| of_user.last().map(|known| known.at);
        let mut times: Vec<_> = self.users.values().filter_map(newest).collect();
        times.sort_unstable();
        let bound = times.get(MAX_USERS / 10).copied();
        self.users
            .retain(|_, of_user| newest(of_user) > bound && newest(of_user).is_some_and(|at| now.is_within(at, TRUST)));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.users.len()
    }
}

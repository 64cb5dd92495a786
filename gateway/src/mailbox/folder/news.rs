use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use mapi_core::id::{Gid, ReplicaGuidSet};

use crate::sync::Delta;

/// Rounds whose reports are kept to explain notifications that arrive here late.
const MAX_REPORTS: usize = 4;
/// Messages of which more is to be learned; above it all of the folder's are looked at.
const MAX_MODIFIED: usize = 4096;

/// What notifications said of a folder that no round has confirmed yet.
///
/// A notification is confirmed by a round that began after it had arrived from the server, whenever it is passed on to
/// here: so an operation and whoever listens never cause two rounds for the same news.
#[derive(Debug, Default)]
pub(crate) struct News {
    state: Mutex<NewsState>,
}

#[derive(Debug, Default)]
struct NewsState {
    /// When the last unconfirmed notification arrived.
    changed: Option<Instant>,
    /// When the last successful round began.
    confirmed: Option<Instant>,
    /// Messages that were notified as modified and not reported by a round yet.
    modified: HashSet<Gid>,
    /// Unknown messages were modified.
    overflow: bool,
    reports: VecDeque<Reported>,
    /// Operations under way that run rounds themselves.
    quiet: usize,
}

/// What a round reported as changed.
#[derive(Debug)]
struct Reported {
    began: Instant,
    /// The round reported everything there is.
    complete: bool,
    changed: HashSet<Gid>,
    read: ReplicaGuidSet,
    unread: ReplicaGuidSet,
}

/// Messages of which notifications said that they changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Modified {
    /// The messages.
    pub gids: HashSet<Gid>,
    /// There are more than these.
    pub overflow: bool,
}

impl News {
    /// Something happened in the folder, as a notification said that arrived `at` that time.
    pub(crate) fn add(&self, at: Instant, modified: Modified) {
        let mut state = self.state();
        let confirmed = state.confirmed.is_some_and(|began| began >= at);
        let NewsState { reports, .. } = &*state;
        let explained = |gid: &Gid| reports.iter().any(|report| report.began >= at && report.speaks_of(gid));
        let all_explained = reports.iter().any(|report| report.began >= at && report.complete);
        let unexplained: Vec<Gid> = modified.gids.into_iter().filter(|gid| !(confirmed && explained(gid))).collect();
        let overflow = modified.overflow && !all_explained;
        if confirmed && unexplained.is_empty() && !overflow {
            return;
        }
        state.changed = state.changed.max(Some(at));
        state.overflow |= overflow || state.modified.len() + unexplained.len() > MAX_MODIFIED;
        if !state.overflow {
            state.modified.extend(unexplained);
        }
    }

    /// The folder is to be looked at, whatever was said before.
    pub(crate) fn add_unknown(&self) {
        self.state().changed = Some(Instant::now());
    }

    /// Whether a round is needed.
    pub(crate) fn is_dirty(&self) -> bool {
        self.state().changed.is_some()
    }

    /// Whether a round is needed that no operation is about to run.
    pub(crate) fn wants_round(&self) -> bool {
        let state = self.state();
        state.quiet == 0 && state.changed.is_some()
    }

    /// A round begins: what it is to explain.
    pub(crate) fn take_modified(&self) -> Modified {
        let mut state = self.state();
        Modified { gids: std::mem::take(&mut state.modified), overflow: std::mem::take(&mut state.overflow) }
    }

    /// The round that took `modified` failed.
    pub(crate) fn give_back(&self, modified: Modified) {
        let mut state = self.state();
        state.changed.get_or_insert_with(Instant::now);
        state.overflow |= modified.overflow || state.modified.len() + modified.gids.len() > MAX_MODIFIED;
        if !state.overflow {
            state.modified.extend(modified.gids);
        }
    }

    /// What of `modified` a round did not speak of. The report is kept for notifications that are passed on late.
    pub(crate) fn reported(&self, began: Instant, delta: &Delta, mut modified: Modified) -> Modified {
        let report = Reported {
            began,
            complete: delta.complete,
            changed: delta.changed.iter().take(MAX_MODIFIED).map(|message| message.gid).collect(),
            read: delta.read.clone(),
            unread: delta.unread.clone(),
        };
        modified.gids.retain(|gid| !report.speaks_of(gid) && !delta.deleted.contains(*gid));
        modified.overflow &= !delta.complete;
        if delta.complete || !(delta.changed.is_empty() && delta.read.is_empty() && delta.unread.is_empty()) {
            let mut state = self.state();
            state.reports.truncate(MAX_REPORTS - 1);
            state.reports.push_front(report);
        }
        modified
    }

    /// A round that began at this time succeeded.
    pub(crate) fn confirm(&self, began: Instant) {
        let mut state = self.state();
        state.confirmed = state.confirmed.max(Some(began));
        if state.changed.is_some_and(|at| at <= began) {
            state.changed = None;
        }
    }

    /// An operation begins that runs rounds itself.
    pub(crate) fn begin_quiet(&self) {
        self.state().quiet += 1;
    }

    /// It has ended.
    pub(crate) fn end_quiet(&self) {
        let mut state = self.state();
        state.quiet = state.quiet.saturating_sub(1);
    }

    fn state(&self) -> MutexGuard<'_, NewsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reported {
    fn speaks_of(&self, gid: &Gid) -> bool {
        self.complete || self.changed.contains(gid) || self.read.contains(*gid) || self.unread.contains(*gid)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mapi_core::id::{GlobalCounter, Guid};

    use super::*;

    fn gid(counter: u64) -> Gid {
        Gid { replica_guid: Guid([9; 16]), counter: GlobalCounter::new(counter) }
    }

    fn modified(counters: &[u64]) -> Modified {
        Modified { gids: counters.iter().map(|counter| gid(*counter)).collect(), overflow: false }
    }

    fn read(counter: u64) -> Delta {
        let mut delta = Delta::default();
        delta.read.insert(gid(counter));
        delta
    }

    #[test]
    fn a_round_confirms_what_arrived_before_it_began() {
        let news = News::default();
        let (early, began) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let late = began + Duration::from_secs(1);
        news.add(early, Modified::default());
        assert!(news.wants_round());
        news.begin_quiet();
        assert!(!news.wants_round() && news.is_dirty());
        news.end_quiet();
        news.confirm(began);
        assert!(!news.is_dirty());
        news.add(early, Modified::default());
        assert!(!news.is_dirty(), "passed on late, confirmed all the same");
        news.add(late, Modified::default());
        news.confirm(began);
        assert!(news.is_dirty());
    }

    #[test]
    fn messages_that_no_round_spoke_of_stay_to_be_explained() {
        let news = News::default();
        let (early, began) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        news.add(early, modified(&[1, 2]));
        let taken = news.take_modified();
        assert_eq!(taken, modified(&[1, 2]));
        assert_eq!(news.reported(began, &read(1), taken), modified(&[2]));
        news.confirm(began);
        news.add(early, modified(&[1]));
        assert!(!news.is_dirty(), "the round spoke of it");
        news.add(early, modified(&[3]));
        assert!(news.is_dirty());
        assert_eq!(news.take_modified(), modified(&[3]));
        news.give_back(modified(&[3]));
        assert_eq!(news.take_modified(), modified(&[3]));
    }
}

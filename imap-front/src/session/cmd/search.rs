use std::collections::VecDeque;
use std::sync::Arc;

use mail_core::message::charset;
use mail_core::work;
use mail_core::{FetchNeed, FetchedMessage};

use crate::proto::search::SearchKey;
use crate::session::action::{Call, Reply};
use crate::session::core::Core;
use crate::session::matching::{Candidate, Matcher};
use crate::session::outcome::{Outcome, Sync};
use crate::session::searched::Searched;
use crate::session::step::{Resume, Step, With};
use crate::session::view::View;
use crate::session::work::{Work, Worked};
use crate::store::StoreError;

/// Up to so many keys times messages are matched at once; more is work for elsewhere.
const INLINE_MATCHES: u64 = 10_000;
/// Up to so many bytes times keys are looked at at once.
const INLINE_BYTES: u64 = 256 << 10;
/// What matching a key with a row costs, in steps.
const STEPS_PER_MATCH: usize = 16;

/// SEARCH and UID SEARCH (RFC 3501 6.4.4). What flags, dates, UIDs and known sizes decide needs no content; of the other
/// messages no more is asked for than the keys need.
pub(super) fn search(core: &mut Core, uid: bool, charset: Option<&str>, key: &SearchKey) -> Step {
    if !charset.is_none_or(charset::is_known) {
        return Step::Done(Outcome::no("BADCHARSET (US-ASCII UTF-8)", "Unknown charset").sync(Sync::Nothing));
    }
    let most = core.config.limits.search_keys;
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    let view = selected.view().clone();
    let matcher = Arc::new(Matcher::new(key, view.count(), view.last_uid()));
    if matcher.keys() > most {
        return Step::Done(Outcome::no("LIMIT", format!("More than {most} search keys")).sync(Sync::Nothing));
    }
    let is_small = u64::from(view.count()) * matcher.keys() as u64 <= INLINE_MATCHES;
    let bytes = size_of::<u32>() as u64 * u64::from(view.count());
    let query = Query { view, matcher };
    let sorting = query.clone();
    let search = Box::new(Search { query, uid, found: Vec::new(), calls: VecDeque::new(), failed: None });
    if is_small {
        search.resume(core, With::Reply(Reply::Worked(Ok(sorting.sort()))))
    } else {
        Step::Work(Work::new(bytes, move || sorting.sort()), search)
    }
}

/// What is searched for, and where.
#[derive(Clone)]
struct Query {
    view: View,
    matcher: Arc<Matcher>,
}

impl Query {
    /// What the rows decide.
    fn sort(&self) -> Worked {
        let (mut found, mut open) = (Vec::new(), Vec::new());
        for (number, row) in self.view.messages() {
            work::spend(STEPS_PER_MATCH * self.matcher.keys());
            if work::is_cancelled() {
                break;
            }
            let Some(candidate) = self.candidate(number, row.uid, None, None) else { continue };
            match self.matcher.matches(&candidate) {
                Some(true) => found.push(row.uid),
                Some(false) => {}
                None => open.push(row.uid),
            }
        }
        Worked::Sorted { found, open }
    }

    /// Whether a message matches that its row alone did not decide.
    fn matches(&self, uid: u32, fetched: FetchedMessage) -> bool {
        let (told, whole) = (Some(u64::from(fetched.size)), fetched.content.is_whole());
        let message = fetched.content.into_message();
        let content =
            (self.need(uid) != FetchNeed::Size).then(|| Searched::new(&message, whole, self.matcher.sought()));
        let candidate = self.view.number(uid).and_then(|number| self.candidate(number, uid, told, content));
        candidate.is_some_and(|candidate| self.matcher.matches(&candidate) == Some(true))
    }

    /// What must be known of a message that its row does not decide.
    fn need(&self, uid: u32) -> FetchNeed {
        self.matcher.need(self.view.row(uid).is_some_and(|row| row.size.is_some()))
    }

    fn candidate<'a>(
        &'a self,
        number: u32,
        uid: u32,
        told: Option<u64>,
        content: Option<Searched<'a>>,
    ) -> Option<Candidate<'a>> {
        let row = self.view.row(uid)?;
        let recent = self.view.is_recent(uid);
        Some(Candidate { row, number, recent, size: row.size.map(u64::from).or(told), content })
    }
}

struct Search {
    query: Query,
    uid: bool,
    found: Vec<u32>,
    calls: VecDeque<(FetchNeed, Vec<u32>)>,
    failed: Option<StoreError>,
}

impl Search {
    /// Groups those of which more must be known by what that is.
    fn ask(&mut self, open: Vec<u32>) {
        let mut calls: [(FetchNeed, Vec<u32>); 3] =
            [(FetchNeed::Size, Vec::new()), (FetchNeed::Outline, Vec::new()), (FetchNeed::Parts, Vec::new())];
        for uid in open {
            let need = self.query.need(uid);
            if let Some((_, uids)) = calls.iter_mut().find(|(kind, _)| *kind == need) {
                uids.push(uid);
            }
        }
        self.calls = calls.into_iter().filter(|(_, uids)| !uids.is_empty()).collect();
    }
}

impl Resume for Search {
    fn resume(mut self: Box<Self>, core: &mut Core, with: With) -> Step {
        let sync = if self.uid { Sync::All } else { Sync::KeepNumbers };
        match with {
            With::Reply(Reply::Fetched(uid, Ok(message))) => {
                let bytes = message.content.len() as u64;
                if bytes * self.query.matcher.content_keys() as u64 <= INLINE_BYTES {
                    if self.query.matches(uid, message) {
                        self.found.push(uid);
                    }
                    return Step::More(self);
                }
                let query = self.query.clone();
                // The store has taken room for what is made of a large message.
                let work = Work::new(0, move || Worked::Matched(query.matches(uid, message).then_some(uid)));
                return Step::Work(work, self);
            }
            With::Reply(Reply::Worked(Ok(Worked::Matched(found)))) => {
                self.found.extend(found);
                return Step::More(self);
            }
            // A message that is gone matches nothing.
            With::Reply(Reply::Fetched(_, Err(StoreError::ExpungeIssued))) => return Step::More(self),
            With::Reply(Reply::Fetched(_, Err(error))) => {
                self.failed = Some(error);
                return Step::More(self);
            }
            With::Reply(Reply::Worked(Ok(Worked::Sorted { found, open }))) => {
                self.found = found;
                self.ask(open);
            }
            With::Reply(Reply::Worked(Err(error))) => return Step::Done(Outcome::failed(&error).sync(sync)),
            With::Reply(Reply::FetchEnd(Ok(()))) => {}
            With::Reply(Reply::FetchEnd(Err(error))) => self.failed = Some(error),
            With::Taken | With::Reply(_) | With::Line(_) => return Step::Done(Outcome::bug()),
        }
        if let Some(error) = &self.failed {
            return Step::Done(Outcome::failed(error).sync(sync));
        }
        if let Some((need, uids)) = self.calls.pop_front() {
            return Step::Call(Call::Fetch { uids, need }, self);
        }
        self.found.sort_unstable();
        core.out.text("* SEARCH");
        for uid in &self.found {
            let shown = if self.uid { Some(*uid) } else { self.query.view.number(*uid) };
            if let Some(shown) = shown {
                core.out.text(" ").number(shown);
            }
        }
        core.out.text("\r\n");
        Step::Done(Outcome::ok("SEARCH completed").sync(sync))
    }
}

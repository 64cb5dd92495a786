use std::collections::VecDeque;

use mail_core::message::Message;
use mail_core::{FetchNeed, FetchedMessage};

use crate::proto::search::SearchKey;
use crate::proto::sequence::OutOfRange;
use crate::session::action::{Call, Reply};
use crate::session::core::{Core, SessionState};
use crate::session::matching::{Candidate, Matcher};
use crate::session::outcome::{Outcome, Sync};
use crate::session::searched::Searched;
use crate::session::selected::Selected;
use crate::session::step::{Resume, Step, With};
use crate::store::StoreError;

/// SEARCH and UID SEARCH (RFC 3501 6.4.4). What flags, dates, UIDs and known sizes decide needs no content; of the other
/// messages no more is asked for than the keys need.
pub(super) fn search(core: &mut Core, uid: bool, charset: Option<&str>, key: &SearchKey) -> Step {
    if charset.is_some_and(|charset| !matches!(charset, "US-ASCII" | "UTF-8")) {
        return Step::Done(Outcome::no("BADCHARSET (US-ASCII UTF-8)", "Unknown charset").sync(Sync::Nothing));
    }
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    let matcher = match Matcher::new(key, selected.count(), selected.last_uid()) {
        Ok(matcher) => matcher,
        Err(OutOfRange) => return Step::Done(Outcome::bad("No message with that number")),
    };
    let mut found = Vec::new();
    let mut calls: [(FetchNeed, Vec<u32>); 3] =
        [(FetchNeed::Size, Vec::new()), (FetchNeed::Header, Vec::new()), (FetchNeed::Full, Vec::new())];
    for (number, row) in selected.messages() {
        let Some(candidate) = candidate(selected, number, row.uid, None, None) else { continue };
        match matcher.matches(&candidate) {
            Some(true) => found.push(row.uid),
            Some(false) => {}
            None => {
                let need = matcher.need(candidate.size.is_some());
                if let Some((_, uids)) = calls.iter_mut().find(|(kind, _)| *kind == need) {
                    uids.push(row.uid);
                }
            }
        }
    }
    let calls = calls.into_iter().filter(|(_, uids)| !uids.is_empty()).collect();
    let run = Search { matcher, uid, found, calls, need: FetchNeed::Size, failed: None };
    Box::new(run).resume(core, With::Taken)
}

fn candidate<'a>(
    selected: &'a Selected,
    number: u32,
    uid: u32,
    told: Option<u64>,
    content: Option<Searched<'a>>,
) -> Option<Candidate<'a>> {
    let row = selected.row(uid)?;
    let recent = selected.is_recent(uid);
    Some(Candidate { row, number, recent, size: row.size.map(u64::from).or(told), content })
}

struct Search {
    matcher: Matcher,
    uid: bool,
    found: Vec<u32>,
    calls: VecDeque<(FetchNeed, Vec<u32>)>,
    /// What was asked for last.
    need: FetchNeed,
    failed: Option<StoreError>,
}

impl Search {
    /// Whether a message matches that the row alone did not decide.
    fn matches(&self, selected: &Selected, uid: u32, fetched: FetchedMessage) -> bool {
        let whole = (self.need == FetchNeed::Full).then_some(fetched.content.len() as u64);
        let told = fetched.size.map(u64::from).or(whole);
        let message = Message::new(fetched.content);
        let content = (self.need != FetchNeed::Size).then(|| Searched::new(&message, self.need == FetchNeed::Full));
        let number = selected.number(uid);
        let candidate = number.and_then(|number| candidate(selected, number, uid, told, content));
        candidate.is_some_and(|candidate| self.matcher.matches(&candidate) == Some(true))
    }
}

impl Resume for Search {
    fn resume(mut self: Box<Self>, core: &mut Core, with: With) -> Step {
        let Core { state: SessionState::Selected(selected), out, .. } = core else { return Step::Done(Outcome::bug()) };
        let sync = if self.uid { Sync::All } else { Sync::KeepNumbers };
        match with {
            With::Taken => {}
            With::Reply(Reply::Fetched(uid, Ok(message))) => {
                if self.matches(selected, uid, message) {
                    self.found.push(uid);
                }
                return Step::More(self);
            }
            // A message that is gone matches nothing.
            With::Reply(Reply::Fetched(_, Err(StoreError::ExpungeIssued))) => return Step::More(self),
            With::Reply(Reply::Fetched(_, Err(error))) => {
                self.failed = Some(error);
                return Step::More(self);
            }
            With::Reply(Reply::FetchEnd(Ok(()))) => {}
            With::Reply(Reply::FetchEnd(Err(error))) => self.failed = Some(error),
            With::Reply(_) | With::Line(_) => return Step::Done(Outcome::bug()),
        }
        if let Some(error) = &self.failed {
            return Step::Done(Outcome::failed(error).sync(sync));
        }
        if let Some((need, uids)) = self.calls.pop_front() {
            self.need = need;
            return Step::Call(Call::Fetch { uids, need }, self);
        }
        self.found.sort_unstable();
        out.text("* SEARCH");
        for uid in &self.found {
            let shown = if self.uid { Some(*uid) } else { selected.number(*uid) };
            if let Some(shown) = shown {
                out.text(" ").number(shown);
            }
        }
        out.text("\r\n");
        Step::Done(Outcome::ok("SEARCH completed").sync(sync))
    }
}

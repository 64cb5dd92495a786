use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use mail_core::message::{Message, charset};
use mail_core::work;
use mail_core::{ContentKey, FetchNeed, FetchedMessage, Sifted};

use super::search_response::SearchResponse;
use crate::proto::order::Order;
use crate::proto::request::FetchItem;
use crate::proto::return_options::ReturnOptions;
use crate::proto::search::SearchRequest;
use crate::session::action::{Call, Reply};
use crate::session::contexts::{Context, Open};
use crate::session::core::{Core, SessionState};
use crate::session::matching::{Candidate, Matcher, Scope};
use crate::session::object_id::email_id;
use crate::session::ordered::{Looking, Ordered, Placed, Told};
use crate::session::outcome::{Outcome, Sync};
use crate::session::searched::Searched;
use crate::session::sifting::{content_keys, sifted};
use crate::session::step::{Progress, Resume, Step, With};
use crate::session::view::View;
use crate::session::work::{Work, Worked};
use crate::store::StoreError;

/// Up to so many keys times messages are matched at once; more is work for elsewhere.
const INLINE_MATCHES: u64 = 10_000;
/// The store is asked of so many messages before they are read.
const SIFTED: usize = 50;
/// Up to so many bytes times keys are looked at at once.
const INLINE_BYTES: u64 = 256 << 10;
/// Up to so many bytes of what is put in order are so at once.
const INLINE_ORDER: u64 = 64 << 10;
/// What matching a key with a row costs, in steps.
const STEPS_PER_MATCH: usize = 16;
/// What a message takes in an order that is made, and in a response.
const BYTES_PER_PLACE: u64 = 16;
/// The most memory that the order of what is found may take.
const MAX_ORDER: u64 = 64 << 20;
/// How many ranges are saved: 256 KiB.
const MAX_SAVED: usize = 32 << 10;

/// SEARCH, SORT and THREAD with their UID forms (RFC 3501 6.4.4, RFC 5256 3). What flags, dates, UIDs and known sizes decide
/// needs no content; of the other messages no more is asked for than the keys and the order need.
pub(super) fn search(core: &mut Core, request: SearchRequest, shown: Vec<FetchItem>) -> Step {
    let SearchRequest { uid, charset, key, order, returns } = request;
    let (tag, now) = (core.tag.clone(), core.time);
    let (most, utf8) = (core.config.limits.search_keys, core.enabled.utf8());
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    let wanted = Wanted { purpose: Purpose::Answer, tag, uid, order, returns, shown };
    if wanted.returns.is_some_and(|returns| returns.update) && selected.contexts.has(&wanted.tag) {
        return Step::Done(Outcome::bad("The tag is that of a search that is followed"));
    }
    // RFC 9755 3, with erratum 4029 of RFC 6855
    let contradicts = |charset: &str| wanted.order == Order::Mailbox || !charset.eq_ignore_ascii_case("UTF-8");
    if utf8 && charset.as_deref().is_some_and(contradicts) {
        return wanted.fail(core, Outcome::bad("No charset can be named once UTF8=ACCEPT is enabled"));
    }
    if !charset.as_deref().is_none_or(charset::is_known) {
        return wanted.fail(core, Outcome::no("BADCHARSET (US-ASCII UTF-8)", "Unknown charset").sync(Sync::Nothing));
    }
    let view = selected.view().clone();
    let matcher = Arc::new(Matcher::new(&key, &scope(&view, now)));
    if matcher.keys() > most {
        return wanted.fail(core, Outcome::no("LIMIT", format!("More than {most} search keys")).sync(Sync::Nothing));
    }
    if matcher.by_modseq() {
        core.use_condstore();
    }
    Box::new(Search::new(Query { view, matcher, now }, wanted)).begin(core, None)
}

/// Reads messages that a search that is followed has to know more of than their rows tell (RFC 5267 4.3).
pub(crate) fn follow(core: &mut Core, open: Open) -> Step {
    let now = core.time;
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    let query = Query { view: selected.view().clone(), matcher: open.matcher, now };
    let uids = open.uids.clone();
    let purpose = Purpose::Follow(open.uids);
    let wanted = Wanted { purpose, tag: open.tag, uid: true, order: Order::Mailbox, returns: None, shown: Vec::new() };
    Box::new(Search::new(query, wanted)).begin(core, Some(uids))
}

/// What is to come of a search.
struct Wanted {
    purpose: Purpose,
    tag: String,
    uid: bool,
    order: Order,
    returns: Option<ReturnOptions>,
    /// What of messages that come to what is found.
    shown: Vec<FetchItem>,
}

enum Purpose {
    Answer,
    /// To see which of these come to what an earlier one found.
    Follow(Vec<u32>),
}

impl Wanted {
    fn sync(&self) -> Sync {
        if self.uid { Sync::All } else { Sync::KeepNumbers }
    }

    /// A search that fails saves nothing instead of what it should have found (RFC 5182 2.1).
    fn fail(&self, core: &mut Core, outcome: Outcome) -> Step {
        if let Purpose::Follow(_) = self.purpose {
            if let SessionState::Selected(selected) = &mut core.state {
                selected.contexts.lose(&self.tag, &outcome.text, &mut core.out);
            }
            return Step::Done(Outcome::ok(self.completed()));
        }
        if let Some(selected) = core.selected().filter(|_| self.saves()) {
            selected.save(Default::default());
        }
        Step::Done(outcome)
    }

    fn saves(&self) -> bool {
        self.returns.is_some_and(|returns| returns.save)
    }

    fn completed(&self) -> &'static str {
        match self.order {
            Order::Mailbox => "SEARCH completed",
            Order::Sorted(_) => "SORT completed",
            Order::Threads(_) => "THREAD completed",
        }
    }
}

fn scope(view: &View, now: i64) -> Scope<'_> {
    Scope { count: view.count(), last_uid: view.last_uid(), saved: &view.saved, now }
}

/// What is searched for, and where.
#[derive(Clone)]
struct Query {
    view: View,
    matcher: Arc<Matcher>,
    /// Seconds since 1970-01-01 UTC.
    now: i64,
}

impl Query {
    /// Goes on with what the store told.
    fn sift(&mut self, told: &HashMap<ContentKey, Sifted>) {
        let key = sifted(self.matcher.key(), told);
        self.matcher = Arc::new(Matcher::new(&key, &scope(&self.view, self.now)));
    }

    /// What the rows decide, of all messages or of these.
    fn sort(&self, of: Option<&[u32]>) -> Worked {
        let (mut found, mut open) = (Vec::new(), Vec::new());
        let mut sort = |number, uid| {
            work::spend(STEPS_PER_MATCH * self.matcher.keys());
            let matches = |candidate| self.matcher.matches(&candidate);
            match self.candidate(number, uid, None, None, None).map_or(Some(false), matches) {
                Some(true) => found.push(uid),
                Some(false) => {}
                None => open.push(uid),
            }
            !work::is_cancelled()
        };
        match of {
            None => {
                let _ = self.view.messages().all(|(number, row)| sort(number, row.uid));
            }
            Some(uids) => {
                let _ = uids.iter().all(|uid| self.view.number(*uid).is_none_or(|number| sort(number, *uid)));
            }
        }
        Worked::Sorted { found, open }
    }

    /// Whether a message matches that its row alone did not decide.
    fn matches(&self, uid: u32, fetched: FetchedMessage) -> bool {
        let (told, whole) = (Some(u64::from(fetched.size)), fetched.content.is_whole());
        let id = fetched.digest.as_ref().map(email_id);
        let message = fetched.content.into_message();
        let content =
            (self.need(uid) != FetchNeed::Size).then(|| Searched::new(&message, whole, self.matcher.sought()));
        let candidate = self.view.number(uid).and_then(|number| self.candidate(number, uid, told, id, content));
        candidate.is_some_and(|candidate| self.matcher.matches(&candidate) == Some(true))
    }

    /// Looks where a message belongs.
    fn look(&self, looking: &Looking, uid: u32, fetched: FetchedMessage) -> Option<Told> {
        let size = Some(fetched.size);
        Some(looking.look(self.view.row(uid)?, size, &fetched.content.into_message()))
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
        email_id: Option<String>,
        content: Option<Searched<'a>>,
    ) -> Option<Candidate<'a>> {
        let row = self.view.row(uid)?;
        let recent = self.view.is_recent(uid);
        Some(Candidate { row, number, recent, size: row.size.map(u64::from).or(told), email_id, content })
    }
}

struct Search {
    query: Query,
    /// Of messages that come later nothing is known yet.
    followed: Arc<Matcher>,
    wanted: Wanted,
    /// What the store is asked before messages are read.
    asked: Vec<ContentKey>,
    /// Of which messages it is asked.
    open: Vec<u32>,
    found: Vec<u32>,
    calls: VecDeque<(FetchNeed, Vec<u32>)>,
    /// What was found is being put in order.
    placing: Option<(Ordered, Looking)>,
    /// The memory that is held for that.
    held: u64,
    /// How many messages were looked at, of how many.
    done: u32,
    goal: u32,
    failed: Option<StoreError>,
}

impl Search {
    fn new(query: Query, wanted: Wanted) -> Self {
        let asked = content_keys(query.matcher.key());
        Self {
            followed: Arc::clone(&query.matcher),
            query,
            wanted,
            asked,
            open: Vec::new(),
            found: Vec::new(),
            calls: VecDeque::new(),
            placing: None,
            held: 0,
            done: 0,
            goal: 0,
            failed: None,
        }
    }

    /// Looks at what the rows decide.
    fn begin(self: Box<Self>, core: &mut Core, of: Option<Vec<u32>>) -> Step {
        let Query { view, matcher, .. } = &self.query;
        let is_small = u64::from(view.count()) * matcher.keys() as u64 <= INLINE_MATCHES;
        let bytes = size_of::<u32>() as u64 * u64::from(view.count());
        let sorting = self.query.clone();
        if is_small {
            self.resume(core, With::Reply(Reply::Worked(Ok(sorting.sort(of.as_deref())))))
        } else {
            Step::Work(Work::new(bytes, move || sorting.sort(of.as_deref())), self)
        }
    }

    /// Groups messages by what of them must be known.
    fn ask(&mut self, open: impl Iterator<Item = (FetchNeed, u32)>) {
        let mut calls: [(FetchNeed, Vec<u32>); 3] =
            [(FetchNeed::Size, Vec::new()), (FetchNeed::Outline, Vec::new()), (FetchNeed::Parts, Vec::new())];
        for (need, uid) in open {
            if let Some((_, uids)) = calls.iter_mut().find(|(kind, _)| *kind == need) {
                uids.push(uid);
                self.goal = self.goal.saturating_add(1);
            }
        }
        self.calls = calls.into_iter().filter(|(_, uids)| !uids.is_empty()).collect();
    }

    /// A message came of which more had to be known.
    fn fetched(mut self: Box<Self>, uid: u32, message: FetchedMessage) -> Step {
        self.done = self.done.saturating_add(1);
        let bytes = message.content.len() as u64;
        if let Some((_, looking)) = &self.placing {
            if bytes <= INLINE_BYTES {
                let told = self.query.look(looking, uid, message);
                return self.told(uid, told);
            }
            let (query, looking) = (self.query.clone(), looking.clone());
            let work = Work::new(0, move || {
                query.look(&looking, uid, message).map_or(Worked::Ready, |told| Worked::Told(uid, told))
            });
            return Step::Work(work, self);
        }
        if bytes * self.query.matcher.content_keys() as u64 <= INLINE_BYTES {
            if self.query.matches(uid, message) {
                self.found.push(uid);
            }
            return Step::More(self);
        }
        let query = self.query.clone();
        // The store has taken room for what is made of a large message.
        let work = Work::new(0, move || Worked::Matched(query.matches(uid, message).then_some(uid)));
        Step::Work(work, self)
    }

    /// It is known where a message belongs. Memory is asked for before there is much.
    fn told(mut self: Box<Self>, uid: u32, told: Option<Told>) -> Step {
        if let (Some((ordered, _)), Some(told), Some(row)) = (&mut self.placing, told, self.query.view.row(uid)) {
            ordered.add(row, told);
            if ordered.bytes() > MAX_ORDER {
                self.failed = Some(StoreError::Limit("too many messages for this order".to_owned()));
                self.placing = None;
                return Step::More(self);
            }
            if ordered.bytes() > self.held {
                let more = self.held.max(INLINE_ORDER);
                self.held += more;
                return Step::Work(Work::hold(more), self);
            }
        }
        Step::More(self)
    }

    /// All that matches was found: puts it in order, or ends.
    fn matched(mut self: Box<Self>, core: &mut Core) -> Step {
        self.found.sort_unstable();
        let Some(mut ordered) = Ordered::new(&self.wanted.order) else { return self.end(core) };
        let looking = ordered.looking();
        let mut open = Vec::new();
        let view = self.query.view.clone();
        for uid in std::mem::take(&mut self.found) {
            let Some(row) = view.row(uid) else { continue };
            match ordered.need(row) {
                Some(need) => open.push((need, uid)),
                None => ordered.add(row, looking.look(row, None, &Message::new(Bytes::new()))),
            }
        }
        self.placing = Some((ordered, looking));
        self.ask(open.into_iter());
        self.proceed(core)
    }

    /// Asks for what must be known next.
    fn proceed(mut self: Box<Self>, core: &mut Core) -> Step {
        if let Some(error) = &self.failed {
            return self.wanted.fail(core, Outcome::failed(error).sync(self.wanted.sync()));
        }
        if let Some((need, uids)) = self.calls.pop_front() {
            return Step::Call(Call::Fetch { uids, need }, self);
        }
        let Some((ordered, _)) = self.placing.take() else { return self.matched(core) };
        let (view, uid) = (self.query.view.clone(), self.wanted.uid);
        let bytes = ordered.bytes();
        let place = move || match ordered.placed(&view, uid) {
            Placed::Sorted(uids) => Worked::Ordered(uids),
            Placed::Threads(threads) => Worked::Written(threads),
        };
        if bytes <= INLINE_ORDER {
            return self.resume(core, With::Reply(Reply::Worked(Ok(place()))));
        }
        // What is put in order is held already.
        Step::Work(Work::new(BYTES_PER_PLACE * u64::from(self.query.view.count()), place), self)
    }

    /// Everything is known.
    fn end(self: Box<Self>, core: &mut Core) -> Step {
        let Self { query, followed, wanted, found, .. } = *self;
        if let Purpose::Follow(uids) = &wanted.purpose {
            if let SessionState::Selected(selected) = &mut core.state {
                selected.contexts.read(&wanted.tag, uids, &found, &query.view, &mut core.out);
            }
            return Step::Done(Outcome::ok(wanted.completed()));
        }
        let response = SearchResponse {
            view: &query.view,
            tag: &wanted.tag,
            uid: wanted.uid,
            order: &wanted.order,
            returns: wanted.returns,
            by_modseq: query.matcher.by_modseq(),
            found: &found,
        };
        if wanted.saves() {
            let saved = query.view.ranges(response.meant());
            let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
            let fits = saved.count() <= MAX_SAVED;
            selected.save(if fits { saved } else { Default::default() });
            if !fits {
                return Step::Done(Outcome::no("NOTSAVED", "Too many messages to be saved").sync(wanted.sync()));
            }
        }
        if wanted.returns.is_some_and(|returns| returns.update) {
            let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
            let context =
                Context::new(&wanted.tag, wanted.uid, &followed, &query.view, &found).showing(wanted.shown.clone());
            if selected.contexts.follow(context).is_err() {
                let code = format!("NOUPDATE \"{}\"", wanted.tag);
                core.out.status("*", "NO", Some(&code), "What is found will not be followed");
            }
        }
        response.write(&mut core.out);
        Step::Done(Outcome::ok(wanted.completed()).sync(wanted.sync()))
    }
}

impl Resume for Search {
    fn progress(&self) -> Option<Progress> {
        Some(Progress { done: self.done, goal: self.goal })
    }

    fn resume(mut self: Box<Self>, core: &mut Core, with: With) -> Step {
        match with {
            With::Reply(Reply::Fetched(uid, Ok(message))) => self.fetched(uid, message),
            // A message that is gone matches nothing.
            With::Reply(Reply::Fetched(_, Err(StoreError::ExpungeIssued))) => {
                self.done = self.done.saturating_add(1);
                Step::More(self)
            }
            With::Reply(Reply::Fetched(_, Err(error))) => {
                self.done = self.done.saturating_add(1);
                self.failed = Some(error);
                Step::More(self)
            }
            With::Reply(Reply::Worked(Ok(worked))) => match worked {
                Worked::Matched(found) => {
                    self.found.extend(found);
                    Step::More(self)
                }
                Worked::Told(uid, told) => self.told(uid, Some(told)),
                Worked::Ready => Step::More(self),
                Worked::Sorted { found, open } => {
                    self.found.extend(found);
                    if open.len() >= SIFTED && !self.asked.is_empty() {
                        let keys = self.asked.clone();
                        self.open.clone_from(&open);
                        return Step::Call(Call::Sift { uids: open, keys }, self);
                    }
                    let needs: Vec<_> = open.into_iter().map(|uid| (self.query.need(uid), uid)).collect();
                    self.ask(needs.into_iter());
                    self.proceed(core)
                }
                Worked::Ordered(found) => {
                    self.found = found;
                    self.end(core)
                }
                Worked::Resynced { .. } | Worked::Encoded(_) | Worked::Undecodable => Step::Done(Outcome::bug()),
                Worked::Written(threads) => {
                    core.out.append(threads);
                    Step::Done(Outcome::ok(self.wanted.completed()).sync(self.wanted.sync()))
                }
            },
            With::Reply(Reply::Sifted(Ok(told))) => {
                let told = std::mem::take(&mut self.asked).into_iter().zip(told);
                let told = told.filter_map(|(key, told)| Some((key, told?))).collect();
                self.query.sift(&told);
                let open = std::mem::take(&mut self.open);
                self.begin(core, Some(open))
            }
            With::Reply(Reply::Sifted(Err(error))) => {
                self.wanted.fail(core, Outcome::failed(&error).sync(self.wanted.sync()))
            }
            With::Reply(Reply::Worked(Err(error))) => {
                self.wanted.fail(core, Outcome::failed(&error).sync(self.wanted.sync()))
            }
            With::Reply(Reply::FetchEnd(Ok(()))) => self.proceed(core),
            With::Reply(Reply::FetchEnd(Err(error))) => {
                self.failed = Some(error);
                self.proceed(core)
            }
            With::Taken | With::Reply(_) | With::Line(_) => Step::Done(Outcome::bug()),
        }
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mail_core::{Change, Snapshot};

use super::matching::{Candidate, Matcher};
use super::view::View;
use crate::proto::request::FetchItem;
use crate::proto::response::Output;
use crate::proto::sequence::{Ranges, format_set};

/// How many searches of a session are followed.
const MAX_CONTEXTS: usize = 8;
/// How many ranges of messages are remembered of each: 64 KiB.
const MAX_RANGES: usize = 8192;
/// So many messages at a time are shown before it is told that they were found.
const MAX_COMING: usize = 1000;
/// So many messages at a time are read as a search asks for more than their rows tell.
const MAX_OPEN: usize = 1000;

/// The searches whose results the client is told of as they change (RFC 5267 4.3). They end with the selection.
#[derive(Default)]
pub(crate) struct Contexts(Vec<Context>);

/// A search that is followed.
pub(crate) struct Context {
    tag: String,
    uid: bool,
    matcher: Arc<Matcher>,
    /// The UIDs of what it found.
    found: Ranges,
    /// Messages that were looked at when they were not as the client knew them.
    unsure: Vec<u32>,
    /// What is shown of messages that come to it, before it is told that they do (RFC 5465 7), and which are to be shown.
    items: Vec<FetchItem>,
    coming: BTreeSet<u32>,
    /// Messages that changed, or came if so marked, and whose rows don't tell whether they match now.
    open: BTreeMap<u32, bool>,
}

/// Messages that have to be read as what a search found is followed.
pub(crate) struct Open {
    pub tag: String,
    /// Ascending.
    pub uids: Vec<u32>,
    pub matcher: Arc<Matcher>,
}

/// Messages that come to what a search found, of which something is to be shown first.
#[derive(Clone)]
pub(crate) struct Coming {
    tag: String,
    /// Ascending.
    pub uids: Vec<u32>,
    pub items: Vec<FetchItem>,
}

/// That a message came or changed, and matches now or doesn't.
struct Decided {
    is_new: bool,
    matches: bool,
}

/// There is no room for another one, or it can't be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotFollowed;

impl Context {
    /// A search that found messages among those of a view.
    pub fn new(tag: &str, uid: bool, matcher: &Arc<Matcher>, view: &View, found: &[u32]) -> Self {
        let changes = view.newest.rows().changes_since(view.known.rows());
        let unsure = changes.filter_map(|change| match change {
            Change::Came(_) => None,
            Change::Gone(_, row) | Change::Changed(row, _) => Some(row.uid),
        });
        Self {
            tag: tag.to_owned(),
            uid,
            matcher: Arc::clone(matcher),
            found: view.ranges(found.iter().copied()),
            unsure: unsure.collect(),
            items: Vec::new(),
            coming: BTreeSet::new(),
            open: BTreeMap::new(),
        }
    }

    /// The same, if something is to be shown of new messages.
    pub fn showing(self, items: Vec<FetchItem>) -> Self {
        Self { items, ..self }
    }

    /// Whether a message matches, as far as its row tells.
    fn matches(&self, view: &View, uid: u32) -> Option<bool> {
        let Some((row, number)) = view.row(uid).zip(view.number(uid)) else { return Some(false) };
        let size = row.size.map(u64::from);
        let candidate = Candidate { row, number, recent: view.is_recent(uid), size, email_id: None, content: None };
        self.matcher.matches(&candidate)
    }

    /// Takes down that messages match now or don't, and tells what came of it.
    fn decide(&mut self, decided: impl Iterator<Item = (u32, Decided)>, view: &View, out: &mut Output) {
        let (mut added, mut removed) = (BTreeSet::new(), BTreeSet::new());
        for (uid, Decided { is_new, matches }) in decided {
            match (self.found.contains(uid), matches) {
                (false, true) if is_new && !self.items.is_empty() && self.coming.len() < MAX_COMING => {
                    self.coming.insert(uid);
                }
                (false, true) => drop(added.insert(uid)),
                (true, false) => drop(removed.insert(uid)),
                _ => {}
            }
        }
        self.write("REMOVEFROM", view, &removed, out);
        self.write("ADDTO", view, &added, out);
        if !removed.is_empty() {
            self.found.remove(&removed);
        }
        if !added.is_empty() {
            self.found.add(&added);
        }
    }

    /// Says that messages came to what was found, or went.
    fn write(&self, item: &str, view: &View, uids: &BTreeSet<u32>, out: &mut Output) {
        if uids.is_empty() {
            return;
        }
        out.text("* ESEARCH (TAG ").string(self.tag.as_bytes()).text(")");
        let set = if self.uid {
            out.text(" UID");
            format_set(uids.iter().copied())
        } else {
            format_set(uids.iter().filter_map(|uid| view.number(*uid)))
        };
        out.text(" ").text(item).text(" (0 ").text(&set).text(")\r\n");
    }
}

impl Contexts {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a search with this tag is followed.
    pub fn has(&self, tag: &str) -> bool {
        self.0.iter().any(|context| context.tag == tag)
    }

    /// Follows another search.
    pub fn follow(&mut self, context: Context) -> Result<(), NotFollowed> {
        let fits = self.0.len() < MAX_CONTEXTS && context.found.count() <= MAX_RANGES;
        if !fits || !context.matcher.is_lasting() {
            return Err(NotFollowed);
        }
        self.0.push(context);
        Ok(())
    }

    /// Follows the searches with these tags no more.
    pub fn cancel(&mut self, tags: &[String]) {
        self.0.retain(|context| !tags.contains(&context.tag));
    }

    /// Messages go: to be told before the client hears so, while their numbers are valid (RFC 5267 4.3.4).
    pub fn gone(&mut self, view: &View, gone: &BTreeSet<u32>, out: &mut Output) {
        for context in &mut self.0 {
            let left: BTreeSet<u32> = gone.iter().copied().filter(|uid| context.found.contains(*uid)).collect();
            if !left.is_empty() {
                context.write("REMOVEFROM", view, &left, out);
                context.found.remove(&left);
            }
            context.unsure.retain(|uid| !gone.contains(uid));
            context.coming.retain(|uid| !gone.contains(uid));
            context.open.retain(|uid, _| !gone.contains(uid));
        }
    }

    /// The client knows of what is there now, and was told so: to be told after it (RFC 5267 4.3.3).
    pub fn changed(&mut self, before: &Snapshot, view: &View, out: &mut Output) {
        let mut refused = Vec::new();
        for context in &mut self.0 {
            let mut uids: BTreeSet<u32> = std::mem::take(&mut context.unsure).into_iter().collect();
            uids.extend(view.known.rows().changes_since(before.rows()).filter_map(|change| match change {
                Change::Came(row) | Change::Changed(_, row) => Some(row.uid),
                Change::Gone(..) => None,
            }));
            let last = before.rows().last().map_or(0, |row| row.uid);
            let mut decided = Vec::new();
            for uid in uids {
                let is_new = uid > last || context.coming.remove(&uid) || context.open.get(&uid) == Some(&true);
                match context.matches(view, uid) {
                    Some(matches) => {
                        context.open.remove(&uid);
                        decided.push((uid, Decided { is_new, matches }));
                    }
                    None => drop(context.open.insert(uid, is_new)),
                }
            }
            context.decide(decided.into_iter(), view, out);
            if context.found.count() > MAX_RANGES || context.open.len() > MAX_OPEN {
                refused.push(context.tag.clone());
            }
        }
        for tag in &refused {
            self.lose(tag, "Too many messages to be followed", out);
        }
    }

    /// Follows a search no more, although the client wants it.
    pub fn lose(&mut self, tag: &str, text: &str, out: &mut Output) {
        out.status("*", "NO", Some(&format!("NOUPDATE \"{tag}\"")), text);
        self.0.retain(|context| context.tag != tag);
    }

    /// Messages that have to be read next.
    pub fn open(&self) -> Option<Open> {
        let context = self.0.iter().find(|context| !context.open.is_empty())?;
        let uids = context.open.keys().copied().collect();
        Some(Open { tag: context.tag.clone(), uids, matcher: Arc::clone(&context.matcher) })
    }

    /// They were read, and these of them match; `uids` and `found` ascend.
    pub fn read(&mut self, tag: &str, uids: &[u32], found: &[u32], view: &View, out: &mut Output) {
        let Some(context) = self.0.iter_mut().find(|context| context.tag == tag) else { return };
        let decided: Vec<_> = uids
            .iter()
            .filter_map(|uid| Some((*uid, context.open.remove(uid)?)))
            .map(|(uid, is_new)| (uid, Decided { is_new, matches: found.binary_search(&uid).is_ok() }))
            .collect();
        context.decide(decided.into_iter(), view, out);
        if context.found.count() > MAX_RANGES {
            self.lose(tag, "Too many messages to be followed", out);
        }
    }

    /// Messages that are to be shown next.
    pub fn coming(&self) -> Option<Coming> {
        let context = self.0.iter().find(|context| !context.coming.is_empty())?;
        let uids = context.coming.iter().copied().collect();
        Some(Coming { tag: context.tag.clone(), uids, items: context.items.clone() })
    }

    /// They were shown: it is told that they were found, unless that changed.
    pub fn came(&mut self, coming: &Coming, view: &View, out: &mut Output) {
        let Some(context) = self.0.iter_mut().find(|context| context.tag == coming.tag) else { return };
        let shown: BTreeSet<u32> = coming.uids.iter().copied().filter(|uid| context.coming.remove(uid)).collect();
        // Where the row does not tell, it was read before.
        let added = shown.into_iter().filter(|uid| context.matches(view, *uid) != Some(false)).collect();
        context.write("ADDTO", view, &added, out);
        if !added.is_empty() {
            context.found.add(&added);
        }
    }
}

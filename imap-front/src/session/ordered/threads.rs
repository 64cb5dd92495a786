//! The threading algorithms.

use std::collections::HashMap;

use mail_core::work;

use super::forest::Forest;
use super::message_id::Hashed;
use super::nest::Nest;

/// What looking at a message once costs, in steps.
const STEPS_PER_MESSAGE: usize = 16;

/// A message.
pub(super) struct Entry {
    pub uid: u32,
    /// In seconds, of the Date field and of arrival.
    pub sent: i64,
    pub arrived: i64,
    /// The base subject, unless it is empty.
    pub subject: Option<Hashed>,
    pub is_reply: bool,
}

/// ORDEREDSUBJECT: by base subject, in the order of what is first in each; all others are children of that.
pub(super) fn ordered_subject(entries: &[Entry]) -> Nest {
    let mut order: Vec<u32> = (0..).take(entries.len()).collect();
    order.sort_by_cached_key(|entry| entries.get(*entry as usize).map(|entry| (entry.sent, entry.uid)));
    let (mut tops, mut links, mut table) = (Vec::new(), Vec::new(), HashMap::new());
    for entry in order {
        work::spend(STEPS_PER_MESSAGE);
        let subject = entries.get(entry as usize).and_then(|entry| entry.subject);
        match table.get(&subject) {
            Some(first) => links.push((*first, entry)),
            None => {
                table.insert(subject, entry);
                tops.push(entry);
            }
        }
    }
    // Stable: children stay in their order.
    links.sort_by_key(|(parent, _)| *parent);
    Nest::new(tops, &links, (0..).take(entries.len()).map(Some).collect())
}

/// REFERENCES, from step 2 on.
pub(super) fn references(forest: &Forest, messages: &[u32], entries: &[Entry]) -> Nest {
    let mut threads = Threads::new(forest, messages, entries);
    threads.merge_subjects();
    threads.nest(Threads::first)
}

/// REFS: without step 5, and the thread with the newest message comes last.
pub(super) fn refs(forest: &Forest, messages: &[u32], entries: &[Entry]) -> Nest {
    let threads = Threads::new(forest, messages, entries);
    let mut newest = vec![i64::MIN; threads.messages.len()];
    let roots = roots(&threads.links, &threads.tops, threads.messages.len());
    for (node, message) in threads.messages.iter().enumerate() {
        work::spend(STEPS_PER_MESSAGE);
        let arrived = message.and_then(|message| entries.get(message as usize)).map(|entry| entry.arrived);
        let root = roots.get(node).map_or(0, |root| *root as usize);
        if let (Some(arrived), Some(newest)) = (arrived, newest.get_mut(root)) {
            *newest = (*newest).max(arrived);
        }
    }
    threads.nest(|threads, top| {
        let (_, uid) = threads.first(top);
        (newest.get(top as usize).copied().unwrap_or_default(), uid)
    })
}

/// Messages under each other, without those that are only referred to, except as roots.
struct Threads<'a> {
    entries: &'a [Entry],
    /// For each node its message: a position in `entries`.
    messages: Vec<Option<u32>>,
    tops: Vec<u32>,
    /// Parents with their children.
    links: Vec<(u32, u32)>,
    /// For each root that is no message the child that was sent first.
    firsts: HashMap<u32, u32>,
}

impl<'a> Threads<'a> {
    /// Steps 2 and 3.
    fn new(forest: &Forest, messages: &[u32], entries: &'a [Entry]) -> Self {
        let messages: Vec<Option<u32>> = messages.iter().map(|message| message.checked_sub(1)).collect();
        let is_message = |node: u32| messages.get(node as usize).is_some_and(Option::is_some);
        // For each node that is no message what stands for it: the next message above, or else the root.
        let mut stands = vec![0u32; messages.len()];
        let (mut tops, mut links, mut path) = (Vec::new(), Vec::new(), Vec::new());
        for node in (1..).take(forest.len() as usize) {
            work::spend(STEPS_PER_MESSAGE);
            if !is_message(node) {
                continue;
            }
            let parent = forest.parent(node);
            if parent == 0 {
                tops.push(node);
                continue;
            }
            let mut above = parent;
            let stand = loop {
                let known = stands.get(above as usize).copied().unwrap_or_default();
                if is_message(above) {
                    break above;
                } else if known != 0 {
                    break known;
                }
                path.push(above);
                match forest.parent(above) {
                    0 => break above,
                    next => above = next,
                }
            };
            for passed in path.drain(..) {
                if let Some(place) = stands.get_mut(passed as usize) {
                    *place = stand;
                }
            }
            links.push((stand, node));
        }
        let mut threads = Self { entries, messages, tops, links, firsts: HashMap::new() };
        threads.promote_only_children();
        threads
    }

    /// The rest of step 3: roots that are no messages stay only for several children.
    fn promote_only_children(&mut self) {
        let mut counts: HashMap<u32, u32> = HashMap::new();
        for (parent, _) in &self.links {
            if !self.is_message(*parent) {
                *counts.entry(*parent).or_default() += 1;
            }
        }
        let tops = &mut self.tops;
        self.links.retain(|(parent, child)| {
            let alone = counts.get(parent) == Some(&1);
            if alone {
                tops.push(*child);
            }
            !alone
        });
        self.tops.extend(counts.into_iter().filter(|(_, count)| *count > 1).map(|(node, _)| node));
        self.find_firsts();
    }

    fn find_firsts(&mut self) {
        let mut firsts = HashMap::new();
        for (parent, child) in &self.links {
            work::spend(STEPS_PER_MESSAGE);
            if !self.is_message(*parent) {
                let first = firsts.entry(*parent).or_insert(*child);
                if self.sent(*child) < self.sent(*first) {
                    *first = *child;
                }
            }
        }
        self.firsts = firsts;
    }

    fn is_message(&self, node: u32) -> bool {
        self.messages.get(node as usize).is_some_and(Option::is_some)
    }

    fn entry(&self, node: u32) -> Option<&'a Entry> {
        let message = self.messages.get(node as usize).copied().flatten()?;
        self.entries.get(message as usize)
    }

    /// What siblings are sorted by.
    fn sent(&self, node: u32) -> (i64, u32) {
        self.entry(node).map_or((i64::MAX, u32::MAX), |entry| (entry.sent, entry.uid))
    }

    /// The message of a root, or its first child.
    fn front(&self, top: u32) -> u32 {
        self.firsts.get(&top).copied().unwrap_or(top)
    }

    /// What roots are sorted by (step 4).
    fn first(&self, top: u32) -> (i64, u32) {
        self.sent(self.front(top))
    }

    /// Steps 4 and 5.
    fn merge_subjects(&mut self) {
        let mut tops = std::mem::take(&mut self.tops);
        tops.sort_by_cached_key(|top| self.first(*top));
        let mut table: HashMap<Hashed, u32> = HashMap::new();
        let subject = |threads: &Self, top: u32| threads.entry(threads.front(top)).and_then(|entry| entry.subject);
        let is_reply = |threads: &Self, top: u32| threads.entry(top).is_some_and(|entry| entry.is_reply);
        for top in &tops {
            work::spend(STEPS_PER_MESSAGE);
            let Some(subject) = subject(self, *top) else { continue };
            let known = table.entry(subject).or_insert(*top);
            let replaces = !self.is_message(*top) || (is_reply(self, *known) && !is_reply(self, *top));
            if self.is_message(*known) && replaces {
                *known = *top;
            }
        }
        // Roots whose children are those of another one.
        let mut moved: HashMap<u32, u32> = HashMap::new();
        let mut below: Vec<u32> = Vec::new();
        let mut added = Vec::new();
        for top in &tops {
            work::spend(STEPS_PER_MESSAGE);
            let Some(known) = subject(self, *top).and_then(|subject| table.get_mut(&subject)) else { continue };
            if *known == *top {
                continue;
            }
            below.push(*top);
            match (self.is_message(*known), self.is_message(*top)) {
                (false, false) => drop(moved.insert(*top, *known)),
                (false, true) => self.links.push((*known, *top)),
                (true, _) if is_reply(self, *top) && !is_reply(self, *known) => self.links.push((*known, *top)),
                (true, _) => {
                    let dummy = u32::try_from(self.messages.len()).unwrap_or_default();
                    self.messages.push(None);
                    self.links.extend([(dummy, *known), (dummy, *top)]);
                    below.push(*known);
                    added.push(dummy);
                    *known = dummy;
                }
            }
        }
        for (parent, _) in &mut self.links {
            if let Some(other) = moved.get(parent) {
                *parent = *other;
            }
        }
        below.sort_unstable();
        tops.retain(|top| below.binary_search(top).is_err());
        tops.extend(added);
        self.tops = tops;
        self.find_firsts();
    }

    /// Step 6, roots sorted by `place`.
    fn nest(mut self, place: impl Fn(&Self, u32) -> (i64, u32)) -> Nest {
        let mut tops = std::mem::take(&mut self.tops);
        tops.sort_by_cached_key(|top| place(&self, *top));
        let mut links = std::mem::take(&mut self.links);
        links.sort_by_cached_key(|(parent, child)| {
            work::spend(STEPS_PER_MESSAGE);
            (*parent, self.sent(*child))
        });
        Nest::new(tops, &links, self.messages)
    }
}

/// For each node the root that it is under. Children may stand before their parents.
fn roots(links: &[(u32, u32)], tops: &[u32], count: usize) -> Vec<u32> {
    let mut parents: Vec<u32> = vec![0; count];
    for (parent, child) in links {
        if let Some(place) = parents.get_mut(*child as usize) {
            *place = *parent;
        }
    }
    let mut roots = vec![0; count];
    for top in tops {
        if let Some(root) = roots.get_mut(*top as usize) {
            *root = *top;
        }
    }
    let mut path = Vec::new();
    for (_, child) in links {
        let mut above = *child;
        while let Some(0) = roots.get(above as usize) {
            path.push(above);
            match parents.get(above as usize) {
                Some(0) | None => break,
                Some(parent) => above = *parent,
            }
        }
        let root = roots.get(above as usize).copied().unwrap_or_default();
        for passed in path.drain(..) {
            if let Some(place) = roots.get_mut(passed as usize) {
                *place = root;
            }
        }
    }
    roots
}

use std::collections::VecDeque;
use std::sync::Arc;

use mail_core::{FetchNeed, FlagChange, FlagChangeMode, FlagSet, Keywords, Snapshot};

use super::fetch_response::{Shown, Writing};
use super::resync::tell_gone;
use crate::proto::message_set::MessageSet;
use crate::proto::request::{FetchItem, FetchModifiers};
use crate::proto::response::Output;
use crate::session::action::{Call, Reply};
use crate::session::core::{Core, SessionState};
use crate::session::outcome::{Outcome, Sync};
use crate::session::step::{Progress, Resume, Step, With};
use crate::session::vanished::Vanished;
use crate::session::work::Worked;
use crate::store::StoreError;

/// So much is written before it is sent.
const CHUNK: usize = 32 << 10;

/// FETCH and UID FETCH (RFC 9051 6.4.5, RFC 3501 6.4.5, RFC 7162 3.1.4, 3.2.6); of the latter maybe a part (RFC 9394 3.3).
pub(super) fn fetch(
    core: &mut Core,
    set: MessageSet,
    uid: bool,
    items: Vec<FetchItem>,
    modifiers: FetchModifiers,
) -> Step {
    let FetchModifiers { changed_since, vanished, .. } = modifiers;
    if !vanished {
        return show(core, &set, uid, items, modifiers);
    }
    let qresync = core.enabled.qresync();
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    match changed_since {
        _ if !uid => Step::Done(Outcome::bad("VANISHED is for UID FETCH")),
        _ if !qresync => Step::Done(Outcome::bad("QRESYNC is not enabled")),
        None => Step::Done(Outcome::bad("VANISHED needs CHANGEDSINCE")),
        Some(modseq) => match &set {
            MessageSet::Numbers(uids) => {
                let gone = Vanished::of(selected.view().known.clone(), modseq, uids);
                tell_gone(gone, move |core, told| match told {
                    Ok(_) => show(core, &set, true, items, modifiers),
                    Err(error) => Step::Done(Outcome::failed(&error)),
                })
            }
            // What went is none of what was saved (RFC 5182 2.1).
            MessageSet::Saved => show(core, &set, true, items, modifiers),
        },
    }
}

fn show(core: &mut Core, set: &MessageSet, uid: bool, mut items: Vec<FetchItem>, modifiers: FetchModifiers) -> Step {
    let FetchModifiers { changed_since, partial, .. } = modifiers;
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    let view = selected.view();
    let resolved = match (changed_since, partial) {
        (None, _) => view.resolve(set, uid),
        (Some(modseq), None) => view.resolve_changed(set, uid, modseq),
        // A piece of all is meant, not of those that changed (RFC 9394 3.4).
        (Some(modseq), Some(piece)) => view.resolve(set, uid).map(|uids| {
            let changed = |uid: &u32| view.row(*uid).is_some_and(|row| row.modseq > modseq);
            piece.of(&uids).iter().copied().filter(changed).collect()
        }),
    };
    let Ok(mut uids) = resolved else {
        return Step::Done(Outcome::bad("No message with that number"));
    };
    if changed_since.is_some() && !items.contains(&FetchItem::ModSeq) {
        items.push(FetchItem::ModSeq);
    }
    if let (Some(piece), None) = (partial, changed_since) {
        uids = piece.of(&uids).to_vec();
    }
    if items.contains(&FetchItem::ModSeq) {
        core.use_condstore();
    }
    // Who is told of MODSEQ must be told it with all flags.
    let tells_all = items.contains(&FetchItem::ModSeq) || !core.enabled.condstore();
    let tells_flags = tells_all && items.contains(&FetchItem::Flags);
    let uid_only = core.enabled.uid_only();
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    if uid && !uid_only && !items.contains(&FetchItem::Uid) {
        items.insert(0, FetchItem::Uid);
    }
    let mut local = Vec::new();
    let needs = [FetchNeed::AtHand, FetchNeed::Size, FetchNeed::Outline, FetchNeed::Full, FetchNeed::Parts];
    let mut calls = needs.map(|need| (need, Vec::new()));
    for message in uids {
        let size_known = selected.view().row(message).is_some_and(|row| row.size.is_some());
        let need = need(&items, size_known);
        match calls.iter_mut().find(|(kind, _)| Some(*kind) == need) {
            Some((_, uids)) => uids.push(message),
            None => local.push(message),
        }
    }
    let mark_seen = !selected.read_only && items.iter().any(FetchItem::sets_seen);
    let calls: VecDeque<_> = calls.into_iter().filter(|(_, uids)| !uids.is_empty()).collect();
    let goal = u32::try_from(calls.iter().map(|(_, uids)| uids.len()).sum::<usize>()).unwrap_or(u32::MAX);
    let since = selected.newest();
    let (items, seen) = (items.into(), Vec::new());
    let run = Fetch {
        items,
        uid,
        local,
        next: 0,
        since,
        calls,
        writing: None,
        mark_seen,
        tells_flags,
        uid_only,
        seen,
        failed: None,
        undecodable: false,
        done: 0,
        goal,
    };
    Box::new(run).resume(core, With::Taken)
}

/// What the store must be asked for to show the items of a message; nothing if its row suffices.
fn need(items: &[FetchItem], size_known: bool) -> Option<FetchNeed> {
    let (mut size, mut whole, mut outline, mut parts, mut at_hand) = (false, false, false, false, false);
    for item in items {
        match item {
            FetchItem::Flags | FetchItem::Uid | FetchItem::InternalDate | FetchItem::ModSeq | FetchItem::ThreadId => {}
            FetchItem::Size => size |= !size_known,
            // Whoever knows the size knows the digest.
            FetchItem::EmailId => size = true,
            FetchItem::Envelope | FetchItem::Rfc822Header | FetchItem::Body | FetchItem::BodyStructure => {
                outline = true
            }
            FetchItem::Section { section, .. } if section.is_of_headers() => outline = true,
            FetchItem::Preview { lazy: true } => at_hand = true,
            FetchItem::Rfc822 => whole = true,
            FetchItem::Binary { part, .. } if part.is_empty() => whole = true,
            FetchItem::Section { section, .. } if section.is_whole() => whole = true,
            _ => parts = true,
        }
    }
    match (parts, whole, outline) {
        (true, _, _) | (_, true, true) => Some(FetchNeed::Parts),
        (_, true, _) => Some(FetchNeed::Full),
        (_, _, true) => Some(FetchNeed::Outline),
        _ if size => Some(FetchNeed::Size),
        _ => at_hand.then_some(FetchNeed::AtHand),
    }
}

struct Fetch {
    items: Arc<[FetchItem]>,
    uid: bool,
    /// Messages whose rows suffice, and how many of them are done.
    local: Vec<u32>,
    next: usize,
    /// The newest state when it began.
    since: Arc<Snapshot>,
    /// What must be asked of the store for which others.
    calls: VecDeque<(FetchNeed, Vec<u32>)>,
    /// The message that is being written.
    writing: Option<Writing>,
    mark_seen: bool,
    /// The client need not be told again of the flags that it is shown.
    tells_flags: bool,
    /// Messages are named by their UIDs (RFC 9586).
    uid_only: bool,
    /// Messages that were shown and become `\Seen` by it.
    seen: Vec<u32>,
    failed: Option<StoreError>,
    /// Something of a message could not be decoded.
    undecodable: bool,
    /// How many messages the store gave, and how many were asked for.
    done: u32,
    goal: u32,
}

impl Resume for Fetch {
    fn progress(&self) -> Option<Progress> {
        Some(Progress { done: self.done, goal: self.goal })
    }

    fn resume(mut self: Box<Self>, core: &mut Core, with: With) -> Step {
        let Core { state: SessionState::Selected(selected), out, .. } = core else { return Step::Done(Outcome::bug()) };
        if self.items.contains(&FetchItem::Flags) && self.writing.is_none() {
            selected.list_keywords(out);
        }
        if matches!(with, With::Reply(Reply::Fetched(..))) {
            self.done = self.done.saturating_add(1);
        }
        match with {
            With::Reply(Reply::Fetched(uid, Ok(message))) => {
                if self.mark_seen && selected.view().row(uid).is_some_and(|row| !row.flags.contains(FlagSet::SEEN)) {
                    self.seen.push(uid);
                }
                let Some(shown) = Shown::of(selected, self.uid_only, message) else { return Step::More(self) };
                let writing = Writing::new(Arc::clone(&self.items), shown, out);
                // What it takes is asked for before the response begins, which can't be broken off then.
                let reading = writing.reading();
                if reading.is_none() && !writing.can_be_decoded() {
                    return self.leave_out(writing.uid());
                }
                self.writing = Some(writing);
                return match reading {
                    Some(reading) => Step::Work(reading, self),
                    None => self.write_on(out),
                };
            }
            With::Reply(Reply::Worked(Ok(Worked::Undecodable))) => {
                let uid = self.writing.take().map_or(0, |writing| writing.uid());
                return self.leave_out(uid);
            }
            With::Reply(Reply::Worked(Ok(worked))) => {
                if let (Worked::Written(piece), Some(writing)) = (worked, &mut self.writing) {
                    out.append(piece);
                    writing.next += 1;
                }
                return self.write_on(out);
            }
            With::Reply(Reply::Worked(Err(error))) => {
                if self.writing.take().is_some_and(|writing| writing.next > 0) {
                    tracing::error!(%error, "a response had to be broken off");
                    return Step::Done(Outcome::failed(&error).closing());
                }
                self.fail(error);
                return Step::More(self);
            }
            With::Reply(Reply::Fetched(_, Err(error))) => {
                self.fail(error);
                return Step::More(self);
            }
            With::Reply(Reply::FetchEnd(result)) => {
                if let Err(error) = result {
                    self.fail(error);
                }
            }
            // The messages could be shown but not marked; that is no reason to fail.
            With::Reply(Reply::Stored(result)) => {
                if let Err(error) = result {
                    tracing::warn!(%error, "messages could not be marked as seen");
                }
            }
            With::Taken if self.writing.is_some() => return self.write_on(out),
            With::Taken => {}
            With::Reply(_) | With::Line(_) => return Step::Done(Outcome::bug()),
        }
        while let Some(uid) = self.local.get(self.next).copied() {
            self.next += 1;
            if let Some(shown) = Shown::known(selected, self.uid_only, uid) {
                shown.write_all(&self.items, out);
            }
            if out.pending() >= CHUNK {
                return Step::Again(self);
            }
        }
        if let Some((need, uids)) = self.calls.pop_front() {
            return Step::Call(Call::Fetch { uids, need }, self);
        }
        if !self.seen.is_empty() {
            let mut uids = std::mem::take(&mut self.seen);
            uids.sort_unstable();
            let change = FlagChange { mode: FlagChangeMode::Add, flags: FlagSet::SEEN, keywords: Keywords::EMPTY };
            return Step::Call(Call::Store { uids, change, unchanged_since: None }, self);
        }
        if self.tells_flags && !self.mark_seen && !self.local.is_empty() {
            selected.shown(std::mem::take(&mut self.local), &self.since);
        }
        let outcome = match &self.failed {
            Some(error) => Outcome::failed(error),
            None if self.undecodable => Outcome::no("UNKNOWN-CTE", "The encoding of a part is not known"),
            None => Outcome::ok("FETCH completed"),
        };
        Step::Done(outcome.sync(if self.uid { Sync::All } else { Sync::KeepNumbers }))
    }
}

impl Fetch {
    /// Remembers why not everything could be shown; what is not just a vanished message counts more. UIDs that are gone are
    /// passed over (RFC 9051 6.4.9).
    fn fail(&mut self, error: StoreError) {
        if self.uid && error == StoreError::ExpungeIssued {
            return;
        }
        if self.failed.as_ref().is_none_or(|failed| *failed == StoreError::ExpungeIssued) {
            self.failed = Some(error);
        }
    }

    /// Shows nothing of a message, because what was asked for can't be decoded (RFC 3516 4.3).
    fn leave_out(mut self: Box<Self>, uid: u32) -> Step {
        self.undecodable = true;
        self.seen.pop_if(|seen| *seen == uid);
        Step::More(self)
    }

    /// Goes on with the message that is being written. No more is written than is about to be sent.
    fn write_on(mut self: Box<Self>, out: &mut Output) -> Step {
        let Some(writing) = &mut self.writing else { return Step::More(self) };
        while !writing.is_done() {
            if let Some(work) = writing.work() {
                return if writing.next == 0 { Step::Work(work, self) } else { Step::Within(work, self) };
            }
            writing.write_next(out);
            if out.is_long() {
                return Step::Again(self);
            }
        }
        self.writing = None;
        Step::More(self)
    }
}

#[cfg(test)]
mod tests {
    use mail_core::message::{Section, SectionText};

    use super::*;

    #[test]
    fn asks_for_no_more_than_needed() {
        let section =
            |text| FetchItem::Section { section: Section { part: Vec::new(), text }, partial: None, peek: true };
        for (items, known, expected) in [
            (vec![FetchItem::Flags, FetchItem::InternalDate, FetchItem::Uid], false, None),
            (vec![FetchItem::Size, FetchItem::ThreadId], true, None),
            (vec![FetchItem::EmailId], true, Some(FetchNeed::Size)),
            (vec![FetchItem::EmailId, FetchItem::Envelope], true, Some(FetchNeed::Outline)),
            (vec![FetchItem::Size], false, Some(FetchNeed::Size)),
            (vec![FetchItem::Size, FetchItem::Envelope], true, Some(FetchNeed::Outline)),
            (vec![FetchItem::Size, FetchItem::Envelope], false, Some(FetchNeed::Outline)),
            (vec![section(SectionText::HeaderFields(vec![])), FetchItem::Flags], false, Some(FetchNeed::Outline)),
            (vec![section(SectionText::Whole), FetchItem::Size], false, Some(FetchNeed::Full)),
            (vec![section(SectionText::Whole), FetchItem::Envelope], true, Some(FetchNeed::Parts)),
            (vec![FetchItem::Envelope, FetchItem::BodyStructure], true, Some(FetchNeed::Outline)),
            (vec![FetchItem::BodyStructure, FetchItem::Rfc822Text], true, Some(FetchNeed::Parts)),
            (vec![FetchItem::Preview { lazy: false }, FetchItem::Envelope], true, Some(FetchNeed::Parts)),
            (vec![FetchItem::Preview { lazy: true }, FetchItem::Flags], true, Some(FetchNeed::AtHand)),
            (vec![FetchItem::Preview { lazy: true }, FetchItem::Size], false, Some(FetchNeed::Size)),
            (vec![FetchItem::Preview { lazy: true }, FetchItem::Envelope], true, Some(FetchNeed::Outline)),
        ] {
            assert_eq!(need(&items, known), expected, "{items:?}");
        }
    }
}

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use mail_core::message::{Extract, Message, Section, SectionText};
use mail_core::{FetchNeed, FetchedMessage, FlagChange, FlagChangeMode, FlagSet, Keywords, Snapshot};

use crate::message::{write_body, write_envelope, write_section};
use crate::proto::request::FetchItem;
use crate::proto::response::Output;
use crate::proto::sequence::SequenceSet;
use crate::session::action::{Call, Reply};
use crate::session::core::{Core, SessionState};
use crate::session::outcome::{Outcome, Sync};
use crate::session::selected::Selected;
use crate::session::step::{Resume, Step, With};
use crate::store::StoreError;

/// So much is written before it is sent.
const CHUNK: usize = 32 << 10;

/// FETCH and UID FETCH (RFC 9051 6.4.5, RFC 3501 6.4.5)
pub(super) fn fetch(core: &mut Core, set: &SequenceSet, uid: bool, mut items: Vec<FetchItem>) -> Step {
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    let Ok(uids) = selected.resolve(set, uid) else {
        return Step::Done(Outcome::bad("No message with that number"));
    };
    if uid && !items.contains(&FetchItem::Uid) {
        items.insert(0, FetchItem::Uid);
    }
    let mut local = Vec::new();
    let mut calls: [(FetchNeed, Vec<u32>); 3] =
        [(FetchNeed::Size, Vec::new()), (FetchNeed::Header, Vec::new()), (FetchNeed::Full, Vec::new())];
    for message in uids {
        let size_known = selected.row(message).is_some_and(|row| row.size.is_some());
        let need = need(&items, size_known);
        match calls.iter_mut().find(|(kind, _)| Some(*kind) == need) {
            Some((_, uids)) => uids.push(message),
            None => local.push(message),
        }
    }
    let mark_seen = !selected.read_only && items.iter().any(FetchItem::sets_seen);
    let calls = calls.into_iter().filter(|(_, uids)| !uids.is_empty()).collect();
    let since = selected.newest();
    let run = Fetch { items, uid, local, next: 0, since, calls, mark_seen, seen: Vec::new(), failed: None };
    Box::new(run).resume(core, With::Taken)
}

/// What the store must be asked for to show the items of a message; nothing if its row suffices.
fn need(items: &[FetchItem], size_known: bool) -> Option<FetchNeed> {
    let mut need = None;
    let mut size = false;
    for item in items {
        match item {
            FetchItem::Flags | FetchItem::Uid | FetchItem::InternalDate => {}
            FetchItem::Size => size |= !size_known,
            FetchItem::Envelope | FetchItem::Rfc822Header => need = need.or(Some(FetchNeed::Header)),
            FetchItem::Section { section, .. } if section.is_header() => need = need.or(Some(FetchNeed::Header)),
            _ => need = Some(FetchNeed::Full),
        }
    }
    match need {
        None if size => Some(FetchNeed::Size),
        // With the header alone a store need not tell the size.
        Some(FetchNeed::Header) if size => Some(FetchNeed::Full),
        need => need,
    }
}

struct Fetch {
    items: Vec<FetchItem>,
    uid: bool,
    /// Messages whose rows suffice, and how many of them are done.
    local: Vec<u32>,
    next: usize,
    /// The newest state when it began.
    since: Arc<Snapshot>,
    /// What must be asked of the store for which others.
    calls: VecDeque<(FetchNeed, Vec<u32>)>,
    mark_seen: bool,
    /// Messages that were shown and become `\Seen` by it.
    seen: Vec<u32>,
    failed: Option<StoreError>,
}

impl Resume for Fetch {
    fn resume(mut self: Box<Self>, core: &mut Core, with: With) -> Step {
        let Core { state: SessionState::Selected(selected), out, .. } = core else { return Step::Done(Outcome::bug()) };
        if self.items.contains(&FetchItem::Flags) {
            selected.list_keywords(out);
        }
        match with {
            With::Reply(Reply::Fetched(uid, Ok(message))) => {
                self.write(selected, uid, Some(&message), out);
                if self.mark_seen && selected.row(uid).is_some_and(|row| !row.flags.contains(FlagSet::SEEN)) {
                    self.seen.push(uid);
                }
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
            With::Reply(Reply::Done(result)) => {
                if let Err(error) = result {
                    tracing::warn!(%error, "messages could not be marked as seen");
                }
            }
            With::Taken => {}
            With::Reply(_) | With::Line(_) => return Step::Done(Outcome::bug()),
        }
        while let Some(uid) = self.local.get(self.next).copied() {
            self.next += 1;
            self.write(selected, uid, None, out);
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
            return Step::Call(Call::Store { uids, change }, self);
        }
        if self.items.contains(&FetchItem::Flags) && !self.mark_seen && !self.local.is_empty() {
            selected.shown(std::mem::take(&mut self.local), &self.since);
        }
        let outcome = self.failed.as_ref().map_or_else(|| Outcome::ok("FETCH completed"), Outcome::failed);
        Step::Done(outcome.sync(if self.uid { Sync::All } else { Sync::KeepNumbers }))
    }
}

impl Fetch {
    /// Remembers why not everything could be shown; what is not just a vanished message counts more.
    fn fail(&mut self, error: StoreError) {
        if self.failed.as_ref().is_none_or(|failed| *failed == StoreError::ExpungeIssued) {
            self.failed = Some(error);
        }
    }

    fn write(&self, selected: &Selected, uid: u32, message: Option<&FetchedMessage>, out: &mut Output) {
        let (Some(number), Some(row)) = (selected.number(uid), selected.row(uid)) else { return };
        let size = message.and_then(|message| message.size);
        // Whatever is asked for, its header is scanned once at most, and its structure looked for once at most.
        let message = Message::new(message.map(|message| message.content.clone()).unwrap_or_default());
        out.text("* ").number(number).text(" FETCH (");
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                out.text(" ");
            }
            let out = &mut *out;
            match item {
                FetchItem::Flags => out.text("FLAGS ").flags(row.flags, &row.keywords, selected.is_recent(uid)),
                FetchItem::Uid => out.text("UID ").number(uid),
                FetchItem::InternalDate => out.text("INTERNALDATE \"").text(&date_time(row.internal_date)).text("\""),
                FetchItem::Size => {
                    let size = row.size.or(size).map(u64::from);
                    out.text("RFC822.SIZE ").number(size.unwrap_or(message.bytes().len() as u64))
                }
                FetchItem::Envelope => {
                    out.text("ENVELOPE ");
                    write_envelope(message.fields(), out);
                    out
                }
                FetchItem::Body | FetchItem::BodyStructure => {
                    let extended = *item == FetchItem::BodyStructure;
                    out.text(if extended { "BODYSTRUCTURE " } else { "BODY " });
                    write_body(message.root(), extended, out);
                    out
                }
                FetchItem::Rfc822 => out.text("RFC822 ").literal(message.bytes().clone()),
                FetchItem::Rfc822Header => {
                    out.text("RFC822.HEADER ");
                    write_literal(&message, &message_section(SectionText::Header), None, out)
                }
                FetchItem::Rfc822Text => {
                    out.text("RFC822.TEXT ");
                    write_literal(&message, &message_section(SectionText::Text), None, out)
                }
                FetchItem::Section { section, partial, .. } => {
                    out.text("BODY[");
                    write_section(section, out);
                    out.text("]");
                    if let Some((first, _)) = partial {
                        out.text("<").number(*first).text(">");
                    }
                    out.text(" ");
                    write_literal(&message, section, *partial, out)
                }
            };
        }
        out.text(")\r\n");
    }
}

fn message_section(text: SectionText) -> Section {
    Section { part: Vec::new(), text }
}

fn write_literal<'a>(
    message: &Message,
    section: &Section,
    partial: Option<(u32, u32)>,
    out: &'a mut Output,
) -> &'a mut Output {
    let bytes = match message.section(section) {
        Extract::Slice(range) => message.bytes().slice(range),
        Extract::Built(bytes) => Bytes::from(bytes),
        Extract::Missing => return out.text("NIL"),
    };
    match partial {
        None => out.literal(bytes),
        Some((first, count)) => {
            let first = (first as usize).min(bytes.len());
            let end = first.saturating_add(count as usize).min(bytes.len());
            out.literal(bytes.slice(first..end))
        }
    }
}

/// `date-time` without its quotes, in UTC. Dates beyond four-digit years are moved to the nearest.
fn date_time(seconds: i64) -> String {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    let date = chrono::DateTime::from_timestamp(seconds.clamp(FIRST, LAST), 0).unwrap_or_default();
    date.format("%e-%b-%Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date_time(837_596_665), "17-Jul-1996 09:44:25 +0000");
        assert_eq!(date_time(0), " 1-Jan-1970 00:00:00 +0000");
        assert_eq!(date_time(i64::MIN), " 1-Jan-0001 00:00:00 +0000");
        assert_eq!(date_time(i64::MAX), "31-Dec-9999 23:59:59 +0000");
    }

    #[test]
    fn asks_for_no_more_than_needed() {
        let section = |text| FetchItem::Section { section: message_section(text), partial: None, peek: true };
        for (items, known, expected) in [
            (vec![FetchItem::Flags, FetchItem::InternalDate, FetchItem::Uid], false, None),
            (vec![FetchItem::Size], true, None),
            (vec![FetchItem::Size], false, Some(FetchNeed::Size)),
            (vec![FetchItem::Size, FetchItem::Envelope], true, Some(FetchNeed::Header)),
            (vec![FetchItem::Size, FetchItem::Envelope], false, Some(FetchNeed::Full)),
            (vec![section(SectionText::HeaderFields(vec![])), FetchItem::Flags], false, Some(FetchNeed::Header)),
            (vec![section(SectionText::Whole), FetchItem::Envelope], true, Some(FetchNeed::Full)),
            (vec![FetchItem::Envelope, FetchItem::BodyStructure], true, Some(FetchNeed::Full)),
        ] {
            assert_eq!(need(&items, known), expected, "{items:?}");
        }
    }
}

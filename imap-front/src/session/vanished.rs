use std::sync::Arc;

use mail_core::{Expunged, Snapshot, work};

use crate::proto::request::KnownState;
use crate::proto::sequence::{Ranges, SequenceSet, format_ranges};

/// How many steps of [`work`] a message takes.
const STEPS_PER_MESSAGE: usize = 4;

/// What a client knows of a folder, to be compared with what is there.
#[derive(Debug, Clone)]
pub(crate) struct Vanished {
    /// What the client is told of the folder beside.
    now: Arc<Snapshot>,
    /// The client knows all changes up to this.
    modseq: u64,
    /// The UIDs that it asks about; only such as there may have been.
    uids: Ranges,
    matches: Option<(SequenceSet, SequenceSet)>,
}

impl Vanished {
    /// A client asks about these UIDs (RFC 7162 3.2.6). What `*` means may be gone, so that is the highest there may have been.
    pub fn of(now: Arc<Snapshot>, modseq: u64, uids: &SequenceSet) -> Self {
        // Who knows more than there was knows it of a ledger that was lost.
        let modseq = if modseq > now.highest_modseq() { 0 } else { modseq };
        let uids = uids.resolve_known(now.uid_next().saturating_sub(1));
        Self { now, modseq, uids, matches: None }
    }

    /// A client selects a folder that it knows (RFC 7162 3.2.5); nothing if what it knows is of another UIDVALIDITY.
    pub fn since(now: Arc<Snapshot>, known: KnownState) -> Option<Self> {
        let KnownState { uid_validity, modseq, uids, matches } = known;
        let all = || SequenceSet(vec![(Some(1), None)]);
        (uid_validity == now.uid_validity())
            .then(|| Self { matches, ..Self::of(now, modseq, &uids.unwrap_or_else(all)) })
    }

    /// Since when it is asked what went.
    pub fn modseq(&self) -> u64 {
        self.modseq
    }

    /// How many messages have to be looked at.
    pub fn size(&self) -> usize {
        self.now.rows().len()
    }

    /// The UIDs of messages that went, as a `sequence-set`; empty if there is none. If that is not remembered, all that are not
    /// there (RFC 7162 3.2.5.2, 3.2.6).
    pub fn gone(&self, expunged: &Expunged) -> String {
        let rows = self.now.rows();
        if self.modseq >= expunged.complete_after {
            // What went after `now` is told later, with what the client does to its message numbers.
            let is_gone = |uid: &&u32| self.uids.contains(**uid) && rows.get(**uid).is_none();
            return format_ranges(expunged.uids.iter().filter(is_gone).map(|uid| (*uid, *uid)));
        }
        let known = if self.modseq < expunged.lost_before { 0 } else { self.matched() };
        let mut gaps = Vec::new();
        for (from, to) in self.uids.iter() {
            let mut next = from.max(known.saturating_add(1));
            for row in rows.range(next, to) {
                work::spend(STEPS_PER_MESSAGE);
                if work::is_cancelled() {
                    return String::new();
                }
                if next < row.uid {
                    gaps.push((next, row.uid - 1));
                }
                next = row.uid.saturating_add(1);
            }
            if next <= to {
                gaps.push((next, to));
            }
        }
        format_ranges(gaps)
    }

    /// The UIDs, ascending, of messages that came or changed.
    pub fn changed(&self) -> Vec<u32> {
        if self.modseq >= self.now.highest_modseq() {
            return Vec::new();
        }
        let mut changed = Vec::new();
        for (from, to) in self.uids.iter() {
            for row in self.now.rows().range(from, to) {
                work::spend(STEPS_PER_MESSAGE);
                if work::is_cancelled() {
                    return Vec::new();
                }
                if row.modseq > self.modseq {
                    changed.push(row.uid);
                }
            }
        }
        changed
    }

    /// Of messages up to this UID the client knows which are gone: it gives it the number that it has (RFC 7162 3.2.5.2).
    fn matched(&self) -> u32 {
        let Some((numbers, uids)) = &self.matches else { return 0 };
        let rows = self.now.rows();
        let mut matched = 0;
        // Numbers ascend, so no more pairs are looked at than there are messages.
        for (number, uid) in each(numbers).zip(each(uids)).take_while(|(number, _)| *number as usize <= rows.len()) {
            work::spend(STEPS_PER_MESSAGE);
            if rows.at(number as usize - 1).is_some_and(|row| row.uid == uid) {
                matched = uid.max(matched);
            }
        }
        matched
    }
}

/// The numbers of a set, as long as they ascend.
fn each(set: &SequenceSet) -> impl Iterator<Item = u32> + '_ {
    let numbers = set.0.iter().flat_map(|(from, to)| from.unwrap_or(u32::MAX)..=to.unwrap_or(u32::MAX));
    numbers.scan(0, |last, number| (std::mem::replace(last, number) < number).then_some(number))
}

#[cfg(test)]
mod tests {
    use mail_core::{FlagSet, Keywords, MessageRow};

    use super::*;

    /// Only UIDs divisible by three are there; the MODSEQ of each is its UID.
    fn folder(messages: u32) -> Arc<Snapshot> {
        let row = |number: u32| MessageRow {
            uid: 3 * number,
            flags: FlagSet::EMPTY,
            keywords: Keywords::EMPTY,
            modseq: u64::from(3 * number),
            internal_date: 0,
            size: None,
        };
        let highest = u64::from(3 * messages);
        Arc::new(Snapshot::new(7, 3 * messages + 4, highest, (1..=messages).map(row).collect()))
    }

    fn set(ranges: &[(u32, u32)]) -> SequenceSet {
        SequenceSet(ranges.iter().map(|(from, to)| (Some(*from), Some(*to))).collect())
    }

    fn known(uids: Option<SequenceSet>, matches: Option<(SequenceSet, SequenceSet)>) -> KnownState {
        KnownState { uid_validity: 7, modseq: 5, uids, matches }
    }

    #[test]
    fn what_is_remembered() {
        let expunged = Expunged { complete_after: 5, lost_before: 0, uids: vec![1, 2, 3, 7, 8, 14] };
        let since = |uids| Vanished::since(folder(4), known(uids, None)).unwrap();
        assert_eq!(since(None).gone(&expunged), "1:2,7:8,14");
        assert_eq!(since(Some(set(&[(2, 7), (100, 200)]))).gone(&expunged), "2,7");
        assert_eq!(since(None).changed(), [6, 9, 12]);
        assert_eq!(since(Some(set(&[(1, 9)]))).changed(), [6, 9]);
        assert!(Vanished::since(folder(4), KnownState { uid_validity: 8, ..known(None, None) }).is_none());
    }

    #[test]
    fn what_is_not_remembered() {
        let expunged = Expunged { complete_after: 6, lost_before: 0, uids: vec![7] };
        let gone = |uids, matches| Vanished::since(folder(4), known(uids, matches)).unwrap().gone(&expunged);
        assert_eq!(gone(None, None), "1:2,4:5,7:8,10:11,13:15");
        assert_eq!(gone(Some(set(&[(2, 5), (9, 4_000_000_000)])), None), "2,4:5,10:11,13:15");
        assert_eq!(Vanished::of(folder(0), 5, &set(&[(1, 9)])).gone(&expunged), "1:3");
        // RFC 7162 3.2.5.2: what a client says of numbers leaves out what is before.
        let pairs = |numbers: &[(u32, u32)], uids: &[(u32, u32)]| Some((set(numbers), set(uids)));
        for (matches, expected) in [
            (pairs(&[(1, 2), (4, 4)], &[(3, 3), (6, 6), (12, 12)]), "13:15"),
            (pairs(&[(1, 1), (3, 4)], &[(3, 3), (10, 11)]), "4:5,7:8,10:11,13:15"),
            (pairs(&[(2, 2)], &[(6, 6)]), "7:8,10:11,13:15"),
            (pairs(&[(1, 4_294_967_295)], &[(1, 4_294_967_295)]), "1:2,4:5,7:8,10:11,13:15"),
            (pairs(&[(4_294_967_295, 4_294_967_295)], &[(1, 1)]), "1:2,4:5,7:8,10:11,13:15"),
            // Not ascending.
            (pairs(&[(4, 4), (2, 2)], &[(11, 11), (6, 6)]), "1:2,4:5,7:8,10:11,13:15"),
        ] {
            assert_eq!(gone(None, matches.clone()), expected, "{matches:?}");
            // Numbers of a ledger that was lost say nothing.
            let lost = Expunged { lost_before: 6, ..expunged.clone() };
            let vanished = Vanished::since(folder(4), known(None, matches)).unwrap();
            assert_eq!(vanished.gone(&lost), "1:2,4:5,7:8,10:11,13:15");
        }
    }

    #[test]
    fn who_knows_more_than_there_was_knows_nothing() {
        let vanished = Vanished::since(folder(2), KnownState { modseq: 99, ..known(None, None) }).unwrap();
        assert_eq!((vanished.modseq(), vanished.changed()), (0, vec![3, 6]));
        let vanished = Vanished::since(folder(2), KnownState { modseq: 6, ..known(None, None) }).unwrap();
        assert_eq!((vanished.modseq(), vanished.changed()), (6, vec![]));
    }
}

use std::sync::Arc;

use mail_core::{MessageRow, RecentMark, Rows, Snapshot};

/// How many ranges a session remembers: one for each time that it heard of new messages, unless they follow each other.
const MAX_RANGES: usize = 256;

/// The messages that are `\Recent` in a session (RFC 3501 2.3.2): those of which it was told before any other.
#[derive(Debug, Clone)]
pub(crate) struct Recent {
    mark: Arc<RecentMark>,
    /// EXAMINE looks at what is recent and takes it from nobody.
    read_only: bool,
    /// Messages with lower UIDs were told of.
    told: u32,
    /// UIDs from the first up to and without the second, ascending.
    ranges: Vec<(u32, u32)>,
}

impl Recent {
    pub fn new(mark: Arc<RecentMark>, read_only: bool) -> Self {
        Self { mark, read_only, told: 1, ranges: Vec::new() }
    }

    /// The client is being told of all messages of a snapshot.
    pub fn told(&mut self, snapshot: &Snapshot) {
        let (uid_validity, end) = (snapshot.uid_validity(), snapshot.uid_next());
        let first = if self.read_only { self.mark.first(uid_validity) } else { self.mark.claim(uid_validity, end) };
        let first = first.max(self.told);
        self.told = self.told.max(end);
        match self.ranges.last_mut() {
            _ if first >= end => {}
            Some((_, last)) if *last == first => *last = end,
            _ => {
                if self.ranges.len() >= MAX_RANGES {
                    self.ranges.remove(0);
                }
                self.ranges.push((first, end));
            }
        }
    }

    pub fn contains(&self, uid: u32) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= uid);
        after.checked_sub(1).and_then(|index| self.ranges.get(index)).is_some_and(|(_, end)| uid < *end)
    }

    /// How many of these are.
    pub fn count(&self, rows: &Rows<MessageRow>) -> usize {
        self.ranges.iter().map(|(first, end)| rows.rank(*end) - rows.rank(*first)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(uid_next: u32) -> Snapshot {
        Snapshot::new(7, uid_next, 1, Rows::default())
    }

    #[test]
    fn one_session_gets_each_message() {
        let mark: Arc<RecentMark> = Arc::default();
        let [mut one, mut other, mut looking] = [false, false, true].map(|only| Recent::new(mark.clone(), only));
        let both = |one: &Recent, other: &Recent| [1, 2, 3, 4, 5].map(|uid| (one.contains(uid), other.contains(uid)));
        looking.told(&snapshot(3));
        one.told(&snapshot(3));
        other.told(&snapshot(3));
        assert_eq!(both(&one, &other), [(true, false), (true, false), (false, false), (false, false), (false, false)]);
        other.told(&snapshot(4));
        one.told(&snapshot(5));
        looking.told(&snapshot(6));
        assert_eq!(both(&one, &other), [(true, false), (true, false), (false, true), (true, false), (false, false)]);
        assert_eq!(both(&looking, &looking).map(|(here, _)| here), [true, true, false, false, true]);
        other.told(&snapshot(6));
        assert!(other.contains(5) && looking.contains(5), "who only looks takes nothing");
    }

    #[test]
    fn ranges_are_bounded() {
        let mark: Arc<RecentMark> = Arc::default();
        let mut recent = Recent::new(mark.clone(), false);
        for uid_next in (3..).step_by(2).take(2 * MAX_RANGES) {
            mark.claim(7, uid_next - 1);
            recent.told(&snapshot(uid_next));
        }
        assert_eq!(recent.ranges.len(), MAX_RANGES);
        assert!(recent.contains(recent.told - 1) && !recent.contains(2));
    }
}

use crate::session::core::Core;
use crate::session::outcome::{Outcome, Sync};
use crate::session::step::Step;
use crate::session::view::View;

/// Batches have no fewer messages (RFC 10022 3.1.3.2).
const MIN_SIZE: u32 = 500;
/// Batches that are asked for have no more messages together (RFC 10022 3.1.5).
const MAX_MESSAGES: u64 = 100_000;

/// UIDBATCHES (RFC 10022). A batch costs no more than to look up a message by its number, so that it may be asked for as often
/// as any other command.
pub(super) fn uid_batches(core: &mut Core, size: u32, batches: Option<(u32, u32)>) -> Step {
    if batches.is_some_and(|(first, last)| first > last) {
        return Step::Done(Outcome::bad("Invalid batch range").code("CLIENTBUG"));
    }
    if size < MIN_SIZE {
        let text = format!("Minimum batch size is {MIN_SIZE}");
        return Step::Done(Outcome::no("TOOFEW", text).sync(Sync::Nothing));
    }
    let asked = batches.map_or(0, |(first, last)| u64::from(last - first + 1) * u64::from(size));
    // One batch may be as large as it likes.
    if asked > MAX_MESSAGES && batches.is_some_and(|(first, last)| first < last) {
        return Step::Done(Outcome::no("TOOMANY", "Too many messages").sync(Sync::Nothing));
    }
    let tag = core.tag.clone();
    let Some(selected) = core.selected() else { return Step::Done(Outcome::bug()) };
    let all = Batches { view: selected.view(), size };
    let ranges = all.ranges(batches.unwrap_or((1, u32::MAX)));
    let ranges: Vec<String> = ranges.map(|(high, low)| format!("{high}:{low}")).collect();
    core.out.text("* UIDBATCHES (TAG ").string(tag.as_bytes()).text(")");
    if !ranges.is_empty() {
        core.out.text(" ").text(&ranges.join(","));
    }
    core.out.text("\r\n");
    Step::Done(Outcome::ok("UIDBATCHES completed"))
}

/// The messages that the client knows of in batches, the first of which has the highest UIDs.
struct Batches<'a> {
    view: &'a View,
    size: u32,
}

impl Batches<'_> {
    /// The UIDs of batches that there are: the highest and the lowest of each. They follow each other, down to 1.
    fn ranges(&self, (first, last): (u32, u32)) -> impl Iterator<Item = (u32, u32)> {
        let count = self.view.count().div_ceil(self.size);
        (first..=last.min(count)).map(|batch| (self.lowest(batch - 1).saturating_sub(1), self.lowest(batch)))
    }

    /// Where a batch ends; that before the first would end above all messages.
    fn lowest(&self, batch: u32) -> u32 {
        if batch == 0 {
            return self.view.last_uid().saturating_add(1);
        }
        let below = u64::from(self.view.count()).checked_sub(u64::from(batch) * u64::from(self.size));
        let position = below.and_then(|below| usize::try_from(below).ok()).filter(|position| *position > 0);
        // The last one reaches down to 1, which shows that it is the last (RFC 10022 3.1.4).
        position.and_then(|position| self.view.known.rows().at(position)).map_or(1, |row| row.uid)
    }
}

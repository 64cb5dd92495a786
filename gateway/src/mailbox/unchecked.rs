use std::collections::BTreeMap;
use std::time::Duration;

use mapi_core::id::Gid;
use tokio::sync::watch;

/// How long somebody who wants to read waits for checks at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Appended messages that are stored, but whose stored form was not compared yet with what was sent. Rendered now, some of
/// them would have other bytes than a moment later, and so another UID.
pub struct Unchecked {
    state: watch::Sender<UncheckedState>,
}

#[derive(Default)]
struct UncheckedState {
    next: u64,
    /// The folders of those under way.
    running: BTreeMap<u64, Gid>,
}

impl Default for Unchecked {
    fn default() -> Self {
        Self { state: watch::Sender::new(UncheckedState::default()) }
    }
}

impl Unchecked {
    /// A message is about to appear in a folder; it is checked when what is returned is dropped.
    pub fn begin(&self, folder: Gid) -> Checking<'_> {
        let mut number = 0;
        self.state.send_modify(|state| {
            number = state.next;
            state.next += 1;
            state.running.insert(number, folder);
        });
        Checking { unchecked: self, number }
    }

    /// Waits until all messages that have appeared in a folder so far are checked, or for ten seconds.
    pub async fn wait(&self, folder: Gid) {
        let now = self.state.borrow().next;
        let checked = |state: &UncheckedState| !state.running.range(..now).any(|(_, other)| *other == folder);
        let mut changes = self.state.subscribe();
        // Late or not: what is read then is only less likely to keep its UID.
        drop(tokio::time::timeout(PATIENCE, changes.wait_for(checked)).await);
    }
}

/// A message that is being stored and checked.
pub struct Checking<'a> {
    unchecked: &'a Unchecked,
    number: u64,
}

impl Drop for Checking<'_> {
    fn drop(&mut self) {
        self.unchecked.state.send_modify(|state| {
            state.running.remove(&self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use mapi_core::id::{GlobalCounter, Guid};

    use super::*;

    #[tokio::test]
    async fn readers_wait_for_what_began_before_them_in_their_folder() {
        let unchecked = Unchecked::default();
        let folder = |n| Gid { replica_guid: Guid([1; 16]), counter: GlobalCounter::new(n) };
        unchecked.wait(folder(1)).await;
        let first = unchecked.begin(folder(1));
        let other = unchecked.begin(folder(2));
        let mut reader = std::pin::pin!(unchecked.wait(folder(1)));
        assert!(reader.as_mut().now_or_never().is_none());
        // One that begins later does not count.
        let later = unchecked.begin(folder(1));
        drop(first);
        reader.await;
        assert!(unchecked.wait(folder(2)).now_or_never().is_none());
        drop((other, later));
        unchecked.wait(folder(2)).await;
        assert!(unchecked.state.borrow().running.is_empty());
    }
}

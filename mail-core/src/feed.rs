use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

use crate::folder::FolderKey;

/// So many folders are remembered one by one; beyond that it is as if all had changed.
const MAX_FOLDERS: usize = 256;

/// What changed in a mailbox since somebody looked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreChanges {
    /// There may be other folders, other names, other subscriptions.
    pub names: bool,
    /// Messages of these came, went or have other flags.
    pub folders: BTreeSet<FolderKey>,
    /// The metadata of these may be other.
    pub metadata: BTreeSet<FolderKey>,
    /// The metadata of the server may be other.
    pub server_metadata: bool,
    /// Any folder may have changed, any name, any metadata.
    pub everything: bool,
}

impl StoreChanges {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        let folders = self.folders.is_empty() && self.metadata.is_empty();
        folders && !self.names && !self.server_metadata && !self.everything
    }

    /// Adds what changed later. It stays small, however much is added.
    pub fn add(&mut self, later: Self) {
        self.names |= later.names;
        self.everything |= later.everything;
        self.server_metadata |= later.server_metadata;
        self.folders.extend(later.folders);
        self.metadata.extend(later.metadata);
        if self.everything || self.folders.len().max(self.metadata.len()) > MAX_FOLDERS {
            self.everything = true;
            (self.folders, self.metadata) = (BTreeSet::new(), BTreeSet::new());
        }
    }
}

/// Tells all who watch a mailbox what changes. Nothing is kept while nobody watches.
#[derive(Default)]
pub struct ChangeFeed {
    watches: Mutex<Vec<Weak<Shared>>>,
}

#[derive(Default)]
struct Shared {
    changes: Mutex<StoreChanges>,
    told: Notify,
}

impl ChangeFeed {
    /// What changes from now on.
    pub fn watch(&self) -> ChangeWatch {
        let shared = Arc::new(Shared::default());
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch| watch.strong_count() > 0);
        watches.push(Arc::downgrade(&shared));
        ChangeWatch { shared }
    }

    /// Whether somebody watches.
    pub fn is_watched(&self) -> bool {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.iter().any(|watch| watch.strong_count() > 0)
    }

    /// Tells of a change.
    pub fn tell(&self, changes: &StoreChanges) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch| {
            let Some(shared) = watch.upgrade() else { return false };
            shared.changes.lock().unwrap_or_else(PoisonError::into_inner).add(changes.clone());
            shared.told.notify_one();
            true
        });
    }
}

/// What one of those who watch a mailbox was not told yet.
pub struct ChangeWatch {
    shared: Arc<Shared>,
}

impl ChangeWatch {
    /// Waits for a change. Dropping the future loses nothing.
    pub async fn changed(&self) {
        loop {
            let told = self.shared.told.notified();
            if !self.shared.changes.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return;
            }
            told.await;
        }
    }

    /// What changed since this was asked last.
    pub fn take(&self) -> StoreChanges {
        std::mem::take(&mut *self.shared.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn folder(number: usize) -> StoreChanges {
        let folders = BTreeSet::from([FolderKey(number.to_be_bytes().to_vec())]);
        StoreChanges { folders, ..StoreChanges::default() }
    }

    #[test]
    fn who_watches_is_told_once() {
        let feed = ChangeFeed::default();
        feed.tell(&folder(1));
        assert!(!feed.is_watched());
        let (one, other) = (feed.watch(), feed.watch());
        assert_eq!(one.changed().now_or_never(), None);
        feed.tell(&folder(2));
        feed.tell(&folder(2));
        assert_eq!(one.changed().now_or_never(), Some(()));
        assert_eq!(one.take(), folder(2));
        assert_eq!(one.changed().now_or_never(), None);
        drop(one);
        assert_eq!(other.take(), folder(2));
        drop(other);
        assert!(!feed.is_watched());
    }

    #[test]
    fn it_stays_small() {
        let feed = ChangeFeed::default();
        let watch = feed.watch();
        (0..=MAX_FOLDERS).for_each(|number| feed.tell(&folder(number)));
        feed.tell(&folder(0));
        let everything = StoreChanges { everything: true, ..StoreChanges::default() };
        assert_eq!(watch.take(), everything);
        let metadata = |number| StoreChanges { metadata: folder(number).folders, ..StoreChanges::default() };
        (0..=MAX_FOLDERS).for_each(|number| feed.tell(&metadata(number)));
        assert_eq!(watch.take(), everything);
        feed.tell(&metadata(1));
        assert_eq!(watch.take(), metadata(1));
    }
}

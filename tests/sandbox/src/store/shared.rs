use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::Store;

/// The store as all connections and tests share it. Whoever changes it wakes those who wait for events.
pub struct SharedStore {
    store: Mutex<Store>,
    changed: watch::Sender<u64>,
}

impl SharedStore {
    /// Shares `store`.
    pub fn new(store: Store) -> Self {
        let changed = watch::Sender::new(store.event_count());
        Self { store: Mutex::new(store), changed }
    }

    /// Runs `work` on the store, then tells the waiting if there are new events. Never held across an await.
    pub fn with<R>(&self, work: impl FnOnce(&mut Store) -> R) -> R {
        let mut store = self.lock();
        store.release_events(Instant::now());
        let result = work(&mut store);
        let events = store.event_count();
        drop(store);
        self.changed.send_if_modified(|seen| std::mem::replace(seen, events) != events);
        result
    }

    /// Completes when new events came after this call.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// A panic of one test's closure does not take the store from the others.
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

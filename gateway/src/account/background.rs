use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use imap_front::store::StoreError;
use mapi_core::id::Gid;
use tokio::sync::watch;

use super::Account;

/// Messages rendered in one go.
const CHUNK: usize = 50;
/// Between two goes: as long as the last one took, within these bounds, so that at most half of the time is used.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// After the upstream could not be read.
const REST: Duration = Duration::from_secs(60);
/// Messages that can't be rendered and are left alone from then on; with more the list starts over.
const MAX_FAILED: usize = 10_000;

/// Whether clients are fetching messages.
#[derive(Default)]
pub(crate) struct Activity {
    running: AtomicUsize,
    last: Mutex<Option<Instant>>,
}

impl Activity {
    /// A fetch is under way until what is returned is dropped.
    pub(crate) fn begin(&self) -> Active<'_> {
        self.running.fetch_add(1, Ordering::AcqRel);
        Active(self)
    }

    /// Something happened that a fetch may follow.
    pub(crate) fn touch(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How much of `time` without activity is left to wait.
    fn quiet_in(&self, time: Duration) -> Duration {
        if self.running.load(Ordering::Acquire) > 0 {
            return time;
        }
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.map_or(Duration::ZERO, |last| time.saturating_sub(last.elapsed()))
    }
}

/// See [`Activity::begin`].
pub(crate) struct Active<'a>(&'a Activity);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.touch();
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Renders messages of selected folders that have no recorded size, or may have changed, newest first, for as long as the
/// account lives: while somebody is connected, and after nobody fetched anything for `quiet`.
pub(crate) async fn render_ahead(account: Weak<Account>, quiet: Duration, mut closed: watch::Receiver<()>) {
    let mut failed = HashSet::new();
    let mut pause = quiet;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = closed.changed() => return,
        }
        let Some(account) = account.upgrade() else { return };
        pause = step(&account, quiet, &mut failed).await;
    }
}

/// Renders a few messages; tells how long to wait before the next ones.
async fn step(account: &Arc<Account>, quiet: Duration, failed: &mut HashSet<(Gid, u32)>) -> Duration {
    // The registry's and ours; each connection has one more.
    let connected = Arc::strong_count(account) > 2;
    let left = account.context().activity.quiet_in(quiet);
    if !connected || !left.is_zero() {
        return if connected { left } else { quiet };
    }
    let selected = account.open_folders().into_iter().filter(crate::mailbox::folder::Folder::is_selected);
    let next = selected.into_iter().find_map(|folder| {
        let gid = folder.gid();
        let uids = folder.unrendered(CHUNK, |uid| failed.contains(&(gid, uid)));
        (!uids.is_empty()).then_some((folder, uids))
    });
    let Some((folder, uids)) = next else { return quiet };
    let began = Instant::now();
    let mut items = folder.render_ahead(uids);
    while let Some((uid, item)) = items.recv().await {
        match item {
            Ok(_) | Err(StoreError::ExpungeIssued) => {}
            Err(StoreError::Unavailable(why)) => {
                tracing::debug!(folder = %folder.gid(), why, "rendering ahead has to wait");
                return REST;
            }
            Err(error) => {
                tracing::debug!(folder = %folder.gid(), uid, %error, "a message can't be rendered ahead");
                if failed.len() >= MAX_FAILED {
                    failed.clear();
                }
                failed.insert((folder.gid(), uid));
            }
        }
    }
    began.elapsed().clamp(PAUSES.0, PAUSES.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_is_after_the_last_fetch() {
        let activity = Activity::default();
        let hour = Duration::from_secs(3600);
        assert_eq!(activity.quiet_in(hour), Duration::ZERO);
        let fetch = activity.begin();
        assert_eq!(activity.quiet_in(hour), hour);
        drop(fetch);
        assert!(activity.quiet_in(hour) > Duration::ZERO);
        assert_eq!(activity.quiet_in(Duration::ZERO), Duration::ZERO);
    }
}

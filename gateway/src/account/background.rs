use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mapi_core::id::Gid;
use tokio::sync::watch;

use super::Account;
use crate::line::error::UpstreamError;

/// Messages rendered in one go.
const CHUNK: usize = 50;
/// Between two goes: as long as the last one took, within these bounds, so that at most half of the time is used.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// After the upstream could not be read.
const REST: Duration = Duration::from_secs(60);
/// Messages that can't be rendered and are left alone from then on; with more the list starts over.
const MAX_FAILED: usize = 10_000;

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
    let selected = account.mailbox().open_folders().into_iter().filter(crate::mailbox::folder::Folder::is_selected);
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
            Ok(_) | Err(UpstreamError::Expunged) => {}
            Err(error) if error.is_of_the_way() || error.is_of_the_ledger_for_now() => {
                tracing::debug!(folder = %folder.gid(), %error, "rendering ahead has to wait");
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

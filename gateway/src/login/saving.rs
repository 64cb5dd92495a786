use std::sync::Arc;
use std::time::Duration;

use super::guard::Guard;
use super::moment::Moment;
use crate::blocking::blocking;

/// Between two writes, and after one that failed.
const PAUSE: Duration = Duration::from_secs(1);
const REST: Duration = Duration::from_secs(60);

/// Writes from where users got in, soon after it is known, for ever. Dropped, it leaves a write that began to its end.
pub(super) async fn keep_saved(guard: Arc<Guard>) {
    loop {
        guard.unsaved().await;
        while !save(&guard).await {
            tokio::time::sleep(REST).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Writes from where users got in; `false` if that failed.
pub(super) async fn save(guard: &Arc<Guard>) -> bool {
    let guard = Arc::clone(guard);
    match blocking(move || guard.save(Moment::now())).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "from where users got in can't be written: a restart forgets it");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "from where users got in is not written");
            false
        }
    }
}

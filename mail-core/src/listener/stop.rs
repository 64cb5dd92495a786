use tokio::sync::watch;

/// Returns once `stopping` holds `true` or its sender is gone. What it holds is let go at once, so that the caller can
/// run on any thread.
pub async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stop| *stop).await);
}

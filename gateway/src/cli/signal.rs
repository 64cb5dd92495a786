use tokio::signal::unix::{Signal, SignalKind, signal};

/// Returns when the process is asked to end (SIGINT, SIGTERM). A hangup (SIGHUP) ends nothing.
pub(super) async fn asked_to_end() {
    let interrupt = tokio::signal::ctrl_c();
    let mut hangup = signal(SignalKind::hangup()).ok();
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        drop(interrupt.await);
        return;
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
        () = hung_up(&mut hangup) => {}
    }
}

/// Says what a hangup means, for ever.
async fn hung_up(hangup: &mut Option<Signal>) {
    while let Some(Some(())) = match hangup {
        Some(hangup) => Some(hangup.recv().await),
        None => None,
    } {
        tracing::info!("SIGHUP is ignored: restart the gateway for it to read its configuration again");
    }
    std::future::pending().await
}

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Returns when the process is asked to end (SIGINT, SIGTERM).
pub(super) async fn asked_to_end() {
    let interrupt = tokio::signal::ctrl_c();
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        drop(interrupt.await);
        return;
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}

/// Hangups (SIGHUP), which end nothing from here on.
pub(super) struct Hangups(Option<Signal>);

impl Hangups {
    pub(super) fn new() -> Self {
        Self(signal(SignalKind::hangup()).ok())
    }

    /// Returns at the next one.
    pub(super) async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::observed::Observed;

/// An answer is given again for so long: whoever asks often does not make the gateway ask the upstream as often.
const KEPT: Duration = Duration::from_secs(10);
/// Whether the upstream is there is not asked if somebody's operation succeeded within this time.
const FRESH: Duration = Duration::from_secs(60);
/// How long the upstream may take to say anything.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether clients can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ready {
    /// The upstream answers.
    pub(super) upstream: bool,
    /// The ledger can be written.
    pub(super) ledger: bool,
}

/// Finds out whether clients can be served.
#[derive(Debug, Default)]
pub(super) struct Readiness(Mutex<Option<(Ready, Instant)>>);

impl Ready {
    pub(super) fn is_ready(self) -> bool {
        self.upstream && self.ledger
    }
}

impl Readiness {
    /// As it is now, or was a moment ago. Who asks meanwhile waits for the same.
    pub(super) async fn look(&self, observed: &Arc<Observed>) -> Ready {
        let mut known = self.0.lock().await;
        if let Some((ready, _)) = known.filter(|(_, at)| at.elapsed() < KEPT) {
            return ready;
        }
        let ledger = observed.ledger.clone();
        let (upstream, ledger) = tokio::join!(reaches(observed), tokio::task::spawn_blocking(|| is_writable(ledger)));
        let ready = Ready { upstream, ledger: ledger.unwrap_or(false) };
        *known = Some((ready, Instant::now()));
        ready
    }
}

async fn reaches(observed: &Observed) -> bool {
    let settings = observed.accounts.settings();
    let lately = Instant::now().checked_sub(FRESH);
    if lately.is_some_and(|lately| settings.tally().has_succeeded_since(lately)) {
        return true;
    }
    tokio::time::timeout(PATIENCE, settings.answers()).await.unwrap_or(false)
}

fn is_writable(directory: PathBuf) -> bool {
    let written =
        tempfile::tempfile_in(directory).and_then(|mut file| file.write_all(b"x").and_then(|()| file.sync_data()));
    written.is_ok()
}

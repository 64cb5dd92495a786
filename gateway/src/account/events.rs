use std::sync::Weak;
use std::time::{Duration, Instant};

use mapi_core::mailbox::{Mailbox, MailboxChanges};
use tokio::sync::watch;

use super::Account;

/// Between attempts to get a session back while nobody asks for anything, and before a session whose notifications broke
/// off is replaced: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Notifications that flowed for this long begin with short pauses again.
const STEADY: Duration = Duration::from_secs(120);

/// Passes notifications on to the folders they speak of, for as long as the account lives. Notifications are hints: after
/// every loss (a new session, an overflow) all open folders are looked at.
pub(super) async fn pump(account: Weak<Account>, mut closed: watch::Receiver<()>) {
    let mut known_generation = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(upstream) = account.upgrade().map(|account| std::sync::Arc::clone(account.context())) else { return };
        let (generation, mailbox) = match upstream.upstream.mailbox().await {
            Ok(session) => session,
            Err(error) => {
                drop(upstream);
                tracing::debug!(%error, "no session to be notified by");
                if wait(&mut pause, &mut closed).await.is_err() {
                    return;
                }
                continue;
            }
        };
        if known_generation != Some(generation) {
            if known_generation.is_some()
                && let Some(account) = account.upgrade()
            {
                everything_changed(&account);
            }
            known_generation = Some(generation);
        }
        // While it waits, the pump must not keep the account alive.
        drop(upstream);
        let began = Instant::now();
        let changes = tokio::select! {
            changes = mailbox.changes() => changes,
            _ = closed.changed() => {
                mailbox.close().await;
                return;
            }
        };
        let Some(account) = account.upgrade() else {
            mailbox.close().await;
            return;
        };
        match changes {
            Ok(changes) => pass_on(&account, &mailbox, &changes),
            Err(error) => {
                tracing::debug!(%error, "notifications broke off");
                account.context().upstream.discard(generation);
                drop(account);
                // The server may have the context still, and counts it.
                tokio::spawn(async move { mailbox.close().await });
                if began.elapsed() > STEADY {
                    pause = FIRST_PAUSE;
                }
                if wait(&mut pause, &mut closed).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Waits, longer each time, not all accounts alike. Fails if the account is closed meanwhile.
async fn wait(pause: &mut Duration, closed: &mut watch::Receiver<()>) -> Result<(), watch::error::RecvError> {
    let now = pause.mul_f64(rand::random_range(0.5..=1.0));
    *pause = (*pause * 2).min(LONGEST_PAUSE);
    tokio::select! {
        () = tokio::time::sleep(now) => Ok(()),
        gone = closed.changed() => gone,
    }
}

fn pass_on(account: &Account, mailbox: &Mailbox, changes: &MailboxChanges) {
    if changes.everything || changes.is_empty() {
        // Notifications were too many, or there were none for long: they may have been lost.
        return everything_changed(account);
    }
    let own = |folder| mailbox.gid_of(folder).is_some_and(|folder| account.context().wrote_folder(folder));
    if changes.hierarchy || changes.altered.iter().any(|folder| !own(*folder)) {
        account.tree.shape_changed();
    }
    if !changes.folders.is_empty() {
        account.tree.counts_changed();
    }
    for (folder, news) in &changes.folders {
        if let Some(folder) = mailbox.gid_of(*folder).and_then(|gid| account.open_folder(&gid)) {
            folder.notified(mailbox, news);
        }
    }
}

fn everything_changed(account: &Account) {
    account.tree.shape_changed();
    account.open_folders().iter().for_each(super::Folder::changed);
}

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mail_core::FolderKey;
use mapi_core::client::ClientError;
use mapi_core::id::FolderId;
use mapi_core::mailbox::{Mailbox, MailboxChanges, MailboxError};
use tokio::sync::watch;

use super::open_mailbox::OpenMailbox;

/// Between attempts to get a session back while nobody asks for anything, and before a session whose notifications broke
/// off is replaced: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Notifications that flowed for this long begin with short pauses again.
const STEADY: Duration = Duration::from_secs(120);

/// Passes notifications on to the folders they speak of, for as long as the mailbox is open. Notifications are hints: after
/// every loss (a new session, an overflow) all open folders are looked at.
pub(crate) async fn pump(opened: Weak<OpenMailbox>, mut closed: watch::Receiver<()>) {
    let mut known_generation = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(upstream) = opened.upgrade().map(|opened| Arc::clone(opened.context())) else { return };
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
                && let Some(opened) = opened.upgrade()
            {
                opened.everything_changed();
            }
            known_generation = Some(generation);
        }
        // While it waits, the pump must not keep the mailbox open.
        drop(upstream);
        let began = Instant::now();
        let changes = tokio::select! {
            changes = mailbox.changes() => changes,
            _ = closed.changed() => {
                mailbox.close().await;
                return;
            }
        };
        let Some(opened) = opened.upgrade() else {
            mailbox.close().await;
            return;
        };
        match changes {
            Ok(changes) => pass_on(&opened, &mailbox, &changes).await,
            Err(error) => {
                tracing::debug!(%error, "notifications broke off");
                if is_of_no_use(&error) {
                    opened.context().upstream.discard(generation);
                    // The server may have the context still, and counts it.
                    tokio::spawn(async move { mailbox.close().await });
                }
                drop(opened);
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

/// Whether a session that failed to tell what happened can do nothing else either. One whose server is busy, or was out of
/// reach for a moment, is as good as before: another one would cost the server more, and others would lose what they do.
fn is_of_no_use(error: &MailboxError) -> bool {
    error.is_session_lost() || matches!(error, MailboxError::Transport(ClientError::Unauthorized(_)))
}

/// Waits, longer each time, not all mailboxes alike. Fails if the mailbox is closed meanwhile.
async fn wait(pause: &mut Duration, closed: &mut watch::Receiver<()>) -> Result<(), watch::error::RecvError> {
    let now = pause.mul_f64(rand::random_range(0.5..=1.0));
    *pause = (*pause * 2).min(LONGEST_PAUSE);
    tokio::select! {
        () = tokio::time::sleep(now) => Ok(()),
        gone = closed.changed() => gone,
    }
}

async fn pass_on(opened: &OpenMailbox, mailbox: &Mailbox, changes: &MailboxChanges) {
    if changes.everything || changes.is_empty() {
        // Notifications were too many, or there were none for long: they may have been lost.
        return opened.everything_changed();
    }
    if !changes.folders.is_empty() {
        opened.counts_changed(changes.folders.keys().filter_map(|folder| mailbox.gid_of(*folder)));
    }
    for (folder, news) in &changes.folders {
        if let Some(folder) = mailbox.gid_of(*folder).and_then(|gid| opened.open_folder(&gid)) {
            folder.notified(mailbox, news);
        }
    }
    let altered: Vec<FolderId> = changes.altered.union(&changes.touched).copied().collect();
    if !altered.is_empty() {
        // Metadata is kept with the folders, that of the server with the topmost one.
        let keys = altered.iter().filter_map(|folder| mailbox.gid_of(*folder));
        let folders = keys.map(|gid| FolderKey(gid.to_bytes().to_vec()));
        opened.metadata_changed(folders, altered.contains(&mailbox.info().folders.ipm_subtree));
    }
    if changes.hierarchy || looks_otherwise(opened, mailbox, changes).await {
        opened.shape_changed();
    }
}

/// Whether one of the folders that changed has another name than the tree knows, or other names may be subscribed. A notification
/// does not tell: it says that a folder was modified, as it does for each new message ([MS-OXCNOTIF] R199).
async fn looks_otherwise(opened: &OpenMailbox, mailbox: &Mailbox, changes: &MailboxChanges) -> bool {
    let changed = || changes.altered.union(&changes.touched).copied();
    // Messages don't touch it. The list of subscriptions lies there, which others may have changed right after this gateway did.
    if changed().any(|folder| folder == mailbox.info().folders.ipm_subtree) {
        return true;
    }
    let own = |folder: &FolderId| mailbox.gid_of(*folder).is_some_and(|gid| opened.context().wrote_folder(gid));
    let asked: Vec<FolderId> = changed().filter(|folder| !own(folder)).collect();
    let Some(tree) = opened.newest_tree().filter(|_| !asked.is_empty()) else { return false };
    let names = match mailbox.folder_names(&asked).await {
        Ok(names) => names,
        Err(error) => {
            tracing::debug!(%error, "the names of folders can't be asked");
            return true;
        }
    };
    asked.iter().zip(names).any(|(folder, name)| {
        let node = mailbox.gid_of(*folder).and_then(|gid| tree.get(&gid));
        // Folders that the tree does not have are none of those that are shown.
        node.is_some_and(|node| name.as_ref() != Some(&node.name))
    })
}

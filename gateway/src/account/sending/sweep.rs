//! Clears the Outbox of what unfinished submissions left there.
//!
//! A gateway or a server that dies between saving a message and handing it over leaves it in the Outbox. Its client was
//! told that nothing was sent, or was told nothing, and tries again: what is left must never go out and must not stay.
//! What carries a mark, was never handed over and is old is removed, recoverably. Messages without a mark are somebody
//! else's, and young ones may be just being sent by this or another gateway.

use std::sync::{Arc, Weak};
use std::time::Duration;

use mapi_core::mailbox::MailboxError;
use tokio::sync::{oneshot, watch};

use crate::account::Account;
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::Lane;
use crate::mailbox::context::MailboxContext;
use crate::operation::mark::Marked;

/// No submission takes longer from saving a message to handing it over: both are one request.
const UNFINISHED: Duration = Duration::from_secs(60 * 60);
/// Until the next look after one that failed.
const AGAIN: Duration = Duration::from_secs(10 * 60);
/// An account is open after this time even if its Outbox has not been looked at yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks after the Outbox for as long as the account is open. Returns after the first look, or when that takes long.
pub async fn start(account: &Arc<Account>, closed: watch::Receiver<()>) {
    let (first, looked) = oneshot::channel();
    tokio::spawn(run(Arc::downgrade(account), closed, first));
    if tokio::time::timeout(PATIENCE, looked).await.is_err() {
        tracing::debug!("the look into the Outbox takes long");
    }
}

async fn run(account: Weak<Account>, mut closed: watch::Receiver<()>, first: oneshot::Sender<()>) {
    let mut first = Some(first);
    loop {
        let Some(context) = account.upgrade().map(|account| Arc::clone(account.context())) else { return };
        let next = sweep(&context).await;
        drop(context);
        if let Some(first) = first.take() {
            // Whoever waited may have lost patience.
            let _ = first.send(());
        }
        let pause = match next {
            Ok(None) => return,
            Ok(Some(pause)) => pause,
            Err(error) => {
                tracing::debug!(%error, "could not look into the Outbox");
                AGAIN
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = closed.changed() => return,
        }
    }
}

/// Removes what is old enough; returns when to look again, if something is left that is not.
async fn sweep(context: &MailboxContext) -> Result<Option<Duration>, UpstreamError> {
    let removed = context.upstream.ask(Kind::SweepOutbox, Lane::Interactive, |mailbox| async move {
        let unfinished = Marked::unfinished(&mailbox).await?;
        let (old, young): (Vec<_>, Vec<_>) = unfinished
            .into_iter()
            .filter_map(|message| Some((message.id, message.age()?)))
            .partition(|(_, age)| *age >= UNFINISHED);
        let old: Vec<_> = old.into_iter().map(|(id, _)| id).collect();
        if !old.is_empty() {
            mailbox.delete_messages(mailbox.info().folders.outbox, &old).await?;
        }
        let next = young.into_iter().map(|(_, age)| UNFINISHED.saturating_sub(age)).max();
        Ok::<_, MailboxError>((old.len(), next))
    });
    let (removed, next) = removed.await?;
    if removed > 0 {
        tracing::info!(user = context.user(), removed, "removed unfinished submissions from the Outbox");
    }
    Ok(next)
}

use std::time::Duration;

use crate::line::kind::Kind;
use crate::line::upstream::Lane;
use crate::mailbox::context::MailboxContext;
use crate::operation::mark::SubmissionMark;

/// Looks for a copy in Sent Items that is to be removed: transport may take a while to put it there.
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(15), Duration::from_secs(120)];

/// Removes the copy of a submission in Sent Items, once it is there. The message was accepted, so that failure is only logged.
pub(crate) async fn remove(mark: &SubmissionMark, context: &MailboxContext) {
    for pause in LOOKS {
        tokio::time::sleep(pause).await;
        let removed = context.upstream.ask(Kind::RemoveCopy, Lane::Interactive, |mailbox| async move {
            let copies = mark.in_sent_items(&mailbox).await?;
            if !copies.is_empty() {
                mailbox.delete_messages(mailbox.info().folders.sent_items, &copies).await?;
            }
            Ok(!copies.is_empty())
        });
        match removed.await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::info!(%error, "could not look for the copy of a sent message"),
        }
    }
    tracing::warn!("the copy of a sent message could not be removed from Sent Items");
}

use std::sync::Arc;

use mapi_core::id::Gid;

use super::context::MailboxContext;
use super::tree::TreeNode;
use crate::blocking::blocking;
use crate::ledger::{FolderCommit, LedgerError, MAX_UID, Standing};
use crate::line::error::UpstreamError;
use crate::sync::FolderState;

/// UIDVALIDITY and UIDNEXT of a folder that is not open, if they can be told without reading it: no message came since it was
/// read last, or it was never read. (What is told of the latter is kept in the ledger, and holds.)
///
/// # Errors
/// What keeps the ledger from being read or written, or the folder's epoch from being read.
pub(super) async fn numbers(
    context: &MailboxContext,
    folder: Gid,
    node: &TreeNode,
) -> Result<Option<(u32, u32)>, UpstreamError> {
    let Some(next_article) = node.next_article else { return Ok(None) };
    let ledger = Arc::clone(&context.ledger);
    let stored = match blocking(move || ledger.overview(&folder)).await? {
        // Whoever opens the folder mends that.
        Err(LedgerError::Damaged { .. }) => return Ok(None),
        stored => stored?,
    };
    let epoch = context.epochs().epoch(folder).await?;
    let Some(stored) = stored else {
        if next_article <= node.counts.messages || next_article >= MAX_UID {
            return Ok(None);
        }
        let uid_validity = context.fresh_uid_validity(&epoch);
        let told = foretold(context, folder, FolderState::foretell(uid_validity, next_article)).await?;
        return Ok(told.then_some((uid_validity, next_article)));
    };
    let standing = context.ledger.opening()?.judge(&folder, (&stored.head, &stored.run), &epoch);
    if standing != Standing::Current {
        return Ok(None);
    }
    let uid_validity = stored.head.uid_validity;
    let uid_next = if stored.head.ics.is_empty() {
        let uid_next = next_article.max(stored.head.uid_next);
        if uid_next >= MAX_UID {
            return Ok(None);
        }
        if let Some(commit) = FolderState::foretell_more(stored, next_article)
            && !foretold(context, folder, commit).await?
        {
            return Ok(None);
        }
        uid_next
    } else if stored.next_article.is_some_and(|read| next_article <= read) && node.counts.messages <= stored.messages {
        stored.head.uid_next
    } else {
        return Ok(None);
    };
    Ok(Some((uid_validity, uid_next)))
}

/// Keeps in the ledger what is to be told of a folder that was never read; not if somebody is opening it.
async fn foretold(context: &MailboxContext, folder: Gid, commit: FolderCommit) -> Result<bool, UpstreamError> {
    let ledger = Arc::clone(&context.ledger);
    match blocking(move || ledger.commit(&folder, commit)).await? {
        Err(LedgerError::Conflict { .. }) => Ok(false),
        written => Ok(written.map(|()| true)?),
    }
}

use std::time::{SystemTime, UNIX_EPOCH};

use imap_front::store::{FlagChange, FlagChangeMode, FlagSet, Keywords};
use mapi_core::ErrorCode;
use mapi_core::id::Gid;
use mapi_core::mailbox::{MailboxError, MessageUpdate};
use mapi_core::property::FileTime;

use super::Shared;
use crate::account::error::UpstreamError;
use crate::convert::flags;
use crate::sync::FolderState;

/// Applies the part of a STORE that the server keeps. Messages that are right already are left alone. Returns whether
/// anything was sent, so that a round must follow.
pub(super) async fn apply(
    shared: &Shared,
    state: &FolderState,
    uids: &[u32],
    change: &FlagChange,
) -> Result<bool, UpstreamError> {
    let read = change_seen(shared, state, uids, change).await?;
    let others = change_properties(shared, state, uids, change).await?;
    Ok(read || others)
}

/// What the server is to know as `\Seen` after the change; `None` if the change doesn't speak of it.
fn wanted_seen(change: &FlagChange) -> Option<bool> {
    let named = change.flags.contains(FlagSet::SEEN);
    match change.mode {
        FlagChangeMode::Replace => Some(named),
        FlagChangeMode::Add if named => Some(true),
        FlagChangeMode::Remove if named => Some(false),
        FlagChangeMode::Add | FlagChangeMode::Remove => None,
    }
}

async fn change_seen(
    shared: &Shared,
    state: &FolderState,
    uids: &[u32],
    change: &FlagChange,
) -> Result<bool, UpstreamError> {
    let Some(seen) = wanted_seen(change) else { return Ok(false) };
    let differs = |uid: &u32| {
        let row = state.row(*uid)?;
        (FlagSet::from_bits(row.server_flags).contains(FlagSet::SEEN) != seen).then_some(row.gid)
    };
    let gids: Vec<Gid> = uids.iter().filter_map(differs).collect();
    if gids.is_empty() {
        return Ok(false);
    }
    let gids = &gids;
    shared
        .context
        .upstream
        .repeatable(|mailbox| async move {
            mailbox.meet(gids).await?;
            let ids: Vec<_> = gids.iter().filter_map(|gid| mailbox.id_of(*gid)).collect();
            mailbox.set_read(shared.id_in(&mailbox).await?, &ids, seen).await?;
            mailbox.fetch_pending().await
        })
        .await?;
    Ok(true)
}

async fn change_properties(
    shared: &Shared,
    state: &FolderState,
    uids: &[u32],
    change: &FlagChange,
) -> Result<bool, UpstreamError> {
    let now = FileTime::from_unix_seconds(unix_seconds());
    let mut updates = Vec::new();
    for row in uids.iter().filter_map(|uid| state.row(*uid)) {
        let (flags, keywords) = (FlagSet::from_bits(row.server_flags), row.keywords.iter().collect::<Keywords>());
        let (new_flags, new_keywords) = flags::changed(flags, &keywords, change);
        let edit = flags::edit((flags, &keywords), (new_flags, &new_keywords), now);
        if edit.writes_properties() {
            updates.push((row.gid, edit));
        }
    }
    if updates.is_empty() {
        return Ok(false);
    }
    let updates = &updates;
    // Setting the same values twice gives the same message, so this may be repeated.
    let results = shared
        .context
        .upstream
        .repeatable(|mailbox| async move {
            let gids: Vec<Gid> = updates.iter().map(|(gid, _)| *gid).collect();
            mailbox.meet(&gids).await?;
            let update = |(gid, edit): &(Gid, flags::FlagEdit)| {
                let (set, delete) = (edit.set.clone(), edit.delete.clone());
                Some(MessageUpdate { mid: mailbox.id_of(*gid)?, set, delete })
            };
            let updates: Vec<_> = updates.iter().filter_map(update).collect();
            mailbox.update_messages(shared.id_in(&mailbox).await?, &updates).await
        })
        .await?;
    match results.into_iter().find_map(refusal) {
        Some(error) => Err(error.into()),
        None => Ok(true),
    }
}

/// Messages that are gone meanwhile are passed over: the round that follows shows it.
fn refusal(result: Result<(), MailboxError>) -> Option<MailboxError> {
    let gone = |error: &MailboxError| matches!(error.code(), Some(ErrorCode::NOT_FOUND | ErrorCode::OBJECT_DELETED));
    result.err().filter(|error| !gone(error))
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

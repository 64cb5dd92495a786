use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use mail_core::{FlagChange, FlagChangeMode, FlagSet};
use mapi_core::id::Gid;
use mapi_core::mailbox::Updated;
use mapi_core::property::FileTime;

use super::shared::Shared;
use crate::ledger::{MessageRecord, StateMark};
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::Lane;
use crate::operation::{Changes, Flagged, Update};
use crate::sync::{FolderState, OwnChange};

/// Applies the part of a STORE that the server keeps. Messages that are right already are left alone. Returns what was changed
/// if anything was sent, so that a round must follow.
pub(crate) async fn apply(
    shared: &Shared,
    state: &FolderState,
    uids: &[u32],
    change: &FlagChange,
) -> Result<Option<HashMap<Gid, OwnChange>>, UpstreamError> {
    let read = change_seen(shared, state, uids, change).await?;
    let Changes { sent, made } = change_properties(shared, state, uids, change).await?;
    let own = |(gid, updated): (Gid, Updated)| {
        let mark = |key: Option<Vec<u8>>| key.as_deref().and_then(StateMark::of);
        Some((gid, OwnChange { before: mark(updated.before)?, after: mark(updated.after)? }))
    };
    Ok((read || sent).then(|| made.into_iter().filter_map(own).collect()))
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
        .ask(Kind::MarkRead, Lane::Interactive, |mailbox| async move {
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
) -> Result<Changes, UpstreamError> {
    let flagged = |row: MessageRecord| Flagged {
        gid: row.gid,
        flags: FlagSet::from_bits(row.server_flags),
        keywords: row.keywords,
        fresh: None,
    };
    let messages = uids.iter().filter_map(|uid| state.row(*uid)).map(flagged).collect();
    let now = FileTime::from_unix_seconds(unix_seconds());
    shared.context.upstream.perform(&mut Update::new(shared.gid, messages, change, now)).await
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

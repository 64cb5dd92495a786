use mapi_core::fasttransfer::{MessageChange, SyncState};
use mapi_core::id::Gid;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyType, tags};

use super::shared::Shared;
use super::staging::Staging;
use crate::convert::flags;
use crate::ledger::StateMark;
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::Lane;
use crate::operation::LookAtFlags;
use crate::sync::{Delta, FolderState, RemoteFlags, RemoteMessage};

/// Reported messages that are worth being kept before the round is over.
const STAGE_AT: usize = 2000;

/// What a round asks for of each changed message: what flags, keywords and INTERNALDATE are made of.
fn round_properties() -> Vec<PropertyKey> {
    const DATES: [PropertyTag; 3] =
        [tags::PidTagMessageDeliveryTime, tags::PidTagClientSubmitTime, tags::PidTagCreationTime];
    let keywords = PropertyKey::Named(flags::keywords_name(), PropertyType::MULTIPLE_STRING);
    flags::FLAG_TAGS.into_iter().chain(DATES).map(PropertyKey::Tag).chain([keywords]).collect()
}

/// Asks the upstream what changed since the state's last round. A state that the upstream can't use any more is
/// dropped, and everything asked for anew (UIDs stay: messages are known by their global ids). A round that takes many
/// requests is staged in the ledger on the way, and goes on from there after a restart or a lost session.
pub(crate) async fn fetch_delta(shared: &Shared, state: &FolderState) -> Result<Delta, UpstreamError> {
    metrics::counter!("mapi_gateway_rounds_total").increment(1);
    let staging = Staging::resume(shared, state).await?;
    let resumed = staging.lock().before.elements().next().is_some();
    match ask(shared, &staging).await {
        Err(UpstreamError::Refused { operation, code }) if resumed && is_bad_state(code) => {
            tracing::warn!(folder = %shared.gid, operation, %code, "upstream refuses the ICS state; asking for everything");
            let staging = Staging::new(state, SyncState::new());
            ask(shared, &staging).await?;
            Ok(staging.into_delta())
        }
        Err(error) => Err(error),
        Ok(()) => Ok(staging.into_delta()),
    }
}

fn is_bad_state(code: mapi_core::ErrorCode) -> bool {
    matches!(code, mapi_core::ErrorCode::RPC_FORMAT | mapi_core::ErrorCode::FORMAT)
}

async fn ask(shared: &Shared, staging: &Staging) -> Result<(), UpstreamError> {
    let properties = &round_properties();
    shared
        .context
        .upstream
        .ask(Kind::Synchronise, Lane::Interactive, |mailbox| async move {
            let before = staging.lock().before.clone();
            let mut sync = mailbox.begin_sync_contents(shared.id_in(&mailbox).await?, &before, properties).await?;
            let mut fresh = Vec::new();
            while let Some(page) = sync.next_page().await? {
                for change in page {
                    match remote_message(&change) {
                        Some(message) => fresh.push(message),
                        None => tracing::warn!(folder = %shared.gid, mid = ?change.mid, "a message without a global id can't be shown"),
                    }
                }
                if fresh.len() >= STAGE_AT
                    && let Some(checkpoint) = sync.checkpoint()
                {
                    staging.keep(shared, std::mem::take(&mut fresh), checkpoint).await;
                }
            }
            let outcome = sync.finish().await?;
            staging.lock().finish(fresh, outcome);
            Ok(())
        })
        .await
}

/// The flags of messages as they are now, by looking at the messages themselves. For changes of which servers notify without
/// giving the message a new change number, so that no synchronisation tells them (seen on Gromox when its own IMAP server sets
/// flags).
pub(crate) async fn fetch_flags(shared: &Shared, messages: Vec<Gid>) -> Result<Vec<RemoteFlags>, UpstreamError> {
    let looked = shared.context.upstream.perform(&mut LookAtFlags::new(shared.gid, messages)).await?;
    Ok(looked.into_iter().map(|(gid, flags, keywords)| RemoteFlags { gid, flags, keywords }).collect())
}

fn remote_message(change: &MessageChange) -> Option<RemoteMessage> {
    let bag = change.properties();
    let date = [tags::PidTagMessageDeliveryTime, tags::PidTagClientSubmitTime, tags::PidTagCreationTime]
        .into_iter()
        .find_map(|tag| bag.time(tag))
        .unwrap_or(change.last_modified);
    let (flags, keywords) = flags::from_properties(bag);
    let state = StateMark::of(&change.change_key);
    Some(RemoteMessage { gid: change.gid()?, flags, keywords, internal_date: date.to_unix_seconds(), state })
}

use std::sync::Arc;

use super::Shared;
use super::actor::Actor;
use crate::account::error::UpstreamError;
use crate::ledger::{Epoch, EpochEntry};
use crate::sync::FolderState;

/// The folder's state as the ledger has it, checked against what the mailbox remembers; and the ceiling below which the
/// mailbox knows that UIDs may be in use.
pub(super) async fn open_state(shared: &Arc<Shared>) -> Result<(FolderState, u32), UpstreamError> {
    let (ledger, gid) = (Arc::clone(&shared.context.ledger), shared.gid);
    let instance = ledger.instance();
    let reader = Arc::clone(&ledger);
    let stored = super::super::blocking(move || reader.load(&gid)).await??;
    let epoch = shared.context.epoch(shared.gid, shared.id).await?;

    let Some(stored) = stored else {
        return Ok((FolderState::new(shared.context.fresh_uid_validity(&epoch)), 1));
    };
    let mut state = FolderState::from_stored(stored);
    let head = state.head();
    if epoch.is_ahead_of(instance, head.uid_validity, head.uid_ceiling) {
        tracing::warn!(folder = %shared.id, "the ledger is older than what the mailbox remembers of it; taking a higher UIDVALIDITY");
        let commit = state.reset(shared.context.fresh_uid_validity(&epoch));
        let durable = commit.clone();
        super::super::blocking(move || ledger.commit(&gid, durable)).await??;
        state.absorb(commit);
    }
    let head = state.head();
    let confirmed =
        epoch.entry(instance).filter(|entry| entry.uid_validity == head.uid_validity).map_or(1, |entry| entry.ceiling);
    Ok((state, confirmed))
}

impl Actor {
    /// Makes sure that the next `count` UIDs are below a ceiling that stands in the ledger and in the mailbox. The ledger
    /// goes first: a crash in between leaves it ahead of the mailbox, which proves nothing against it.
    pub(super) async fn reserve_uids(&mut self, count: u32) -> Result<(), UpstreamError> {
        let head = self.state.head();
        let Some(needed) = head.uid_next.checked_add(count).filter(|needed| *needed < u32::MAX - 4096) else {
            return Err(UpstreamError::Limit("the folder has run out of UIDs".into()));
        };
        if count == 0 || needed <= self.confirmed_ceiling {
            return Ok(());
        }
        if needed > head.uid_ceiling
            && let Some(commit) = self.state.reserve(Epoch::ceiling_for(needed))
        {
            self.commit(commit).await?;
        }
        let head = self.state.head();
        let shared = &self.shared;
        let instance = shared.context.ledger.instance();
        let entry = EpochEntry { instance, uid_validity: head.uid_validity, ceiling: head.uid_ceiling };
        shared.context.note_epoch(shared.gid, shared.id, entry).await?;
        self.confirmed_ceiling = head.uid_ceiling;
        Ok(())
    }
}

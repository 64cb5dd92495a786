use std::sync::Arc;

use super::Shared;
use super::actor::Actor;
use crate::account::error::UpstreamError;
use crate::ledger::{Epoch, EpochEntry, LedgerError};
use crate::sync::FolderState;

/// The folder's state as the ledger has it, checked against what the mailbox remembers.
pub(super) async fn open_state(shared: &Arc<Shared>) -> Result<FolderState, UpstreamError> {
    let (ledger, gid) = (Arc::clone(&shared.context.ledger), shared.gid);
    let instance = ledger.instance();
    let folder = shared.gid;
    let load = move || match ledger.load(&gid) {
        Err(error @ LedgerError::Damaged { .. }) => {
            tracing::error!(%folder, %error, "the ledger's records of a folder are lost; beginning anew with a higher UIDVALIDITY");
            ledger.forget(&gid).map(|()| None)
        }
        loaded => loaded,
    };
    let stored = super::super::blocking(load).await??;
    let epoch = shared.context.epoch(shared.gid).await?;
    let Some(stored) = stored else {
        return Ok(FolderState::new(shared.context.fresh_uid_validity(&epoch)));
    };
    let mut state = FolderState::from_stored(stored);
    let head = state.head();
    if epoch.is_ahead_of(instance, head.uid_validity, head.uid_ceiling) {
        tracing::warn!(folder = %shared.gid, "the ledger is older than what the mailbox remembers of it; taking a higher UIDVALIDITY");
        forget(shared, &mut state, &epoch).await?;
    }
    Ok(state)
}

/// Begins anew with a higher UIDVALIDITY.
async fn forget(shared: &Shared, state: &mut FolderState, epoch: &Epoch) -> Result<(), UpstreamError> {
    let (ledger, gid) = (Arc::clone(&shared.context.ledger), shared.gid);
    let commit = state.reset(shared.context.fresh_uid_validity(epoch));
    let durable = commit.clone();
    super::super::blocking(move || ledger.commit(&gid, durable)).await??;
    state.absorb(commit);
    Ok(())
}

impl Actor {
    /// The server was set back to an older state: what the ledger knows of the folder may be of messages that other ones
    /// have taken the place of.
    pub(super) async fn forget_all(&mut self) -> Result<(), UpstreamError> {
        let shared = Arc::clone(&self.shared);
        tracing::warn!(folder = %shared.gid, "the server has an older state than before; taking a higher UIDVALIDITY");
        let epoch = shared.context.epoch(shared.gid).await?;
        forget(&shared, &mut self.state, &epoch).await?;
        self.confirmed_ceiling = 1;
        Ok(())
    }

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
        // Higher than any ceiling before, also if there was room: a copy of the ledger that was made before the folder was
        // opened now shows by that to be old.
        let ceiling = Epoch::ceiling_for(needed).max(head.uid_ceiling.saturating_add(1));
        if let Some(commit) = self.state.reserve(ceiling) {
            self.commit(commit).await?;
        }
        let head = self.state.head();
        let shared = &self.shared;
        let instance = shared.context.ledger.instance();
        let entry = EpochEntry { instance, uid_validity: head.uid_validity, ceiling: head.uid_ceiling };
        shared.context.note_epoch(shared.gid, entry).await?;
        self.confirmed_ceiling = head.uid_ceiling;
        Ok(())
    }
}

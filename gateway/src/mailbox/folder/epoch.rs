use std::sync::Arc;

use super::shared::Shared;
use crate::blocking::blocking;
use crate::ledger::{Epoch, EpochEntry, FolderCommit, LedgerError, MAX_RUN, MAX_UID, Reached, Run, Standing};
use crate::line::error::UpstreamError;
use crate::sync::FolderState;

/// How often what is made of the ledger is made anew because somebody else committed first.
const MAX_CONFLICTS: u32 = 5;

/// The folder's state as the ledger has it, checked against what is remembered outside of it. One that may be older than
/// what sessions were told goes on above all of that: before anybody sees it.
pub(crate) async fn open_state(shared: &Shared) -> Result<FolderState, UpstreamError> {
    let (folder, context) = (shared.gid, &shared.context);
    let mut conflicts = 0;
    loop {
        let Some(mut state) = load(shared).await? else {
            let epoch = context.epochs().epoch(folder).await?;
            return Ok(FolderState::new(context.fresh_uid_validity(&epoch)));
        };
        let epoch = context.epochs().epoch(folder).await?;
        let standing = context.ledger.opening()?.judge(&folder, (state.head(), state.run()), &epoch);
        let result = match standing {
            Standing::Current => Ok(()),
            Standing::Behind(reached) => {
                let (user, ceiling) = (context.user(), reached.ceiling);
                tracing::info!(user, %folder, ceiling, "not closed in order, or restored: new messages get UIDs above what may have been given");
                begin_run(shared, &mut state, 1, Some(reached)).await
            }
            Standing::Superseded => {
                tracing::warn!(%folder, "the ledger is older than the folder's UIDVALIDITY; taking a higher one");
                forget(shared, &mut state, &epoch).await
            }
        };
        match result {
            Ok(()) => return Ok(state),
            Err(error) if is_conflict(&error) && conflicts < MAX_CONFLICTS => conflicts += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn load(shared: &Shared) -> Result<Option<FolderState>, UpstreamError> {
    let (ledger, folder) = (Arc::clone(&shared.context.ledger), shared.gid);
    let load = move || match ledger.load(&folder) {
        Err(error @ LedgerError::Damaged { .. }) => {
            tracing::error!(%folder, %error, "the ledger's records of a folder are lost; beginning anew with a higher UIDVALIDITY");
            ledger.forget(&folder).map(|()| None)
        }
        loaded => loaded,
    };
    Ok(blocking(load).await??.map(FolderState::from_stored))
}

/// Begins anew with a higher UIDVALIDITY.
pub(crate) async fn forget(shared: &Shared, state: &mut FolderState, epoch: &Epoch) -> Result<(), UpstreamError> {
    let commit = state.reset(shared.context.fresh_uid_validity(epoch));
    write(shared, state, commit).await
}

/// Makes a commit durable, then takes it in.
pub(crate) async fn write(shared: &Shared, state: &mut FolderState, commit: FolderCommit) -> Result<(), UpstreamError> {
    let (ledger, folder) = (Arc::clone(&shared.context.ledger), shared.gid);
    let durable = commit.clone();
    blocking(move || ledger.commit(&folder, durable)).await??;
    let gone = commit.tombstones.iter().filter_map(|(uid, _)| state.row(*uid)).map(|row| row.gid);
    shared.context.outlines().forget(gone);
    state.absorb(commit);
    Ok(())
}

/// Whether a run stands in the ledger and in the epoch that allows what a commit does.
pub(crate) fn covers(shared: &Shared, state: &FolderState, commit: &FolderCommit) -> bool {
    let confirmed = shared.context.ledger.opening().ok().and_then(|opening| opening.confirmed(&shared.gid));
    let covered = |entry: EpochEntry| {
        (entry.uid_validity, entry.run) == (state.head().uid_validity, state.run().number)
            && commit.head.uid_next <= entry.ceiling
    };
    !state.needs_run(commit) || confirmed.is_some_and(covered)
}

/// Begins a run of this opening, if none was begun, and makes UIDs below `needed` usable. The ledger goes first, then the
/// epoch: a crash in between leaves a run that was noted nowhere, which makes the ledger count as behind, but nothing was done
/// in it yet. `lost` says how far a run may have come that the ledger knows nothing of.
pub(crate) async fn begin_run(
    shared: &Shared,
    state: &mut FolderState,
    needed: u32,
    lost: Option<Reached>,
) -> Result<(), UpstreamError> {
    let (folder, opening) = (shared.gid, shared.context.ledger.opening()?);
    let mut run = *state.run();
    let mut ceiling = state.head().uid_ceiling;
    if lost.is_some() || opening.begun(&folder) != Some(run.number) {
        let reached = shared.context.epochs().epoch(folder).await?.reached(opening.instance());
        run = Run { number: run.number.max(reached.run) + 1, doubts: opening.doubts(), ..run };
    }
    if let Some(lost) = lost {
        // UIDs below either ceiling may have been given.
        run.uid_floor = state.head().uid_next.max(ceiling).max(lost.ceiling);
        // MODSEQ moves by one with each commit, so no run before this one, lost or not, has come as far.
        run.modseq_floor = u64::from(run.number) << 32;
    }
    let needed = needed.max(state.head().uid_next).max(run.uid_floor);
    if needed >= MAX_UID || run.number >= MAX_RUN {
        return Err(UpstreamError::Limit("the folder has run out of UIDs".into()));
    }
    if needed > ceiling || lost.is_some() {
        ceiling = Epoch::ceiling_for(needed);
    }
    if let Some(commit) = state.begin_run(run, ceiling) {
        write(shared, state, commit).await?;
    }
    opening.begin(folder, run.number);
    let head = state.head();
    let entry = EpochEntry {
        instance: opening.instance(),
        uid_validity: head.uid_validity,
        ceiling: head.uid_ceiling,
        run: run.number,
    };
    shared.context.epochs().note(folder, entry).await?;
    opening.confirm(folder, entry);
    Ok(())
}

/// Whether the ledger holds something else than what a state was made of: somebody else committed, or it was damaged and is
/// begun anew.
pub(crate) fn is_conflict(error: &UpstreamError) -> bool {
    let other = |error: &LedgerError| matches!(error, LedgerError::Conflict { .. } | LedgerError::Damaged { .. });
    matches!(error, UpstreamError::Ledger(error) if other(error))
}

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mapi_core::fasttransfer::SyncState;
use mapi_core::mailbox::SyncOutcome;

use super::shared::Shared;
use crate::blocking::blocking;
use crate::ledger::{LedgerError, Stage};
use crate::line::error::UpstreamError;
use crate::sync::{Delta, FolderState, RemoteMessage};

/// What has come of a round that is under way.
pub(crate) struct Staging {
    /// The committed ICS state from which the round started.
    base: Vec<u8>,
    progress: Mutex<Progress>,
}

pub(crate) struct Progress {
    /// The ICS state with which to ask for the rest.
    pub(crate) before: SyncState,
    /// Messages that `before` accounts for.
    kept: Vec<RemoteMessage>,
    /// How many of them are in the ledger.
    durable: usize,
    delta: Delta,
}

impl Staging {
    /// A round that starts with `before`.
    pub(crate) fn new(state: &FolderState, before: SyncState) -> Self {
        let delta = Delta { complete: before == SyncState::new(), ..Delta::default() };
        let progress = Progress { before, kept: Vec::new(), durable: 0, delta };
        Self { base: state.head().ics.clone(), progress: Mutex::new(progress) }
    }

    /// A round that goes on where one was left, or starts from the state's last one.
    pub(crate) async fn resume(shared: &Shared, state: &FolderState) -> Result<Self, UpstreamError> {
        let readable = |bytes: &[u8], what| {
            match bytes {
            [] => SyncState::new(),
            bytes => SyncState::from_bytes(bytes).unwrap_or_else(|error| {
                tracing::warn!(folder = %shared.gid, %error, what, "stored ICS state can't be read; asking for everything");
                SyncState::new()
            }),
        }
        };
        let staging = Self::new(state, readable(&state.head().ics, "committed"));
        let (ledger, gid) = (Arc::clone(&shared.context.ledger), shared.gid);
        let staged = match blocking(move || ledger.staged(&gid)).await? {
            Err(error @ LedgerError::Damaged { .. }) => {
                tracing::warn!(folder = %shared.gid, %error, "a round that was broken off can't go on; asking from its beginning");
                None
            }
            staged => staged?,
        };
        let Some(staged) = staged else { return Ok(staging) };
        let before = readable(&staged.ics, "staged");
        if before != SyncState::new() {
            tracing::info!(folder = %shared.gid, messages = staged.messages.len(), "going on with a round that was broken off");
            let mut progress = staging.lock();
            progress.before = before;
            progress.kept = staged.messages.iter().map(RemoteMessage::from_staged).collect();
            progress.durable = progress.kept.len();
            progress.delta.complete = staged.complete;
            drop(progress);
        }
        Ok(staging)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps messages for which `checkpoint` accounts. If the ledger can't, the round goes on all the same.
    pub(crate) async fn keep(&self, shared: &Shared, messages: Vec<RemoteMessage>, checkpoint: SyncState) {
        let stage = {
            let mut progress = self.lock();
            progress.kept.extend(messages);
            progress.before = checkpoint;
            let durable = progress.durable;
            Stage {
                base: self.base.clone(),
                staged: u32::try_from(durable).unwrap_or(u32::MAX),
                ics: progress.before.to_bytes(),
                complete: progress.delta.complete,
                messages: progress.kept.iter().skip(durable).map(RemoteMessage::to_staged).collect(),
            }
        };
        let count = stage.messages.len();
        let (ledger, gid) = (Arc::clone(&shared.context.ledger), shared.gid);
        match blocking(move || ledger.stage(&gid, stage)).await {
            Ok(Ok(())) => self.lock().durable += count,
            Ok(Err(error)) => tracing::info!(folder = %shared.gid, %error, "a part of a round was not kept"),
            Err(error) => tracing::info!(folder = %shared.gid, %error, "a part of a round was not kept"),
        }
    }

    /// All that the round told.
    pub(crate) fn into_delta(self) -> Delta {
        self.progress.into_inner().unwrap_or_else(PoisonError::into_inner).delta
    }
}

impl Progress {
    /// The round is over: `rest` came after the last messages that were kept.
    pub(crate) fn finish(&mut self, rest: Vec<RemoteMessage>, outcome: SyncOutcome) {
        // Messages may have gone since they were kept. Those that changed since come last and win.
        let kept = std::mem::take(&mut self.kept);
        let here = kept.into_iter().filter(|message| !outcome.deleted.contains(message.gid));
        self.delta.changed = here.chain(rest).collect();
        self.delta.deleted = outcome.deleted;
        self.delta.read = outcome.read;
        self.delta.unread = outcome.unread;
        self.delta.ics = outcome.state.to_bytes();
        self.delta.next_article = outcome.next_article;
    }
}

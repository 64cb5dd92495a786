use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mail_core::Snapshot;
use mapi_core::ErrorCode;
use mapi_core::id::Gid;
use tokio::sync::{mpsc, watch};

use super::command::{Command, QUEUE, Storing};
use super::epoch;
use super::epoch::is_conflict;
use super::news::Modified;
use super::recent::RecentKeeper;
use super::settling::{Settled, Settling, StoredBytes};
use super::shared::Shared;
use crate::ledger::FolderCommit;
use crate::line::error::UpstreamError;
use crate::mailbox::rights::{self, Right};
use crate::mutant::{self, Mutant};
use crate::sync::{FolderState, FolderView, OfferedRendering, OwnChange, RenderingVerdict};

/// While notifications flow, a folder is probed at least this often when somebody asks.
const PROBE_INTERVAL: Duration = Duration::from_secs(60);
/// How often a round is begun again because another process committed first.
const MAX_CONFLICTS: u32 = 5;
/// After a failed round nobody waits for, the next one is tried after this.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Owns a folder's state. Everything that changes it happens here, one thing after the other.
pub(crate) struct Actor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) state: FolderState,
    snapshots: watch::Sender<Arc<Snapshot>>,
    views: watch::Sender<Arc<FolderView>>,
    recent: RecentKeeper,
    last_round: Option<Instant>,
    /// The folder is gone upstream: the task ends, and with it the watches of those who look.
    gone: bool,
}

/// How handles reach an actor: its commands, and what it publishes.
pub(super) type Started = (mpsc::Sender<Command>, watch::Receiver<Arc<Snapshot>>, watch::Receiver<Arc<FolderView>>);

/// Reads the ledger, runs the first round, and leaves the actor running.
pub(super) async fn start(shared: Arc<Shared>) -> Result<Started, UpstreamError> {
    let state = epoch::open_state(&shared).await?;
    let recent = RecentKeeper::open(&shared, &state).await?;
    let (snapshots, snapshot_watch) = watch::channel(Arc::default());
    let (views, view_watch) = watch::channel(Arc::default());
    let mut actor = Actor { shared, state, snapshots, views, recent, last_round: None, gone: false };
    if let Err(error) = actor.round().await {
        actor.go_on_without(error)?;
    }
    actor.publish();
    let (commands, inbox) = mpsc::channel(QUEUE);
    tokio::spawn(actor.run(inbox));
    Ok((commands, snapshot_watch, view_watch))
}

impl Actor {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let shared = Arc::clone(&self.shared);
        while !self.gone {
            tokio::select! {
                command = inbox.recv() => {
                    self.recent.keep(&shared).await;
                    match command {
                        Some(command) => self.handle(command).await,
                        None => return,
                    }
                }
                () = shared.wake.notified() => {
                    self.recent.keep(&shared).await;
                    // Handles keep one receiver each to clone from, and the front's sessions one more.
                    let watched = self.snapshots.receiver_count() > 1;
                    if watched
                        && self.shared.news.wants_round()
                        && let Err(error) = self.round().await
                    {
                        tracing::info!(%error, folder = %self.shared.gid, "round after a notification failed");
                        if !self.gone {
                            self.try_again_later();
                        }
                    }
                }
            }
        }
    }

    async fn handle(&mut self, command: Command) {
        // Nobody listens any more where an answer can't be sent; the work is done all the same.
        match command {
            Command::Refresh(reply) => {
                let result = if self.is_fresh() { Ok(()) } else { self.round().await };
                drop(reply.send(result.or_else(|error| self.go_on_without(error))));
            }
            Command::Store(storing, reply) => drop(reply.send(self.store(storing).await)),
            Command::Expunge(uids, reply) => drop(reply.send(self.expunge(&uids).await)),
            Command::Settle(settling, reply) => drop(reply.send(self.settle(&settling).await)),
            Command::Record(renderings, reply) => drop(reply.send(self.record(&renderings).await)),
        }
    }

    /// While the ledger can't be written, what is known of the folder can be read all the same. What came or changed since
    /// waits for its UID and MODSEQ until the ledger can.
    fn go_on_without(&self, error: UpstreamError) -> Result<(), UpstreamError> {
        // Of a folder that was never read nothing is known.
        if !error.is_of_the_ledger_for_now() || !self.state.was_read() {
            return Err(error);
        }
        tracing::info!(folder = %self.shared.gid, %error, "showing what is known; what is new waits for the ledger");
        self.shared.news.add_unknown();
        self.try_again_later();
        Ok(())
    }

    /// Whether a round would find nothing: the subscription is alive, no notification spoke of the folder, and it was
    /// looked at not long ago.
    fn is_fresh(&self) -> bool {
        let recent = self.last_round.is_some_and(|at| at.elapsed() < PROBE_INTERVAL);
        recent && !self.shared.news.is_dirty() && self.shared.context.subscription_alive()
    }

    /// One ICS round, committed and published.
    pub(crate) async fn round(&mut self) -> Result<(), UpstreamError> {
        self.round_after(&HashMap::new()).await
    }

    /// The same after the gateway changed messages itself.
    async fn round_after(&mut self, own: &HashMap<Gid, OwnChange>) -> Result<(), UpstreamError> {
        for _ in 0..MAX_CONFLICTS {
            // Before the round asks: what is notified from here on needs another round.
            let began = Instant::now();
            let modified = self.shared.news.take_modified();
            let result = self.round_once(began, modified.clone(), own).await;
            if result.is_err() {
                self.shared.news.give_back(modified);
            }
            match result {
                Ok(()) => {
                    self.last_round = Some(began);
                    self.shared.news.confirm(began);
                    return Ok(());
                }
                Err(error) if is_conflict(&error) => {
                    tracing::info!(folder = %self.shared.gid, "another process committed first; reading its state");
                    self.reload().await?;
                }
                Err(error) => {
                    self.gone = is_folder_gone(&error);
                    return Err(error);
                }
            }
        }
        Err(UpstreamError::Internal("another process keeps changing the folder's ledger".into()))
    }

    async fn round_once(
        &mut self,
        began: Instant,
        modified: Modified,
        own: &HashMap<Gid, OwnChange>,
    ) -> Result<(), UpstreamError> {
        let mut delta = super::round::fetch_delta(&self.shared, &self.state).await?;
        if self.state.is_set_back_in(&delta) {
            self.forget_all().await?;
            delta = super::round::fetch_delta(&self.shared, &self.state).await?;
        }
        delta.own.clone_from(own);
        let unexplained = self.shared.news.reported(began, &delta, modified);
        let rows: Vec<Gid> = unexplained.gids.into_iter().filter(|gid| self.state.uid_of(gid).is_some()).collect();
        if unexplained.overflow || !rows.is_empty() {
            let all = || self.state.gids().collect();
            let looked_at = if unexplained.overflow { all() } else { rows };
            delta.flags = super::round::fetch_flags(&self.shared, looked_at).await?;
        }
        self.commit(|state| state.round(&delta)).await
    }

    /// The server was set back to an older state: what the ledger knows of the folder may be of messages that other ones
    /// have taken the place of.
    async fn forget_all(&mut self) -> Result<(), UpstreamError> {
        tracing::warn!(folder = %self.shared.gid, "the server has an older state than before; taking a higher UIDVALIDITY");
        let epoch = self.shared.context.epochs().epoch(self.shared.gid).await?;
        epoch::forget(&self.shared, &mut self.state, &epoch).await
    }

    async fn record(&mut self, offered: &[OfferedRendering]) -> Result<Vec<RenderingVerdict>, UpstreamError> {
        let doubtful = |offered: &OfferedRendering| self.state.may_have_been_served_otherwise(offered.uid);
        if offered.iter().any(doubtful) {
            self.round().await?;
        }
        let mut verdicts = Vec::new();
        let decide = |state: &FolderState| {
            let (commit, told) = state.record_renderings(offered);
            verdicts = told;
            commit
        };
        self.commit_latest(decide).await?;
        Ok(verdicts)
    }

    /// Commits what `decide` makes of the state; made anew of a newer state if another process committed meanwhile.
    async fn commit_latest(
        &mut self,
        mut decide: impl FnMut(&FolderState) -> Option<FolderCommit> + Send,
    ) -> Result<(), UpstreamError> {
        for _ in 0..MAX_CONFLICTS {
            match self.commit(&mut decide).await {
                Err(error) if is_conflict(&error) => self.reload().await?,
                result => return result,
            }
        }
        Err(UpstreamError::Internal("another process keeps changing the folder's ledger".into()))
    }

    /// Between the look at MODSEQs and the change nothing is published, as everything else that changes the folder waits for its turn.
    async fn store(&mut self, storing: Storing) -> Result<Vec<u32>, UpstreamError> {
        let Storing { mut uids, change, unchanged_since } = storing;
        let _hold = self.shared.context.hold_polls();
        self.shared.context.reserve(uids.len()).await?;
        if unchanged_since.is_some() {
            // What changed elsewhere has a MODSEQ only then, also if no notification told of it yet.
            self.round().await?;
        }
        let mut left_alone = Vec::new();
        let decide = |state: &FolderState| {
            let (modified, unchanged) = state.modified_since(&uids, unchanged_since);
            let commit = state.store_overlay(&unchanged, &change);
            left_alone = modified;
            commit
        };
        self.commit_latest(decide).await?;
        uids.retain(|uid| left_alone.binary_search(uid).is_err());
        if let Some(own) = super::flags::apply(&self.shared, &self.state, &uids, &change).await? {
            self.round_after(&own).await?;
        }
        Ok(left_alone)
    }

    async fn settle(&mut self, settling: &Settling) -> Result<Settled, UpstreamError> {
        let known = |gid: &Gid| self.state.uid_of(gid).is_some();
        if !settling.came.iter().all(known) || settling.gone.iter().any(known) {
            self.round().await?;
        }
        self.commit_latest(|state| state.adopt_flags(&settling.flags)).await?;
        let rendered: Vec<_> = settling.rendered.iter().filter_map(StoredBytes::known).collect();
        self.commit_latest(|state| state.adopt_renderings(&rendered)).await?;
        let is_other = |gid: &Gid| {
            let known = rendered.iter().find(|known| known.gid == *gid);
            known.is_some_and(|known| self.state.is_in_other_state(gid, known.state))
        };
        let uids = settling.came.iter().map(|gid| self.state.uid_of(gid).filter(|_| !is_other(gid))).collect();
        Ok(Settled { uid_validity: self.state.head().uid_validity, uids })
    }

    /// Deletes until the rounds show nothing of it any more. Some servers silently leave out what stands behind a message
    /// that others have deleted meanwhile; without that message the next request is whole.
    async fn expunge(&mut self, uids: &[u32]) -> Result<(), UpstreamError> {
        let mut left = usize::MAX;
        loop {
            let deleted = self.state.deleted_among(uids);
            let ids: Vec<Gid> = deleted.into_iter().filter_map(|uid| Some(self.state.row(uid)?.gid)).collect();
            if ids.is_empty() {
                return Ok(());
            }
            if ids.len() >= left {
                return Err(self.undeleted().await);
            }
            left = ids.len();
            let _hold = self.shared.context.hold_polls();
            self.shared.context.reserve(ids.len()).await?;
            self.shared.context.delete(self.shared.gid, &ids).await?;
            self.round().await?;
        }
    }

    /// Why messages that were to be deleted stay.
    async fn undeleted(&self) -> UpstreamError {
        match rights::lacks(&self.shared.context, self.shared.gid, Right::Delete).await {
            Ok(true) => rights::denied(Right::Delete),
            _ => UpstreamError::Cannot("the mail server did not delete all of the messages".into()),
        }
    }

    /// Makes durable what `decide` makes of the state, then takes it in and shows it. Everything that changes the folder goes
    /// through here, so that nothing is used which the epoch does not know of: no UID, no MODSEQ, no rendering.
    async fn commit(
        &mut self,
        mut decide: impl FnMut(&FolderState) -> Option<FolderCommit> + Send,
    ) -> Result<(), UpstreamError> {
        let Some(mut commit) = decide(&self.state) else { return Ok(()) };
        if !epoch::covers(&self.shared, &self.state, &commit) {
            epoch::begin_run(&self.shared, &mut self.state, commit.head.uid_next, None).await?;
            // That was a commit, too.
            let Some(again) = decide(&self.state) else { return Ok(()) };
            commit = again;
        }
        debug_assert!(epoch::covers(&self.shared, &self.state, &commit), "used before it was noted");
        if mutant::is(Mutant::PublishBeforeCommit) {
            self.state.absorb(commit.clone());
            self.publish();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        epoch::write(&self.shared, &mut self.state, commit).await?;
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        let view = Arc::new(self.state.view());
        self.views.send_replace(Arc::clone(&view));
        self.snapshots.send_replace(Arc::clone(&view.snapshot));
    }

    async fn reload(&mut self) -> Result<(), UpstreamError> {
        self.state = epoch::open_state(&self.shared).await?;
        self.publish();
        Ok(())
    }

    fn try_again_later(&self) {
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            tokio::time::sleep(RETRY_DELAY).await;
            if let Some(shared) = shared.upgrade() {
                shared.wake.notify_one();
            }
        });
    }
}

fn is_folder_gone(error: &UpstreamError) -> bool {
    let gone = [ErrorCode::NOT_FOUND, ErrorCode::OBJECT_DELETED];
    let naming = ["RopOpenFolder", "RopIdFromLongTermId"];
    matches!(error, UpstreamError::Refused { operation, code } if naming.contains(&&**operation) && gone.contains(code))
}

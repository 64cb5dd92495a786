//! An opened folder: one actor task that owns its state and runs rounds; handles that everybody else holds.

mod actor;
mod at_hand;
mod command;
mod epoch;
mod examined;
mod fetch;
mod flags;
mod news;
mod read_ahead;
mod recent;
mod round;
mod settling;
mod shared;
mod sift;
mod size_bound;
mod sizes;
mod staging;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mail_core::{Expunged, FlagChange, RecentMark, Snapshot};
use mapi_core::id::Gid;
use mapi_core::mailbox::{FolderNews, Mailbox};
use tokio::sync::{mpsc, oneshot, watch};

use self::command::{Command, Storing};
use self::news::{Modified, News};
use self::shared::Shared;
use self::size_bound::SizeBound;
use super::context::MailboxContext;
use crate::blocking::blocking;
use crate::ledger::Tombstones;
use crate::line::error::UpstreamError;
use crate::sync::{FolderView, OfferedRendering, RenderingVerdict};

pub use fetch::FetchedItem;
pub use read_ahead::Reader;
pub use settling::{Settled, Settling, StoredBytes};

/// A handle to an opened folder.
#[derive(Clone)]
pub struct Folder {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    views: watch::Receiver<Arc<FolderView>>,
}

impl Folder {
    /// Opens a folder: reads its ledger and runs a first round.
    ///
    /// # Errors
    /// Whatever keeps the first round from succeeding.
    pub async fn open(context: Arc<MailboxContext>, gid: Gid, read_only: bool) -> Result<Self, UpstreamError> {
        let (selected, wake) = (AtomicBool::new(false), tokio::sync::Notify::new());
        let (recent, news, size_bound) = (Arc::default(), News::default(), SizeBound::default());
        let shared = Arc::new(Shared { context, gid, read_only, selected, recent, news, size_bound, wake });
        let (commands, snapshots, views) = actor::start(Arc::clone(&shared)).await?;
        Ok(Self { shared, commands, snapshots, views })
    }

    /// A client selects it.
    pub fn select(&self) {
        self.shared.selected.store(true, Ordering::Release);
        self.shared.context.activity.touch();
    }

    /// A client selects it no more: what its session was told of is kept.
    pub fn unselect(&self) {
        self.shared.wake.notify_one();
    }

    /// What sessions were told of.
    pub fn recent(&self) -> Arc<RecentMark> {
        Arc::clone(&self.shared.recent)
    }

    /// Whether a client ever selected it.
    pub fn is_selected(&self) -> bool {
        self.shared.selected.load(Ordering::Acquire)
    }

    /// UIDs of messages that are to be rendered or checked, newest first, at most `limit`.
    pub fn unrendered(&self, limit: usize, skip: impl Fn(u32) -> bool) -> Vec<u32> {
        self.view().unrendered().filter(|uid| !skip(*uid)).take(limit).collect()
    }

    /// Whether the user may not change anything here.
    pub fn read_only(&self) -> bool {
        self.shared.read_only
    }

    /// The newest snapshot and those to come.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// The newest view.
    pub fn view(&self) -> Arc<FolderView> {
        Arc::clone(&self.views.borrow())
    }

    /// Something may have changed here. A round follows at once if somebody looks.
    pub fn changed(&self) {
        self.shared.news.add_unknown();
        self.shared.wake.notify_one();
    }

    /// Notifications of `mailbox` say that something changed here. A round follows at once if somebody looks, unless one
    /// has shown it already.
    pub fn notified(&self, mailbox: &Mailbox, news: &FolderNews) {
        let gids = news.modified.iter().filter_map(|id| mailbox.gid_of(*id)).collect();
        self.shared.news.add(news.at, Modified { gids, overflow: news.overflow });
        self.shared.wake.notify_one();
    }

    /// Says that an operation is under way which runs rounds itself: none is run for notifications until the returned guard
    /// is dropped.
    pub fn quiet(&self) -> Quiet {
        self.shared.news.begin_quiet();
        Quiet(Arc::clone(&self.shared))
    }

    /// Makes sure that everything that happened before the call is published.
    pub async fn refresh(&self) -> Result<(), UpstreamError> {
        self.ask(Command::Refresh).await
    }

    /// Changes flags; UIDs that are gone are passed over. Messages with a MODSEQ above `unchanged_since` are left alone: their UIDs.
    pub async fn store(
        &self,
        uids: Vec<u32>,
        change: FlagChange,
        unchanged_since: Option<u64>,
    ) -> Result<Vec<u32>, UpstreamError> {
        self.ask(|reply| Command::Store(Storing { uids, change, unchanged_since }, reply)).await
    }

    /// Removes the messages of `uids` that are marked `\Deleted`.
    pub async fn expunge(&self, uids: Vec<u32>) -> Result<(), UpstreamError> {
        self.ask(|reply| Command::Expunge(uids, reply)).await
    }

    /// Which messages went with a MODSEQ above `after`. What a run that was lost told is not known, neither which messages it
    /// removed nor which it gave UIDs to.
    pub async fn expunged(&self, after: u64) -> Result<Expunged, UpstreamError> {
        let (ledger, gid) = (Arc::clone(&self.shared.context.ledger), self.shared.gid);
        let lost_before = self.view().modseq_floor;
        let Tombstones { complete_after, gone } = blocking(move || ledger.tombstones(&gid, after)).await??;
        let uids = gone.into_iter().map(|(uid, _)| uid).collect();
        Ok(Expunged { complete_after: complete_after.max(lost_before), lost_before, uids })
    }

    /// Publishes what an operation did; a round is run unless everything is known already.
    pub async fn settle(&self, settling: Settling) -> Result<Settled, UpstreamError> {
        self.ask(|reply| Command::Settle(settling, reply)).await
    }

    /// Its global id.
    pub fn gid(&self) -> Gid {
        self.shared.gid
    }

    async fn record(&self, renderings: Vec<OfferedRendering>) -> Result<Vec<RenderingVerdict>, UpstreamError> {
        self.ask(|reply| Command::Record(renderings, reply)).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, UpstreamError>>) -> Command,
    ) -> Result<T, UpstreamError> {
        let gone = || UpstreamError::Internal("the folder's task has ended".into());
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Whether its task still runs (it ends when the folder is gone).
    pub fn is_alive(&self) -> bool {
        !self.commands.is_closed()
    }
}

/// See [`Folder::quiet`].
#[must_use = "it ends when it is dropped"]
pub struct Quiet(Arc<Shared>);

impl Drop for Quiet {
    fn drop(&mut self) {
        self.0.news.end_quiet();
        self.0.wake.notify_one();
    }
}

use mail_core::FlagChange;
use tokio::sync::oneshot;

use super::settling::{Settled, Settling};
use crate::line::error::UpstreamError;
use crate::sync::{OfferedRendering, RenderingVerdict};

/// Commands that wait for the actor; senders wait when it is full.
pub(super) const QUEUE: usize = 64;

/// A change of flags.
pub(super) struct Storing {
    pub(super) uids: Vec<u32>,
    pub(super) change: FlagChange,
    /// Messages with a higher MODSEQ are left alone.
    pub(super) unchanged_since: Option<u64>,
}

/// What the actor is asked for.
pub(super) enum Command {
    /// Make sure that everything that happened before is published.
    Refresh(oneshot::Sender<Result<(), UpstreamError>>),
    /// Change flags; the answer is which messages were left alone.
    Store(Storing, oneshot::Sender<Result<Vec<u32>, UpstreamError>>),
    /// Remove the messages of these that are marked `\Deleted`.
    Expunge(Vec<u32>, oneshot::Sender<Result<(), UpstreamError>>),
    /// See to it that messages which came or went are known to have.
    Settle(Settling, oneshot::Sender<Result<Settled, UpstreamError>>),
    /// Fix the bytes of UIDs.
    Record(Vec<OfferedRendering>, oneshot::Sender<Result<Vec<RenderingVerdict>, UpstreamError>>),
}

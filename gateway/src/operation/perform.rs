use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use mapi_core::client::ClientError;
use mapi_core::mailbox::{Mailbox, MailboxError};
use tracing::Instrument;

use super::{Ask, Attempt, Doubt, Operation};
use crate::line::error::UpstreamError;
use crate::line::kind::Kind;
use crate::line::upstream::{Lane, Upstream};
use crate::mutant::{self, Mutant};

/// How often an operation is tried without getting on when the session is lost under it.
const MAX_TRIES: u32 = 3;
/// How often it is tried again because the server is busy.
const MAX_BUSY: u32 = 3;
/// Before it is, at first; twice as long each time. The throttle of the client waits besides, for as long as a server names.
const BUSY_PAUSE: Duration = Duration::from_secs(1);
/// Before a session is opened again that was lost while it was opened: sessions are not opened more often than this.
const REOPEN_PAUSE: Duration = Duration::from_millis(1050);
/// A server that wants to be left alone for longer is not waited for by an operation.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Upstream {
    /// Performs an operation: in another session when the one it has is lost, later when the server is busy, and never what
    /// it marked as an effect unless it is certain that it did not happen. What it achieved stays in `operation`, also if it
    /// fails.
    ///
    /// Dropping the future leaves it to the request under way whether that one still has its effect.
    ///
    /// # Errors
    /// [`UpstreamError::OutcomeUnknown`] if an effect may have happened and the operation can't find out. Otherwise nothing
    /// happened but what is in `operation`.
    pub(crate) fn perform<'a, O: Operation + 'a>(
        &'a self,
        operation: &'a mut O,
    ) -> BoxFuture<'a, Result<O::Done, UpstreamError>> {
        let kind = operation.kind();
        let folder = operation.folder().map(tracing::field::display);
        let span = tracing::debug_span!("operation", name = kind.name(), user = self.user(), folder);
        let performing = async move {
            let began = Instant::now();
            let done = self.try_to(operation).await;
            let elapsed = began.elapsed();
            self.tally().performed(kind, done.is_ok(), elapsed);
            let outcome = if done.is_ok() { "done" } else { "failed" };
            metrics::histogram!("mapi_gateway_operation_seconds", "operation" => kind.name(), "outcome" => outcome)
                .record(elapsed);
            match &done {
                Ok(_) => tracing::debug!(?elapsed, "done"),
                Err(error) => tracing::debug!(?elapsed, %error, "failed"),
            }
            done
        };
        performing.instrument(span).boxed()
    }

    /// Performs what may be repeated as a whole and keeps nothing between tries.
    ///
    /// # Errors
    /// As [`Upstream::perform`].
    pub(crate) async fn ask<T, A>(
        &self,
        kind: Kind,
        lane: Lane,
        ask: impl FnMut(Mailbox) -> A + Send,
    ) -> Result<T, UpstreamError>
    where
        T: Send,
        A: Future<Output = Result<T, MailboxError>> + Send,
    {
        self.perform(&mut Ask::new(kind, lane, ask)).await
    }

    async fn try_to<O: Operation>(&self, operation: &mut O) -> Result<O::Done, UpstreamError> {
        let kind = operation.kind();
        let (mut tries, mut busy) = (0, 0);
        // Why it is unknown whether an effect happened; whatever is found out later by looking ends that.
        let mut doubted: Option<String> = None;
        loop {
            let (mailbox, origin) = match self.session(operation.lane()).await {
                Ok(session) => session,
                // Lost while it was being opened, which has no effect.
                Err(UpstreamError::OutcomeUnknown(why)) if tries + 1 < MAX_TRIES => {
                    tries += 1;
                    tracing::debug!(why, "a session was lost while it was opened");
                    tokio::time::sleep(REOPEN_PAUSE).await;
                    continue;
                }
                Err(error) => return Err(unknown_if(doubted, error)),
            };
            let mut attempt = Attempt::new(mailbox);
            let error = match operation.run(&mut attempt).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let outdated = self.note_failure(origin, &error);
            if attempt.has_progressed() {
                (tries, busy) = (0, 0);
            }
            if attempt.is_settled() {
                doubted = None;
            }
            if attempt.is_in_doubt() && !mutant::is(Mutant::BlindResubmit) {
                self.tally().in_doubt(kind);
                metrics::counter!("mapi_gateway_operations_in_doubt_total", "operation" => kind.name()).increment(1);
                tracing::info!(%error, "unknown whether an operation was carried out");
                if operation.in_doubt(&attempt, &error).await == Doubt::Stays {
                    return Err(UpstreamError::OutcomeUnknown(error.to_string()));
                }
                doubted = Some(error.to_string());
            } else if error.is_busy()
                && !was_waited_for(&error)
                && busy < MAX_BUSY
                && wait_named(&error) <= LONGEST_WAIT
            {
                busy += 1;
                self.tally().waited(kind);
                metrics::counter!("mapi_gateway_operations_waited_total", "operation" => kind.name()).increment(1);
                let own = BUSY_PAUSE.saturating_mul(1 << busy).mul_f64(rand::random_range(0.5..=1.0));
                let pause = own.max(wait_named(&error));
                tracing::info!(?pause, "the upstream is busy");
                tokio::time::sleep(pause).await;
                continue;
            } else if !error.is_session_lost() && !outdated && !attempt.is_in_doubt() {
                return Err(unknown_if(doubted, error.into()));
            } else if error.is_too_slow() {
                // Whoever asks has waited for as long as anything may take: once more would be in vain for most. Others, who
                // only stood behind it, go on in another session.
                return Err(unknown_if(doubted, error.into()));
            }
            tries += 1;
            if tries >= MAX_TRIES {
                return Err(unknown_if(doubted, error.into()));
            }
            self.tally().retried(kind);
            metrics::counter!("mapi_gateway_operations_retried_total", "operation" => kind.name()).increment(1);
        }
    }
}

/// Whether the client has waited already for as long as it waits for a request, or was told to wait for longer than that.
fn was_waited_for(error: &MailboxError) -> bool {
    matches!(error, MailboxError::Transport(ClientError::Busy(_)))
}

/// How long the server wants to be left alone, if it said.
fn wait_named(error: &MailboxError) -> Duration {
    match error {
        MailboxError::Transport(error) => error.busy_for().unwrap_or_default(),
        _ => Duration::ZERO,
    }
}

/// An error that keeps an operation from finding out about its effect leaves the outcome unknown. Without an effect in doubt a
/// lost connection means that nothing happened.
fn unknown_if(doubted: Option<String>, error: UpstreamError) -> UpstreamError {
    match (doubted, error) {
        (Some(cause), error) => UpstreamError::OutcomeUnknown(format!("{cause}, then {error}")),
        (None, UpstreamError::OutcomeUnknown(why)) => UpstreamError::Unreachable(why),
        (None, error) => error,
    }
}

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use mapi_core::mailbox::Mailbox;

use super::error::UpstreamError;

/// A session that nobody used for this long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// How long a session may take to be opened. There is one that can do the work.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a session could not be opened, none is tried for this long.
const REST: Duration = Duration::from_secs(30);

type Opening = Shared<BoxFuture<'static, Result<Mailbox, UpstreamError>>>;

/// A user's further sessions, for transfers that take long. They are opened when they are needed and closed when they are
/// not; several users share one rather than wait, since a transfer may wait for a slow client.
pub(crate) struct Pool {
    limit: usize,
    state: Mutex<PoolState>,
}

#[derive(Default)]
struct PoolState {
    next: u64,
    sessions: Vec<PooledSession>,
    /// When a session could not be opened last.
    refused: Option<Instant>,
}

struct PooledSession {
    number: u64,
    opening: Opening,
    users: usize,
    idle_since: Instant,
}

impl Pool {
    /// A pool of at most `limit` sessions.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, state: Mutex::default() })
    }

    /// The session with the least to do: a new one, made by `open`, while others have something to do and the limit allows.
    /// `None` if there is none to be had now.
    ///
    /// # Errors
    /// Why the session could not be opened. There is none for a while then.
    pub(crate) async fn lease<F>(
        self: &Arc<Self>,
        open: impl FnOnce() -> F,
    ) -> Result<Option<(Mailbox, Lease)>, UpstreamError>
    where
        F: Future<Output = Result<Mailbox, UpstreamError>> + Send + 'static,
    {
        let Some((lease, opening)) = self.choose(open) else { return Ok(None) };
        let late = || UpstreamError::Busy("opening a further session takes too long".into());
        match tokio::time::timeout(PATIENCE, opening).await.unwrap_or_else(|_| Err(late())) {
            Ok(mailbox) => Ok(Some((mailbox, lease))),
            Err(error) => {
                self.state().refused = Some(Instant::now());
                lease.lost();
                Err(error)
            }
        }
    }

    fn choose<F>(self: &Arc<Self>, open: impl FnOnce() -> F) -> Option<(Lease, Opening)>
    where
        F: Future<Output = Result<Mailbox, UpstreamError>> + Send + 'static,
    {
        let mut state = self.state();
        let resting = state.refused.is_some_and(|at| at.elapsed() < REST);
        let least = state.sessions.iter().map(|session| session.users).min();
        if state.sessions.len() < self.limit && !resting && least != Some(0) {
            let number = state.next;
            state.next += 1;
            let opening = open().boxed().shared();
            state.sessions.push(PooledSession { number, opening, users: 0, idle_since: Instant::now() });
        }
        let session = state.sessions.iter_mut().min_by_key(|session| session.users)?;
        session.users += 1;
        Some((Lease { pool: Arc::clone(self), number: session.number }, session.opening.clone()))
    }

    /// How many sessions are open or being opened.
    pub(crate) fn len(&self) -> usize {
        self.state().sessions.len()
    }

    /// Closes sessions that nobody used for a while.
    pub(crate) fn close_idle(&self) {
        self.close(|session| session.users == 0 && session.idle_since.elapsed() >= IDLE);
    }

    fn close(&self, which: impl Fn(&PooledSession) -> bool) {
        let mut state = self.state();
        let closed: Vec<PooledSession> = state.sessions.extract_if(.., |session| which(session)).collect();
        drop(state);
        for session in closed {
            disconnect(&session.opening);
        }
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The use of a session, until it is dropped.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    number: u64,
}

impl Lease {
    /// The session is of no use any more.
    pub(crate) fn lost(self) {
        self.pool.close(|session| session.number == self.number);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        if let Some(session) = state.sessions.iter_mut().find(|session| session.number == self.number) {
            session.users = session.users.saturating_sub(1);
            session.idle_since = Instant::now();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close(|_| true);
    }
}

/// Disconnects a session that is open; nobody waits for the server's answer.
fn disconnect(opening: &Opening) {
    let Some(Ok(mailbox)) = opening.peek().cloned() else { return };
    // Without a runtime the process is about to end, and the server forgets the session by itself.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move { mailbox.close().await });
    }
}

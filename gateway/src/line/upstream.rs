use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use mapi_core::client::ClientError;
use mapi_core::id::Guid;
use mapi_core::mailbox::{Mailbox, MailboxError};
use tokio::sync::watch;

use super::connector::Connector;
use super::error::UpstreamError;
use super::pool::{Lease, Pool};
use super::tally::Tally;

/// Connecting anew is not tried more often than this after a failure: at first, and after several.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Messages of so many bytes take a session of their own, so that nobody waits behind them.
const BULK_BYTES: usize = 256 << 10;

type Connecting = Shared<BoxFuture<'static, Result<Mailbox, UpstreamError>>>;

/// One user's sessions with the upstream. The interactive one holds the subscription and does what clients wait for: it is
/// opened anew when lost, and everybody who needs it meanwhile waits for the same attempt. Transfers that take long use
/// others, so that nobody's push waits for them.
pub struct Upstream {
    slot: Mutex<Slot>,
    pool: Arc<Pool>,
    refused: watch::Sender<bool>,
    user: String,
    tally: Arc<Tally>,
}

/// Which session does an operation. The results are the same: ids are resolved in the session that uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// The one with the subscription.
    Interactive,
    /// One of the others, if there may be any.
    Bulk,
}

impl Lane {
    /// The one that takes a message.
    pub fn of(message: &[u8]) -> Self {
        if message.len() < BULK_BYTES { Self::Interactive } else { Self::Bulk }
    }
}

struct Slot {
    connector: Arc<Connector>,
    /// The mailbox that all sessions are with.
    mailbox_guid: Guid,
    generation: u64,
    connecting: Connecting,
    started: Instant,
    /// When somebody found that it failed.
    failure_seen: Option<Instant>,
    /// How long a failure is the answer before another attempt is made.
    delay: Duration,
    /// Told of refusals.
    refused: watch::Sender<bool>,
}

impl Upstream {
    /// Takes over a session that was opened already (the one that proved the password). There are at most `sessions`.
    pub fn new(connector: Arc<Connector>, mailbox: Mailbox, sessions: usize) -> Self {
        let mailbox_guid = mailbox.info().mailbox_guid;
        let connecting = futures::future::ready(Ok(mailbox)).boxed().shared();
        let refused = watch::Sender::new(false);
        let (user, tally) = (connector.user().to_owned(), Arc::clone(connector.tally()));
        Self {
            user,
            tally,
            slot: Mutex::new(Slot {
                connector,
                mailbox_guid,
                generation: 0,
                connecting,
                started: Instant::now(),
                failure_seen: None,
                delay: FIRST_DELAY,
                refused: refused.clone(),
            }),
            refused,
            pool: Pool::new(sessions.saturating_sub(1)),
        }
    }

    /// The user's address.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Where operations are counted.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Closes sessions that nobody needs any more.
    pub fn close_idle(&self) {
        self.pool.close_idle();
    }

    /// Holds `true` while the upstream does not let the user in any more.
    pub fn signed_out(&self) -> watch::Receiver<bool> {
        self.refused.subscribe()
    }

    /// Later sessions are opened by `connector` (the user logged in with a new password). A new token is what the open
    /// sessions go on with, too.
    pub fn set_connector(&self, connector: Arc<Connector>) {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if !slot.connector.renew(&connector) {
            slot.connector = connector;
        }
        self.refused.send_replace(false);
        if slot.connecting.peek().is_some_and(Result::is_err) {
            slot.replace();
        }
    }

    /// The session, and a number that tells it from its successors.
    pub async fn mailbox(&self) -> Result<(u64, Mailbox), UpstreamError> {
        let (generation, connecting) = {
            let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
            // A refused password is not tried again until the user brings another one: repeating it would lock accounts out.
            let failed = match slot.connecting.peek() {
                Some(Ok(_)) | None => false,
                Some(Err(error)) => !is_refusal(error),
            };
            if failed && slot.may_try_again(&self.tally) {
                slot.replace();
            }
            (slot.generation, slot.connecting.clone())
        };
        Ok((generation, connecting.await?))
    }

    /// The mailbox that all sessions are with.
    pub fn mailbox_guid(&self) -> Guid {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).mailbox_guid
    }

    /// What opens sessions now.
    pub fn connector(&self) -> Arc<Connector> {
        Arc::clone(&self.slot.lock().unwrap_or_else(PoisonError::into_inner).connector)
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        usize::from(self.current().is_some()) + self.pool.len()
    }

    /// The session, if it is open.
    pub fn current(&self) -> Option<Mailbox> {
        let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.connecting.peek().and_then(|opened| opened.as_ref().ok()).cloned()
    }

    /// The session numbered `generation` is lost: the next use opens another.
    pub fn discard(&self, generation: u64) {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.generation == generation {
            tracing::debug!(generation, "upstream session lost");
            slot.replace();
        }
    }

    /// Whether the upstream refused the user when a session was to be opened last. Nobody gets in from memory then, until
    /// a new login is accepted.
    pub fn is_refused(&self) -> bool {
        let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.connecting.peek().is_some_and(|opened| opened.as_ref().is_err_and(is_refusal))
    }

    /// A session that was refused on a new connection is of no use any more, and trying the same password once more would
    /// count as another wrong one: until the user brings another password, that is the answer. Of a session that has a
    /// successor it says nothing: whether that is let in is being found out, or is known. Tells whether it has.
    fn note_refusal(&self, generation: u64, error: &MailboxError) -> bool {
        let MailboxError::Transport(ClientError::Unauthorized(why)) = error else { return false };
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if why.is_refusal() && slot.generation == generation {
            slot.refuse(UpstreamError::Unauthorized(why.clone()));
            return false;
        }
        slot.generation != generation
    }

    /// The session of a lane, and how to speak of it. Without a further session the interactive one does everything.
    pub(crate) async fn session(&self, lane: Lane) -> Result<(Mailbox, Origin), UpstreamError> {
        if lane == Lane::Bulk {
            let (connector, mailbox_guid) = {
                let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
                (Arc::clone(&slot.connector), slot.mailbox_guid)
            };
            let opener = Arc::clone(&connector);
            match self.pool.lease(|| async move { checked(opener.open(false).await?, mailbox_guid) }).await {
                Ok(Some((mailbox, lease))) => return Ok((mailbox, Origin::Pool(lease, connector))),
                Ok(None) => {}
                Err(error) => {
                    tracing::info!(%error, "no further session; the one that is there does it");
                    self.note_refusal_of(&connector, &error);
                }
            }
        }
        let (generation, mailbox) = self.mailbox().await?;
        Ok((mailbox, Origin::Interactive(generation)))
    }

    /// What an error of a session says of it. Tells whether it is of no account, because the user was refused in a session
    /// that another one has replaced meanwhile.
    pub(crate) fn note_failure(&self, origin: Origin, error: &MailboxError) -> bool {
        match origin {
            Origin::Interactive(generation) => {
                let outdated = self.note_refusal(generation, error);
                if error.is_session_lost() {
                    self.discard(generation);
                }
                outdated
            }
            Origin::Pool(lease, connector) => {
                if let MailboxError::Transport(ClientError::Unauthorized(why)) = error {
                    self.note_refusal_of(&connector, &UpstreamError::Unauthorized(why.clone()));
                    lease.lost();
                } else if error.is_session_lost() {
                    lease.lost();
                }
                false
            }
        }
    }

    /// The password of `connector` was refused for a further session: the others would be refused as well.
    fn note_refusal_of(&self, connector: &Arc<Connector>, error: &UpstreamError) {
        let UpstreamError::Unauthorized(why) = error else { return };
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if why.is_refusal() && Arc::ptr_eq(&slot.connector, connector) {
            slot.refuse(error.clone());
        }
    }
}

impl Slot {
    /// After a failure: when some time has passed, or an upstream that did not answer answers others again.
    fn may_try_again(&mut self, tally: &Tally) -> bool {
        let passed = self.started.elapsed();
        // An attempt may take long: what succeeds for others while it is made says nothing.
        let seen = *self.failure_seen.get_or_insert_with(Instant::now);
        passed >= self.delay || (seen.elapsed() >= FIRST_DELAY && tally.has_succeeded_since(seen))
    }

    fn replace(&mut self) {
        let connector = Arc::clone(&self.connector);
        let failed = self.connecting.peek().is_some_and(Result::is_err);
        self.delay = if failed { (self.delay * 2).min(LONGEST_DELAY) } else { FIRST_DELAY };
        self.generation += 1;
        self.started = Instant::now();
        self.failure_seen = None;
        let mailbox_guid = self.mailbox_guid;
        let refused = self.refused.clone();
        let open = async move {
            let opened = connector.open(true).await.and_then(|mailbox| checked(mailbox, mailbox_guid));
            if let Err(error) = &opened
                && is_refusal(error)
            {
                tracing::info!(user = connector.user(), %error, "the user is not let in any more");
                refused.send_replace(true);
            }
            opened
        };
        self.connecting = open.boxed().shared();
    }

    /// Until the user brings another password, that is the answer.
    fn refuse(&mut self, error: UpstreamError) {
        tracing::info!(user = self.connector.user(), %error, "the password or token is not accepted any more");
        self.generation += 1;
        self.connecting = futures::future::ready(Err(error)).boxed().shared();
        // Polled once, so that `peek` knows.
        drop(self.connecting.clone().now_or_never());
        self.refused.send_replace(true);
    }
}

/// What a session was taken from.
pub(crate) enum Origin {
    Interactive(u64),
    Pool(Lease, Arc<Connector>),
}

/// Everything an account knows is of one mailbox.
fn checked(mailbox: Mailbox, expected: Guid) -> Result<Mailbox, UpstreamError> {
    if mailbox.info().mailbox_guid == expected {
        return Ok(mailbox);
    }
    tokio::spawn(async move { mailbox.close().await });
    Err(UpstreamError::NoMailbox("the user has another mailbox now; a new login finds it".into()))
}

/// Whether asking again is no use before the user logs in again; repeating a refused password would lock accounts out.
fn is_refusal(error: &UpstreamError) -> bool {
    matches!(error, UpstreamError::Unauthorized(_) | UpstreamError::NoMailbox(_))
}

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{Channel, ClientError, ClientSettings, Counters, Transport};
use crate::ErrorCode;
use crate::http::{AuxiliaryBlock, DisconnectRequest, RequestType, ServerCapabilities, WaitRequest};
use crate::session::{SessionError, connect_answer, execute_answer, execute_body, wait_answer};

/// An answer to NotificationWait that comes faster than this without news is followed by a pause.
const QUICK: Duration = Duration::from_secs(1);
/// A wait that breaks off after that long is an occasion to look around.
const LONG: Duration = Duration::from_secs(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Waits in a row whose answer may break off before that is an error.
const MAX_BROKEN_WAITS: u32 = 3;

/// A session with the mailbox store, at the level of ROP buffers.
///
/// Requests follow each other: one Execute at a time. A future that is dropped before its answer came loses the session
/// context (what ran is unknown), never more: the next call says [`ClientError::ContextLost`], and
/// [`Client::reconnect`] makes a new one.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    channel: Channel,
    waiting: tokio::sync::Mutex<Transport>,
    connected: Mutex<Option<Arc<Connected>>>,
}

/// What the server said when the session context was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// See [`Client::generation`].
    pub generation: u64,
    /// Name of the user.
    pub display_name: String,
    /// What RecipientRow's AddressPrefixUsed refers to.
    pub dn_prefix: String,
    /// What the server announced.
    pub capabilities: ServerCapabilities,
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(settings: &ClientSettings) -> Self {
        let channel = Channel::new(settings, &settings.endpoints.emsmdb);
        let waiting = tokio::sync::Mutex::new(channel.another_transport());
        Self { inner: Arc::new(Inner { channel, waiting, connected: Mutex::new(None) }) }
    }

    /// Opens a session context, unless one is open.
    ///
    /// # Errors
    /// [`ClientError::Rejected`] with the ErrorCode of Connect, and all that concerns the way there.
    pub async fn connect(&self) -> Result<Arc<Connected>, ClientError> {
        self.open(false).await
    }

    /// Opens a new session context, whether one is open or not. All server object handles die.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn reconnect(&self) -> Result<Arc<Connected>, ClientError> {
        self.open(true).await
    }

    /// Whether a session context is open.
    pub fn is_connected(&self) -> bool {
        self.inner.channel.is_open()
    }

    /// Number of session contexts opened so far. Server object handles of another generation are dead.
    pub fn generation(&self) -> u64 {
        self.inner.channel.generation()
    }

    /// What the server calls itself (X-ServerApplication), such as `Exchange/15.02.1544.009`; known after the first answer
    /// of servers that say so.
    pub fn server_application(&self) -> Option<String> {
        self.inner.channel.server()
    }

    /// Numbers of requests and bytes, shared with everything else that was given the same counters.
    pub fn counters(&self) -> &Arc<Counters> {
        self.inner.channel.counters()
    }

    /// Runs ROPs: `rop_buffer` is one payload (RopSize, ROPs, handle table); the answer is one payload, or several if
    /// `chain` allows it and the last ROP is one that chains. `max_rop_out` bounds the answer in bytes, headers included, and
    /// with it the time that the answer may take ([`super::Timeouts::whole`]).
    ///
    /// # Errors
    /// See [`ClientError`]. [`ErrorCode::BUFFER_TOO_SMALL`] as [`ClientError::Rejected`] may mean that some of the ROPs ran.
    pub async fn execute(
        &self,
        rop_buffer: Vec<u8>,
        max_rop_out: u32,
        chain: bool,
    ) -> Result<Vec<Vec<u8>>, ClientError> {
        let body = execute_body(&rop_buffer, max_rop_out, chain)
            .map_err(|error| ClientError::Configuration(format!("request not made: {error}")))?;
        let expected = usize::try_from(max_rop_out).unwrap_or(usize::MAX);
        let answer = self.inner.channel.call_for(RequestType::Execute, body, expected).await?;
        Ok(execute_answer(&answer)?)
    }

    /// Waits until notifications are queued (`true`: the next Execute brings them) or it is time to look around
    /// (`false`, after [`super::Timeouts::wait`]). Goes beside Execute, over a connection of its own; one wait at a time.
    ///
    /// Calling this in a loop never turns into a busy one: answers without news that come at once, and refused waits, are
    /// followed by pauses that grow.
    ///
    /// # Errors
    /// [`ClientError::ContextLost`] as soon as the session context is replaced or lost.
    pub async fn wait(&self) -> Result<bool, ClientError> {
        let mut transport = self.inner.waiting.lock().await;
        let limit = self.inner.channel.settings().timeouts.wait;
        tokio::select! {
            biased;
            done = timeout(limit, self.wait_for_news(&mut transport)) => done.unwrap_or(Ok(false)),
            () = self.context_gone() => {
                transport.close();
                Err(ClientError::ContextLost(None))
            }
        }
    }

    /// Tells the server that the session is still wanted.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ping(&self) -> Result<(), ClientError> {
        self.inner.channel.call(RequestType::Ping, Vec::new()).await.map(drop)
    }

    /// Closes the session context. It is closed here whatever the server says.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn disconnect(&self) -> Result<(), ClientError> {
        let body = DisconnectRequest::default().encode();
        self.inner.channel.call(RequestType::Disconnect, body).await.map(drop)
    }

    async fn open(&self, force: bool) -> Result<Arc<Connected>, ClientError> {
        let body = self.inner.channel.settings().connect.encode();
        let answer = self.inner.channel.open(RequestType::Connect, &body, force).await?;
        let mut known = self.inner.connected.lock().unwrap_or_else(PoisonError::into_inner);
        if let (None, Some(connected)) = (&answer, &*known) {
            return Ok(connected.clone());
        }
        let answer = connect_answer(&answer.unwrap_or_default())?;
        let blocks = AuxiliaryBlock::decode_buffer(&answer.auxiliary).unwrap_or_default();
        let connected = Arc::new(Connected {
            generation: self.generation(),
            display_name: answer.display_name,
            dn_prefix: answer.dn_prefix,
            capabilities: AuxiliaryBlock::server_capabilities(&blocks),
        });
        *known = Some(connected.clone());
        Ok(connected)
    }

    async fn wait_for_news(&self, transport: &mut Transport) -> Result<bool, ClientError> {
        let mut quick = 0;
        let mut broken = 0;
        loop {
            let began = Instant::now();
            let body = WaitRequest::default().encode();
            match self.inner.channel.call_over(transport, RequestType::NotificationWait, body).await {
                Ok(answer) => match wait_answer(&answer) {
                    Ok(true) => return Ok(true),
                    Ok(false) | Err(SessionError::Rejected(ErrorCode::WAIT_REJECTED)) => broken = 0,
                    Err(error) => return Err(error.into()),
                },
                // Nothing ran that could be lost. But a wait that broke off late may have been silent for long.
                Err(ClientError::OutcomeUnknown(why)) if self.is_connected() && began.elapsed() >= LONG => {
                    tracing::debug!(why, "notification wait broke off");
                    return Ok(false);
                }
                Err(ClientError::OutcomeUnknown(why)) if broken < MAX_BROKEN_WAITS && self.is_connected() => {
                    tracing::debug!(why, "notification wait broke off");
                    broken += 1;
                }
                Err(ClientError::Busy(left)) => {
                    sleep(left.unwrap_or(LONGEST_PAUSE).clamp(QUICK, LONGEST_PAUSE)).await;
                }
                Err(error) => return Err(error),
            }
            if began.elapsed() >= QUICK {
                (quick, broken) = (0, 0);
                continue;
            }
            sleep(self.inner.channel.settings().retry.pause(quick).max(QUICK / 10).min(LONGEST_PAUSE)).await;
            quick += 1;
        }
    }

    async fn context_gone(&self) {
        let generation = self.generation();
        let mut changes = self.inner.channel.changes();
        while self.is_connected() && self.generation() == generation {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::throttle::{Patience, Throttle};
use super::{ClientError, ClientSettings, Counters, EndpointUrl, ExchangeError, Outgoing, RetryPolicy, Transport};
use crate::http::{RequestType, header};
use crate::id::Guid;
use crate::session::{ContextSettings, Request, Response, SessionContext, SessionError, Ticket};

/// Diagnostic pages are read up to this size, so that their connection can go on.
const MAX_DIAGNOSTIC: usize = 64 * 1024;
/// Bytes that an answer is given time for if nobody says how many are asked for.
const USUAL_ANSWER: usize = 64 * 1024;
/// Characters kept of what a server calls itself.
const MAX_SERVER_NAME: usize = 100;

/// A session context with one endpoint, and the connection its requests go over.
pub(crate) struct Channel {
    url: EndpointUrl,
    settings: ClientSettings,
    context: Mutex<SessionContext>,
    transport: tokio::sync::Mutex<Transport>,
    changed: watch::Sender<()>,
    server: Mutex<Option<String>>,
    throttle: Arc<Throttle>,
}

impl Channel {
    pub(crate) fn new(settings: &ClientSettings, url: &EndpointUrl) -> Self {
        let context = SessionContext::new(ContextSettings {
            target: url.target().to_owned(),
            host: url.host_header(),
            client_application: settings.client_application.clone(),
            client_instance: random_guid(),
        });
        let channel = Self {
            url: url.clone(),
            settings: settings.clone(),
            context: Mutex::new(context),
            transport: tokio::sync::Mutex::new(transport(settings, url)),
            changed: watch::Sender::new(()),
            server: Mutex::default(),
            throttle: settings.throttles.of(url.host()),
        };
        tracing::trace!(url = %channel.url, "channel made");
        channel
    }

    /// Another connection to the same endpoint.
    pub(crate) fn another_transport(&self) -> Transport {
        transport(&self.settings, &self.url)
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.settings.counters
    }

    pub(crate) fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    pub(crate) fn generation(&self) -> u64 {
        self.context().generation()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.context().is_open()
    }

    /// Tells whenever the context is opened or lost.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Opens a context with a request of type `kind`. Unless `force` says so, an open one stays, and `None` is the answer.
    pub(crate) async fn open(
        &self,
        kind: RequestType,
        body: &[u8],
        force: bool,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let mut transport = self.transport.lock().await;
        if !force && self.is_open() {
            return Ok(None);
        }
        let had_cookies = AtomicBool::new(false);
        let make = || {
            let request = self.context().open(kind, body.to_vec(), random_guid())?;
            had_cookies.store(request.ticket.had_cookies(), Ordering::Relaxed);
            Ok(request)
        };
        match self.run(&mut transport, &make, USUAL_ANSWER).await {
            // The cookies of the old context displeased; the session has dropped them.
            Err(ClientError::ContextLost(_) | ClientError::Rejected(_)) if had_cookies.load(Ordering::Relaxed) => {
                self.run(&mut transport, &make, USUAL_ANSWER).await.map(Some)
            }
            done => done.map(Some),
        }
    }

    /// Makes a request over the channel's own connection, after those before it.
    pub(crate) async fn call(&self, kind: RequestType, body: Vec<u8>) -> Result<Vec<u8>, ClientError> {
        self.call_for(kind, body, USUAL_ANSWER).await
    }

    /// [`Channel::call`] with an answer that is asked to have at most `expected` bytes: the more, the longer it may take.
    pub(crate) async fn call_for(
        &self,
        kind: RequestType,
        body: Vec<u8>,
        expected: usize,
    ) -> Result<Vec<u8>, ClientError> {
        let mut transport = self.transport.lock().await;
        self.run(&mut transport, &|| self.context().call(kind, body.clone()), expected).await
    }

    /// Makes a request over another connection: one that goes beside others.
    pub(crate) async fn call_over(
        &self,
        transport: &mut Transport,
        kind: RequestType,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, ClientError> {
        self.run(transport, &|| self.context().call(kind, body.clone()), USUAL_ANSWER).await
    }

    /// Makes a request, again if the server is busy and did not run it.
    async fn run(
        &self,
        transport: &mut Transport,
        make: &(dyn Fn() -> Result<Request, SessionError> + Sync),
        expected: usize,
    ) -> Result<Vec<u8>, ClientError> {
        let mut patience = Patience::default();
        loop {
            self.throttle.admit(&mut patience).await.map_err(|left| ClientError::Busy(Some(left)))?;
            match self.run_once(transport, make()?, expected).await {
                Err(ClientError::Busy(asked)) => self.throttle.refused(asked, Instant::now()),
                done => {
                    let answered =
                        matches!(done, Ok(_) | Err(ClientError::Rejected(_) | ClientError::ContextLost(Some(_))));
                    if answered {
                        self.throttle.answered();
                    }
                    return done;
                }
            }
        }
    }

    async fn run_once(
        &self,
        transport: &mut Transport,
        request: Request,
        expected: usize,
    ) -> Result<Vec<u8>, ClientError> {
        let limit = self.settings.timeouts.whole(request.kind, request.body.len().saturating_add(expected));
        let outgoing = Outgoing {
            target: &request.target,
            headers: &request.headers,
            body: Bytes::from(request.body),
            max_body: self.settings.max_response,
            max_text: MAX_DIAGNOSTIC,
            limit,
        };
        let mut flight = Flight { channel: self, ticket: Some(request.ticket), left: false };
        let RetryPolicy { retries, .. } = self.settings.retry;
        let mut retry = 0;
        loop {
            self.counters().count_request(request.kind);
            flight.left = true;
            let began = std::time::Instant::now();
            let exchanged = transport.exchange(&outgoing).await;
            let outcome = match &exchanged {
                Ok(_) => "answered",
                Err(ExchangeError::NotSent(_)) => "not_sent",
                Err(ExchangeError::Unknown(_)) => "lost",
                Err(ExchangeError::TooSlow(_)) => "too_slow",
                Err(ExchangeError::Auth(_)) => "unauthorized",
                Err(ExchangeError::Invalid(_)) => "invalid",
            };
            let kind = request.kind.name();
            metrics::histogram!("mapi_gateway_upstream_request_seconds", "type" => kind, "outcome" => outcome)
                .record(began.elapsed());
            match exchanged {
                Ok(received) => {
                    flight.ticket = None;
                    self.learn_server(received.head.header(header::X_SERVER_APPLICATION));
                    let response = Response { head: received.head, entity: received.entity };
                    let done = self.context().accept(request.ticket, &response);
                    self.changed.send_replace(());
                    return Ok(done?);
                }
                Err(ExchangeError::NotSent(why)) => {
                    flight.left = false;
                    if retry == retries {
                        return Err(ClientError::Unreachable(why));
                    }
                    tracing::debug!(kind = %request.kind, retry, why, "request did not leave");
                    self.counters().count_retry();
                    metrics::counter!("mapi_gateway_upstream_retries_total").increment(1);
                    tokio::time::sleep(self.settings.retry.pause(retry)).await;
                    retry += 1;
                }
                Err(ExchangeError::Unknown(why)) => return Err(ClientError::OutcomeUnknown(why)),
                Err(ExchangeError::TooSlow(limit)) => return Err(ClientError::TooSlow(limit)),
                Err(ExchangeError::Auth(error)) => {
                    flight.left = false;
                    return Err(ClientError::Unauthorized(error));
                }
                Err(ExchangeError::Invalid(why)) => {
                    flight.left = false;
                    return Err(ClientError::Configuration(why));
                }
            }
        }
    }

    /// What the server calls itself, if it ever did.
    pub(crate) fn server(&self) -> Option<String> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn_server(&self, name: Option<&str>) {
        let mut known = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if let (None, Some(name)) = (&*known, name) {
            *known = Some(name.chars().filter(|c| !c.is_control()).take(MAX_SERVER_NAME).collect());
        }
    }

    /// Never held across an await.
    fn context(&self) -> MutexGuard<'_, SessionContext> {
        self.context.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way. Dropped before its answer came, it tells the session what is known of it.
struct Flight<'a> {
    channel: &'a Channel,
    ticket: Option<Ticket>,
    left: bool,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        if self.left {
            self.channel.context().abandon(ticket);
        } else {
            self.channel.context().unsent(ticket);
        }
        self.channel.changed.send_replace(());
    }
}

fn transport(settings: &ClientSettings, url: &EndpointUrl) -> Transport {
    let counters = settings.counters.clone();
    Transport::new(url.clone(), settings.tls.clone(), settings.credentials.clone(), settings.timeouts, counters)
}

fn random_guid() -> Guid {
    Guid(rand::random())
}

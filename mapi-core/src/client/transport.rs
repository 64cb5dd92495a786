use std::sync::Arc;

use bytes::Bytes;
use tokio::time::timeout;

use super::connection::Connection;
use super::exchange::{ExchangeError, Outgoing, Received};
use super::{Counters, EndpointUrl, Timeouts, Tls};
use crate::auth::{AuthError, AuthStep, Credentials};
use crate::session::ResponseHead;

/// Rounds of 401 and answer that a scheme may take.
const MAX_AUTH_ROUNDS: usize = 6;

/// One connection at a time to one host, authenticated as one identity.
pub(crate) struct Transport {
    url: EndpointUrl,
    tls: Tls,
    credentials: Arc<dyn Credentials>,
    timeouts: Timeouts,
    counters: Arc<Counters>,
    connection: Option<Connection>,
}

impl Transport {
    pub(crate) fn new(
        url: EndpointUrl,
        tls: Tls,
        credentials: Arc<dyn Credentials>,
        timeouts: Timeouts,
        counters: Arc<Counters>,
    ) -> Self {
        Self { url, tls, credentials, timeouts, counters, connection: None }
    }

    /// Closes the connection, if there is one.
    pub(crate) fn close(&mut self) {
        self.connection = None;
    }

    /// Makes a request within the time that it allows. Given up or dropped on the way, the connection is closed.
    pub(crate) async fn exchange(&mut self, request: &Outgoing<'_>) -> Result<Received, ExchangeError> {
        let limit = request.limit;
        match timeout(limit, self.exchange_unlimited(request)).await {
            Ok(done) => done,
            Err(_) => Err(ExchangeError::TooSlow(limit)),
        }
    }

    /// Makes a GET request on a connection of its own, without the request's body and without credentials, whatever the
    /// server answers.
    pub(crate) async fn get_without_credentials(&mut self, request: &Outgoing<'_>) -> Result<Received, ExchangeError> {
        let limit = request.limit;
        let get = async { self.open().await?.get(request, &self.timeouts).await };
        match timeout(limit, get).await {
            Ok(done) => done,
            Err(_) => Err(ExchangeError::TooSlow(limit)),
        }
    }

    async fn exchange_unlimited(&mut self, request: &Outgoing<'_>) -> Result<Received, ExchangeError> {
        // Out of `self` while in use: whatever ends this future early also closes the connection.
        if let Some(mut connection) = self.connection.take()
            && connection.is_usable(self.timeouts.idle).await
        {
            match self.authenticated(connection, request).await {
                // The server closed it in the meantime, as servers do, or forgot who speaks on it: once more on a fresh one.
                Err(Failure::Cut | Failure::Other(ExchangeError::NotSent(_))) => {
                    tracing::debug!("kept connection was of no use");
                }
                done => return done.map_err(Failure::into_error),
            }
        }
        let connection = self.open().await?;
        match self.authenticated(connection, request).await {
            // Servers may close after their first 401; what they offer is known now. Closing again, they would never stop.
            Err(Failure::Cut) => {
                let connection = self.open().await?;
                self.authenticated(connection, request).await.map_err(Failure::into_error)
            }
            done => done.map_err(Failure::into_error),
        }
    }

    async fn open(&mut self) -> Result<Connection, ExchangeError> {
        Connection::open(&self.url, &self.tls, &*self.credentials, self.timeouts.connect, &self.counters).await
    }

    async fn authenticated(&mut self, mut connection: Connection, request: &Outgoing<'_>) -> Result<Received, Failure> {
        let bare = Outgoing { body: Bytes::new(), ..*request };
        let (scheme, channel) = connection.auth();
        let mut step = scheme.start(channel);
        for _ in 0..MAX_AUTH_ROUNDS {
            if matches!(step, AuthStep::Fetch) {
                let (scheme, channel) = connection.auth();
                step = scheme.fetch(channel).await;
            }
            let (authorization, whole) = match step {
                AuthStep::Send(value) => (Some(value), true),
                AuthStep::Ask(value) => (value, false),
                AuthStep::Done => (None, true),
                AuthStep::Reconnect => {
                    return Err(ExchangeError::NotSent("the connection's authentication is forgotten".into()).into());
                }
                AuthStep::Failed(error) => return Err(ExchangeError::Auth(error).into()),
                AuthStep::Fetch => {
                    return Err(ExchangeError::NotSent("what authentication needs was not there twice".into()).into());
                }
            };
            let sent = if whole { request } else { &bare };
            let received = match connection.exchange(sent, authorization.as_ref(), &self.timeouts).await {
                // Without its body the request cannot have run.
                Err(ExchangeError::Unknown(why)) if !whole => return Err(ExchangeError::NotSent(why).into()),
                done => done?,
            };
            let status = received.head.status;
            if status == 408 {
                // Sent for silence on an idle connection, before the request arrived: no answer to it.
                return Err(ExchangeError::NotSent("stale 408 on a kept connection".to_owned()).into());
            }
            let kept = received.reusable && !closes(&received.head);
            if status == 401 {
                let challenges: Vec<_> = received.head.all("WWW-Authenticate").map(str::to_owned).collect();
                let (scheme, channel) = connection.auth();
                step = scheme.step(&challenges, channel);
                if !kept && matches!(step, AuthStep::Send(_) | AuthStep::Ask(_) | AuthStep::Fetch) {
                    return Err(Failure::Cut);
                }
                continue;
            }
            let answers: Vec<_> = received.head.all("WWW-Authenticate").map(str::to_owned).collect();
            let (scheme, channel) = connection.auth();
            if let Err(error) = scheme.served(&answers, channel) {
                // Somebody served the request, if it was whole, but it is not known who.
                return Err(ExchangeError::Unknown(error.to_string()).into());
            }
            if !whole && (200..300).contains(&status) {
                // A server that wants no authentication: now the request itself.
                step = AuthStep::Done;
            } else {
                self.connection = kept.then_some(connection);
                return Ok(received);
            }
        }
        Err(ExchangeError::Auth(AuthError::Refused).into())
    }
}

/// Why a request got no answer over one connection.
enum Failure {
    /// The server closes the connection although authentication is to go on.
    Cut,
    Other(ExchangeError),
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        Self::Other(error)
    }
}

impl Failure {
    fn into_error(self) -> ExchangeError {
        match self {
            Self::Cut => ExchangeError::Auth(AuthError::ConnectionClosed),
            Self::Other(error) => error,
        }
    }
}

fn closes(head: &ResponseHead) -> bool {
    head.all("Connection").flat_map(|value| value.split(',')).any(|option| option.trim().eq_ignore_ascii_case("close"))
}

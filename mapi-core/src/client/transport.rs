use std::sync::Arc;

use bytes::Bytes;
use tokio::time::timeout;

use super::connection::Connection;
use super::{Counters, EndpointUrl, Timeouts, Tls};
use crate::auth::{AuthError, AuthStep, Credentials};
use crate::http::Entity;
use crate::session::ResponseHead;

/// Rounds of 401 and answer that a scheme may take.
const MAX_AUTH_ROUNDS: usize = 6;

/// A POST to be made.
pub(crate) struct Outgoing<'a> {
    pub(crate) target: &'a str,
    pub(crate) headers: &'a [(&'static str, String)],
    pub(crate) body: Bytes,
    /// Bound of a binary body.
    pub(crate) max_body: usize,
    /// Bound of any other body.
    pub(crate) max_text: usize,
}

/// What came back.
pub(crate) struct Received {
    pub(crate) head: ResponseHead,
    /// The entity, if the head says that it is one.
    pub(crate) entity: Option<Entity>,
    /// Any other body.
    pub(crate) text: Vec<u8>,
    /// Whether the connection can go on.
    pub(super) reusable: bool,
    /// Whether `text` is all of it.
    pub(crate) complete: bool,
}

/// Why nothing came back.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// The server cannot have got the request whole.
    NotSent(String),
    /// The server may have got it.
    Unknown(String),
    /// Authentication failed; nothing ran.
    Auth(AuthError),
    /// There is no such request.
    Invalid(String),
}

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

    /// Makes a request. Dropped on the way, the connection is closed.
    pub(crate) async fn exchange(&mut self, request: &Outgoing<'_>) -> Result<Received, ExchangeError> {
        let limit = self.timeouts.request;
        match timeout(limit, self.exchange_unlimited(request)).await {
            Ok(done) => done,
            Err(_) => Err(ExchangeError::Unknown(format!("no whole answer within {limit:?}"))),
        }
    }

    async fn exchange_unlimited(&mut self, request: &Outgoing<'_>) -> Result<Received, ExchangeError> {
        // Out of `self` while in use: whatever ends this future early also closes the connection.
        if let Some(mut connection) = self.connection.take()
            && connection.is_usable(self.timeouts.idle).await
        {
            match self.authenticated(connection, request).await {
                // The server closed it in the meantime, as servers do: once more on a fresh one.
                Err(ExchangeError::NotSent(why)) => tracing::debug!(why, "kept connection was closed"),
                done => return done,
            }
        }
        let open = Connection::open(&self.url, &self.tls, &*self.credentials, self.timeouts.connect, &self.counters);
        let connection = open.await?;
        self.authenticated(connection, request).await
    }

    async fn authenticated(
        &mut self,
        mut connection: Connection,
        request: &Outgoing<'_>,
    ) -> Result<Received, ExchangeError> {
        let (scheme, channel) = connection.auth();
        let mut step = scheme.start(channel);
        for _ in 0..MAX_AUTH_ROUNDS {
            let authorization = match step {
                AuthStep::Send(value) => Some(value),
                AuthStep::Done => None,
                AuthStep::Failed(error) => return Err(ExchangeError::Auth(error)),
            };
            let received = connection.exchange(request, authorization.as_ref(), &self.timeouts).await?;
            if received.head.status == 408 {
                // Sent for silence on an idle connection, before the request arrived: no answer to it.
                return Err(ExchangeError::NotSent("stale 408 on a kept connection".to_owned()));
            }
            if received.head.status != 401 {
                self.connection = received.reusable.then_some(connection);
                return Ok(received);
            }
            let challenges: Vec<_> = received.head.all("WWW-Authenticate").map(str::to_owned).collect();
            let (scheme, channel) = connection.auth();
            step = scheme.step(&challenges, channel);
        }
        Err(ExchangeError::Auth(AuthError::Refused))
    }
}

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mail_core::listener::proxy::{self, Header};
use mail_core::listener::{Admission, Counted, TlsMode, accept};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::ServerConfig;
use super::connection::Connection;
use crate::submit::Submit;

/// How long a client that is not let in may take to read why.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// How long a proxy may take to say who the client is.
const PROXY_TIME: Duration = Duration::from_secs(5);
const TOO_MANY: &str = "421 4.7.0 Too many connections, try again later";

/// An SMTP submission server in front of a backend.
#[derive(Clone)]
pub struct Server {
    config: Arc<ServerConfig>,
    backend: Arc<dyn Submit>,
    /// What connections get that are still to come.
    latest: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Server {
    /// A server that listens nowhere yet. It can serve several listeners.
    pub fn new(config: ServerConfig, backend: Arc<dyn Submit>) -> Self {
        let config = Arc::new(with_starttls(config));
        let latest = Arc::new(RwLock::new(Arc::clone(&config)));
        Self { config, backend, latest }
    }

    /// From now on connections are served so; those that are open go on as they are.
    pub fn set_config(&self, config: ServerConfig) {
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(with_starttls(config));
    }

    /// Serves until `shutdown` holds `true` or its sender is gone; then accepts nothing more, says `421` to idle clients,
    /// lets a running submission end, and returns when the last connection is closed. Dropping the future cuts them off.
    pub async fn serve(&self, listener: TcpListener, shutdown: watch::Receiver<bool>) {
        let mut stopping = shutdown.clone();
        let mut connections = JoinSet::new();
        let start = |stream, address, connections: &mut _| {
            self.latest().start(connections, stream, address, &shutdown);
        };
        accept(listener, &mut stopping, &mut connections, start).await;
        while connections.join_next().await.is_some() {}
    }

    fn latest(&self) -> Self {
        let config = Arc::clone(&self.latest.read().unwrap_or_else(PoisonError::into_inner));
        Self { config, ..self.clone() }
    }

    fn start(
        &self,
        connections: &mut JoinSet<()>,
        stream: TcpStream,
        address: SocketAddr,
        shutdown: &watch::Receiver<bool>,
    ) {
        let (client, user, device) = (tracing::field::Empty, tracing::field::Empty, tracing::field::Empty);
        let span = tracing::info_span!("smtp", peer = %address, client, user, device);
        // Who comes by no proxy is known at once, and can go for the next one.
        let is_proxy = self.config.access.is_proxy(address.ip());
        let admitted = self.config.gate.admit();
        let Some(admission) = admitted.and_then(|mut one| (is_proxy || one.at(address.ip())).then_some(one)) else {
            Counted::refused(&self.config.name);
            span.in_scope(|| tracing::info!("refused: too many connections"));
            // This task is not counted, but it lives a second at most.
            let server = self.clone();
            connections.spawn(async move { server.refuse(stream, TOO_MANY).await });
            return;
        };
        let server = self.clone();
        let shutdown = shutdown.clone();
        connections
            .spawn(async move { server.connection(stream, address, shutdown, admission).await }.instrument(span));
    }

    async fn connection(
        self,
        mut stream: TcpStream,
        address: SocketAddr,
        shutdown: watch::Receiver<bool>,
        mut admission: Admission,
    ) {
        let _counted = Counted::at(&self.config.name);
        let client = match self.client(&mut stream, address).await {
            Ok(client) => client,
            Err(error) => return tracing::warn!(%error, "no PROXY protocol header"),
        };
        tracing::Span::current().record("client", tracing::field::display(client.0));
        if let Err(why) = self.judge(client, &mut admission) {
            Counted::refused(&self.config.name);
            tracing::warn!(why, "client sent away");
            return self.refuse(stream, why).await;
        }
        tracing::debug!("connected");
        let connection = Connection::new(&self.config, &*self.backend, client, shutdown, admission);
        match connection.run(stream).await {
            Ok(()) => tracing::debug!("closed"),
            Err(error) => tracing::debug!(%error, "connection lost"),
        }
    }

    /// Where the client is; `false` if that is only where a proxy is that speaks for itself.
    async fn client(&self, stream: &mut TcpStream, address: SocketAddr) -> io::Result<(SocketAddr, bool)> {
        stream.set_nodelay(true)?;
        if !self.config.access.is_proxy(address.ip()) {
            return Ok((address, true));
        }
        let source = tokio::time::timeout(PROXY_TIME, proxy_header(stream)).await??;
        Ok(source.map_or((address, false), |source| (source, true)))
    }

    fn judge(&self, (client, known): (SocketAddr, bool), admission: &mut Admission) -> Result<(), &'static str> {
        if !known {
            // A proxy that asks how we are is no client.
            return Ok(());
        }
        let access = &self.config.access;
        if !access.allows(client.ip()) {
            return Err("554 5.7.1 Not from your network");
        }
        let rate = access.connections.as_ref();
        if rate.is_some_and(|rate| !rate.take(client.ip(), std::time::Instant::now()))
            || !(admission.is_known() || admission.at(client.ip()))
        {
            return Err(TOO_MANY);
        }
        Ok(())
    }

    /// Says why a client is not let in, if it would understand.
    async fn refuse(&self, mut stream: TcpStream, why: &str) {
        if matches!(self.config.tls, TlsMode::Implicit(_)) {
            return;
        }
        let goodbye = async {
            stream.write_all(format!("{why}\r\n").as_bytes()).await?;
            stream.shutdown().await
        };
        // Nothing follows from a client that does not listen.
        let _: Result<io::Result<()>, _> = tokio::time::timeout(REFUSAL_TIME, goodbye).await;
    }
}

/// STARTTLS is offered where it can be had.
fn with_starttls(mut config: ServerConfig) -> ServerConfig {
    config.policy.starttls = matches!(config.tls, TlsMode::StartTls(_));
    config
}

/// Reads the header that a proxy sends first, and not a byte more.
async fn proxy_header(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut bytes = Vec::new();
    loop {
        match proxy::parse(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
            Header::Complete { source, .. } => return Ok(source),
            Header::Partial(more) => {
                let start = bytes.len();
                bytes.resize(start + more, 0);
                stream.read_exact(&mut bytes[start..]).await?;
            }
        }
    }
}

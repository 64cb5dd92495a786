use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::admission::Admitted;
use super::connection::Connection;
use super::{ServerConfig, TlsMode};
use crate::submit::Submit;

/// How long to wait when connections can't be accepted, for example because files are used up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a client that is not let in may take to read why.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// An SMTP submission server in front of a backend.
#[derive(Clone)]
pub struct Server {
    config: Arc<ServerConfig>,
    backend: Arc<dyn Submit>,
}

impl Server {
    /// A server that listens nowhere yet. It can serve several listeners.
    pub fn new(mut config: ServerConfig, backend: Arc<dyn Submit>) -> Self {
        config.policy.starttls = matches!(config.tls, TlsMode::StartTls(_));
        Self { config: Arc::new(config), backend }
    }

    /// Serves until `shutdown` holds `true` or its sender is gone; then accepts nothing more, says `421` to idle clients,
    /// lets a running submission end, and returns when the last connection is closed. Dropping the future cuts them off.
    pub async fn serve(&self, listener: TcpListener, shutdown: watch::Receiver<bool>) {
        let mut stopping = shutdown.clone();
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stopped(&mut stopping) => break,
                accepted = listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, address)) => self.start(&mut connections, stream, address, &shutdown),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    if !is_peers_fault(&error) {
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    fn start(
        &self,
        connections: &mut JoinSet<()>,
        stream: TcpStream,
        address: SocketAddr,
        shutdown: &watch::Receiver<bool>,
    ) {
        let span = tracing::info_span!("smtp", peer = %address);
        let Some(admitted) = self.config.admission.admit(address.ip()) else {
            span.in_scope(|| tracing::warn!("too many connections"));
            // This task is not counted, but it lives a second at most.
            let plain = !matches!(self.config.tls, TlsMode::Implicit(_));
            connections.spawn(async move {
                if plain {
                    let _ = tokio::time::timeout(REFUSAL_TIME, refuse(stream)).await;
                }
            });
            return;
        };
        let server = self.clone();
        let shutdown = shutdown.clone();
        connections.spawn(async move { server.connection(stream, address, shutdown, admitted).await }.instrument(span));
    }

    async fn connection(
        self,
        stream: TcpStream,
        address: SocketAddr,
        shutdown: watch::Receiver<bool>,
        _admitted: Admitted,
    ) {
        tracing::debug!("connected");
        let connection = Connection::new(&self.config, &*self.backend, address, shutdown);
        match connection.run(stream).await {
            Ok(()) => tracing::debug!("closed"),
            Err(error) => tracing::debug!(%error, "connection lost"),
        }
    }
}

/// Waits until the server is told to stop.
pub(super) async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could say it: stop too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(b"421 4.7.0 Too many connections, try again later\r\n").await?;
    stream.shutdown().await
}

/// Errors of one connection attempt; accept(2) reports them, the next one may be fine.
fn is_peers_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

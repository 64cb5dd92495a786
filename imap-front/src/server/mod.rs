//! The async shell around [`crate::session`]: listeners, TLS, bounded connections, timeouts, and the calls to the store.

mod calls;
mod config;
mod connection;
mod gate;
mod stream;

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::Instrument;

use crate::store::{MailStore, Peer};

pub use crate::session::Limits;
pub use config::{ConfigError, ServerConfig, TlsMode};
pub use gate::Gate;

use connection::Connection;
use stream::Stream;

/// How long to wait after accepting failed, which it does when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An IMAP server; may serve several listeners. Listeners that use TLS differently need servers of their own, which may
/// share a [`Gate`].
pub struct Server {
    config: ServerConfig,
    session: Arc<crate::session::SessionConfig>,
    acceptor: Option<TlsAcceptor>,
    store: Arc<dyn MailStore>,
}

impl Server {
    /// A server of `store`.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration contradicts itself.
    pub fn new(config: ServerConfig, store: Arc<dyn MailStore>) -> Result<Self, ConfigError> {
        let acceptor = match (config.tls, &config.tls_config) {
            (TlsMode::None, _) => None,
            (_, Some(tls)) => Some(TlsAcceptor::from(tls.clone())),
            (_, None) => return Err(ConfigError::NoTlsConfig),
        };
        let session = Arc::new(config.session());
        Ok(Self { config, session, acceptor, store })
    }

    /// Accepts and serves connections until `shutdown` is done. Then every client is told to go, once its command is
    /// done; what is still there after [`ServerConfig::shutdown_grace`] is cut off.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((socket, address)) => self.clone().admit(socket, address, &stopping, &mut connections),
                    Err(error) => {
                        tracing::warn!(%error, "accepting a connection failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        // Nobody receives it if there is no connection.
        let _ = stop.send(true);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.config.shutdown_grace, all).await.is_err() {
            connections.abort_all();
        }
    }

    fn admit(
        self: Arc<Self>,
        socket: TcpStream,
        address: SocketAddr,
        stopping: &watch::Receiver<bool>,
        connections: &mut JoinSet<()>,
    ) {
        let Some(admission) = self.config.gate.admit(address.ip()) else {
            tracing::debug!(%address, "too many connections");
            if self.config.tls != TlsMode::Implicit {
                // Fits into the socket's empty buffer; if it does not, closing says enough.
                let _ =
                    socket.into_std().and_then(|mut socket| socket.write(b"* BYE [LIMIT] Too many connections\r\n"));
            }
            return;
        };
        let span = tracing::info_span!("imap", id = admission.id(), peer = %address);
        let stopping = stopping.clone();
        let task = async move {
            tracing::debug!("connected");
            match self.run(socket, address, admission, stopping).await {
                Ok(()) => tracing::debug!("closed"),
                Err(error) => tracing::debug!(%error, "ended"),
            }
        };
        connections.spawn(task.instrument(span));
    }

    async fn run(
        &self,
        socket: TcpStream,
        address: SocketAddr,
        admission: gate::Admission,
        stopping: watch::Receiver<bool>,
    ) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let encrypted = self.config.tls == TlsMode::Implicit;
        let mut stream = Stream::Plain(socket);
        if encrypted && let Some(acceptor) = &self.acceptor {
            let handshake = stream.start_tls(acceptor);
            stream = tokio::time::timeout(self.config.limits.login_timeout, handshake).await??;
        }
        Connection {
            stream,
            acceptor: self.acceptor.clone(),
            store: self.store.clone(),
            peer: Peer { address, encrypted },
            config: self.session.clone(),
            write_timeout: self.config.write_timeout,
            admission,
            stopping,
        }
        .run()
        .await
    }
}

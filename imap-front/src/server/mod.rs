//! The async shell around [`crate::session`]: listeners, TLS, bounded connections, timeouts, and the calls to the store.

mod bounds;
mod calls;
mod compression;
mod config;
mod connection;
mod served;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mail_core::listener::{Admission, Counted, Stream, TlsMode, accept};
use mail_core::{Accepts, Peer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

use crate::session::SessionConfig;
use crate::store::MailStore;

pub use crate::session::Limits;
pub use config::ServerConfig;

use bounds::Bounds;
use connection::Connection;

/// How long clients have, of the time in which commands may go on, to hear that theirs is cut off.
const FAREWELL: Duration = Duration::from_secs(1);

/// An IMAP server in front of a store. It can serve several listeners; those that use TLS differently need servers of
/// their own, which may share a [`Gate`](mail_core::listener::Gate).
#[derive(Clone)]
pub struct Server {
    config: Arc<ServerConfig>,
    session: Arc<SessionConfig>,
    store: Arc<dyn MailStore>,
    /// What connections get that are still to come.
    latest: Arc<RwLock<Configs>>,
}

type Configs = (Arc<ServerConfig>, Arc<SessionConfig>);

impl Server {
    /// A server that listens nowhere yet.
    pub fn new(config: ServerConfig, store: Arc<dyn MailStore>) -> Self {
        let session = Arc::new(config.session());
        let config = Arc::new(config);
        let latest = Arc::new(RwLock::new((Arc::clone(&config), Arc::clone(&session))));
        Self { config, session, store, latest }
    }

    /// From now on connections are served so; those that are open go on as they are.
    pub fn set_config(&self, config: ServerConfig) {
        let session = Arc::new(config.session());
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(config), session);
    }

    /// Serves until `shutdown` holds `true` or its sender is gone. Then nothing more is accepted and every client is told
    /// to go, once its command is done; whose command is not done within [`ServerConfig::shutdown_grace`] is told to go then. Dropping
    /// the future cuts off at once.
    pub async fn serve(&self, listener: TcpListener, shutdown: watch::Receiver<bool>) {
        let mut stopping = shutdown.clone();
        let mut connections = JoinSet::new();
        let (cut_off, cutting) = watch::channel(false);
        let admit = |socket, address, connections: &mut _| {
            self.latest().admit(socket, address, (&shutdown, &cutting), connections);
        };
        accept(listener, &mut stopping, &mut connections, admit).await;
        let grace = self.latest().config.shutdown_grace.saturating_sub(FAREWELL);
        if tokio::time::timeout(grace, ended(&mut connections)).await.is_err() {
            cut_off.send_replace(true);
            if tokio::time::timeout(FAREWELL, ended(&mut connections)).await.is_err() {
                connections.abort_all();
            }
        }
    }

    fn latest(&self) -> Self {
        let (config, session) = self.latest.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self { config, session, ..self.clone() }
    }

    fn admit(
        &self,
        socket: TcpStream,
        address: SocketAddr,
        (stopping, cutting): (&watch::Receiver<bool>, &watch::Receiver<bool>),
        connections: &mut JoinSet<()>,
    ) {
        let admitted = self.config.gate.admit();
        let Some(admission) = admitted.and_then(|mut one| one.at(address.ip()).then_some(one)) else {
            Counted::refused(&self.config.name);
            tracing::info!(peer = %address, "refused: too many connections");
            if !matches!(self.config.tls, TlsMode::Implicit(_)) {
                // Fits into the socket's empty buffer; if it does not, closing says enough.
                let _ =
                    socket.into_std().and_then(|mut socket| socket.write(b"* BYE [LIMIT] Too many connections\r\n"));
            }
            return;
        };
        let span = tracing::info_span!("imap", id = admission.id(), peer = %address, user = tracing::field::Empty);
        let server = self.clone();
        let (stopping, cutting) = (stopping.clone(), cutting.clone());
        let counted = Counted::at(&self.config.name);
        let task = async move {
            let _counted = counted;
            tracing::debug!("connected");
            match server.run(socket, address, admission, (stopping, cutting)).await {
                Ok(()) => tracing::debug!("closed"),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    tracing::info!("cut off: the client did not read what it asked for");
                }
                Err(error) => tracing::debug!(%error, "ended"),
            }
        };
        connections.spawn(task.instrument(span));
    }

    async fn run(
        self,
        socket: TcpStream,
        address: SocketAddr,
        admission: Admission,
        (mut stopping, cutting): (watch::Receiver<bool>, watch::Receiver<bool>),
    ) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let mut stream = Stream::Plain(socket);
        let mut start_tls = None;
        let mut encrypted = false;
        match &self.config.tls {
            TlsMode::None => {}
            TlsMode::StartTls(tls) => start_tls = Some(tls.clone()),
            TlsMode::Implicit(tls) => {
                let deadline = Instant::now() + self.config.limits.login_timeout;
                stream = stream.encrypted(tls.clone(), deadline, &mut stopping, &admission).await?;
                encrypted = true;
            }
        }
        Connection {
            stream,
            inflater: None,
            start_tls,
            peer: Peer { address, encrypted },
            config: with_accepts(self.session, self.store.accepts()),
            store: self.store,
            write_timeout: self.config.write_timeout,
            bounds: Bounds {
                workers: self.config.workers.clone(),
                budget: self.config.budget.clone(),
                disk: self.config.disk.clone(),
                spool: self.config.spool.clone(),
            },
            admission,
            stopping,
            cutting,
        }
        .run()
        .await
    }
}

async fn ended(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

/// The configuration of a session in front of a store that accepts this. Mostly all sessions share one.
fn with_accepts(shared: Arc<SessionConfig>, accepts: Accepts) -> Arc<SessionConfig> {
    if shared.accepts == accepts { shared } else { Arc::new(SessionConfig { accepts, ..(*shared).clone() }) }
}

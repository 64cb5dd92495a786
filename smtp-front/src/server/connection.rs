use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_rustls::{TlsAcceptor, rustls};
use tracing::Instrument;
use zeroize::Zeroize;

use super::listen::stopped;
use super::{ServerConfig, TlsMode};
use crate::session::{Action, Session};
use crate::submit::{Credentials, Envelope, Peer, Submit, SubmitError, Submitter};

/// Read at once: one TLS record.
const READ_SIZE: usize = 16 * 1024;
/// How long the end of a connection may take.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// One connection and what it needs.
pub(super) struct Connection<'a> {
    config: &'a ServerConfig,
    backend: &'a dyn Submit,
    submitter: Option<Arc<dyn Submitter>>,
    peer: Peer,
    shutdown: watch::Receiver<bool>,
}

/// Why [`Connection::drive`] returned.
enum Next {
    Close,
    StartTls,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        config: &'a ServerConfig,
        backend: &'a dyn Submit,
        address: SocketAddr,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let encrypted = matches!(config.tls, TlsMode::Implicit(_));
        Self { config, backend, submitter: None, peer: Peer { address, encrypted }, shutdown }
    }

    /// Serves the client until one side closes.
    pub(super) async fn run(mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let start = Instant::now();
        if let TlsMode::Implicit(tls) = &self.config.tls {
            let mut stream = self.handshake(stream, tls, start).await?;
            let mut session = Session::new(self.config.policy.clone(), true, start.into_std());
            self.drive(&mut stream, &mut session).await?;
            return close(stream).await;
        }
        let mut session = Session::new(self.config.policy.clone(), false, start.into_std());
        let next = self.drive(&mut stream, &mut session).await?;
        let (Next::StartTls, TlsMode::StartTls(tls)) = (next, &self.config.tls) else {
            return close(stream).await;
        };
        let mut stream = self.handshake(stream, tls, start).await?;
        self.peer.encrypted = true;
        session.tls_started(Instant::now().into_std());
        self.drive(&mut stream, &mut session).await?;
        close(stream).await
    }

    async fn handshake(
        &mut self,
        stream: TcpStream,
        tls: &Arc<rustls::ServerConfig>,
        start: Instant,
    ) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
        let deadline = start + self.config.policy.login_time;
        tokio::select! {
            stream = TlsAcceptor::from(Arc::clone(tls)).accept(stream) => stream,
            () = tokio::time::sleep_until(deadline) => Err(io::ErrorKind::TimedOut.into()),
            () = stopped(&mut self.shutdown) => Err(io::Error::other("server is shutting down")),
        }
    }

    /// Does what the session wants until it wants to close or to start TLS, or the client is gone.
    async fn drive<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        session: &mut Session,
    ) -> io::Result<Next> {
        let mut buffer = vec![0; READ_SIZE];
        loop {
            while let Some(action) = session.poll(Instant::now().into_std()) {
                match action {
                    Action::Send(bytes) => self.send(stream, &bytes).await?,
                    Action::Login(credentials) => {
                        let result = self.login(credentials).await;
                        session.login_done(result, Instant::now().into_std());
                    }
                    Action::Submit(envelope, message) => {
                        let result = self.submit(envelope, message).await;
                        session.submit_done(result, Instant::now().into_std());
                    }
                    Action::StartTls => return Ok(Next::StartTls),
                    Action::Close => return Ok(Next::Close),
                }
            }
            let deadline = session.deadline().map(Instant::from_std);
            tokio::select! {
                biased;
                () = stopped(&mut self.shutdown) => session.shutdown(),
                () = sleep_until(deadline) => session.timeout(),
                count = stream.read(&mut buffer) => {
                    let bytes = &mut buffer[..count?];
                    if bytes.is_empty() {
                        return Ok(Next::Close);
                    }
                    session.receive(bytes, Instant::now().into_std());
                    bytes.zeroize();
                }
            }
        }
    }

    /// A client that doesn't read its replies is as idle as one that sends nothing.
    async fn send<S: AsyncWrite + Unpin>(&self, stream: &mut S, bytes: &[u8]) -> io::Result<()> {
        let write = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        timeout(self.config.policy.idle_time, write).await?
    }

    async fn login(&mut self, credentials: Credentials) -> Result<(), SubmitError> {
        let span = tracing::info_span!("command", verb = "AUTH", user = credentials.user);
        let login = self.backend.login(credentials, self.peer);
        self.submitter = Some(logged(login, "login").instrument(span).await?);
        Ok(())
    }

    async fn submit(&mut self, envelope: Envelope, message: bytes::Bytes) -> Result<(), SubmitError> {
        let Some(submitter) = &self.submitter else {
            return Err(SubmitError::Internal("nobody is logged in".to_owned()));
        };
        let span = tracing::info_span!(
            "command",
            verb = "DATA",
            recipients = envelope.recipients.len(),
            bytes = message.len()
        );
        logged(submitter.submit(envelope, message), "submission").instrument(span).await
    }
}

/// Waits for the backend and logs what it said.
async fn logged<T>(work: impl Future<Output = Result<T, SubmitError>>, what: &str) -> Result<T, SubmitError> {
    let result = work.await;
    match &result {
        Ok(_) => tracing::info!("{what} done"),
        Err(error) => tracing::warn!(%error, "{what} failed"),
    }
    result
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn close<S: AsyncWrite + Unpin>(mut stream: S) -> io::Result<()> {
    timeout(CLOSE_TIME, stream.shutdown()).await?
}

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::{ConnectionAuth, Service};

/// Accepts connections and serves them until it is told to stop.
pub struct Listener {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Listens on `address`; with `tls` every connection is encrypted from its start.
    ///
    /// # Errors
    /// What binding says, e.g. that the port is taken.
    pub async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, tls })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` changes or its sender goes; connections end with it.
    pub async fn run(self, service: Arc<Service>, mut stop: watch::Receiver<bool>) {
        loop {
            let stream = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        continue;
                    }
                },
                _ = stop.changed() => return,
            };
            let (service, stop, tls) = (service.clone(), stop.clone(), self.tls.clone());
            tokio::spawn(async move { connection(stream, tls, service, stop).await });
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, service: Arc<Service>, stop: watch::Receiver<bool>) {
    // Answers are small and waited for.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    match tls {
        None => serve(stream, ConnectionAuth::new(false), service, stop).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve(stream, ConnectionAuth::new(true), service, stop).await,
            Err(error) => tracing::debug!(%error, "TLS handshake failed"),
        },
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    auth: ConnectionAuth,
    service: Arc<Service>,
    mut stop: watch::Receiver<bool>,
) {
    let auth = Arc::new(auth);
    let handler = service_fn(move |mut request| {
        let service = service.clone();
        request.extensions_mut().insert(auth.clone());
        async move { service.handle(request).await }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new());
    let connection = server.serve_connection(TokioIo::new(stream), handler);
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "connection ended");
        },
        _ = stop.changed() => {}
    }
}

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mail_core::listener::{Admission, Gate, GateLimits, Stream, TlsMode, accept};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower_service::Service;

/// Connections at once; one that comes when there are so many makes the oldest go.
const CONNECTIONS: usize = 64;
/// Of one address.
const CONNECTIONS_PER_CLIENT: usize = 32;
/// Until the head of the request is there.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// For the whole of a connection, from TLS to the last byte of the answer.
const TIME: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;
/// Header fields of a request.
const HEADERS: usize = 64;

/// An HTTP listener that serves one request on each connection.
pub struct Listener {
    tls: TlsMode,
    router: Router,
    gate: Arc<Gate>,
}

impl Listener {
    /// A listener that serves `router`.
    pub fn new(tls: TlsMode, router: Router) -> Self {
        let limits = GateLimits {
            total: CONNECTIONS,
            per_client: CONNECTIONS_PER_CLIENT,
            waiting_per_client: CONNECTIONS_PER_CLIENT,
            ..GateLimits::default()
        };
        Self { tls, router, gate: Gate::new(limits) }
    }

    /// Serves until the gateway stops.
    pub async fn serve(self, listener: TcpListener, stopping: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let mut stop = stopping.clone();
        let start = |socket: TcpStream, address: SocketAddr, connections: &mut JoinSet<()>| {
            let Some(mut admission) = self.gate.admit() else { return };
            if !admission.at(address.ip()) {
                return;
            }
            let (tls, router, stopping) = (self.tls.clone(), self.router.clone(), stopping.clone());
            connections.spawn(async move {
                let deadline = Instant::now() + TIME;
                let told_to_go = admission.told_to_go();
                let serving = serve_one(socket, address, (tls, router), stopping, &admission, deadline);
                tokio::select! {
                    () = serving => {}
                    () = told_to_go => {}
                    () = tokio::time::sleep_until(deadline) => {}
                }
            });
        };
        accept(listener, &mut stop, &mut connections, start).await;
        // Nobody waits for more than a page.
        connections.abort_all();
    }
}

async fn serve_one(
    socket: TcpStream,
    address: SocketAddr,
    (tls, router): (TlsMode, Router),
    mut stopping: watch::Receiver<bool>,
    admission: &Admission,
    deadline: Instant,
) {
    let mut stream = Stream::Plain(socket);
    if let TlsMode::Implicit(config) | TlsMode::StartTls(config) = tls {
        match stream.encrypted(config, deadline, &mut stopping, admission).await {
            Ok(encrypted) => stream = encrypted,
            Err(error) => return tracing::debug!(%error, peer = %address, "no TLS"),
        }
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        let request = request.map(Body::new);
        async move {
            let answer: Result<_, Infallible> = router.call(request).await;
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, peer = %address, "an HTTP connection ended");
    }
}

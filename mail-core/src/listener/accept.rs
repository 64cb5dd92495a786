use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::stopped;

/// How long to wait when connections can't be accepted, for example because file descriptors have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the server stops (see [`stopped`]), and then no more: `start` begins to serve each of them among
/// `connections`. Dropping the future stops accepting.
pub async fn accept(
    listener: TcpListener,
    stopping: &mut watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
    mut start: impl FnMut(TcpStream, SocketAddr, &mut JoinSet<()>),
) {
    loop {
        let accepted = tokio::select! {
            () = stopped(stopping) => return,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, address)) => start(stream, address, connections),
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                if !is_peers_fault(&error) {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Errors of one connection attempt; accept(2) reports them, the next one may be fine.
fn is_peers_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, rustls};

use super::{Admission, stopped};

/// A connection, encrypted or not. What goes through it, without what TLS adds, is counted in
/// `mapi_gateway_client_bytes_total`.
#[derive(Debug)]
pub enum Stream {
    /// Not encrypted, or not yet.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Negotiates TLS, until `deadline` at most, while the server does not stop (see [`stopped`]) and the connection need not
    /// go for another one.
    ///
    /// # Errors
    /// Those of the handshake; [`io::ErrorKind::TimedOut`]; the server stops, the connection has to go, or TLS is active
    /// already.
    pub async fn encrypted(
        self,
        config: Arc<rustls::ServerConfig>,
        deadline: Instant,
        stopping: &mut watch::Receiver<bool>,
        admission: &Admission,
    ) -> io::Result<Self> {
        let Self::Plain(socket) = self else { return Err(io::Error::other("TLS is active already")) };
        tokio::select! {
            stream = TlsAcceptor::from(config).accept(socket) => Ok(Self::Tls(Box::new(stream?))),
            () = tokio::time::sleep_until(deadline) => Err(io::ErrorKind::TimedOut.into()),
            () = admission.told_to_go() => Err(io::Error::other("too many connections")),
            () = stopped(stopping) => Err(io::Error::other("server is shutting down")),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        let count = buffer.filled().len().saturating_sub(before) as u64;
        if count > 0 {
            metrics::counter!("mapi_gateway_client_bytes_total", "direction" => "received").increment(count);
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        if let Poll::Ready(Ok(count)) = written {
            metrics::counter!("mapi_gateway_client_bytes_total", "direction" => "sent").increment(count as u64);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

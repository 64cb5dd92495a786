use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mapi_core::client::AnyCertificate;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::{Config, ListenerTls};

/// A gateway that lives says so within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest greeting read.
const MAX_GREETING: usize = 512;

/// Why the gateway isn't well.
#[derive(Debug, Error)]
pub enum HealthError {
    /// The first listener has port 0: where it listens is known only to the running gateway.
    #[error("{0}: port 0 is another port at each start: choose one")]
    NoPort(&'static str),
    /// No connection, or it broke off.
    #[error("{key} at {address}: {error}")]
    Connection {
        /// The listener.
        key: &'static str,
        /// Where it was tried.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// Nothing came within five seconds.
    #[error("{key} at {address}: no greeting within {} s", PATIENCE.as_secs())]
    Silent {
        /// The listener.
        key: &'static str,
        /// Where it was tried.
        address: SocketAddr,
    },
    /// Something came, but not a greeting of one who is ready.
    #[error("{key} at {address}: not ready, it says `{greeting}`")]
    NotReady {
        /// The listener.
        key: &'static str,
        /// Where it was tried.
        address: SocketAddr,
        /// What came.
        greeting: String,
    },
    /// TLS could not be set up here.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Asks the gateway that runs with `config` on this machine whether it is alive: connects to its first listener and waits
/// for the greeting. The address that answered.
///
/// # Errors
/// See [`HealthError`].
pub async fn health(config: &Config) -> Result<SocketAddr, HealthError> {
    let imap = config.imap.listener.first();
    let imap = imap.map(|listener| ("imap.listener[0]", listener.address.0, listener.tls, Protocol::Imap));
    let smtp = config.smtp.listener.first();
    let smtp = smtp.map(|listener| ("smtp.listener[0]", listener.address.0, listener.tls, Protocol::Smtp));
    // A configuration without any listener is refused when it is read.
    let (key, address, tls, protocol) = imap.or(smtp).ok_or(HealthError::NoPort("imap.listener"))?;
    if address.port() == 0 {
        return Err(HealthError::NoPort(key));
    }
    let mut result = Err(HealthError::NoPort(key));
    for address in reachable(address) {
        let asked = tokio::time::timeout(PATIENCE, ask(address, tls, protocol)).await;
        result = match asked {
            Ok(Ok(greeting)) if greeting.starts_with(protocol.ready()) => return Ok(address),
            Ok(Ok(greeting)) => Err(HealthError::NotReady { key, address, greeting }),
            Ok(Err(error)) => Err(HealthError::Connection { key, address, error }),
            Err(_) => Err(HealthError::Silent { key, address }),
        };
    }
    result
}

#[derive(Debug, Clone, Copy)]
enum Protocol {
    Imap,
    Smtp,
}

impl Protocol {
    /// RFC 9051 7.1, RFC 5321 4.2.
    fn ready(self) -> &'static str {
        match self {
            Self::Imap => "* OK",
            Self::Smtp => "220",
        }
    }

    fn goodbye(self) -> &'static [u8] {
        match self {
            Self::Imap => b"h LOGOUT\r\n",
            Self::Smtp => b"QUIT\r\n",
        }
    }
}

/// Where a listener of this address can be reached from the same machine.
fn reachable(address: SocketAddr) -> Vec<SocketAddr> {
    let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    let hosts = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => vec![v4],
        // It usually takes IPv4, too; and ::1 may be missing in containers.
        IpAddr::V6(ip) if ip.is_unspecified() => vec![v6, v4],
        ip => vec![ip],
    };
    hosts.into_iter().map(|ip| SocketAddr::new(ip, address.port())).collect()
}

async fn ask(address: SocketAddr, tls: ListenerTls, protocol: Protocol) -> std::io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    if tls != ListenerTls::Implicit {
        return greeting(stream, protocol).await;
    }
    let config = anything().map_err(std::io::Error::other)?;
    let name = ServerName::IpAddress(address.ip().into());
    greeting(TlsConnector::from(config).connect(name, stream).await?, protocol).await
}

async fn greeting(mut stream: impl AsyncRead + AsyncWrite + Unpin, protocol: Protocol) -> std::io::Result<String> {
    let mut line = Vec::new();
    while line.len() < MAX_GREETING {
        match stream.read_u8().await? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    // So that its log shows no connection that broke off; whether it hears that is not the question.
    drop(stream.write_all(protocol.goodbye()).await);
    drop(stream.flush().await);
    Ok(String::from_utf8_lossy(&line).trim_end().chars().filter(|c| !c.is_control()).collect())
}

/// TLS that takes any certificate: the gateway's own is for other names than the loopback's, and nothing secret is said.
fn anything() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let verifier = Arc::new(AnyCertificate::new(provider));
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_everywhere_are_reached_over_loopback() {
        let reach = |address: &str| -> Vec<String> {
            reachable(address.parse().expect("an address")).iter().map(ToString::to_string).collect()
        };
        assert_eq!(reach("0.0.0.0:993"), ["127.0.0.1:993"]);
        assert_eq!(reach("[::]:993"), ["[::1]:993", "127.0.0.1:993"]);
        assert_eq!(reach("192.0.2.1:143"), ["192.0.2.1:143"]);
    }
}

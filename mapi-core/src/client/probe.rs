use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{EndpointUrl, Tls};

/// What a server shows before anything is asked of it.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The address that answered.
    pub address: SocketAddr,
    /// What the handshake showed; `None` for plain http.
    pub tls: Option<ProbedTls>,
}

/// What a TLS handshake showed.
#[derive(Debug, Clone)]
pub struct ProbedTls {
    /// The protocol version, such as `TLSv1_3`.
    pub version: String,
    /// DER of the server's certificate.
    pub certificate: Vec<u8>,
}

/// Where a connection failed.
#[derive(Debug, Clone)]
pub enum ProbeError {
    /// The host's name has no address.
    Name(String),
    /// No address of the host takes TCP connections.
    Connect(String),
    /// TLS failed.
    Tls(rustls::Error),
    /// The connection ended within the handshake.
    Handshake(String),
    /// Nothing came of it within this time.
    Timeout(Duration),
}

/// Connects to the host of `url` as a client would, says nothing, and hangs up.
///
/// # Errors
/// See [`ProbeError`].
pub async fn probe(url: &EndpointUrl, tls: &Tls, limit: Duration) -> Result<Probe, ProbeError> {
    timeout(limit, connect(url, tls)).await.map_err(|_| ProbeError::Timeout(limit))?
}

async fn connect(url: &EndpointUrl, tls: &Tls) -> Result<Probe, ProbeError> {
    let found = tokio::net::lookup_host((url.host(), url.port())).await;
    let addresses: Vec<SocketAddr> = found.map_err(|error| ProbeError::Name(error.to_string()))?.collect();
    let tcp = TcpStream::connect(addresses.as_slice()).await;
    let tcp = tcp.map_err(|error| ProbeError::Connect(error.to_string()))?;
    let address = tcp.peer_addr().map_err(|error| ProbeError::Connect(error.to_string()))?;
    if !url.is_tls() {
        return Ok(Probe { address, tls: None });
    }
    let name = ServerName::try_from(url.host().to_owned()).map_err(|error| ProbeError::Handshake(error.to_string()))?;
    let stream = tls.connector().connect(name, tcp).await.map_err(|error| {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        cause.map_or_else(|| ProbeError::Handshake(error.to_string()), |cause| ProbeError::Tls(cause.clone()))
    })?;
    let session = stream.get_ref().1;
    let version = session.protocol_version().map(|version| format!("{version:?}")).unwrap_or_default();
    let first = session.peer_certificates().and_then(<[_]>::first);
    let certificate = first.map(|first| first.as_ref().to_vec()).unwrap_or_default();
    Ok(Probe { address, tls: Some(ProbedTls { version, certificate }) })
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(why) => write!(f, "no address for this host name: {why}"),
            Self::Connect(why) => write!(f, "no connection: {why}"),
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::Handshake(why) => write!(f, "TLS handshake broke off: {why}"),
            Self::Timeout(limit) => write!(f, "no connection within {limit:?}"),
        }
    }
}

impl std::error::Error for ProbeError {}

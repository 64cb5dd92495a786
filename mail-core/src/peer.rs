use std::net::SocketAddr;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The client's address; behind a proxy the one that the proxy names.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
}

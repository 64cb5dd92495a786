use std::net::SocketAddr;

use thiserror::Error;

use crate::config::ConfigError;
use crate::ledger::LockError;

/// Why the gateway could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The directory of the ledgers can't be used.
    #[error("ledger.directory: {0}")]
    Ledger(#[from] LockError),
    /// An address can't be listened on.
    #[error("{key}: can't listen on {address}: {error}{}", hint(.error))]
    Listen {
        /// The configuration key.
        key: String,
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
}

fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => " (another program uses this port: stop it, or choose another port)",
        std::io::ErrorKind::PermissionDenied => " (ports below 1024 need CAP_NET_BIND_SERVICE)",
        std::io::ErrorKind::AddrNotAvailable => " (no interface of this machine has this address)",
        _ => "",
    }
}

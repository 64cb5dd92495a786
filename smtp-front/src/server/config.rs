use std::fmt;
use std::sync::Arc;

use mail_core::listener::{Gate, GateLimits};
use tokio_rustls::rustls;

use super::{AccessConfig, SpoolConfig};
use crate::session::Policy;

/// When a connection is encrypted.
#[derive(Clone)]
pub enum TlsMode {
    /// From the first byte on (port 465, RFC 8314 3.3).
    Implicit(Arc<rustls::ServerConfig>),
    /// When the client says STARTTLS (port 587).
    StartTls(Arc<rustls::ServerConfig>),
    /// Never.
    None,
}

impl fmt::Debug for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Implicit(_) => "Implicit",
            Self::StartTls(_) => "StartTls",
            Self::None => "None",
        })
    }
}

/// How a [`super::Server`] serves.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// When connections are encrypted.
    pub tls: TlsMode,
    /// What sessions offer and demand. `starttls` is set from [`Self::tls`], whatever it says.
    pub policy: Policy,
    /// Counts connections. Servers that share it share its bounds.
    pub gate: Arc<Gate>,
    /// From where and how often clients may come.
    pub access: AccessConfig,
    /// Where messages are kept while they come in.
    pub spool: Arc<SpoolConfig>,
}

impl Default for ServerConfig {
    /// No TLS; 1000 connections, 50 of one address, from anywhere.
    fn default() -> Self {
        Self {
            tls: TlsMode::None,
            policy: Policy::default(),
            gate: Gate::new(GateLimits { total: 1000, per_client: 50, ..GateLimits::default() }),
            access: AccessConfig::default(),
            spool: Arc::default(),
        }
    }
}

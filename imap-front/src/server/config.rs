use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio_rustls::rustls;

use super::gate::Gate;
use crate::session::{Limits, SessionConfig};

/// How a listener uses TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// From the first byte (port 993).
    Implicit,
    /// After STARTTLS (port 143).
    StartTls,
    /// Never.
    None,
}

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// How TLS is used.
    pub tls: TlsMode,
    /// Certificate and key; needed unless `tls` is [`TlsMode::None`].
    pub tls_config: Option<Arc<rustls::ServerConfig>>,
    /// Whether passwords are accepted on a connection that is not encrypted.
    pub allow_plaintext_auth: bool,
    /// What ID answers: names and values (RFC 2971).
    pub identity: Vec<(String, String)>,
    /// Bounds of each session.
    pub limits: Limits,
    /// Counts connections. Servers that share it share its bounds.
    pub gate: Arc<Gate>,
    /// How long a client may take none of the output that waits for it.
    pub write_timeout: Duration,
    /// How long commands may go on when the server stops.
    pub shutdown_grace: Duration,
}

impl Default for ServerConfig {
    /// No TLS, no passwords without it; 10,000 connections, of one address 20 before login.
    fn default() -> Self {
        let session = SessionConfig::default();
        Self {
            tls: TlsMode::None,
            tls_config: None,
            allow_plaintext_auth: session.allow_plaintext_auth,
            identity: session.identity,
            limits: session.limits,
            gate: Gate::new(10_000, 20),
            write_timeout: Duration::from_secs(5 * 60),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

impl ServerConfig {
    pub(super) fn session(&self) -> SessionConfig {
        SessionConfig {
            starttls: self.tls == TlsMode::StartTls,
            allow_plaintext_auth: self.allow_plaintext_auth,
            identity: self.identity.clone(),
            limits: self.limits.clone(),
        }
    }
}

/// A configuration that contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// TLS is to be used, but there is no certificate.
    #[error("the listener is to use TLS, but there is no certificate and key")]
    NoTlsConfig,
}

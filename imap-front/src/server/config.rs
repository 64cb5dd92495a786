use std::sync::Arc;
use std::time::Duration;

use mail_core::Accepts;
use mail_core::listener::{Gate, GateLimits, TlsMode};
use mail_core::spool::SpoolConfig;
use mail_core::work::{BudgetLimits, ByteBudget, WorkLimits, Workers};

use crate::session::{Limits, SessionConfig};

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// What the listener is called where its connections are counted.
    pub name: Arc<str>,
    /// When connections are encrypted.
    pub tls: TlsMode,
    /// Whether passwords are accepted on a connection that is not encrypted.
    pub allow_plaintext_auth: bool,
    /// Whether AUTHENTICATE takes LOGIN, too, which is no standard.
    pub auth_login: bool,
    /// What ID answers: names and values (RFC 2971).
    pub identity: Vec<(String, String)>,
    /// Bounds of each session.
    pub limits: Limits,
    /// Counts connections. Servers that share it share its bounds.
    pub gate: Arc<Gate>,
    /// Who does the CPU work of all connections. Servers that share them share their bounds.
    pub workers: Arc<Workers>,
    /// The memory that is held for all connections. Servers that share it share its bounds.
    pub budget: Arc<ByteBudget>,
    /// The room on the disk for messages that come in. Servers that share it share its bounds.
    pub disk: Arc<ByteBudget>,
    /// Where they lie.
    pub spool: Arc<SpoolConfig>,
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
            name: "imap".into(),
            tls: TlsMode::None,
            allow_plaintext_auth: session.allow_plaintext_auth,
            auth_login: session.auth_login,
            identity: session.identity,
            limits: session.limits,
            gate: Gate::new(GateLimits { total: 10_000, waiting_per_client: 20, ..GateLimits::default() }),
            workers: Workers::new(WorkLimits::default()),
            budget: ByteBudget::new(BudgetLimits::default()),
            disk: ByteBudget::new(BudgetLimits { total: 4 << 30, per_owner: 1 << 30, ..BudgetLimits::default() }),
            spool: Arc::default(),
            write_timeout: Duration::from_secs(5 * 60),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

impl ServerConfig {
    pub(super) fn session(&self) -> SessionConfig {
        SessionConfig {
            starttls: matches!(self.tls, TlsMode::StartTls(_)),
            allow_plaintext_auth: self.allow_plaintext_auth,
            auth_login: self.auth_login,
            accepts: Accepts::default(),
            identity: self.identity.clone(),
            limits: self.limits.clone(),
        }
    }
}

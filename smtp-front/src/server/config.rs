use std::sync::Arc;

use mail_core::listener::{Gate, GateLimits, TlsMode};
use mail_core::spool::SpoolConfig;
use mail_core::work::{BudgetLimits, ByteBudget};

use super::AccessConfig;
use crate::session::Policy;

/// How a [`super::Server`] serves.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// What the listener is called where its connections are counted.
    pub name: Arc<str>,
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
    /// The room on the disk for them. Servers that share it share its bounds.
    pub disk: Arc<ByteBudget>,
}

impl Default for ServerConfig {
    /// No TLS; 1000 connections, 50 of one address, from anywhere; 4 GiB of messages on the disk, 1 GiB of one user.
    fn default() -> Self {
        Self {
            name: "smtp".into(),
            tls: TlsMode::None,
            policy: Policy::default(),
            gate: Gate::new(GateLimits { total: 1000, per_client: 50, ..GateLimits::default() }),
            access: AccessConfig::default(),
            spool: Arc::default(),
            disk: ByteBudget::new(BudgetLimits { total: 4 << 30, per_owner: 1 << 30, ..BudgetLimits::default() }),
        }
    }
}

use std::sync::{Arc, Mutex, PoisonError};

use mail_core::listener::TlsMode;
use mail_core::work::{BudgetLimits, ByteBudget};
use rustls::sign::CertifiedKey;

use crate::config::{Config, ConfigError, ListenerTls, SpoolConfig};
use crate::login::accounts::Accounts;
use crate::tls::Certificate;

/// This part of all connections is kept for clients that have none yet.
pub(super) const KEPT: usize = 16;

/// What the listeners of a gateway share.
pub(super) struct Shared {
    pub(super) accounts: Arc<Accounts>,
    /// The room on the disk for messages that come in by either protocol.
    pub(super) disk: Arc<ByteBudget>,
    /// What they show, once the configuration has had a certificate.
    certificate: Mutex<Option<(Arc<Certificate>, Arc<rustls::ServerConfig>)>>,
}

impl Shared {
    pub(super) fn new(config: &Config, accounts: Arc<Accounts>) -> Self {
        Self { accounts, disk: ByteBudget::new(disk_limits(config)), certificate: Mutex::default() }
    }

    /// Shows `key` from now on. Tells whether it is another one.
    ///
    /// # Errors
    /// As [`Certificate::server_config`].
    pub(super) fn show(&self, key: Arc<CertifiedKey>) -> Result<bool, ConfigError> {
        let mut certificate = self.certificate.lock().unwrap_or_else(PoisonError::into_inner);
        match &*certificate {
            Some((shown, _)) => {
                let is_other = shown.current().cert != key.cert;
                shown.replace(key);
                Ok(is_other)
            }
            None => {
                let shown = Certificate::new(key);
                let config = shown.server_config()?;
                *certificate = Some((shown, config));
                Ok(true)
            }
        }
    }

    /// How a listener encrypts, and with what.
    ///
    /// # Errors
    /// There is no certificate.
    pub(super) fn tls_mode(&self, key: &str, listener: ListenerTls) -> Result<TlsMode, ConfigError> {
        let mode = match listener {
            ListenerTls::None => return Ok(TlsMode::None),
            ListenerTls::Implicit => TlsMode::Implicit,
            ListenerTls::StartTls => TlsMode::StartTls,
        };
        let certificate = self.certificate.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = || ConfigError::invalid(format!("{key}.tls"), "needs a certificate: add [tls]");
        certificate.as_ref().map(|(_, config)| mode(Arc::clone(config))).ok_or_else(missing)
    }

    /// The bounds of what all clients' work may take.
    pub(super) fn set_limits(&self, config: &Config) {
        self.accounts.bounds().budget.set_limits(config.limits.budget());
        self.accounts.bounds().workers.set_limits(config.limits.work());
        self.disk.set_limits(disk_limits(config));
    }
}

fn disk_limits(config: &Config) -> BudgetLimits {
    let SpoolConfig { max_bytes: total, max_bytes_per_user: per_owner, .. } = config.spool;
    BudgetLimits { total, per_owner, patience: config.limits.budget().patience }
}

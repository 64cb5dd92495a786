//! The running gateway: its listeners, and the accounts behind them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mail_core::listener::{Gate, GateLimits, TlsMode};
use mail_core::sasl::Mechanism;
use mail_core::work::{BudgetLimits, ByteBudget};
use rustls::ServerConfig as RustlsConfig;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::account::sending::submit::Sending;
use crate::bridge::{ImapBridge, SmtpBridge};
use crate::config::{
    Address, AuthSchemes, Config, ConfigError, ListenerAuthentication, ListenerMechanism, ListenerTls, SmtpConfig,
    SmtpListenerConfig, SpoolConfig,
};
use crate::device::Devices;
use crate::ledger::envelopes::Envelopes;
use crate::ledger::{DirectoryLock, LockError};
use crate::login::accounts::Accounts;

/// How long upstream sessions have to be disconnected when the gateway stops.
const DISCONNECT_TIME: Duration = Duration::from_millis(500);

/// This part of all connections is kept for clients that have none yet.
const KEPT: usize = 16;

/// How long ledgers have to be closed in order: what is still under way in a folder has to end first.
const CLOSING_TIME: Duration = Duration::from_secs(3);

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

/// A gateway whose listeners are bound.
pub struct Service {
    accounts: Arc<Accounts>,
    /// Nobody else writes the ledgers meanwhile.
    _ledgers: DirectoryLock,
    background: Vec<AbortHandle>,
    tasks: JoinSet<()>,
    shutdown: watch::Sender<bool>,
    imap: Vec<SocketAddr>,
    smtp: Vec<SocketAddr>,
}

impl Service {
    /// Binds all listeners of `config` and begins to serve.
    ///
    /// # Errors
    /// Wrong TLS material, and addresses that can't be listened on.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let tls = config.tls.as_ref().map(crate::tls::server_config).transpose()?;
        if config.upstream.tls_verification == crate::config::TlsVerification::DangerousNone {
            tracing::warn!(
                "upstream.tls_verification = \"dangerous-none\": anybody between here and the upstream can read passwords"
            );
        }
        let ledgers = DirectoryLock::take(&config.ledger.directory)?;
        if !config.ledger.envelopes {
            delete_envelopes(config.ledger.directory.clone()).await;
        }
        let accounts = Accounts::new(config)?;
        let (shutdown, stopping) = watch::channel(false);
        let mut service = Self {
            accounts: Arc::clone(&accounts),
            _ledgers: ledgers,
            background: Vec::new(),
            tasks: JoinSet::new(),
            shutdown,
            imap: Vec::new(),
            smtp: Vec::new(),
        };
        service.background.push(tokio::spawn(Arc::clone(&accounts).reap_idle()).abort_handle());
        service.background.push(tokio::spawn(Arc::clone(&accounts).save_trust()).abort_handle());
        if config.upstream.auth == AuthSchemes::Auto {
            service.background.push(tokio::spawn(Arc::clone(&accounts).learn_offers()).abort_handle());
        }
        let disk = disk(config);
        service.start_imap(config, tls.as_ref(), &accounts, &disk, &stopping).await?;
        service.start_smtp(config, tls.as_ref(), &accounts, &disk, &stopping).await?;
        Ok(service)
    }

    /// The addresses of the IMAP listeners.
    pub fn imap_addresses(&self) -> &[SocketAddr] {
        &self.imap
    }

    /// The addresses of the SMTP listeners.
    pub fn smtp_addresses(&self) -> &[SocketAddr] {
        &self.smtp
    }

    /// Says goodbye to all clients and waits, at most `patience`, until they are gone.
    pub async fn stop(mut self, patience: Duration) {
        self.shutdown.send_replace(true);
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, drained).await.is_err() {
            tracing::info!("some connections did not end in time");
        }
        self.tasks.abort_all();
        self.background.iter().for_each(AbortHandle::abort);
        // Sessions are disconnected in the background.
        tokio::join!(self.accounts.close(CLOSING_TIME), tokio::time::sleep(DISCONNECT_TIME));
    }

    async fn start_imap(
        &mut self,
        config: &Config,
        tls: Option<&Arc<RustlsConfig>>,
        accounts: &Arc<Accounts>,
        disk: &Arc<ByteBudget>,
        stopping: &watch::Receiver<bool>,
    ) -> Result<(), StartError> {
        use imap_front::frame::FrameLimits;
        use imap_front::server::{Limits, Server, ServerConfig};
        let spool = spool(&config.spool)?;
        let gate = Gate::new(GateLimits {
            total: config.imap.max_connections,
            kept: config.imap.max_connections / KEPT,
            per_client: config.imap.max_connections_per_address,
            waiting_per_client: config.imap.max_unauthenticated_per_address,
            per_user: config.imap.max_connections_per_user,
        });
        for (position, listener) in config.imap.listener.iter().enumerate() {
            let key = format!("imap.listener[{position}]");
            let server_config = ServerConfig {
                tls: tls_mode(&key, listener.tls, tls)?,
                allow_plaintext_auth: listener.allow_plaintext_auth,
                auth_login: config.imap.auth_login,
                gate: Arc::clone(&gate),
                workers: Arc::clone(&accounts.bounds().workers),
                budget: Arc::clone(&accounts.bounds().budget),
                disk: Arc::clone(disk),
                spool: Arc::clone(&spool),
                shutdown_grace: Duration::from_secs(config.limits.stop_seconds),
                identity: identity(),
                limits: Limits {
                    after_login: FrameLimits { append: config.imap.max_message_bytes, ..Limits::default().after_login },
                    login_timeout: Duration::from_secs(config.imap.login_timeout_seconds),
                    idle_timeout: Duration::from_secs(config.imap.idle_timeout_seconds),
                    search_keys: config.imap.max_search_keys,
                    ..Limits::default()
                },
                ..ServerConfig::default()
            };
            let (bound, address) = bind(&key, listener.address).await?;
            let store = Arc::new(ImapBridge::new(Arc::clone(accounts)));
            let server = Server::new(server_config, store);
            let stopping = stopping.clone();
            self.tasks.spawn(async move { server.serve(bound, stopping).await });
            tracing::info!(%address, tls = ?listener.tls, "IMAP listens");
            if listener.tls == ListenerTls::None && !listener.allow_plaintext_auth {
                tracing::warn!(%address, "nobody can log in here: {key} has neither TLS nor allow_plaintext_auth");
            }
            self.imap.push(address);
        }
        Ok(())
    }

    async fn start_smtp(
        &mut self,
        config: &Config,
        tls: Option<&Arc<RustlsConfig>>,
        accounts: &Arc<Accounts>,
        disk: &Arc<ByteBudget>,
        stopping: &watch::Receiver<bool>,
    ) -> Result<(), StartError> {
        use smtp_front::server::{Server, ServerConfig};
        let smtp = &config.smtp;
        if smtp.listener.is_empty() {
            return Ok(());
        }
        let devices = Arc::new(Devices::new(smtp)?);
        let sending = Sending {
            save_sent: smtp.save_sent,
            merge_sent: smtp.merge_sent,
            separate_bcc: smtp.separate_bcc,
            own_domains: if smtp.check_recipients { config.upstream.domains.clone() } else { Vec::new() },
        };
        let bridge = Arc::new(SmtpBridge::new(Arc::clone(accounts), devices, sending));
        let spool = spool(&config.spool)?;
        let gate = Gate::new(GateLimits {
            total: smtp.max_connections,
            kept: smtp.max_connections / KEPT,
            per_client: smtp.max_connections_per_address,
            waiting_per_client: smtp.max_connections_per_address,
            per_user: smtp.max_connections_per_user,
        });
        for (position, listener) in smtp.listener.iter().enumerate() {
            let key = format!("smtp.listener[{position}]");
            let server_config = ServerConfig {
                tls: tls_mode(&key, listener.tls, tls)?,
                policy: smtp_policy(smtp, listener),
                gate: Arc::clone(&gate),
                access: smtp_access(listener),
                spool: Arc::clone(&spool),
                disk: Arc::clone(disk),
            };
            let (bound, address) = bind(&key, listener.address).await?;
            let server = Server::new(server_config, bridge.clone());
            let stopping = stopping.clone();
            self.tasks.spawn(async move { server.serve(bound, stopping).await });
            tracing::info!(%address, tls = ?listener.tls, "SMTP listens");
            self.smtp.push(address);
        }
        Ok(())
    }
}

/// What ID says of the gateway (RFC 2971 3.3).
fn identity() -> Vec<(String, String)> {
    [("name", "mapi-gateway"), ("version", env!("CARGO_PKG_VERSION"))]
        .map(|(key, value)| (key.into(), value.into()))
        .into()
}

/// The room on the disk for messages that come in by either protocol.
fn disk(config: &Config) -> Arc<ByteBudget> {
    let SpoolConfig { max_bytes: total, max_bytes_per_user: per_owner, .. } = config.spool;
    ByteBudget::new(BudgetLimits { total, per_owner, patience: config.limits.budget().patience })
}

/// Where messages are kept while they come in, tried out.
fn spool(config: &SpoolConfig) -> Result<Arc<mail_core::spool::SpoolConfig>, ConfigError> {
    tempfile::tempfile_in(&config.dir).map_err(|error| {
        let problem = format!("{}: {error}: expected a directory in which the gateway may write", config.dir.display());
        ConfigError::invalid("spool.dir", problem)
    })?;
    let (directory, memory_bytes) = (config.dir.clone(), config.memory_bytes);
    Ok(Arc::new(mail_core::spool::SpoolConfig { directory, memory_bytes }))
}

fn smtp_policy(smtp: &SmtpConfig, listener: &SmtpListenerConfig) -> smtp_front::session::Policy {
    use smtp_front::session::{Authentication, Policy};
    let mechanism = |mechanism: &ListenerMechanism| match mechanism {
        ListenerMechanism::Plain => Mechanism::Plain,
        ListenerMechanism::Login => Mechanism::Login,
        ListenerMechanism::XOauth2 => Mechanism::XOauth2,
        ListenerMechanism::OauthBearer => Mechanism::OauthBearer,
    };
    Policy {
        hostname: if smtp.hostname.is_empty() { "localhost".to_owned() } else { smtp.hostname.clone() },
        allow_plaintext_auth: listener.allow_plaintext_auth,
        authentication: match listener.authentication {
            ListenerAuthentication::Required => Authentication::Required,
            ListenerAuthentication::Optional => Authentication::Optional,
        },
        mechanisms: match &listener.mechanisms {
            Some(some) => some.iter().map(mechanism).collect(),
            None => Mechanism::ALL.to_vec(),
        },
        smtputf8: smtp.smtputf8,
        max_message: listener.max_message_bytes.unwrap_or(smtp.max_message_bytes),
        max_recipients: smtp.max_recipients,
        ..Policy::default()
    }
}

fn smtp_access(listener: &SmtpListenerConfig) -> smtp_front::server::AccessConfig {
    use smtp_front::rate::{RateLimit, RateTable};
    let table = |count: Option<u32>| count.map(|count| Arc::new(RateTable::new(RateLimit::per_minute(count))));
    smtp_front::server::AccessConfig {
        networks: listener.networks.iter().map(|network| network.0).collect(),
        proxies: listener.proxies.iter().map(|network| network.0).collect(),
        connections: table(listener.connections_per_minute),
        messages: table(listener.messages_per_minute),
    }
}

/// Content that the configuration does not want on disk any more goes.
async fn delete_envelopes(directory: PathBuf) {
    let deleted = tokio::task::spawn_blocking(move || Envelopes::delete(&directory)).await;
    match deleted.map_err(std::io::Error::other).flatten() {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "ledger.envelopes is off: what was kept for lists of messages is deleted"),
        Err(error) => {
            tracing::warn!(%error, "ledger.envelopes is off, but what was kept for lists of messages can't be deleted")
        }
    }
}

async fn bind(key: &str, Address(address): Address) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen { key: format!("{key}.address"), address, error };
    let bound = TcpListener::bind(address).await.map_err(failed)?;
    let address = bound.local_addr().map_err(failed)?;
    Ok((bound, address))
}

/// How the listener encrypts, and with what.
fn tls_mode(key: &str, listener: ListenerTls, tls: Option<&Arc<RustlsConfig>>) -> Result<TlsMode, ConfigError> {
    let mode = match listener {
        ListenerTls::None => return Ok(TlsMode::None),
        ListenerTls::Implicit => TlsMode::Implicit,
        ListenerTls::StartTls => TlsMode::StartTls,
    };
    let missing = || ConfigError::invalid(format!("{key}.tls"), "needs a certificate: add [tls]");
    tls.cloned().map(mode).ok_or_else(missing)
}

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::{AbortHandle, JoinSet};

use super::bound::bind;
use super::imap::ImapListeners;
use super::shared::Shared;
use super::smtp::SmtpListeners;
use super::start_error::StartError;
use crate::admin::{self, Access, Admin, ListenerGate, Observed};
use crate::autoconfig::{self, Offer};
use crate::config::{AdminConfig, AuthSchemes, Config};
use crate::device::Devices;
use crate::ledger::DirectoryLock;
use crate::ledger::envelopes::Envelopes;
use crate::login::accounts::Accounts;
use crate::metric::Recorder;
use crate::telemetry::Recent;
use crate::web;

/// How long upstream sessions have to be disconnected when the gateway stops.
const DISCONNECT_TIME: Duration = Duration::from_millis(500);

/// How long ledgers have to be closed in order: what is still under way in a folder has to end first.
const CLOSING_TIME: Duration = Duration::from_secs(3);

/// A gateway whose listeners are bound.
pub struct Service {
    pub(super) shared: Shared,
    /// Nobody else writes the ledgers meanwhile.
    _ledgers: DirectoryLock,
    background: Vec<AbortHandle>,
    tasks: JoinSet<()>,
    shutdown: tokio::sync::watch::Sender<bool>,
    pub(super) imap: ImapListeners,
    pub(super) smtp: SmtpListeners,
    autoconfig: Vec<SocketAddr>,
    pub(super) config: Arc<Mutex<Configs>>,
}

/// What a service runs with.
pub(super) struct Configs {
    /// What it was started with.
    pub(super) started: Config,
    /// What it read last and found good.
    pub(super) latest: Config,
}

impl Service {
    /// Binds all listeners of `config` and begins to serve.
    ///
    /// # Errors
    /// Wrong TLS material, and addresses that can't be listened on.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        config.spool.try_out()?;
        let certificate = config.tls.as_ref().map(crate::tls::certified_key).transpose()?;
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
        let devices = Devices::new(&config.smtp)?;
        let shared = Shared::new(config, Arc::clone(&accounts));
        if let Some(key) = certificate {
            shared.show(key)?;
        }
        let (shutdown, stopping) = tokio::sync::watch::channel(false);
        let mut tasks = JoinSet::new();
        let imap = ImapListeners::start(config, &shared, &stopping, &mut tasks).await?;
        let smtp = SmtpListeners::start(config, &shared, devices, &stopping, &mut tasks).await?;
        let places: (Vec<_>, Vec<_>) = (imap.addresses().collect(), smtp.addresses().collect());
        let autoconfig = start_autoconfig(config, &shared, (&places.0, &places.1), &stopping, &mut tasks).await?;
        let mut background = vec![
            tokio::spawn(Arc::clone(&accounts).reap_idle()).abort_handle(),
            tokio::spawn(Arc::clone(&accounts).save_trust()).abort_handle(),
        ];
        if config.upstream.auth == AuthSchemes::Auto {
            background.push(tokio::spawn(accounts.learn_offers()).abort_handle());
        }
        let config = Arc::new(Mutex::new(Configs { started: config.clone(), latest: config.clone() }));
        Ok(Self { shared, _ledgers: ledgers, background, tasks, shutdown, imap, smtp, autoconfig, config })
    }

    /// The addresses of the IMAP listeners.
    pub fn imap_addresses(&self) -> Vec<SocketAddr> {
        self.imap.addresses().collect()
    }

    /// The addresses of the SMTP listeners.
    pub fn smtp_addresses(&self) -> Vec<SocketAddr> {
        self.smtp.addresses().collect()
    }

    /// The addresses of the listeners for client settings.
    pub fn autoconfig_addresses(&self) -> Vec<SocketAddr> {
        self.autoconfig.clone()
    }

    /// What pages for administrators show of it.
    pub fn observed(&self, recent: Recent, recorder: Recorder) -> Observed {
        let (bridge, config) = (self.smtp.bridge(), Arc::clone(&self.config));
        Observed {
            accounts: Arc::clone(&self.shared.accounts),
            disk: Arc::clone(&self.shared.disk),
            gates: vec![
                ListenerGate { name: "IMAP", gate: self.imap.gate() },
                ListenerGate { name: "SMTP", gate: self.smtp.gate() },
            ],
            devices: Box::new(move || bridge.devices()),
            restart: Box::new(move || {
                let config = config.lock().unwrap_or_else(PoisonError::into_inner);
                config.latest.changes_since(&config.started).restart
            }),
            ledger: self.config().ledger.directory,
            recent,
            recorder,
            started: SystemTime::now(),
        }
    }

    /// Serves `admin` until the gateway stops; where it listens.
    ///
    /// # Errors
    /// An address that can't be listened on, a token that can't be read.
    pub async fn start_admin(&mut self, config: &AdminConfig, observed: Observed) -> Result<SocketAddr, StartError> {
        let tls = self.shared.tls_mode("admin", config.tls)?;
        let (bound, address) = bind("admin", config.address).await?;
        let admin = Admin { observed: Arc::new(observed), access: Access::new(config, address)? };
        let (listener, stopping) = (web::Listener::new(tls, admin::router(admin)), self.shutdown.subscribe());
        self.tasks.spawn(listener.serve(bound, stopping));
        tracing::info!(%address, tls = ?config.tls, "pages for administrators are here");
        Ok(address)
    }

    /// The configuration that it read last and found good.
    pub fn config(&self) -> Config {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).latest.clone()
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
        tokio::join!(self.shared.accounts.close(CLOSING_TIME), tokio::time::sleep(DISCONNECT_TIME));
    }
}

/// Listens for clients that ask for settings.
async fn start_autoconfig(
    config: &Config,
    shared: &Shared,
    (imap, smtp): (&[SocketAddr], &[SocketAddr]),
    stopping: &tokio::sync::watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<Vec<SocketAddr>, StartError> {
    let mut addresses = Vec::new();
    for (position, listener) in config.autoconfig.listener.iter().enumerate() {
        let key = format!("autoconfig.listener[{position}]");
        let tls = shared.tls_mode(&key, listener.tls)?;
        let (bound, address) = bind(&key, listener.address).await?;
        let router = autoconfig::router(Offer::new(config, imap, smtp));
        tasks.spawn(web::Listener::new(tls, router).serve(bound, stopping.clone()));
        tracing::info!(%address, tls = ?listener.tls, "client settings are here");
        addresses.push(address);
    }
    Ok(addresses)
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

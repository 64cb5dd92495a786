use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use imap_front::frame::FrameLimits;
use imap_front::server::{Limits, Server, ServerConfig};
use mail_core::listener::{Gate, GateLimits};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::bound::{Bound, bind, matching};
use super::shared::{KEPT, Shared};
use super::start_error::StartError;
use crate::bridge::ImapBridge;
use crate::config::{Config, ConfigError, ImapConfig, ListenerConfig, ListenerTls};

/// The IMAP listeners of a running gateway.
pub(super) struct ImapListeners {
    gate: Arc<Gate>,
    bound: Vec<Bound<Server>>,
}

impl ImapListeners {
    pub(super) async fn start(
        config: &Config,
        shared: &Shared,
        stopping: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, StartError> {
        let gate = Gate::new(gate_limits(&config.imap));
        let mut bound = Vec::new();
        for (position, listener) in config.imap.listener.iter().enumerate() {
            let key = key(position);
            let server_config = server_config(config, &key, listener, shared, &gate)?;
            let (socket, address) = bind(&key, listener.address).await?;
            let server = Server::new(server_config, Arc::new(ImapBridge::new(Arc::clone(&shared.accounts))));
            let (serving, stopping) = (server.clone(), stopping.clone());
            tasks.spawn(async move { serving.serve(socket, stopping).await });
            tracing::info!(%address, tls = ?listener.tls, "IMAP listens");
            if listener.tls == ListenerTls::None && !listener.allow_plaintext_auth {
                tracing::warn!(%address, "nobody can log in here: {key} has neither TLS nor allow_plaintext_auth");
            }
            bound.push(Bound { configured: listener.address, address, server });
        }
        Ok(Self { gate, bound })
    }

    pub(super) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.bound.iter().map(|bound| bound.address)
    }

    /// What the listeners get of another configuration.
    ///
    /// # Errors
    /// One that needs a certificate where there is none.
    pub(super) fn prepared(
        &self,
        config: &Config,
        shared: &Shared,
    ) -> Result<Vec<(&Server, ServerConfig)>, ConfigError> {
        let listeners: Vec<_> = config.imap.listener.iter().map(|listener| listener.address).collect();
        let pairs = matching(&self.bound, &listeners);
        let prepared = pairs.into_iter().map(|(bound, position)| {
            let listener = &config.imap.listener[position];
            Ok((&bound.server, server_config(config, &key(position), listener, shared, &self.gate)?))
        });
        prepared.collect()
    }

    pub(super) fn apply(&self, config: &ImapConfig, prepared: Vec<(&Server, ServerConfig)>) {
        self.gate.set_limits(gate_limits(config));
        prepared.into_iter().for_each(|(server, config)| server.set_config(config));
    }
}

fn key(position: usize) -> String {
    format!("imap.listener[{position}]")
}

fn gate_limits(imap: &ImapConfig) -> GateLimits {
    GateLimits {
        total: imap.max_connections,
        kept: imap.max_connections / KEPT,
        per_client: imap.max_connections_per_address,
        waiting_per_client: imap.max_unauthenticated_per_address,
        per_user: imap.max_connections_per_user,
    }
}

fn server_config(
    config: &Config,
    key: &str,
    listener: &ListenerConfig,
    shared: &Shared,
    gate: &Arc<Gate>,
) -> Result<ServerConfig, ConfigError> {
    Ok(ServerConfig {
        name: listener.address.0.to_string().into(),
        tls: shared.tls_mode(key, listener.tls)?,
        allow_plaintext_auth: listener.allow_plaintext_auth,
        auth_login: config.imap.auth_login,
        gate: Arc::clone(gate),
        workers: Arc::clone(&shared.accounts.bounds().workers),
        budget: Arc::clone(&shared.accounts.bounds().budget),
        disk: Arc::clone(&shared.disk),
        spool: config.spool.shared(),
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
    })
}

/// What ID says of the gateway (RFC 2971 3.3).
fn identity() -> Vec<(String, String)> {
    [("name", "mapi-gateway"), ("version", env!("CARGO_PKG_VERSION"))]
        .map(|(key, value)| (key.into(), value.into()))
        .into()
}

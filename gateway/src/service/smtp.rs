use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use mail_core::listener::{Gate, GateLimits};
use mail_core::sasl::Mechanism;
use smtp_front::rate::{RateLimit, RateTable};
use smtp_front::server::{AccessConfig, Server, ServerConfig};
use smtp_front::session::{Authentication, Policy};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::bound::{Bound, bind, matching};
use super::shared::{KEPT, Shared};
use super::start_error::StartError;
use crate::account::sending::submit::Sending;
use crate::bridge::SmtpBridge;
use crate::config::{Config, ConfigError, ListenerAuthentication, ListenerMechanism, SmtpConfig, SmtpListenerConfig};
use crate::device::Devices;

/// The SMTP listeners of a running gateway.
pub(super) struct SmtpListeners {
    gate: Arc<Gate>,
    bridge: Arc<SmtpBridge>,
    bound: Vec<Bound<Rated>>,
}

/// A server, and how often its clients may come: what they did counts on as long as the bound stays the same.
struct Rated {
    server: Server,
    rates: Mutex<[Rate; 2]>,
}

type Rate = Option<(u32, Arc<RateTable>)>;

/// What a listener gets of another configuration.
pub(super) struct Prepared<'a> {
    rated: &'a Rated,
    rates: [Rate; 2],
    config: ServerConfig,
}

impl SmtpListeners {
    pub(super) async fn start(
        config: &Config,
        shared: &Shared,
        devices: Devices,
        stopping: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, StartError> {
        let smtp = &config.smtp;
        let bridge = Arc::new(SmtpBridge::new(Arc::clone(&shared.accounts), Arc::new(devices), sending(config)));
        let gate = Gate::new(gate_limits(smtp));
        let mut bound = Vec::new();
        for (position, listener) in smtp.listener.iter().enumerate() {
            let key = key(position);
            let rates = rates(listener, &[None, None]);
            let server_config = server_config(config, &key, listener, (shared, &gate), &rates)?;
            let (socket, address) = bind(&key, listener.address).await?;
            let backend: Arc<SmtpBridge> = Arc::clone(&bridge);
            let server = Server::new(server_config, backend);
            let (serving, stopping) = (server.clone(), stopping.clone());
            tasks.spawn(async move { serving.serve(socket, stopping).await });
            tracing::info!(%address, tls = ?listener.tls, "SMTP listens");
            let server = Rated { server, rates: Mutex::new(rates) };
            bound.push(Bound { configured: listener.address, address, server });
        }
        Ok(Self { gate, bridge, bound })
    }

    pub(super) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    pub(super) fn bridge(&self) -> Arc<SmtpBridge> {
        Arc::clone(&self.bridge)
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.bound.iter().map(|bound| bound.address)
    }

    /// The devices as they are now.
    pub(super) fn devices(&self) -> Arc<Devices> {
        self.bridge.devices()
    }

    /// What the listeners get of another configuration.
    ///
    /// # Errors
    /// One that needs a certificate where there is none.
    pub(super) fn prepared(&self, config: &Config, shared: &Shared) -> Result<Vec<Prepared<'_>>, ConfigError> {
        let listeners: Vec<_> = config.smtp.listener.iter().map(|listener| listener.address).collect();
        let pairs = matching(&self.bound, &listeners);
        let prepared = pairs.into_iter().map(|(bound, position)| {
            let (listener, rated) = (&config.smtp.listener[position], &bound.server);
            let rates = rates(listener, &rated.rates.lock().unwrap_or_else(PoisonError::into_inner));
            let config = server_config(config, &key(position), listener, (shared, &self.gate), &rates)?;
            Ok(Prepared { rated, rates, config })
        });
        prepared.collect()
    }

    pub(super) fn apply(&self, config: &Config, devices: Devices, prepared: Vec<Prepared<'_>>) {
        self.gate.set_limits(gate_limits(&config.smtp));
        self.bridge.replace(Arc::new(devices), sending(config));
        for Prepared { rated, rates, config } in prepared {
            *rated.rates.lock().unwrap_or_else(PoisonError::into_inner) = rates;
            rated.server.set_config(config);
        }
    }
}

fn key(position: usize) -> String {
    format!("smtp.listener[{position}]")
}

fn sending(config: &Config) -> Sending {
    let smtp = &config.smtp;
    Sending {
        save_sent: smtp.save_sent,
        merge_sent: smtp.merge_sent,
        separate_bcc: smtp.separate_bcc,
        own_domains: if smtp.check_recipients { config.upstream.domains.clone() } else { Vec::new() },
    }
}

fn gate_limits(smtp: &SmtpConfig) -> GateLimits {
    GateLimits {
        total: smtp.max_connections,
        kept: smtp.max_connections / KEPT,
        per_client: smtp.max_connections_per_address,
        waiting_per_client: smtp.max_connections_per_address,
        per_user: smtp.max_connections_per_user,
    }
}

fn rates(listener: &SmtpListenerConfig, older: &[Rate; 2]) -> [Rate; 2] {
    let rate = |count: Option<u32>, older: &Rate| {
        let count = count?;
        let same = older.as_ref().filter(|(old, _)| *old == count);
        let table = same.map(|(_, table)| Arc::clone(table));
        Some((count, table.unwrap_or_else(|| Arc::new(RateTable::new(RateLimit::per_minute(count))))))
    };
    let [connections, messages] = older;
    [rate(listener.connections_per_minute, connections), rate(listener.messages_per_minute, messages)]
}

fn server_config(
    config: &Config,
    key: &str,
    listener: &SmtpListenerConfig,
    (shared, gate): (&Shared, &Arc<Gate>),
    [connections, messages]: &[Rate; 2],
) -> Result<ServerConfig, ConfigError> {
    let table = |rate: &Rate| rate.as_ref().map(|(_, table)| Arc::clone(table));
    Ok(ServerConfig {
        name: listener.address.0.to_string().into(),
        tls: shared.tls_mode(key, listener.tls)?,
        policy: policy(&config.smtp, listener),
        gate: Arc::clone(gate),
        access: AccessConfig {
            networks: listener.networks.iter().map(|network| network.0).collect(),
            proxies: listener.proxies.iter().map(|network| network.0).collect(),
            connections: table(connections),
            messages: table(messages),
        },
        spool: config.spool.shared(),
        disk: Arc::clone(&shared.disk),
    })
}

fn policy(smtp: &SmtpConfig, listener: &SmtpListenerConfig) -> Policy {
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

//! The configuration file: what can be set, the defaults, and errors that name the key and the fix.

mod account;
mod admin;
mod auth;
mod autoconfig;
mod error;
mod kerberos;
mod limits;
mod listener;
mod load;
mod oauth;
mod setting;
mod smtp;
mod storage;
mod tls;
mod upstream;

use serde::{Deserialize, Serialize};

pub use account::AccountConfig;
pub use admin::AdminConfig;
pub use auth::{AuthScheme, AuthSchemes};
pub use autoconfig::{AutoconfigConfig, AutoconfigListener};
pub use error::ConfigError;
pub use kerberos::KerberosConfig;
pub use limits::LimitsConfig;
pub use listener::{Address, ImapConfig, ListenerConfig, ListenerTls, SearchMode};
pub use oauth::OAuthConfig;
pub use setting::{Changes, Setting, Source};
pub use smtp::{
    DeviceConfig, ListenerAuthentication, ListenerMechanism, Network, SenderPolicy, SmtpConfig, SmtpListenerConfig,
};
pub use storage::{CacheConfig, LedgerConfig, SpoolConfig};
pub use tls::TlsConfig;
pub use upstream::{TlsVerification, UpstreamConfig};

/// The whole configuration. Every key has a default but `upstream` and the listeners' addresses.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The Exchange in front of which the gateway stands.
    pub upstream: UpstreamConfig,
    /// Where folder state is kept.
    #[serde(default)]
    pub ledger: LedgerConfig,
    /// What is kept in memory.
    #[serde(default)]
    pub cache: CacheConfig,
    /// Where large messages lie while they come in.
    #[serde(default)]
    pub spool: SpoolConfig,
    /// What all clients' work may take together.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// The gateway's own certificate.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// IMAP.
    #[serde(default)]
    pub imap: ImapConfig,
    /// SMTP.
    #[serde(default)]
    pub smtp: SmtpConfig,
    /// `[[account]]`
    #[serde(default)]
    pub account: Vec<AccountConfig>,
    /// How clients find the gateway.
    #[serde(default)]
    pub autoconfig: AutoconfigConfig,
    /// Pages for administrators.
    #[serde(default)]
    pub admin: Option<AdminConfig>,
    /// Logging.
    #[serde(default)]
    pub log: LogConfig,
}

/// Logging.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// What is logged, in the syntax of `RUST_LOG`, e.g. `info` or `gateway=debug,info`.
    pub filter: String,
    /// One line of text or one JSON object per event.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text.
    Text,
    /// JSON.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Text }
    }
}

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| {
            let expected = "expected an IP address and a port, e.g. \"0.0.0.0:993\" or \"[::]:993\"";
            serde::de::Error::custom(format!("`{text}` is no address: {expected}"))
        })
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// How a listener encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenerTls {
    /// From the first byte (993, 465).
    Implicit,
    /// By the STARTTLS command (143, 587).
    StartTls,
    /// Never.
    None,
}

/// A listener.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerConfig {
    /// IP address and port.
    pub address: Address,
    /// `"implicit"`, `"starttls"` or `"none"`.
    pub tls: ListenerTls,
    /// Accept passwords on unencrypted connections. For loopback and trusted networks only.
    #[serde(default)]
    pub allow_plaintext_auth: bool,
}

/// Who searches in messages that are not in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchMode {
    /// Exchange, by what it stores of them, where it can tell.
    #[default]
    Server,
    /// The gateway, which downloads them for it.
    Exact,
}

/// IMAP.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImapConfig {
    /// `[[imap.listener]]`
    pub listener: Vec<ListenerConfig>,
    /// Connections at once, all listeners together.
    pub max_connections: usize,
    /// Connections at once from one address (IPv6: a /64 network). Much is needed where many users are behind one.
    pub max_connections_per_address: usize,
    /// Connections at once of one user.
    pub max_connections_per_user: usize,
    /// Connections at once from one address that have not logged in.
    pub max_unauthenticated_per_address: usize,
    /// Seconds until a connection must have logged in.
    pub login_timeout_seconds: u64,
    /// Also offer AUTH=LOGIN, for programs that know nothing else.
    pub auth_login: bool,
    /// Bytes of the largest message that APPEND takes.
    pub max_message_bytes: usize,
    /// Bytes of the largest appended message whose original bytes are kept with it, so that it is served exactly as it was
    /// appended; 0 keeps none.
    pub keep_original_bytes: usize,
    /// Who searches in messages that are not in memory.
    pub search: SearchMode,
    /// How many keys a SEARCH may have.
    pub max_search_keys: usize,
    /// Seconds without a command after which a connection is closed (RFC 9051 asks for at least 1800).
    pub idle_timeout_seconds: u64,
    /// Also show folders of calendars, contacts, tasks and the like.
    pub show_non_mail_folders: bool,
}

impl Default for ImapConfig {
    fn default() -> Self {
        Self {
            listener: Vec::new(),
            max_connections: 4096,
            max_connections_per_address: 2048,
            max_connections_per_user: 100,
            max_unauthenticated_per_address: 256,
            login_timeout_seconds: 30,
            auth_login: false,
            max_message_bytes: 35 * 1024 * 1024,
            keep_original_bytes: 35 * 1024 * 1024,
            search: SearchMode::default(),
            max_search_keys: 1000,
            idle_timeout_seconds: 1860,
            show_non_mail_folders: false,
        }
    }
}

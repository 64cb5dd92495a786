use std::path::PathBuf;

use mail_core::listener;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Address, ListenerTls, OAuthConfig};

/// An IP network, as `"192.0.2.0/24"`, `"2001:db8::/48"` or a bare address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(pub listener::Network);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Whether clients of a listener must log in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenerAuthentication {
    /// They must.
    #[default]
    Required,
    /// Those in the networks of an `[[smtp.device]]` may do without.
    Optional,
}

/// How clients of a listener can log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenerMechanism {
    /// RFC 4616.
    Plain,
    /// Two prompts.
    Login,
    /// A bearer token.
    XOauth2,
    /// A bearer token (RFC 7628).
    OauthBearer,
}

/// An SMTP listener.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpListenerConfig {
    /// IP address and port.
    pub address: Address,
    /// `"implicit"`, `"starttls"` or `"none"`.
    pub tls: ListenerTls,
    /// Accept passwords on unencrypted connections. For loopback and trusted networks only.
    #[serde(default)]
    pub allow_plaintext_auth: bool,
    /// `"required"` or `"optional"`.
    #[serde(default)]
    pub authentication: ListenerAuthentication,
    /// What AUTH offers, as far as the upstream takes it; without it, everything.
    #[serde(default)]
    pub mechanisms: Option<Vec<ListenerMechanism>>,
    /// Clients elsewhere are sent away. Without it, they may be anywhere.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// Proxies whose connections begin with a PROXY protocol version 2 header.
    #[serde(default)]
    pub proxies: Vec<Network>,
    /// Bytes of the largest message taken here, if it is not `smtp.max_message_bytes`.
    #[serde(default)]
    pub max_message_bytes: Option<usize>,
    /// Connections of one address in a minute.
    #[serde(default)]
    pub connections_per_minute: Option<u32>,
    /// Messages of one address in a minute.
    #[serde(default)]
    pub messages_per_minute: Option<u32>,
}

/// What is done about the sender that a device names in its messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SenderPolicy {
    /// Left as it is; the upstream decides.
    Keep,
    /// From becomes the mailbox, what it was becomes Reply-To.
    #[default]
    Rewrite,
    /// Messages of other senders than the mailbox are refused.
    Reject,
}

/// A device that submits through a mailbox without knowing its password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfig {
    /// What it is called in logs.
    pub name: String,
    /// Where it is. From there it submits without a login, at listeners whose `authentication` is `"optional"`.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// Or the name that it logs in with; the gateway's own, unknown to the upstream.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the password that belongs to `user`.
    #[serde(default)]
    pub user_password_file: Option<PathBuf>,
    /// The address of the mailbox that sends.
    pub mailbox: String,
    /// File with the mailbox's password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Or the environment variable with it.
    #[serde(default)]
    pub password_env: Option<String>,
    /// Or a keytab with the keys of the mailbox's owner, for Kerberos.
    #[serde(default)]
    pub keytab_file: Option<PathBuf>,
    /// Or a credential cache with tickets of the mailbox's owner, which somebody else keeps fresh.
    #[serde(default)]
    pub credential_cache_file: Option<PathBuf>,
    /// Or how to get access tokens for the mailbox.
    #[serde(default)]
    pub oauth: Option<OAuthConfig>,
    /// `"keep"`, `"rewrite"` or `"reject"`.
    #[serde(default)]
    pub sender: SenderPolicy,
    /// Addresses and domains that it may send to; without it, all.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Bytes of its largest message.
    #[serde(default)]
    pub max_message_bytes: Option<usize>,
    /// Its messages in a minute.
    #[serde(default)]
    pub messages_per_minute: Option<u32>,
    /// Its messages in a day.
    #[serde(default)]
    pub messages_per_day: Option<u32>,
}

/// SMTP.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmtpConfig {
    /// `[[smtp.listener]]`
    pub listener: Vec<SmtpListenerConfig>,
    /// `[[smtp.device]]`
    pub device: Vec<DeviceConfig>,
    /// The name in the greeting; `localhost` if empty.
    pub hostname: String,
    /// Connections at once, all listeners together.
    pub max_connections: usize,
    /// Connections at once from one address.
    pub max_connections_per_address: usize,
    /// Connections at once of one user or device mailbox.
    pub max_connections_per_user: usize,
    /// Bytes of the largest message taken.
    pub max_message_bytes: usize,
    /// Recipients of one message.
    pub max_recipients: usize,
    /// Take addresses outside ASCII (SMTPUTF8). Turn off if the upstream can't deliver to them.
    pub smtputf8: bool,
    /// Keep a copy of what is sent in Sent Items. Turn off if the clients store their own copy.
    pub save_sent: bool,
    /// With `save_sent`: a client that stores its own copy of what it just sent gets the server's, with the bytes it stored.
    pub merge_sent: bool,
    /// Refuse recipients in `upstream.domains` that the address book does not know.
    pub check_recipients: bool,
    /// Send to each Bcc recipient separately: for servers that write Bcc recipients into the header that everybody gets.
    pub separate_bcc: bool,
}

impl Default for SmtpConfig {
    fn default() -> Self {
        Self {
            listener: Vec::new(),
            device: Vec::new(),
            hostname: String::new(),
            max_connections: 1024,
            max_connections_per_address: 64,
            max_connections_per_user: 50,
            max_message_bytes: 35 * 1024 * 1024,
            max_recipients: 1000,
            smtputf8: true,
            save_sent: true,
            merge_sent: true,
            check_recipients: true,
            separate_bcc: false,
        }
    }
}

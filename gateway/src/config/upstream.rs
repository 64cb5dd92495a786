use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{AuthSchemes, KerberosConfig};

/// The Exchange in front of which the gateway stands.
///
/// Either `domains` (Autodiscover finds the URLs) or `emsmdb_url` must be set. Credentials go only to hosts named here.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamConfig {
    /// Mail domains whose users may log in, and for which Autodiscover is asked.
    pub domains: Vec<String>,
    /// Hosts beyond the domains and their `autodiscover.` hosts that may be given credentials.
    pub hosts: Vec<String>,
    /// The URL of Autodiscover (POX), if it isn't at the usual place.
    pub autodiscover_url: Option<String>,
    /// Seconds that one question of Autodiscover may take.
    pub autodiscover_timeout_seconds: u64,
    /// Seconds for which what it found is used again; 0 asks at each login.
    pub autodiscover_cache_seconds: u64,
    /// The mailbox URL, if Autodiscover is not to be asked. `{user}` stands for the login name, `{local}` for its part
    /// before `@`.
    pub emsmdb_url: Option<String>,
    /// The address book URL, likewise.
    pub nspi_url: Option<String>,
    /// The legacyExchangeDN of the mailbox, likewise. Needed with `emsmdb_url`.
    pub legacy_dn: Option<String>,
    /// How to authenticate.
    pub auth: AuthSchemes,
    /// How users get Kerberos tickets. Without it, Kerberos is not used.
    pub kerberos: Option<KerberosConfig>,
    /// The mail domain of users who log in without one (`alice`, `EXAMPLE\alice`). Without it, the only one of `domains`.
    pub user_suffix: Option<String>,
    /// A PEM file with certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// `"full"`, or `"dangerous-none"`: accept any certificate, so that anybody on the way can read passwords.
    pub tls_verification: TlsVerification,
    /// Allow `http://` URLs, so that anybody on the way can read passwords. For tests on one machine.
    pub allow_plain_http: bool,
    /// Seconds until a connection must be established.
    pub connect_timeout_seconds: u64,
    /// Seconds until an answer must have begun.
    pub request_timeout_seconds: u64,
    /// Seconds until an answer must be there as a whole, however often the upstream says that it still works on it; the time
    /// that its bytes need comes on top.
    pub answer_timeout_seconds: u64,
    /// Bytes a second below which the upstream is too slow: what is large may take so much longer.
    pub slowest_bytes_per_second: u32,
    /// Bytes of the largest message that is read.
    pub max_message_bytes: usize,
    /// Accounts at once.
    pub max_accounts: usize,
    /// Sessions of one user at most. One does what clients wait for and hears of news; further ones are opened for large
    /// messages and long downloads, and closed after a minute without use.
    pub sessions_per_user: usize,
    /// Wrong passwords of one user that are passed on in half an hour. Fewer than lock an account in the directory.
    pub wrong_passwords_per_user: usize,
    /// Seconds for which a user's clients must be quiet before messages of selected folders are rendered that never were, so
    /// that their sizes are known; 0: never.
    pub render_ahead_seconds: u64,
    /// Messages that are read ahead at a time for a client that fetches one after the other; 0: none.
    pub read_ahead_messages: usize,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            hosts: Vec::new(),
            autodiscover_url: None,
            autodiscover_timeout_seconds: 20,
            autodiscover_cache_seconds: 3600,
            emsmdb_url: None,
            nspi_url: None,
            legacy_dn: None,
            auth: AuthSchemes::Auto,
            kerberos: None,
            user_suffix: None,
            ca_file: None,
            tls_verification: TlsVerification::Full,
            allow_plain_http: false,
            connect_timeout_seconds: 15,
            request_timeout_seconds: 120,
            answer_timeout_seconds: 300,
            slowest_bytes_per_second: 8 * 1024,
            max_message_bytes: 160 * 1024 * 1024,
            max_accounts: 10_000,
            sessions_per_user: 4,
            wrong_passwords_per_user: 4,
            render_ahead_seconds: 30,
            read_ahead_messages: 50,
        }
    }
}

/// Whether the upstream's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsVerification {
    /// Chain, name and validity.
    Full,
    /// Not at all.
    DangerousNone,
}

use serde::{Deserialize, Serialize};

use super::{Address, ConfigError, ListenerTls};

/// `[autoconfig]`: how clients find the gateway by an address alone. Without listeners nobody is told anything.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoconfigConfig {
    /// `[[autoconfig.listener]]`
    pub listener: Vec<AutoconfigListener>,
    /// What the mail service is called.
    pub name: String,
    /// The host that clients reach IMAP by.
    pub imap_host: String,
    /// The host that clients reach SMTP by; without it, that of IMAP.
    pub smtp_host: Option<String>,
    /// Also answer Autodiscover (POX) with IMAP and SMTP, for clients that know nothing else. Not where users have Outlook with
    /// Exchange: it would ask here.
    pub pox: bool,
}

/// A listener that serves client settings, and nothing else.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AutoconfigListener {
    /// IP address and port.
    pub address: Address,
    /// `"implicit"`, or `"none"` behind something that ends TLS.
    pub tls: ListenerTls,
}

impl AutoconfigConfig {
    /// Whether client settings can be given out.
    pub fn is_set(&self) -> bool {
        !self.imap_host.is_empty()
    }

    /// What is wrong with it.
    pub(super) fn problems(&self, has_certificate: bool, has_domains: bool) -> Vec<ConfigError> {
        let mut out = Vec::new();
        if !self.listener.is_empty() && !self.is_set() {
            let problem = "expected the name by which clients reach this gateway, such as mail.example.org";
            out.push(ConfigError::invalid("autoconfig.imap_host", problem));
        }
        let hosts = [("imap_host", Some(&self.imap_host)), ("smtp_host", self.smtp_host.as_ref())];
        for (key, host) in hosts.into_iter().filter_map(|(key, host)| Some((key, host?))) {
            if !host.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)) {
                let problem = format!("`{host}` is no host name: expected a name such as mail.example.org");
                out.push(ConfigError::invalid(format!("autoconfig.{key}"), problem));
            }
        }
        if !self.listener.is_empty() && !has_domains {
            let problem = "client settings are given out for these: expected at least one";
            out.push(ConfigError::invalid("upstream.domains", problem));
        }
        for (position, listener) in self.listener.iter().enumerate() {
            let key = format!("autoconfig.listener[{position}].tls");
            match listener.tls {
                ListenerTls::StartTls => out.push(ConfigError::invalid(key, "expected \"implicit\" or \"none\"")),
                ListenerTls::Implicit if !has_certificate => {
                    let problem = "needs a certificate: add [tls] with certificate_file and key_file";
                    out.push(ConfigError::invalid(key, problem));
                }
                ListenerTls::Implicit | ListenerTls::None => {}
            }
        }
        out
    }
}

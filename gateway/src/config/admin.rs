use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Address, ConfigError, ListenerTls};

/// `[admin]`: pages for administrators and Prometheus. Without it, there are none.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    /// IP address and port.
    pub address: Address,
    /// `"none"`, or `"implicit"` with the certificate of `[tls]`.
    #[serde(default = "no_tls")]
    pub tls: ListenerTls,
    /// File with the token that is asked for: for everything elsewhere than on loopback, and for pages about a user everywhere.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Names that it is reached by, beside `localhost` and addresses.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Take the token on unencrypted connections elsewhere than on loopback. For trusted networks only.
    #[serde(default)]
    pub allow_plaintext_auth: bool,
}

fn no_tls() -> ListenerTls {
    ListenerTls::None
}

impl AdminConfig {
    /// What is wrong with it.
    pub(super) fn problems(&self, has_certificate: bool) -> Vec<ConfigError> {
        let mut out = Vec::new();
        let remote = !self.address.0.ip().is_loopback();
        if remote && self.token_file.is_none() {
            let problem = "anybody could look: expected a file with a token, or an address on loopback";
            out.push(ConfigError::invalid("admin.token_file", problem));
        }
        match self.tls {
            ListenerTls::StartTls => {
                out.push(ConfigError::invalid("admin.tls", "expected \"implicit\" or \"none\""));
            }
            ListenerTls::Implicit if !has_certificate => {
                let problem =
                    "needs a certificate: add [tls] with certificate_file and key_file, or set tls = \"none\"";
                out.push(ConfigError::invalid("admin.tls", problem));
            }
            ListenerTls::None if remote && !self.allow_plaintext_auth => {
                let problem = "the token would go unencrypted: expected \"implicit\", or allow_plaintext_auth = true";
                out.push(ConfigError::invalid("admin.tls", problem));
            }
            ListenerTls::Implicit | ListenerTls::None => {}
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elsewhere_than_on_loopback_a_token_and_tls_are_needed() {
        let problems = |text: &str, certificate| -> Vec<String> {
            let config: AdminConfig = toml::from_str(text).expect("well-formed");
            config.problems(certificate).iter().map(ToString::to_string).collect()
        };
        assert!(problems("address = \"127.0.0.1:9180\"", false).is_empty());
        let open = problems("address = \"0.0.0.0:9180\"", false);
        assert!(open.len() == 2 && open[0].starts_with("admin.token_file") && open[1].starts_with("admin.tls"));
        let token = "address = \"[::]:9180\"\ntoken_file = \"/x\"\n";
        assert!(problems(&format!("{token}tls = \"implicit\""), true).is_empty());
        assert_eq!(problems(&format!("{token}tls = \"implicit\""), false).len(), 1);
        assert!(problems(&format!("{token}allow_plaintext_auth = true"), false).is_empty());
    }
}

use std::path::PathBuf;

use mapi_core::auth::PlainHttp;
use mapi_core::client::EndpointUrl;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// How the gateway itself gets access tokens (OAuth 2.0).
///
/// With `refresh_token_file` by the refresh token in it (RFC 6749 6), without it by client credentials (RFC 6749 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthConfig {
    /// The URL of the token endpoint.
    pub token_url: String,
    /// The URL that gives out device codes (RFC 8628), for `mapi-gateway oauth sign-in`.
    #[serde(default)]
    pub device_url: Option<String>,
    /// The name of the gateway's registration there.
    pub client_id: String,
    /// File with the secret that belongs to it.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// Or the environment variable with it.
    #[serde(default)]
    pub client_secret_env: Option<String>,
    /// What the tokens are to be good for.
    #[serde(default)]
    pub scope: Option<String>,
    /// File with a refresh token, which only the gateway's user may read (mode 0600). A newer one that the endpoint gives
    /// takes its place.
    #[serde(default)]
    pub refresh_token_file: Option<PathBuf>,
    /// A PEM file with certificates to trust besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Allow `http://` URLs, so that anybody on the way can read secrets. For tests on one machine.
    #[serde(default)]
    pub allow_plain_http: bool,
}

impl OAuthConfig {
    /// What is wrong with it; `key` is where the configuration has it.
    pub fn problems(&self, key: &str) -> Vec<ConfigError> {
        let mut out = Vec::new();
        let mut refuse = |name: &str, problem: String| out.push(ConfigError::invalid(format!("{key}.{name}"), problem));
        for (name, url) in [("token_url", Some(&self.token_url)), ("device_url", self.device_url.as_ref())] {
            if let Some(Err(error)) = url.map(|url| EndpointUrl::parse(url, self.plain_http())) {
                refuse(name, format!("{error}: expected https://host/path of the token service"));
            }
        }
        if self.client_id.is_empty() {
            refuse("client_id", "expected the id of the gateway's registration".to_owned());
        }
        let secret = self.client_secret_file.is_some() || self.client_secret_env.is_some();
        if self.client_secret_file.is_some() && self.client_secret_env.is_some() {
            refuse("client_secret_file", "expected either client_secret_file or client_secret_env".to_owned());
        }
        if !secret && self.refresh_token_file.is_none() {
            refuse(
                "refresh_token_file",
                "expected a file for the refresh token (`mapi-gateway oauth sign-in` writes it), or client_secret_file \
                 for client credentials"
                    .to_owned(),
            );
        }
        out
    }

    /// Whether `http://` is allowed.
    pub fn plain_http(&self) -> PlainHttp {
        if self.allow_plain_http { PlainHttp::Allow } else { PlainHttp::Refuse }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let config: OAuthConfig = toml::from_str(text).expect("well-formed");
        config.problems("x.oauth").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_missing_is_named() {
        let good = "token_url = \"https://login.example.org/token\"\nclient_id = \"gateway\"\n";
        assert_eq!(problems(&format!("{good}client_secret_env = \"HOME\"")), [""; 0]);
        assert_eq!(problems(&format!("{good}refresh_token_file = \"/x\"")), [""; 0]);
        assert!(problems(good)[0].starts_with("x.oauth.refresh_token_file: expected a file"));
        let plain = good.replace("https", "http");
        let found = problems(&format!("{plain}refresh_token_file = \"/x\""));
        assert!(found[0].starts_with("x.oauth.token_url: plain http is not allowed"), "{found:?}");
        assert_eq!(problems(&format!("{plain}refresh_token_file = \"/x\"\nallow_plain_http = true")), [""; 0]);
    }
}

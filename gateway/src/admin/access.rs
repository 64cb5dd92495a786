use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::config::{AdminConfig, ConfigError};

/// A token that is guessed is none.
const SHORTEST_TOKEN: usize = 16;
const LONGEST_TOKEN: usize = 4096;

/// Who may see what.
pub struct Access {
    is_local: bool,
    hosts: Vec<String>,
    token: Option<SecretString>,
}

/// What a request may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Everything.
    All,
    /// What names nobody.
    Figures,
    /// Nothing, without a token.
    Nothing,
    /// It asks for somebody else's page.
    WrongHost,
}

impl Access {
    /// As configured, at the address where it listens.
    ///
    /// # Errors
    /// A token that can't be read.
    pub fn new(config: &AdminConfig, address: SocketAddr) -> Result<Self, ConfigError> {
        let token = config.token_file.as_deref().map(read_token).transpose()?;
        let hosts = config.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Self { is_local: address.ip().is_loopback(), hosts, token })
    }

    /// Whether there is a token with which more can be seen.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// What a request may see by its header.
    pub fn of(&self, headers: &HeaderMap) -> Allowed {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
        if hosts.next().is_some() || !self.is_own(host) {
            return Allowed::WrongHost;
        }
        if self.shows_token(headers) {
            Allowed::All
        } else if self.is_local {
            Allowed::Figures
        } else {
            Allowed::Nothing
        }
    }

    /// A name of which others decide where it leads could be that of a page in a browser which came from there.
    fn is_own(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((name, _)) => name,
                None => return false,
            },
            None => host.split(':').next().unwrap_or_default(),
        };
        let name = name.to_ascii_lowercase();
        name == "localhost" || name.parse::<IpAddr>().is_ok() || self.hosts.contains(&name)
    }

    /// As a bearer token, or as the password of Basic, which is what browsers ask for.
    fn shows_token(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return false };
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, given)) = given.and_then(|given| given.split_once(' ')) else { return false };
        let given = if scheme.eq_ignore_ascii_case("bearer") {
            Zeroizing::new(given.trim().to_owned())
        } else if scheme.eq_ignore_ascii_case("basic") {
            let decoded = Zeroizing::new(STANDARD.decode(given.trim()).unwrap_or_default());
            let text = std::str::from_utf8(&decoded).unwrap_or_default();
            Zeroizing::new(text.split_once(':').map_or("", |(_, password)| password).to_owned())
        } else {
            return false;
        };
        let digest = |text: &str| Sha256::digest(text.as_bytes());
        digest(&given).ct_eq(&digest(token.expose_secret())).into()
    }
}

/// The first line of the file with the token.
///
/// # Errors
/// A file that can't be read, and tokens that are too short.
pub fn read_token(path: &Path) -> Result<SecretString, ConfigError> {
    let invalid = |problem: String| ConfigError::invalid("admin.token_file", format!("{}: {problem}", path.display()));
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| invalid(error.to_string()))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.len() < SHORTEST_TOKEN || token.len() > LONGEST_TOKEN {
        let expected = format!(
            "expected a line of {SHORTEST_TOKEN} to {LONGEST_TOKEN} characters, such as `openssl rand -hex 16` gives"
        );
        return Err(invalid(expected));
    }
    Ok(SecretString::from(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn access(address: &str) -> Access {
        let token = Some(SecretString::from(TOKEN));
        Access {
            is_local: address.parse::<IpAddr>().expect("an address").is_loopback(),
            hosts: vec!["gw.example".into()],
            token,
        }
    }

    fn headers(host: &str, authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a value"));
        if !authorization.is_empty() {
            headers.insert(AUTHORIZATION, authorization.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn names_that_others_decide_of_are_refused() {
        let access = access("127.0.0.1");
        for own in
            ["localhost", "localhost:9180", "LOCALHOST", "127.0.0.1:9180", "[::1]:9180", "192.0.2.1", "GW.example:1"]
        {
            assert_eq!(access.of(&headers(own, "")), Allowed::Figures, "{own}");
        }
        let bearer = format!("Bearer {TOKEN}");
        for other in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "[::1",
            "gw.example.",
            "2130706433x",
        ] {
            assert_eq!(access.of(&headers(other, &bearer)), Allowed::WrongHost, "{other}");
        }
        let mut two = headers("localhost", "");
        two.append(HOST, "evil.example".parse().expect("a value"));
        assert_eq!(access.of(&two), Allowed::WrongHost);
    }

    #[test]
    fn tokens() {
        let basic = format!("Basic {}", STANDARD.encode(format!("admin:{TOKEN}")));
        for (address, without) in [("127.0.0.1", Allowed::Figures), ("192.0.2.1", Allowed::Nothing)] {
            let of = |authorization: &str| access(address).of(&headers("localhost", authorization));
            assert_eq!((of(&format!("bearer {TOKEN}")), of(&basic)), (Allowed::All, Allowed::All));
            for wrong in ["", "Bearer", "Bearer 0123456789abcdeF", "Basic !", "Digest x", TOKEN] {
                assert_eq!(of(wrong), without, "{wrong}");
            }
        }
        let none = Access { token: None, ..access("127.0.0.1") };
        assert_eq!(none.of(&headers("localhost", "Bearer ")), Allowed::Figures);
    }
}

use std::fmt;

use crate::auth::PlainHttp;

/// Longest URL taken.
const MAX_URL: usize = 2048;

/// The URL of an endpoint, split; path and query byte for byte.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EndpointUrl {
    tls: bool,
    host: String,
    port: u16,
    target: String,
}

/// Why a URL is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlError {
    /// Neither `https://` nor `http://`.
    Scheme,
    /// `http://`, which was not allowed.
    PlainHttp,
    /// No host, user information, or a port that is no number.
    Authority,
    /// Characters that cannot stand in a request line, a fragment, or more than 2048 bytes.
    Target,
}

impl EndpointUrl {
    /// Splits an absolute URL.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn parse(url: &str, plain_http: PlainHttp) -> Result<Self, UrlError> {
        let url = url.trim();
        if url.len() > MAX_URL || !url.bytes().all(|b| b.is_ascii_graphic()) || url.contains('#') {
            return Err(UrlError::Target);
        }
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" if plain_http == PlainHttp::Allow => false,
            "http" => return Err(UrlError::PlainHttp),
            _ => return Err(UrlError::Scheme),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (host, port) = split_port(authority).ok_or(UrlError::Authority)?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        if ::http::Uri::try_from(target.as_str()).is_err() {
            return Err(UrlError::Target);
        }
        Ok(Self { tls, host: host.to_ascii_lowercase(), port: port.unwrap_or(if tls { 443 } else { 80 }), target })
    }

    /// Whether it is https.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Host name or address in lower case, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Value of the Host header.
    pub fn host_header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.tls { 443 } else { 80 } { host } else { format!("{host}:{}", self.port) }
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            if !host.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.') {
                return None;
            }
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    if host.is_empty() || !host.bytes().all(allowed) {
        return None;
    }
    match port {
        Some(port) => Some((host, Some(port.parse().ok().filter(|p| *p != 0)?))),
        None => Some((host, None)),
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.host_header(), self.target)
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the URL is not absolute, or not https",
            Self::PlainHttp => "plain http is not allowed",
            Self::Authority => "the URL has no valid host and port",
            Self::Target => "the URL has characters that are not allowed, or is too long",
        })
    }
}

impl std::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_stay_as_they_are() {
        let text = "https://Mail.Lab.test/mapi/emsmdb/?MailboxId=64617665-406c@lab.test&x=%2f";
        let url = EndpointUrl::parse(text, PlainHttp::Refuse).expect("a URL");
        assert_eq!((url.host(), url.port(), url.is_tls()), ("mail.lab.test", 443, true));
        assert_eq!(url.target(), "/mapi/emsmdb/?MailboxId=64617665-406c@lab.test&x=%2f");
        assert_eq!(url.host_header(), "mail.lab.test");
        let url = EndpointUrl::parse("http://[::1]:8080?a", PlainHttp::Allow).expect("a URL");
        assert_eq!((url.host(), url.host_header().as_str(), url.target()), ("::1", "[::1]:8080", "/?a"));
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        let parse = |url: &str| EndpointUrl::parse(url, PlainHttp::Refuse).expect_err(url);
        assert_eq!(parse("http://mail.test/"), UrlError::PlainHttp);
        assert_eq!(parse("ftp://mail.test/"), UrlError::Scheme);
        assert_eq!(parse("/mapi"), UrlError::Scheme);
        assert_eq!(parse("https://good.test@evil.test/"), UrlError::Authority);
        assert_eq!(parse("https:///x"), UrlError::Authority);
        assert_eq!(parse("https://a.test:99999/"), UrlError::Authority);
        assert_eq!(parse("https://good.test\\@evil.test/"), UrlError::Authority);
        assert_eq!(parse("https://a.test/x y"), UrlError::Target);
        assert_eq!(parse("https://a.test/\r\nX: y"), UrlError::Target);
        assert_eq!(parse("https://a.test/#x"), UrlError::Target);
    }
}

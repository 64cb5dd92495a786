use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use zeroize::Zeroize;

use super::answer::{Seconds, Tokens, words};

/// Polled this often if the service does not say (RFC 8628 3.2).
const DEFAULT_INTERVAL: u64 = 5;
/// Services may ask for longer pauses and codes up to this.
const LONGEST_INTERVAL: u64 = 60;
const LONGEST_TIME: u64 = 3600;

/// A code with which somebody signs in on another device (RFC 8628 3.2).
pub struct DeviceCode {
    secret: SecretString,
    /// What that person enters.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// Where without having to enter it, if the service has such an address.
    pub complete_uri: Option<String>,
    /// How long the code is good.
    pub lifetime: Duration,
    /// The pause between two polls.
    pub interval: Duration,
}

/// What a poll found.
pub enum Poll {
    /// Nobody has signed in yet.
    Pending,
    /// Nor that, and the pauses are to be 5 s longer.
    SlowDown,
    /// Somebody has.
    Done(Tokens),
}

impl DeviceCode {
    /// Reads the service's answer.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut read: Answer = serde_json::from_slice(body).ok()?;
        let seconds = |value: &Option<Seconds>| value.as_ref().and_then(Seconds::value);
        let interval = seconds(&read.interval).unwrap_or(DEFAULT_INTERVAL).clamp(1, LONGEST_INTERVAL);
        let lifetime = seconds(&read.expires_in).unwrap_or(LONGEST_TIME).min(LONGEST_TIME);
        let uri = read.verification_uri.take().or(read.verification_url.take())?;
        Some(Self {
            secret: SecretString::from(std::mem::take(&mut read.device_code)),
            user_code: words(&read.user_code),
            verification_uri: words(&uri),
            complete_uri: read.verification_uri_complete.as_deref().map(words),
            lifetime: Duration::from_secs(lifetime),
            interval: Duration::from_secs(interval),
        })
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.secret
    }
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCode").field("verification_uri", &self.verification_uri).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    device_code: String,
    user_code: String,
    #[serde(default)]
    verification_uri: Option<String>,
    /// What some services called it before the RFC.
    #[serde(default)]
    verification_url: Option<String>,
    #[serde(default)]
    verification_uri_complete: Option<String>,
    #[serde(default)]
    expires_in: Option<Seconds>,
    #[serde(default)]
    interval: Option<Seconds>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.device_code.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_8628() {
        let text = r#"{"device_code":"GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS","user_code":"WDJB-MJHT",
            "verification_uri":"https://example.com/device",
            "verification_uri_complete":"https://example.com/device?user_code=WDJB-MJHT","expires_in":1800}"#;
        let code = DeviceCode::read(text.as_bytes()).expect("a code");
        assert_eq!((code.user_code.as_str(), code.interval.as_secs(), code.lifetime.as_secs()), ("WDJB-MJHT", 5, 1800));
        assert_eq!(code.verification_uri, "https://example.com/device");
        assert!(!format!("{code:?}").contains("GmRh"));
        let old = r#"{"device_code":"d","user_code":"u","verification_url":"https://e/","interval":"0"}"#;
        assert_eq!(DeviceCode::read(old.as_bytes()).expect("a code").interval.as_secs(), 1);
        assert!(DeviceCode::read(b"{}").is_none());
    }
}

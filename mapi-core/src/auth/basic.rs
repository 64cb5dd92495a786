use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::challenge::{Offer, offer};
use super::{AuthChannel, AuthError, AuthScheme, AuthStep, Credentials, PlainHttp};

/// User name and password for Basic (RFC 7617), in UTF-8.
#[derive(Clone)]
pub struct BasicCredentials {
    user: String,
    password: SecretString,
    plain_http: PlainHttp,
}

impl BasicCredentials {
    /// Credentials that are sent over unencrypted connections only if `plain_http` allows it.
    pub fn new(user: impl Into<String>, password: SecretString, plain_http: PlainHttp) -> Self {
        Self { user: user.into(), password, plain_http }
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    fn header(&self) -> SecretString {
        let pair = Zeroizing::new(format!("{}:{}", self.user, self.password.expose_secret()));
        // The whole length at once, so that no reallocation leaves a copy behind.
        let mut header = String::with_capacity(6 + pair.len().div_ceil(3) * 4);
        header.push_str("Basic ");
        STANDARD.encode_string(pair.as_bytes(), &mut header);
        SecretString::from(header)
    }
}

impl Credentials for BasicCredentials {
    fn scheme(&self) -> Box<dyn AuthScheme> {
        Box::new(Basic(self.clone()))
    }
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials").field("user", &self.user).field("password", &"…").finish()
    }
}

struct Basic(BasicCredentials);

impl AuthScheme for Basic {
    fn start(&mut self, channel: AuthChannel<'_>) -> AuthStep {
        if channel.encrypted || self.0.plain_http == PlainHttp::Allow {
            AuthStep::Send(self.0.header())
        } else {
            AuthStep::Failed(AuthError::PlainHttp)
        }
    }

    fn step(&mut self, challenges: &[String], _channel: AuthChannel<'_>) -> AuthStep {
        let offered = challenges.is_empty() || offer(challenges, "Basic") != Offer::Absent;
        AuthStep::Failed(if offered { AuthError::Refused } else { AuthError::NotOffered(challenges.to_vec()) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const PLAIN: AuthChannel<'_> =
        AuthChannel { host: "mail.test", encrypted: false, server_certificate: None, now: SystemTime::UNIX_EPOCH };
    const TLS: AuthChannel<'_> = AuthChannel { encrypted: true, server_certificate: Some(&[]), ..PLAIN };

    fn basic(plain_http: PlainHttp) -> BasicCredentials {
        BasicCredentials::new("Aladdin", SecretString::from("open sesame"), plain_http)
    }

    #[test]
    fn the_example_of_rfc_7617() {
        let AuthStep::Send(header) = basic(PlainHttp::Refuse).scheme().start(TLS) else { panic!("allowed over TLS") };
        assert_eq!(header.expose_secret(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn plain_http_needs_permission() {
        let mut scheme = basic(PlainHttp::Refuse).scheme();
        assert!(matches!(scheme.start(PLAIN), AuthStep::Failed(AuthError::PlainHttp)));
        assert!(matches!(basic(PlainHttp::Allow).scheme().start(PLAIN), AuthStep::Send(_)));
    }

    #[test]
    fn a_challenge_ends_it() {
        let mut scheme = basic(PlainHttp::Refuse).scheme();
        let step = |scheme: &mut dyn AuthScheme, offered: &[&str]| {
            let offered: Vec<_> = offered.iter().map(|&text| text.to_owned()).collect();
            match scheme.step(&offered, TLS) {
                AuthStep::Failed(error) => error,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(step(&mut *scheme, &["Negotiate", "basic realm=\"x\""]), AuthError::Refused);
        assert!(matches!(step(&mut *scheme, &["Negotiate", "NTLM"]), AuthError::NotOffered(_)));
    }

    #[test]
    fn debug_shows_no_password() {
        let shown = format!("{:?}", basic(PlainHttp::Allow));
        assert!(!shown.contains("sesame") && shown.contains("Aladdin"), "{shown}");
    }
}

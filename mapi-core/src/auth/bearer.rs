use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use super::challenge::{Offer, elements, offer};
use super::{AuthChannel, AuthError, AuthScheme, AuthStep, Credentials, PlainHttp};

const SCHEME: &str = "Bearer";
/// Characters kept of a server's reason.
const MAX_REASON: usize = 200;

/// An OAuth 2.0 access token for Bearer (RFC 6750 2.1). Clones share the token: a newer one that takes its place is what
/// all connections show from then on, also those that are open.
#[derive(Clone)]
pub struct BearerCredentials {
    token: Arc<Mutex<SecretString>>,
    plain_http: PlainHttp,
}

impl BearerCredentials {
    /// Credentials that are sent over unencrypted connections only if `plain_http` allows it. `None` if `token` is none:
    /// other characters than those of `b64token`, or nothing.
    pub fn new(token: SecretString, plain_http: PlainHttp) -> Option<Self> {
        is_token(token.expose_secret()).then(|| Self { token: Arc::new(Mutex::new(token)), plain_http })
    }

    /// The token that is shown now.
    pub fn token(&self) -> SecretString {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows the token of `newer` from now on.
    pub fn renew(&self, newer: &Self) {
        // One after the other: `newer` may be a clone of this.
        let token = newer.token();
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Whether WWW-Authenticate values offer Bearer.
    pub fn is_offered(challenges: &[String]) -> bool {
        offer(challenges, SCHEME) != Offer::Absent
    }
}

impl Credentials for BearerCredentials {
    fn scheme(&self) -> Box<dyn AuthScheme> {
        Box::new(Bearer { credentials: self.clone(), shown: None })
    }
}

impl fmt::Debug for BearerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerCredentials").field("token", &"…").finish()
    }
}

struct Bearer {
    credentials: BearerCredentials,
    /// The token that the last request carried.
    shown: Option<SecretString>,
}

impl Bearer {
    fn show(&mut self, token: SecretString) -> AuthStep {
        let header = SecretString::from(format!("{SCHEME} {}", token.expose_secret()));
        self.shown = Some(token);
        AuthStep::Send(header)
    }
}

impl AuthScheme for Bearer {
    fn start(&mut self, channel: AuthChannel<'_>) -> AuthStep {
        if !channel.encrypted && self.credentials.plain_http != PlainHttp::Allow {
            return AuthStep::Failed(AuthError::PlainHttp);
        }
        let token = self.credentials.token();
        self.show(token)
    }

    fn step(&mut self, challenges: &[String], _channel: AuthChannel<'_>) -> AuthStep {
        if !challenges.is_empty() && !BearerCredentials::is_offered(challenges) {
            return AuthStep::Failed(AuthError::NotOffered(challenges.to_vec()));
        }
        let now = self.credentials.token();
        let shown = self.shown.as_ref().map(ExposeSecret::expose_secret);
        if shown.is_some_and(|shown| shown != now.expose_secret()) {
            // It was renewed while the request was on its way.
            return self.show(now);
        }
        AuthStep::Failed(match reason(challenges, now.expose_secret()) {
            Some(reason) => AuthError::TokenRefused(reason),
            None => AuthError::Refused,
        })
    }
}

/// `b64token`, RFC 6750 2.1.
fn is_token(text: &str) -> bool {
    let text = text.trim_end_matches('=');
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

/// What a 401 says of the token (RFC 6750 3): `error` and `error_description`. Nothing that repeats the token.
fn reason(challenges: &[String], token: &str) -> Option<String> {
    let mut inside = false;
    let (mut error, mut description) = (None, None);
    for part in challenges.iter().flat_map(|value| elements(value)) {
        // A parameter has no space before its `=`; whatever has one begins another challenge.
        let name_end = part.find(['=', ' ', '\t']).unwrap_or(part.len());
        let begins = part.as_bytes().get(name_end) != Some(&b'=');
        let parameter = if begins {
            let (scheme, rest) = part.split_at(name_end);
            inside = scheme.eq_ignore_ascii_case(SCHEME);
            rest.trim()
        } else {
            part
        };
        let Some((name, value)) = parameter.split_once('=').filter(|_| inside) else { continue };
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "error" => error = error.or(Some(value)),
            "error_description" => description = description.or(Some(value)),
            _ => {}
        }
    }
    let text = match (error?, description) {
        (error, Some(description)) => format!("{error}: {description}"),
        (error, None) => error.to_owned(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
    // Cut off it could show the beginning of a token that it repeats.
    let start = token.get(..token.len().min(16)).unwrap_or(token);
    (!text.contains(start)).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;

    const PLAIN: AuthChannel<'_> =
        AuthChannel { host: "mail.test", encrypted: false, server_certificate: None, now: SystemTime::UNIX_EPOCH };
    const TLS: AuthChannel<'_> = AuthChannel { encrypted: true, server_certificate: Some(&[]), ..PLAIN };

    fn credentials(token: &str) -> BearerCredentials {
        BearerCredentials::new(token.into(), PlainHttp::Refuse).expect("a token")
    }

    fn sent(step: AuthStep) -> String {
        let AuthStep::Send(header) = step else { panic!("{step:?}") };
        header.expose_secret().to_owned()
    }

    fn failed(step: AuthStep) -> AuthError {
        let AuthStep::Failed(error) = step else { panic!("{step:?}") };
        error
    }

    fn list(values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    #[test]
    fn the_token_goes_with_every_request_and_only_encrypted() {
        let mut scheme = credentials("mF_9.B5f-4.1JqM==").scheme();
        assert_eq!(sent(scheme.start(TLS)), "Bearer mF_9.B5f-4.1JqM==");
        assert_eq!(sent(scheme.start(TLS)), "Bearer mF_9.B5f-4.1JqM==");
        assert_eq!(failed(scheme.start(PLAIN)), AuthError::PlainHttp);
        let lab = BearerCredentials::new("t".into(), PlainHttp::Allow).expect("a token");
        assert_eq!(sent(lab.scheme().start(PLAIN)), "Bearer t");
        assert!(!format!("{:?}", credentials("secret")).contains("secret"));
    }

    #[test]
    fn what_is_no_token() {
        for text in ["", "=", "a b", "a\r\nX: y", "ä", "a=b"] {
            assert!(BearerCredentials::new(text.into(), PlainHttp::Allow).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_renewed_token_is_shown_by_open_connections() {
        let first = credentials("first");
        let mut scheme = first.scheme();
        scheme.start(TLS);
        first.renew(&credentials("second"));
        // The refused one was the former one.
        assert_eq!(sent(scheme.step(&list(&["Bearer error=\"invalid_token\""]), TLS)), "Bearer second");
        assert!(failed(scheme.step(&list(&["Bearer"]), TLS)).is_refusal());
        first.renew(&first.clone());
        assert_eq!(sent(scheme.start(TLS)), "Bearer second");
    }

    #[test]
    fn refusals_give_the_servers_reason() {
        let step = |values: &[&str]| {
            let mut scheme = credentials("abc").scheme();
            scheme.start(TLS);
            failed(scheme.step(&list(values), TLS))
        };
        let values = ["Negotiate, Bearer realm=\"x\", error=\"invalid_token\", error_description=\"it, expired\""];
        assert_eq!(step(&values), AuthError::TokenRefused("invalid_token: it, expired".into()));
        assert_eq!(
            step(&["Bearer error=invalid_token", "Basic error=\"x\""]),
            AuthError::TokenRefused("invalid_token".into())
        );
        assert_eq!(step(&["Bearer client_id=\"00000002\"", "NTLM"]), AuthError::Refused);
        assert_eq!(step(&[]), AuthError::Refused);
        assert_eq!(step(&["Bearer error=\"no abc\""]), AuthError::Refused, "tokens are not repeated");
        assert!(matches!(step(&["Negotiate", "NTLM"]), AuthError::NotOffered(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_may_come(values in prop::collection::vec("(Bearer )?(error=)?\\PC{0,40}", 0..4)) {
            if let Some(text) = reason(&values, "abc") {
                prop_assert!(text.chars().count() <= MAX_REASON);
            }
        }
    }
}

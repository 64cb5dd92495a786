//! SASL (RFC 4422): what the mechanisms' messages mean.

use mail_core::{Credentials, Secret};
use secrecy::SecretString;

/// A mechanism of AUTHENTICATE. Each has one message of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// RFC 4616
    Plain,
    /// As Google and Microsoft describe it.
    XOauth2,
    /// RFC 7628
    OauthBearer,
}

/// Why a message can't be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaslError {
    /// Not what the mechanism asks for.
    Malformed,
    /// The client wants to act as somebody else.
    OtherIdentity,
    /// Name, password or token is empty.
    Empty,
}

impl Mechanism {
    /// The mechanism of this name, in capitals.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "PLAIN" => Some(Self::Plain),
            "XOAUTH2" => Some(Self::XOauth2),
            "OAUTHBEARER" => Some(Self::OauthBearer),
            _ => None,
        }
    }

    /// Whether the proof is a bearer token.
    pub fn is_bearer(self) -> bool {
        self != Self::Plain
    }

    /// The client's message.
    pub fn message(self, message: &[u8]) -> Result<Credentials, SaslError> {
        let text = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        match self {
            Self::Plain => plain(text),
            Self::XOauth2 => xoauth2(text),
            Self::OauthBearer => oauth_bearer(text),
        }
    }

    /// What a client is told whose token was refused, before it gets the tagged response (RFC 7628 3.2.2).
    pub fn refusal(self) -> &'static str {
        match self {
            Self::OauthBearer => r#"{"status":"invalid_token","schemes":"bearer"}"#,
            Self::XOauth2 | Self::Plain => r#"{"status":"401","schemes":"bearer"}"#,
        }
    }
}

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd`, RFC 4616 2.
fn plain(text: &str) -> Result<Credentials, SaslError> {
    let mut parts = text.split('\0');
    let (Some(identity), Some(user), Some(password), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SaslError::Malformed);
    };
    if !identity.is_empty() && identity != user {
        return Err(SaslError::OtherIdentity);
    }
    credentials(user, Secret::Password(password.into()))
}

/// `"user=" user ^A "auth=Bearer " token ^A ^A`
fn xoauth2(text: &str) -> Result<Credentials, SaslError> {
    let fields = text.strip_suffix("\x01\x01").and_then(|fields| fields.split_once('\x01'));
    let (user, auth) = fields.ok_or(SaslError::Malformed)?;
    let user = user.strip_prefix("user=").ok_or(SaslError::Malformed)?;
    bearer(user, auth.strip_prefix("auth=").ok_or(SaslError::Malformed)?)
}

/// `gs2-header kvsep *kvpair kvsep`, RFC 7628 3.1. Whose mailbox is meant only the name in the header tells.
fn oauth_bearer(text: &str) -> Result<Credentials, SaslError> {
    let fields = text.strip_suffix("\x01\x01").and_then(|fields| fields.split_once('\x01'));
    let (header, pairs) = fields.ok_or(SaslError::Malformed)?;
    let name = header.strip_prefix("n,").and_then(|rest| rest.strip_suffix(',')).ok_or(SaslError::Malformed)?;
    let user = match name.strip_prefix("a=") {
        Some(name) => sasl_name(name)?,
        None if name.is_empty() => String::new(),
        None => return Err(SaslError::Malformed),
    };
    let auth = pairs.split('\x01').find_map(|pair| pair.strip_prefix("auth=")).ok_or(SaslError::Malformed)?;
    bearer(&user, auth)
}

/// `saslname`, RFC 5801 4.
fn sasl_name(name: &str) -> Result<String, SaslError> {
    let mut pieces = name.split('=');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (meant, rest) = match piece.split_at_checked(2) {
            Some(("2C", rest)) => (',', rest),
            Some(("3D", rest)) => ('=', rest),
            _ => return Err(SaslError::Malformed),
        };
        out.push(meant);
        out.push_str(rest);
    }
    if name.contains(',') { Err(SaslError::Malformed) } else { Ok(out) }
}

fn bearer(user: &str, auth: &str) -> Result<Credentials, SaslError> {
    let (scheme, token) = auth.split_once(' ').ok_or(SaslError::Malformed)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(SaslError::Malformed);
    }
    let token = token.trim();
    if token.is_empty() {
        return Err(SaslError::Empty);
    }
    credentials(user, Secret::Bearer(SecretString::from(token)))
}

fn credentials(user: &str, secret: Secret) -> Result<Credentials, SaslError> {
    if user.is_empty() {
        return Err(SaslError::Empty);
    }
    Ok(Credentials { user: user.to_owned(), secret })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn read(mechanism: Mechanism, text: &str) -> Result<(String, bool, String), SaslError> {
        let Credentials { user, secret } = mechanism.message(text.as_bytes())?;
        let bearer = matches!(secret, Secret::Bearer(_));
        let (Secret::Password(secret) | Secret::Bearer(secret)) = secret;
        Ok((user, bearer, secret.expose_secret().to_owned()))
    }

    fn token(user: &str) -> Result<(String, bool, String), SaslError> {
        Ok((user.to_owned(), true, "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==".to_owned()))
    }

    const TOKEN: &str = "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01";

    #[test]
    fn the_examples_of_the_specifications() {
        // RFC 7628 4.1
        let message = format!("n,a=user@example.com,\x01host=server.example.com\x01port=143\x01{TOKEN}\x01");
        assert_eq!(read(Mechanism::OauthBearer, &message), token("user@example.com"));
        // Microsoft's example of XOAUTH2
        let message = format!("user=test@contoso.onmicrosoft.com\x01{TOKEN}\x01");
        assert_eq!(read(Mechanism::XOauth2, &message), token("test@contoso.onmicrosoft.com"));
        // RFC 4616 4
        let tim = ("tim".to_owned(), false, "tanstaaftanstaaf".to_owned());
        assert_eq!(read(Mechanism::Plain, "\0tim\0tanstaaftanstaaf"), Ok(tim));
        assert_eq!(read(Mechanism::Plain, "Ursel\0Kurt\0xipj3plmq"), Err(SaslError::OtherIdentity));
    }

    #[test]
    fn names_with_commas() {
        let message = |name: &str| format!("n,{name},\x01{TOKEN}\x01");
        assert_eq!(read(Mechanism::OauthBearer, &message("a=a=2Cb=3Dc@d")), token("a,b=c@d"));
        assert_eq!(read(Mechanism::OauthBearer, &message("")), Err(SaslError::Empty));
        for name in ["a=a,b", "a=a=", "a=a=2", "a=a=41", "b=a", "a=ä=ä"] {
            assert_eq!(read(Mechanism::OauthBearer, &message(name)), Err(SaslError::Malformed), "{name}");
        }
    }

    #[test]
    fn what_is_no_message() {
        for text in
            ["", "user=a\x01auth=Bearer t\x01", "user=a\x01auth=Basic t\x01\x01", "n,a=a,\x01auth=Bearer t\x01\x01"]
        {
            assert_eq!(read(Mechanism::XOauth2, text), Err(SaslError::Malformed), "{text:?}");
        }
        assert_eq!(read(Mechanism::XOauth2, "user=\x01auth=Bearer t\x01\x01"), Err(SaslError::Empty));
        assert_eq!(read(Mechanism::XOauth2, "user=a\x01auth=Bearer \x01\x01"), Err(SaslError::Empty));
        for text in ["", "n,a=a,\x01\x01", "y,a=a,\x01auth=Bearer t\x01\x01", "user=a\x01auth=Bearer t\x01\x01"] {
            assert_eq!(read(Mechanism::OauthBearer, text), Err(SaslError::Malformed), "{text:?}");
        }
        assert!(matches!(Mechanism::XOauth2.message(b"\xff"), Err(SaslError::Malformed)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn anything_may_come(text in "(n,a=|user=)?[a=,2C\\x01]{0,12}(auth=Bearer )?.{0,6}\\x01{0,2}") {
            for mechanism in [Mechanism::Plain, Mechanism::XOauth2, Mechanism::OauthBearer] {
                if let Ok(credentials) = mechanism.message(text.as_bytes()) {
                    prop_assert!(!credentials.user.is_empty());
                }
            }
        }
    }
}

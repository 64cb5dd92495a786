//! SASL exchanges (RFC 4954 4): what the challenges are and what the answers mean.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mail_core::{Credentials, Secret};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::Mechanism;

/// base64 as devices write it: padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// An exchange that waits for the client's next answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// PLAIN (RFC 4616): everything in one answer.
    Plain,
    /// LOGIN: the user's name comes first.
    LoginUser,
    /// LOGIN: the password of this user comes.
    LoginPassword(String),
    /// XOAUTH2: everything in one answer.
    XOauth2,
    /// OAUTHBEARER (RFC 7628): everything in one answer.
    OauthBearer,
    /// The token was refused; the client is told so, and answers before it gets the reply (RFC 7628 3.2.3).
    BearerRefused,
}

/// What an answer led to.
#[derive(Debug)]
pub(super) enum Progress {
    /// Ask on.
    Challenge(Exchange),
    /// The client said everything.
    Credentials(Credentials),
}

/// Why an answer can't be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExchangeError {
    /// Not base64, or not what the mechanism asks for.
    Malformed,
    /// The client wants to act as somebody else, or leaves name or password empty.
    Denied,
}

impl Exchange {
    /// The exchange of a mechanism.
    pub(super) fn of(mechanism: Mechanism) -> Self {
        match mechanism {
            Mechanism::Plain => Self::Plain,
            Mechanism::Login => Self::LoginUser,
            Mechanism::XOauth2 => Self::XOauth2,
            Mechanism::OauthBearer => Self::OauthBearer,
        }
    }

    /// What the server says to get the next answer. Clients compare LOGIN's prompts letter by letter.
    pub(super) fn challenge(&self) -> &'static str {
        match self {
            Self::Plain | Self::XOauth2 | Self::OauthBearer => "",
            Self::LoginUser => "VXNlcm5hbWU6",
            Self::LoginPassword(_) => "UGFzc3dvcmQ6",
            // {"status":"401","schemes":"bearer"}
            Self::BearerRefused => "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=",
        }
    }

    /// Takes an answer in base64.
    pub(super) fn answer(self, answer: &[u8]) -> Result<Progress, ExchangeError> {
        let decoded = Zeroizing::new(BASE64.decode(answer.trim_ascii()).map_err(|_| ExchangeError::Malformed)?);
        let text = std::str::from_utf8(&decoded).map_err(|_| ExchangeError::Malformed)?;
        match self {
            Self::Plain => plain(text),
            Self::LoginUser => Ok(Progress::Challenge(Self::LoginPassword(text.to_owned()))),
            Self::LoginPassword(user) => credentials(&user, text, Secret::Password),
            Self::XOauth2 => xoauth2(text),
            Self::OauthBearer => oauth_bearer(text),
            Self::BearerRefused => Err(ExchangeError::Denied),
        }
    }
}

/// `message = [authzid] NUL authcid NUL passwd`, RFC 4616 2.
fn plain(text: &str) -> Result<Progress, ExchangeError> {
    let mut parts = text.split('\0');
    let (Some(act_as), Some(user), Some(password), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ExchangeError::Malformed);
    };
    if !act_as.is_empty() && act_as != user {
        return Err(ExchangeError::Denied);
    }
    credentials(user, password, Secret::Password)
}

/// `"user=" user ^A "auth=Bearer " token ^A ^A`, as Google and Microsoft describe it.
fn xoauth2(text: &str) -> Result<Progress, ExchangeError> {
    let fields = text.strip_suffix("\x01\x01").ok_or(ExchangeError::Malformed)?;
    let (user, auth) = fields.split_once('\x01').ok_or(ExchangeError::Malformed)?;
    let user = user.strip_prefix("user=").ok_or(ExchangeError::Malformed)?;
    bearer(user, auth.strip_prefix("auth=").ok_or(ExchangeError::Malformed)?)
}

/// `gs2-header kvsep *kvpair kvsep`, RFC 7628 3.1. Whoever leaves the user's name out can't be told from others.
fn oauth_bearer(text: &str) -> Result<Progress, ExchangeError> {
    let fields = text.strip_suffix("\x01\x01").ok_or(ExchangeError::Malformed)?;
    let (header, pairs) = fields.split_once('\x01').ok_or(ExchangeError::Malformed)?;
    let name = header.strip_prefix("n,").and_then(|rest| rest.strip_suffix(',')).ok_or(ExchangeError::Malformed)?;
    // saslname, RFC 5801 4.
    let user = name.strip_prefix("a=").unwrap_or_default().replace("=2C", ",").replace("=3D", "=");
    let auth = pairs.split('\x01').find_map(|pair| pair.strip_prefix("auth=")).ok_or(ExchangeError::Malformed)?;
    bearer(&user, auth)
}

fn bearer(user: &str, auth: &str) -> Result<Progress, ExchangeError> {
    let (scheme, token) = auth.split_once(' ').ok_or(ExchangeError::Malformed)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(ExchangeError::Malformed);
    }
    credentials(user, token.trim(), Secret::Bearer)
}

fn credentials(user: &str, secret: &str, kind: fn(SecretString) -> Secret) -> Result<Progress, ExchangeError> {
    if user.is_empty() || secret.is_empty() {
        return Err(ExchangeError::Denied);
    }
    Ok(Progress::Credentials(Credentials { user: user.to_owned(), secret: kind(SecretString::from(secret)) }))
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use secrecy::ExposeSecret;

    use super::*;

    fn revealed(credentials: Credentials) -> (String, String) {
        assert!(!format!("{credentials:?}").contains("demo"));
        let (Secret::Password(secret) | Secret::Bearer(secret)) = credentials.secret;
        (credentials.user, secret.expose_secret().to_owned())
    }

    fn result(exchange: Exchange, text: &str) -> Result<(String, String), ExchangeError> {
        match exchange.answer(BASE64_STANDARD.encode(text).as_bytes())? {
            Progress::Credentials(credentials) => Ok(revealed(credentials)),
            Progress::Challenge(_) => panic!("there is one answer"),
        }
    }

    fn plain_result(text: &str) -> Result<(String, String), ExchangeError> {
        result(Exchange::Plain, text)
    }

    #[test]
    fn bearer_answers() {
        let alice = Ok(("a,b=c@d".to_owned(), "to.ken".to_owned()));
        assert_eq!(result(Exchange::XOauth2, "user=a,b=c@d\x01auth=Bearer to.ken\x01\x01"), alice);
        let answer = "n,a=a=2Cb=3Dc@d,\x01host=h\x01port=25\x01auth=bearer to.ken\x01\x01";
        assert_eq!(result(Exchange::OauthBearer, answer), alice);
        let nobody = "n,,\x01auth=Bearer to.ken\x01\x01";
        assert_eq!(result(Exchange::OauthBearer, nobody), Err(ExchangeError::Denied));
        for text in ["", "user=a\x01auth=Bearer t", "user=a\x01auth=Basic t\x01\x01", "n,a=a,\x01auth=Bearer t\x01\x01"]
        {
            assert_eq!(result(Exchange::XOauth2, text), Err(ExchangeError::Malformed), "{text:?}");
        }
        for text in ["", "n,a=a,\x01\x01", "y,a=a,\x01auth=Bearer t\x01\x01", "user=a\x01auth=Bearer t\x01\x01"] {
            assert_eq!(result(Exchange::OauthBearer, text), Err(ExchangeError::Malformed), "{text:?}");
        }
        let refused = BASE64_STANDARD.decode(Exchange::BearerRefused.challenge()).unwrap();
        assert_eq!(refused, br#"{"status":"401","schemes":"bearer"}"#);
    }

    #[test]
    fn plain_answers() {
        let alice = Ok(("alice".to_owned(), "pä ss".to_owned()));
        assert_eq!(plain_result("\0alice\0pä ss"), alice);
        assert_eq!(plain_result("alice\0alice\0pä ss"), alice);
        assert_eq!(plain_result("bob\0alice\0x"), Err(ExchangeError::Denied));
        assert_eq!(plain_result("\0alice\0"), Err(ExchangeError::Denied));
        assert_eq!(plain_result("\0\0x"), Err(ExchangeError::Denied));
        for text in ["", "alice", "\0alice", "\0a\0b\0c"] {
            assert_eq!(plain_result(text), Err(ExchangeError::Malformed), "{text:?}");
        }
        assert!(matches!(Exchange::Plain.answer(b"!!"), Err(ExchangeError::Malformed)));
        assert!(matches!(Exchange::Plain.answer(b"AP8A/w=="), Err(ExchangeError::Malformed)), "not UTF-8");
    }

    #[test]
    fn login_answers_without_padding() {
        assert_eq!(BASE64_STANDARD.decode(Exchange::LoginUser.challenge()).unwrap(), b"Username:");
        let Progress::Challenge(next) = Exchange::LoginUser.answer(b" Ym9i ").unwrap() else { panic!() };
        assert_eq!(next, Exchange::LoginPassword("bob".to_owned()));
        assert_eq!(BASE64_STANDARD.decode(next.challenge()).unwrap(), b"Password:");
        let Progress::Credentials(credentials) = next.answer(b"ZGVtbw").unwrap() else { panic!() };
        assert_eq!(revealed(credentials), ("bob".to_owned(), "demo".to_owned()));
    }
}

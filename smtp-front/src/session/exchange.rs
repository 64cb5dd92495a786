//! SASL exchanges (RFC 4954 4): what the challenges are and what the answers mean.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::submit::Credentials;

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
    /// The exchange of a mechanism, named in capitals.
    pub(super) fn of(mechanism: &str) -> Option<Self> {
        match mechanism {
            "PLAIN" => Some(Self::Plain),
            "LOGIN" => Some(Self::LoginUser),
            _ => None,
        }
    }

    /// What the server says to get the next answer. Clients compare LOGIN's prompts letter by letter.
    pub(super) fn challenge(&self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::LoginUser => "VXNlcm5hbWU6",
            Self::LoginPassword(_) => "UGFzc3dvcmQ6",
        }
    }

    /// Takes an answer in base64.
    pub(super) fn answer(self, answer: &[u8]) -> Result<Progress, ExchangeError> {
        let decoded = Zeroizing::new(BASE64.decode(answer.trim_ascii()).map_err(|_| ExchangeError::Malformed)?);
        let text = std::str::from_utf8(&decoded).map_err(|_| ExchangeError::Malformed)?;
        match self {
            Self::Plain => plain(text),
            Self::LoginUser => Ok(Progress::Challenge(Self::LoginPassword(text.to_owned()))),
            Self::LoginPassword(user) => credentials(&user, text),
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
    credentials(user, password)
}

fn credentials(user: &str, password: &str) -> Result<Progress, ExchangeError> {
    if user.is_empty() || password.is_empty() {
        return Err(ExchangeError::Denied);
    }
    Ok(Progress::Credentials(Credentials { user: user.to_owned(), password: SecretString::from(password) }))
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use secrecy::ExposeSecret;

    use super::*;

    fn plain_result(text: &str) -> Result<(String, String), ExchangeError> {
        let Progress::Credentials(credentials) = Exchange::Plain.answer(BASE64_STANDARD.encode(text).as_bytes())?
        else {
            panic!("PLAIN has one answer")
        };
        Ok((credentials.user, credentials.password.expose_secret().to_owned()))
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
        assert_eq!((credentials.user.as_str(), credentials.password.expose_secret()), ("bob", "demo"));
    }
}

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::message::{credentials, oauth_bearer, plain, xoauth2};
use super::{Mechanism, SaslError};
use crate::{Credentials, Secret};

/// The longest response in bytes of base64, and a good bound for the command line that may hold one. RFC 4954 4 calls
/// 12,288 sufficient, which access tokens that name many groups are not.
pub const MAX_RESPONSE: usize = 32 << 10;

/// base64 as devices write it: padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Say this, which is in base64, and give the line that comes to [`Exchange::answer`].
    Challenge(&'static str),
    /// Check these. If they are refused, ask [`Exchange::refused`].
    Check(Credentials),
}

/// One attempt to log in. It is over at the first error.
#[derive(Debug, PartialEq, Eq)]
pub struct Exchange {
    mechanism: Mechanism,
    state: ExchangeState,
}

#[derive(Debug, PartialEq, Eq)]
enum ExchangeState {
    /// The first response comes, of most mechanisms the only one.
    First,
    /// LOGIN: the password of this user comes.
    Password(String),
    /// The credentials are checked.
    Checking,
    /// The client was told why its token was refused; whatever it says to that means nothing (RFC 7628 3.2.3).
    Refused,
}

impl Exchange {
    /// Begins, with the response that may come with the command, in base64; `=` is an empty one (RFC 4954 4, RFC 4959 3).
    ///
    /// # Errors
    /// Those of [`Self::answer`], but nothing is cancelled before it has begun.
    pub fn begin(mechanism: Mechanism, initial: Option<&[u8]>) -> Result<(Self, Step), SaslError> {
        let mut exchange = Self { mechanism, state: ExchangeState::First };
        let step = match initial {
            None => Step::Challenge(exchange.challenge()),
            Some(b"=") => exchange.response(b"")?,
            Some(initial) => exchange.response(initial)?,
        };
        Ok((exchange, step))
    }

    /// Takes the line, without its line end, that answers a challenge.
    ///
    /// # Errors
    /// See [`SaslError`]: the client cancelled, or said something that leads nowhere.
    pub fn answer(&mut self, line: &[u8]) -> Result<Step, SaslError> {
        if self.state == ExchangeState::Refused {
            return Err(SaslError::Refused);
        }
        if line.trim_ascii() == b"*" {
            return Err(SaslError::Cancelled);
        }
        self.response(line)
    }

    /// The credentials were refused: gives what to say, in base64, before the client's next line ends the exchange
    /// (RFC 7628 3.2.2). `None` if the exchange is over, as it is where the proof was a password.
    pub fn refused(&mut self) -> Option<&'static str> {
        let refusal = match self.mechanism {
            Mechanism::Plain | Mechanism::Login => return None,
            // {"status":"401","schemes":"bearer"}, as Google does it.
            Mechanism::XOauth2 => "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=",
            // {"status":"invalid_token","schemes":"bearer"}; the status is a code of RFC 6750 3.1.
            Mechanism::OauthBearer => "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NoZW1lcyI6ImJlYXJlciJ9",
        };
        self.state = ExchangeState::Refused;
        Some(refusal)
    }

    /// What asks for the next response. Clients compare LOGIN's prompts letter by letter.
    fn challenge(&self) -> &'static str {
        match (self.mechanism, &self.state) {
            (Mechanism::Login, ExchangeState::First) => "VXNlcm5hbWU6",
            (Mechanism::Login, _) => "UGFzc3dvcmQ6",
            _ => "",
        }
    }

    fn response(&mut self, response: &[u8]) -> Result<Step, SaslError> {
        if response.len() > MAX_RESPONSE {
            return Err(SaslError::TooLong);
        }
        let decoded = Zeroizing::new(BASE64.decode(response.trim_ascii()).map_err(|_| SaslError::Encoding)?);
        let text = std::str::from_utf8(&decoded).map_err(|_| SaslError::Malformed)?;
        let read = match (self.mechanism, std::mem::replace(&mut self.state, ExchangeState::Checking)) {
            (Mechanism::Login, ExchangeState::First) => {
                self.state = ExchangeState::Password(text.to_owned());
                return Ok(Step::Challenge(self.challenge()));
            }
            (Mechanism::Login, ExchangeState::Password(user)) => credentials(&user, text, Secret::Password),
            (Mechanism::Plain, ExchangeState::First) => plain(text),
            (Mechanism::XOauth2, ExchangeState::First) => xoauth2(text),
            (Mechanism::OauthBearer, ExchangeState::First) => oauth_bearer(text),
            (_, ExchangeState::Password(_) | ExchangeState::Checking | ExchangeState::Refused) => {
                Err(SaslError::Malformed)
            }
        };
        match read {
            // Who leaves the token out wants to hear what is missing, as who has a wrong one (RFC 7628 3.2.2).
            Err(SaslError::Refused) => self.refused().map(Step::Challenge).ok_or(SaslError::Refused),
            read => read.map(Step::Check),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn encoded(text: &str) -> Vec<u8> {
        BASE64_STANDARD.encode(text).into_bytes()
    }

    fn decoded(challenge: &str) -> String {
        String::from_utf8(BASE64_STANDARD.decode(challenge).unwrap()).unwrap()
    }

    fn begun(mechanism: Mechanism) -> Exchange {
        let (exchange, Step::Challenge(challenge)) = Exchange::begin(mechanism, None).unwrap() else { panic!() };
        assert_eq!(decoded(challenge), if mechanism == Mechanism::Login { "Username:" } else { "" });
        exchange
    }

    fn revealed(step: Step) -> (String, String) {
        let Step::Check(credentials) = step else { panic!("{step:?}") };
        assert!(!format!("{credentials:?}").contains("demo"));
        let (Secret::Password(secret) | Secret::Bearer(secret)) = credentials.secret;
        (credentials.user, secret.expose_secret().to_owned())
    }

    fn bob() -> (String, String) {
        ("bob".to_owned(), "demo".to_owned())
    }

    #[test]
    fn one_response_with_the_command_or_after_it() {
        for (mechanism, response) in [
            (Mechanism::Plain, "\0bob\0demo"),
            (Mechanism::XOauth2, "user=bob\x01auth=Bearer demo\x01\x01"),
            (Mechanism::OauthBearer, "n,a=bob,\x01auth=Bearer demo\x01\x01"),
        ] {
            let (_, step) = Exchange::begin(mechanism, Some(&encoded(response))).unwrap();
            assert_eq!(revealed(step), bob());
            let mut exchange = begun(mechanism);
            assert_eq!(revealed(exchange.answer(&encoded(response)).unwrap()), bob());
            assert_eq!(exchange.answer(&encoded(response)).unwrap_err(), SaslError::Malformed, "only once");
        }
    }

    #[test]
    fn login_asks_twice() {
        for initial in [Some(&b"Ym9i"[..]), None] {
            let (mut exchange, mut step) = Exchange::begin(Mechanism::Login, initial).unwrap();
            if initial.is_none() {
                step = exchange.answer(b" Ym9i ").unwrap();
            }
            let Step::Challenge(challenge) = step else { panic!() };
            assert_eq!(decoded(challenge), "Password:");
            // Without padding.
            assert_eq!(revealed(exchange.answer(b"ZGVtbw").unwrap()), bob());
        }
        let (mut exchange, _) = Exchange::begin(Mechanism::Login, Some(b"=")).unwrap();
        assert_eq!(exchange.answer(b"ZGVtbw==").unwrap_err(), SaslError::Refused, "nobody's password");
        let mut exchange = begun(Mechanism::Login);
        exchange.answer(b"Ym9i").unwrap();
        assert_eq!(exchange.answer(b"").unwrap_err(), SaslError::Refused, "no password");
    }

    #[test]
    fn what_leads_nowhere() {
        for (line, error) in [
            (&b"*"[..], SaslError::Cancelled),
            (b" * ", SaslError::Cancelled),
            (b"!!", SaslError::Encoding),
            (b"=", SaslError::Encoding),
            (b"AP8A/w==", SaslError::Malformed),
            (b"", SaslError::Malformed),
            (b"AGJvYgA=", SaslError::Refused),
            (b"eABib2IAZGVtbw==", SaslError::OtherIdentity),
        ] {
            let mut exchange = begun(Mechanism::Plain);
            assert_eq!(exchange.answer(line).unwrap_err(), error, "{}", line.escape_ascii());
        }
        assert_eq!(Exchange::begin(Mechanism::Plain, Some(b"*")).unwrap_err(), SaslError::Encoding);
        assert_eq!(Exchange::begin(Mechanism::Plain, Some(b"=")).unwrap_err(), SaslError::Malformed);
        let longest = [b'A'; MAX_RESPONSE];
        assert_eq!(begun(Mechanism::Plain).answer(&longest).unwrap_err(), SaslError::Malformed);
        let longer = [b'A'; MAX_RESPONSE + 1];
        assert_eq!(begun(Mechanism::Plain).answer(&longer).unwrap_err(), SaslError::TooLong);
    }

    #[test]
    fn who_has_no_valid_token_is_told_so() {
        for (mechanism, without, status) in [
            (Mechanism::XOauth2, "user=bob\x01auth=Bearer \x01\x01", "401"),
            (Mechanism::OauthBearer, "n,a=bob,\x01auth=Bearer \x01\x01", "invalid_token"),
        ] {
            let expected = format!(r#"{{"status":"{status}","schemes":"bearer"}}"#);
            let with = without.replace("Bearer ", "Bearer demo");
            for dummy in ["AQ==", "", "*", "!"] {
                let mut exchange = begun(mechanism);
                exchange.answer(&encoded(&with)).unwrap();
                assert_eq!(decoded(exchange.refused().unwrap()), expected);
                assert_eq!(exchange.answer(dummy.as_bytes()).unwrap_err(), SaslError::Refused, "{dummy}");
            }
            let mut exchange = begun(mechanism);
            let Step::Challenge(challenge) = exchange.answer(&encoded(without)).unwrap() else { panic!() };
            assert_eq!(decoded(challenge), expected);
            assert_eq!(exchange.answer(b"AQ==").unwrap_err(), SaslError::Refused);
        }
        let mut exchange = begun(Mechanism::Plain);
        exchange.answer(&encoded("\0bob\0demo")).unwrap();
        assert_eq!(exchange.refused(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn anything_may_come(
            which in 0usize..4, initial: bool, base64: bool,
            lines in proptest::collection::vec("(n,a=|user=|\\*|=)?[a=,2C\\x00\\x01]{0,12}(auth=Bearer )?.{0,6}\\x01{0,2}", 1..4),
        ) {
            let lines: Vec<_> = lines.iter().map(|line| if base64 { encoded(line) } else { line.clone().into_bytes() }).collect();
            let (first, rest) = lines.split_at(usize::from(initial));
            let Ok((mut exchange, mut step)) = Exchange::begin(Mechanism::ALL[which], first.first().map(Vec::as_slice)) else {
                return Ok(());
            };
            for line in rest {
                if let Step::Check(credentials) = &step {
                    prop_assert!(!credentials.user.is_empty());
                    let bearer = matches!(credentials.secret, Secret::Bearer(_));
                    prop_assert_eq!(exchange.refused().is_some(), bearer);
                }
                let Ok(next) = exchange.answer(line) else { return Ok(()) };
                step = next;
            }
        }
    }
}

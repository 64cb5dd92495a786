use crate::Accepts;

/// How a client can log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// Two prompts (draft-murchison-sasl-login); no standard, but what most devices speak.
    Login,
    /// A bearer token as Google and Microsoft devised it.
    XOauth2,
    /// A bearer token (RFC 7628).
    OauthBearer,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Login, Self::XOauth2, Self::OauthBearer];

    /// The mechanism of this name, in any letter case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Its name, in capitals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::XOauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }

    /// Whether the proof is a bearer token, and not a password.
    pub fn is_bearer(self) -> bool {
        matches!(self, Self::XOauth2 | Self::OauthBearer)
    }

    /// Whether it is used with this.
    pub fn is_accepted(self, accepts: Accepts) -> bool {
        if self.is_bearer() { accepts.tokens } else { accepts.passwords }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::named(mechanism.name()), Some(mechanism));
        }
        assert_eq!(Mechanism::named("xOAuth2"), Some(Mechanism::XOauth2));
        assert_eq!(Mechanism::named("CRAM-MD5"), None);
    }

    #[test]
    fn passwords_and_tokens() {
        let accepted = |accepts| Mechanism::ALL.map(|mechanism| mechanism.is_accepted(accepts));
        assert_eq!(accepted(Accepts { passwords: true, tokens: false }), [true, true, false, false]);
        assert_eq!(accepted(Accepts { passwords: false, tokens: true }), [false, false, true, true]);
    }
}

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How the gateway may authenticate to the upstream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AuthSchemes {
    /// With the strongest scheme that the server offers.
    #[default]
    Auto,
    /// With the strongest of these that the server offers.
    Named(Vec<AuthScheme>),
}

/// A scheme of HTTP authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthScheme {
    /// Kerberos.
    Kerberos,
    /// NTLM.
    Ntlm,
    /// Negotiate.
    Negotiate,
    /// Basic.
    Basic,
    /// Bearer: with access tokens instead of passwords.
    Bearer,
}

impl AuthSchemes {
    /// Whether `scheme` may be used.
    pub fn allows(&self, scheme: AuthScheme) -> bool {
        *self == Self::Auto || self.names(scheme)
    }

    /// Whether passwords can be of use.
    pub fn take_passwords(&self) -> bool {
        match self {
            Self::Auto => true,
            Self::Named(schemes) => schemes.iter().any(|scheme| *scheme != AuthScheme::Bearer),
        }
    }

    /// Whether `scheme` is listed by its name.
    pub fn names(&self, scheme: AuthScheme) -> bool {
        matches!(self, Self::Named(schemes) if schemes.contains(&scheme))
    }
}

/// As it stands in a configuration file.
impl fmt::Display for AuthSchemes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("\"auto\""),
            Self::Named(schemes) if schemes.len() == 1 => {
                schemes.iter().try_for_each(|scheme| write!(f, "\"{}\"", scheme.name()))
            }
            Self::Named(schemes) => f.debug_list().entries(schemes.iter().map(|scheme| scheme.name())).finish(),
        }
    }
}

impl AuthScheme {
    const ALL: [(&'static str, Self); 5] = [
        ("kerberos", Self::Kerberos),
        ("ntlm", Self::Ntlm),
        ("negotiate", Self::Negotiate),
        ("basic", Self::Basic),
        ("bearer", Self::Bearer),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    fn parse<E: Error>(name: &str) -> Result<Self, E> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, scheme)| *scheme).ok_or_else(|| {
            E::custom(format!(
                "`{name}` is no scheme: expected \"auto\", or some of \"kerberos\", \"ntlm\", \"negotiate\", \"basic\", \
                 \"bearer\""
            ))
        })
    }
}

impl<'de> Deserialize<'de> for AuthSchemes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Schemes)
    }
}

impl Serialize for AuthSchemes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Named(schemes) => serializer.collect_seq(schemes.iter().map(|scheme| scheme.name())),
        }
    }
}

struct Schemes;

impl<'de> Visitor<'de> for Schemes {
    type Value = AuthSchemes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"auto\", or one or several of \"kerberos\", \"ntlm\", \"negotiate\", \"basic\", \"bearer\"")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<AuthSchemes, E> {
        if name == "auto" {
            Ok(AuthSchemes::Auto)
        } else {
            AuthScheme::parse(name).map(|one| AuthSchemes::Named(vec![one]))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AuthSchemes, A::Error> {
        let mut schemes = Vec::new();
        while let Some(name) = list.next_element::<String>()? {
            schemes.push(AuthScheme::parse(&name)?);
        }
        if schemes.is_empty() {
            return Err(A::Error::invalid_length(0, &self));
        }
        Ok(AuthSchemes::Named(schemes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Section {
        auth: AuthSchemes,
    }

    fn parse(text: &str) -> Result<AuthSchemes, String> {
        toml::from_str(&format!("auth = {text}"))
            .map(|section: Section| section.auth)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn one_name_or_several() {
        assert_eq!(parse("\"auto\""), Ok(AuthSchemes::Auto));
        assert_eq!(parse("\"basic\""), Ok(AuthSchemes::Named(vec![AuthScheme::Basic])));
        assert_eq!(parse("[\"ntlm\", \"basic\"]"), Ok(AuthSchemes::Named(vec![AuthScheme::Ntlm, AuthScheme::Basic])));
        assert!(AuthSchemes::Auto.allows(AuthScheme::Basic) && !AuthSchemes::Auto.names(AuthScheme::Basic));
        assert!(!AuthSchemes::Named(vec![AuthScheme::Ntlm]).allows(AuthScheme::Basic));
        assert!(AuthSchemes::Auto.take_passwords());
        assert_eq!(parse("\"bearer\"").map(|schemes| schemes.take_passwords()), Ok(false));
        assert_eq!(parse("[\"bearer\", \"ntlm\"]").map(|schemes| schemes.take_passwords()), Ok(true));
        for text in ["\"auto\"", "\"basic\"", "[\"ntlm\", \"basic\"]"] {
            assert_eq!(parse(text).map(|schemes| schemes.to_string()), Ok(text.to_owned()));
        }
        for wrong in ["\"digest\"", "[\"auto\"]", "[]", "7"] {
            let error = parse(wrong).expect_err(wrong);
            assert!(error.contains("\"negotiate\""), "{error}");
        }
    }
}

use std::fmt;

use super::asn1::{GENERAL_STRING, field, integer, sequence, string, take_integer};
use crate::auth::der::{Der, SEQUENCE, context, element};

/// Components that are read of a name.
const MAX_PARTS: usize = 8;

/// Somebody, or some service, in a realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The realm, in capitals where it is that of a domain.
    pub realm: String,
    /// What the name is.
    pub kind: NameType,
    /// The name's components.
    pub parts: Vec<String>,
}

/// What a name is (RFC 4120 6.2, RFC 6806 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameType {
    /// Somebody.
    Principal,
    /// A service and its instance.
    Service,
    /// `user@domain`, where the domain is not the realm.
    Enterprise,
    /// Another number.
    Other(i64),
}

impl NameType {
    fn number(self) -> i64 {
        match self {
            Self::Principal => 1,
            Self::Service => 2,
            Self::Enterprise => 10,
            Self::Other(number) => number,
        }
    }

    fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Principal,
            2 => Self::Service,
            10 => Self::Enterprise,
            number => Self::Other(number),
        }
    }
}

impl Principal {
    /// Whom a sign-in name means in `realm`: `user`, `user@realm` and `REALM\user` are that user; with another domain
    /// `user@domain` is a name that the KDC looks up. `None` for `DOMAIN\user` of another domain than the realm or its
    /// first label, and for what is no name.
    pub fn of_user(name: &str, realm: &str) -> Option<Self> {
        let of = |kind, user: &str| Self { realm: realm.to_owned(), kind, parts: vec![user.to_owned()] };
        let (user, principal) = match name.split_once('\\') {
            Some((domain, user)) => {
                let label = realm.split('.').next().unwrap_or(realm);
                let same = domain.eq_ignore_ascii_case(realm) || domain.eq_ignore_ascii_case(label);
                (user, same.then(|| of(NameType::Principal, user))?)
            }
            None => match name.rsplit_once('@') {
                Some((user, domain)) if domain.eq_ignore_ascii_case(realm) => (user, of(NameType::Principal, user)),
                Some((user, _)) => (user, of(NameType::Enterprise, name)),
                None => (name, of(NameType::Principal, name)),
            },
        };
        (!user.is_empty() && !realm.is_empty()).then_some(principal)
    }

    /// The HTTP service of a host (RFC 4559 4).
    pub fn http(host: &str, realm: &str) -> Self {
        Self::service("HTTP", host, realm)
    }

    /// The ticket-granting service of a realm (RFC 4120 7.3).
    pub fn ticket_granting(realm: &str) -> Self {
        Self::service("krbtgt", realm, realm)
    }

    fn service(service: &str, instance: &str, realm: &str) -> Self {
        let parts = vec![service.to_owned(), instance.to_owned()];
        Self { realm: realm.to_owned(), kind: NameType::Service, parts }
    }

    /// Whether both name the same, whatever kind of name it is. Domains do not tell capitals from small letters.
    pub fn same_name(&self, other: &Self) -> bool {
        let same = |(left, right): (&String, &String)| left.eq_ignore_ascii_case(right);
        same((&self.realm, &other.realm))
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(same)
    }

    /// The salt where the KDC names none (RFC 4120 4).
    pub(super) fn salt(&self) -> String {
        format!("{}{}", self.realm, self.parts.concat())
    }

    /// PrincipalName.
    pub(super) fn encode_name(&self) -> Vec<u8> {
        let parts: Vec<_> = self.parts.iter().map(|part| string(part)).collect();
        sequence(&[field(0, &integer(self.kind.number())), field(1, &element(SEQUENCE, &parts.concat()))])
    }

    /// The PrincipalName in a field.
    pub(super) fn take_name(fields: &mut Der<'_>, number: u8, realm: String) -> Option<Self> {
        let mut name = Der::new(fields.take_explicit(context(number), SEQUENCE)?);
        let kind = NameType::from_number(take_integer(&mut name, 0)?);
        let mut list = Der::new(name.take_explicit(context(1), SEQUENCE)?);
        let mut parts = Vec::new();
        while let Some(part) = list.take(GENERAL_STRING) {
            if parts.len() == MAX_PARTS {
                return None;
            }
            parts.push(std::str::from_utf8(part).ok()?.to_owned());
        }
        Some(Self { realm, kind, parts })
    }
}

/// `service/instance@REALM`.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.parts.join("/"), self.realm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_names() {
        let of = |name| {
            let principal = Principal::of_user(name, "EXAMPLE.TEST")?;
            Some((principal.kind, principal.to_string()))
        };
        let alice = Some((NameType::Principal, "alice@EXAMPLE.TEST".to_owned()));
        for name in ["alice", "alice@example.test", "EXAMPLE\\alice", "example.test\\alice"] {
            assert_eq!(of(name), alice, "{name}");
        }
        let enterprise = Some((NameType::Enterprise, "alice@example.org@EXAMPLE.TEST".to_owned()));
        assert_eq!(of("alice@example.org"), enterprise);
        for name in ["OTHER\\alice", "", "@example.test", "EXAMPLE\\"] {
            assert_eq!(of(name), None, "{name}");
        }
        assert_eq!(Principal::http("mail.test", "R").to_string(), "HTTP/mail.test@R");
    }

    #[test]
    fn names_round_trip() {
        let principal = Principal::http("mail.test", "EXAMPLE.TEST");
        let bytes = field(3, &principal.encode_name());
        let read = Principal::take_name(&mut Der::new(&bytes), 3, "EXAMPLE.TEST".into());
        assert_eq!(read, Some(principal));
    }
}

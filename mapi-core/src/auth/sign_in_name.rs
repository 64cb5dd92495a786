/// The name of somebody who signs in to a Windows domain, in its two parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInName {
    /// The account name; with an empty `domain` the whole user principal name, `user@domain`.
    pub user: String,
    /// The NetBIOS or DNS name of the domain; empty if the name does not say it separately.
    pub domain: String,
}

impl SignInName {
    /// Takes `DOMAIN\user` apart; anything else (`user@domain`, `user`) is the user.
    pub fn parse(name: &str) -> Self {
        match name.split_once('\\') {
            Some((domain, user)) => Self { user: user.to_owned(), domain: domain.to_owned() },
            None => Self { user: name.to_owned(), domain: String::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let of = |name| {
            let SignInName { user, domain } = SignInName::parse(name);
            (domain, user)
        };
        assert_eq!(of("EXAMPLE\\alice"), ("EXAMPLE".into(), "alice".into()));
        assert_eq!(of("alice@example.test"), (String::new(), "alice@example.test".into()));
        assert_eq!(of("alice"), (String::new(), "alice".into()));
    }
}

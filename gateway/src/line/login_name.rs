use super::error::UpstreamError;
use crate::config::UpstreamConfig;

/// What a login name means: whose mailbox, and by which name to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoginName {
    /// The mailbox's address, for Autodiscover and templates. The bare name where the configuration has no domains.
    pub(crate) address: String,
    /// The name that is shown to the upstream with the password: `user@domain` or `DOMAIN\user`.
    pub(crate) sign_in: String,
}

impl LoginName {
    /// Takes `user@domain` of a configured domain, `DOMAIN\user`, or `user`; the latter two get the configured suffix, or the
    /// domain if there is but one.
    ///
    /// # Errors
    /// [`UpstreamError::NoMailbox`] for names that the configuration doesn't let in.
    pub(crate) fn parse(config: &UpstreamConfig, name: &str) -> Result<Self, UpstreamError> {
        let refused = |why: String| UpstreamError::NoMailbox(why);
        // A colon would move the border between name and password in Basic.
        if name.is_empty() || name.len() > 320 || name.chars().any(|c| c.is_control() || c == ':') {
            return Err(refused("not a user name".into()));
        }
        if let Some((domain, user)) = name.split_once('\\') {
            if domain.is_empty() || user.is_empty() || user.contains(['\\', '@']) {
                return Err(refused("not a user name of the form DOMAIN\\user".into()));
            }
            let address = Self::complete(config, user)?.unwrap_or_else(|| name.to_owned());
            return Ok(Self { address, sign_in: name.to_owned() });
        }
        let address = match name.rsplit_once('@') {
            Some((_, domain)) => {
                let known = config.domains.iter().any(|known| known.eq_ignore_ascii_case(domain));
                if !known && !config.domains.is_empty() {
                    return Err(refused(format!("{domain} is not among upstream.domains")));
                }
                name.to_owned()
            }
            None => Self::complete(config, name)?.unwrap_or_else(|| name.to_owned()),
        };
        Ok(Self { sign_in: address.clone(), address })
    }

    /// The name before the domain.
    pub(crate) fn local(&self) -> &str {
        let name = self.address.rsplit_once('@').map_or(self.address.as_str(), |(local, _)| local);
        name.split_once('\\').map_or(name, |(_, user)| user)
    }

    fn complete(config: &UpstreamConfig, user: &str) -> Result<Option<String>, UpstreamError> {
        let domain = match (&config.user_suffix, config.domains.as_slice()) {
            (Some(suffix), _) => suffix,
            (None, [domain]) => domain,
            (None, []) => return Ok(None),
            (None, _) => {
                let why = "a user name without mail domain fits several domains: set upstream.user_suffix";
                return Err(UpstreamError::NoMailbox(why.into()));
            }
        };
        Ok(Some(format!("{user}@{domain}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(domains: &[&str], suffix: Option<&str>, name: &str) -> Option<(String, String)> {
        let config = UpstreamConfig {
            domains: domains.iter().map(|&domain| domain.to_owned()).collect(),
            user_suffix: suffix.map(str::to_owned),
            ..UpstreamConfig::default()
        };
        LoginName::parse(&config, name).ok().map(|name| (name.address, name.sign_in))
    }

    fn both(address: &str, sign_in: &str) -> Option<(String, String)> {
        Some((address.to_owned(), sign_in.to_owned()))
    }

    #[test]
    fn all_forms() {
        let one: &[&str] = &["example.test"];
        let two: &[&str] = &["example.test", "example.org"];
        let alice = both("alice@example.test", "alice@example.test");
        assert_eq!(parse(one, None, "alice"), alice);
        assert_eq!(parse(one, None, "alice@example.test"), alice);
        assert_eq!(parse(one, None, "Alice@Example.Test"), both("Alice@Example.Test", "Alice@Example.Test"));
        assert_eq!(parse(one, None, "EX\\alice"), both("alice@example.test", "EX\\alice"));
        assert_eq!(parse(two, None, "alice"), None);
        assert_eq!(parse(two, None, "EX\\alice"), None);
        assert_eq!(parse(two, Some("example.test"), "alice"), alice);
        assert_eq!(parse(two, Some("example.test"), "EX\\alice"), both("alice@example.test", "EX\\alice"));
        assert_eq!(parse(two, None, "alice@example.org"), both("alice@example.org", "alice@example.org"));
        assert_eq!(parse(&[], None, "alice"), both("alice", "alice"));
        assert_eq!(parse(&[], None, "EX\\alice"), both("EX\\alice", "EX\\alice"));
    }

    #[test]
    fn what_is_no_name() {
        let long = "a".repeat(400);
        for name in ["", "a@evil.test", "a@example.test\r\nX: y", "a:b", "\\a", "EX\\", "EX\\a@b", "E\\X\\a", &long] {
            assert_eq!(parse(&["example.test"], None, name), None, "{name}");
        }
    }

    #[test]
    fn the_local_part() {
        for name in ["alice@example.test", "EX\\alice", "alice"] {
            let name = LoginName::parse(&UpstreamConfig::default(), name).expect("a name");
            assert_eq!(name.local(), "alice");
        }
    }
}

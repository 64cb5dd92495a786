use std::path::Path;

use super::{
    AuthScheme, AuthSchemes, Config, ConfigError, DeviceConfig, ListenerMechanism, ListenerTls, SmtpConfig,
    UpstreamConfig,
};

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// Every problem found, each with its key and what is expected there.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let read = std::fs::read_to_string(path);
        let text = read.map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
        Self::parse(&text)
    }

    /// Reads and checks the text of a configuration.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let syntax = |error: toml::de::Error| ConfigError::invalid("configuration", error.to_string());
        let deserializer = toml::de::Deserializer::parse(text).map_err(syntax)?;
        let config: Self = serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let key = error.path().to_string();
            let message = error.inner().message();
            if message.starts_with("invalid type: map, expected a sequence") {
                return ConfigError::invalid(
                    &key,
                    format!("there may be several: expected [[{key}]] instead of [{key}]"),
                );
            }
            ConfigError::invalid(if key == "." { "configuration" } else { &key }, message)
        })?;
        let mut problems = config.problems();
        match problems.len() {
            0 => Ok(config),
            1 => Err(problems.remove(0)),
            _ => Err(ConfigError::Several(problems)),
        }
    }

    fn problems(&self) -> Vec<ConfigError> {
        let mut out = upstream_problems(&self.upstream);
        if self.imap.listener.is_empty() && self.smtp.listener.is_empty() {
            let problem = "no listener: add an [[imap.listener]] or [[smtp.listener]] with an address and tls";
            out.push(ConfigError::invalid("imap.listener", problem));
        }
        let encrypted = |name: &'static str, mut tls: Box<dyn Iterator<Item = ListenerTls> + '_>| {
            let position = tls.position(|tls| tls != ListenerTls::None);
            position.map(|position| format!("{name}.listener[{position}].tls"))
        };
        let imap = Box::new(self.imap.listener.iter().map(|listener| listener.tls));
        let smtp = Box::new(self.smtp.listener.iter().map(|listener| listener.tls));
        let first = encrypted("imap", imap).or_else(|| encrypted("smtp", smtp));
        match (&self.tls, first) {
            (None, Some(key)) => {
                let problem =
                    "needs a certificate: add [tls] with certificate_file and key_file, or set tls = \"none\"";
                out.push(ConfigError::invalid(key, problem));
            }
            (Some(tls), _) => {
                out.extend(missing_file("tls.certificate_file", &tls.certificate_file));
                out.extend(missing_file("tls.key_file", &tls.key_file));
            }
            (None, None) => {}
        }
        if let Some(ca_file) = &self.upstream.ca_file {
            out.extend(missing_file("upstream.ca_file", ca_file));
        }
        out.extend(smtp_problems(&self.smtp, &self.upstream.auth));
        let kerberos = self.upstream.kerberos.is_some() && self.upstream.auth.allows(AuthScheme::Kerberos);
        let by_ticket = |device: &DeviceConfig| device.keytab_file.is_some() || device.credential_cache_file.is_some();
        if let (false, Some(position)) = (kerberos, self.smtp.device.iter().position(by_ticket)) {
            let problem = "its mailbox is opened by Kerberos: expected [upstream.kerberos] with the realm, and \
                           \"kerberos\" or \"auto\" in upstream.auth";
            out.push(ConfigError::invalid(format!("smtp.device[{position}]"), problem));
        }
        if self.ledger.directory.as_os_str().is_empty() {
            out.push(ConfigError::invalid("ledger.directory", "expected a directory, such as /var/lib/mapi-gateway"));
        }
        if self.ledger.directory.starts_with("~") {
            let problem = "`~` stands for no directory here: expected a path such as /var/lib/mapi-gateway";
            out.push(ConfigError::invalid("ledger.directory", problem));
        }
        if self.smtp.hostname.contains(|c: char| !(c.is_alphanumeric() || "-.[]:".contains(c))) {
            let problem = format!("`{}` is no host name: expected a name such as mail.example.org", self.smtp.hostname);
            out.push(ConfigError::invalid("smtp.hostname", problem));
        }
        out.extend(self.admin.iter().flat_map(|admin| admin.problems(self.tls.is_some())));
        let has_domains = !self.upstream.domains.is_empty();
        out.extend(self.autoconfig.problems(self.tls.is_some(), has_domains));
        out.extend(super::account::problems(&self.account));
        if !self.account.is_empty() {
            out.extend(no_tokens("account[0].oauth", &self.upstream.auth));
        }
        for (key, value) in [
            ("imap.max_connections", self.imap.max_connections),
            ("smtp.max_connections", self.smtp.max_connections),
            ("imap.max_message_bytes", self.imap.max_message_bytes),
            ("smtp.max_message_bytes", self.smtp.max_message_bytes),
            ("smtp.max_recipients", self.smtp.max_recipients),
            ("imap.max_search_keys", self.imap.max_search_keys),
            ("imap.max_connections_per_address", self.imap.max_connections_per_address),
            ("imap.max_connections_per_user", self.imap.max_connections_per_user),
            ("smtp.max_connections_per_user", self.smtp.max_connections_per_user),
            ("imap.max_unauthenticated_per_address", self.imap.max_unauthenticated_per_address),
            ("smtp.max_connections_per_address", self.smtp.max_connections_per_address),
            ("upstream.max_message_bytes", self.upstream.max_message_bytes),
            ("upstream.answer_timeout_seconds", at_most_one(self.upstream.answer_timeout_seconds)),
            ("upstream.slowest_bytes_per_second", at_most_one(self.upstream.slowest_bytes_per_second)),
            ("upstream.max_accounts", self.upstream.max_accounts),
            ("upstream.sessions_per_user", self.upstream.sessions_per_user),
            ("upstream.wrong_passwords_per_user", self.upstream.wrong_passwords_per_user),
            ("ledger.open_files", self.ledger.open_files),
            ("upstream.autodiscover_timeout_seconds", at_most_one(self.upstream.autodiscover_timeout_seconds)),
            ("upstream.connect_timeout_seconds", at_most_one(self.upstream.connect_timeout_seconds)),
            ("upstream.request_timeout_seconds", at_most_one(self.upstream.request_timeout_seconds)),
            ("imap.login_timeout_seconds", at_most_one(self.imap.login_timeout_seconds)),
            ("imap.idle_timeout_seconds", at_most_one(self.imap.idle_timeout_seconds)),
            ("limits.memory_bytes", at_most_one(self.limits.memory_bytes)),
            ("limits.memory_bytes_per_user", at_most_one(self.limits.memory_bytes_per_user)),
            ("spool.max_bytes", at_most_one(self.spool.max_bytes)),
            ("spool.max_bytes_per_user", at_most_one(self.spool.max_bytes_per_user)),
        ] {
            if value == 0 {
                out.push(ConfigError::invalid(key, "0 would refuse everything: expected a positive number"));
            }
        }
        out
    }
}

/// 0 if it is, for numbers of any size.
fn at_most_one(number: impl Into<u64>) -> usize {
    usize::from(number.into() > 0)
}

fn smtp_problems(smtp: &SmtpConfig, auth: &AuthSchemes) -> Vec<ConfigError> {
    let mut out = Vec::new();
    if let Some(position) = smtp.device.iter().position(|device| device.oauth.is_some()) {
        out.extend(no_tokens(&format!("smtp.device[{position}].oauth"), auth));
    }
    for (position, listener) in smtp.listener.iter().enumerate() {
        let key = |name: &str| format!("smtp.listener[{position}].{name}");
        let bearer = |mechanism: &ListenerMechanism| {
            matches!(mechanism, ListenerMechanism::XOauth2 | ListenerMechanism::OauthBearer)
        };
        if !auth.allows(AuthScheme::Bearer) && listener.mechanisms.iter().flatten().any(bearer) {
            let problem = format!(
                "upstream.auth = {auth} takes no bearer tokens: expected \"plain\" and \"login\" only, or \"bearer\" \
                 among upstream.auth"
            );
            out.push(ConfigError::invalid(key("mechanisms"), problem));
        }
        let limits = [
            ("max_message_bytes", listener.max_message_bytes.unwrap_or(1)),
            ("connections_per_minute", listener.connections_per_minute.map_or(1, |count| count as usize)),
            ("messages_per_minute", listener.messages_per_minute.map_or(1, |count| count as usize)),
        ];
        for (name, _) in limits.into_iter().filter(|(_, value)| *value == 0) {
            out.push(ConfigError::invalid(key(name), "0 would refuse everything: expected a positive number"));
        }
    }
    out
}

fn no_tokens(key: &str, auth: &AuthSchemes) -> Option<ConfigError> {
    let problem = format!("upstream.auth = {auth} sends no access tokens: add \"bearer\" to it");
    (!auth.allows(AuthScheme::Bearer)).then(|| ConfigError::invalid(key, problem))
}

fn upstream_problems(upstream: &UpstreamConfig) -> Vec<ConfigError> {
    let mut out = Vec::new();
    match &upstream.kerberos {
        Some(kerberos) => {
            out.extend(kerberos.problems().into_iter().map(|(key, problem)| ConfigError::invalid(key, problem)));
        }
        None if upstream.auth.names(AuthScheme::Kerberos) => {
            let problem = "\"kerberos\" needs to know the realm: add [upstream.kerberos] with realm = \"EXAMPLE.ORG\"";
            out.push(ConfigError::invalid("upstream.auth", problem));
        }
        None => {}
    }
    if upstream.domains.is_empty() && upstream.emsmdb_url.is_none() {
        let problem = "expected either domains = [\"example.org\"] (Autodiscover finds the URLs) or emsmdb_url";
        out.push(ConfigError::invalid("upstream", problem));
    }
    if upstream.emsmdb_url.is_some() && upstream.legacy_dn.is_none() && upstream.domains.is_empty() {
        let problem =
            "needed with upstream.emsmdb_url: the legacyExchangeDN, with {user} or {local} where names differ";
        out.push(ConfigError::invalid("upstream.legacy_dn", problem));
    }
    let urls = [
        ("upstream.autodiscover_url", &upstream.autodiscover_url),
        ("upstream.emsmdb_url", &upstream.emsmdb_url),
        ("upstream.nspi_url", &upstream.nspi_url),
    ];
    for (key, url) in urls {
        let Some(url) = url else { continue };
        let authority = url.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
        if authority.contains('{') {
            let problem = "a login name must not choose the host: expected placeholders behind the host only";
            out.push(ConfigError::invalid(key, problem));
        }
        let plain = url.starts_with("http://");
        if plain && !upstream.allow_plain_http {
            let problem = "http:// would send passwords unencrypted: expected https://, or allow_plain_http = true";
            out.push(ConfigError::invalid(key, problem));
        } else if !plain && !url.starts_with("https://") {
            out.push(ConfigError::invalid(key, format!("`{url}` is no URL: expected https://host/path")));
        }
    }
    let domains = upstream.domains.iter().enumerate();
    let domains = domains.map(|(position, domain)| (format!("upstream.domains[{position}]"), domain));
    let hosts = upstream.hosts.iter().enumerate();
    let domains = domains.chain(hosts.map(|(position, host)| (format!("upstream.hosts[{position}]"), host)));
    let suffix = upstream.user_suffix.iter().map(|domain| ("upstream.user_suffix".to_owned(), domain));
    for (key, domain) in domains.chain(suffix) {
        if domain.is_empty() || domain.contains(['/', ':', '@', '*', ' ', '\\']) {
            let problem = format!("`{domain}` is no domain: expected a name such as example.org");
            out.push(ConfigError::invalid(key, problem));
        }
    }
    if let Some(suffix) = &upstream.user_suffix
        && !upstream.domains.is_empty()
        && !upstream.domains.iter().any(|domain| domain.eq_ignore_ascii_case(suffix))
    {
        let problem =
            format!("`{suffix}` is not among upstream.domains, so that nobody could log in with it: add it there");
        out.push(ConfigError::invalid("upstream.user_suffix", problem));
    }
    out
}

fn missing_file(key: &str, path: &Path) -> Option<ConfigError> {
    let error = std::fs::File::open(path).err()?;
    Some(ConfigError::invalid(key, format!("{}: {error}: expected a readable PEM file", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "[upstream]\ndomains = [\"example.org\"]\n[[imap.listener]]\naddress = \"127.0.0.1:1143\"\ntls = \"none\"\n";

    fn problem(text: &str) -> String {
        Config::parse(text).expect_err("wrong").to_string()
    }

    #[test]
    fn the_smallest_configuration() {
        let config = Config::parse(GOOD).expect("good");
        assert_eq!(config.imap.listener[0].address.0.port(), 1143);
        assert!(config.smtp.save_sent);
    }

    #[test]
    fn the_example_for_users_is_right() {
        let example = include_str!("../../../deploy/gateway.example.toml");
        let readable = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let files = ["/etc/mapi-gateway/fullchain.pem", "/etc/mapi-gateway/privkey.pem"];
        let example = files.iter().fold(example.to_owned(), |example, file| example.replace(file, readable));
        let config = Config::parse(&example).expect("good");
        assert_eq!((config.imap.listener.len(), config.smtp.listener.len()), (2, 2));
    }

    #[test]
    fn errors_name_the_key_and_what_is_expected() {
        let unknown = problem(&GOOD.replace("tls =", "tsl ="));
        assert!(unknown.starts_with("imap.listener[0].tsl: unknown field"), "{unknown}");
        assert!(unknown.contains("`allow_plaintext_auth`"), "{unknown}");

        let single = problem(&GOOD.replace("[[imap.listener]]", "[imap.listener]"));
        assert!(single.starts_with("imap.listener: there may be several: expected [[imap.listener]]"), "{single}");

        let address = problem(&GOOD.replace("127.0.0.1:1143", "localhost"));
        assert!(address.starts_with("imap.listener[0].address: `localhost` is no address"), "{address}");

        let tls = problem(&GOOD.replace("\"none\"", "\"implicit\""));
        assert!(tls.starts_with("imap.listener[0].tls: needs a certificate"), "{tls}");

        let files =
            format!("{GOOD}[tls]\ncertificate_file = \"/nonexistent/c.pem\"\nkey_file = \"/nonexistent/k.pem\"\n");
        let files = problem(&files);
        assert!(files.contains("tls.certificate_file: /nonexistent/c.pem"), "{files}");
        assert!(files.contains("tls.key_file: /nonexistent/k.pem"), "{files}");

        let url = problem(&GOOD.replace("domains =", "emsmdb_url = \"http://h/\"\ndomains ="));
        assert!(url.starts_with("upstream.emsmdb_url: http:// would send passwords unencrypted"), "{url}");

        let host = problem(&GOOD.replace("domains =", "emsmdb_url = \"https://{local}.example.org/\"\ndomains ="));
        assert!(host.contains("must not choose the host"), "{host}");

        let scheme = problem(&GOOD.replace("domains =", "auth = \"digest\"\ndomains ="));
        assert!(scheme.starts_with("upstream.auth: `digest` is no scheme: expected \"auto\""), "{scheme}");
        let suffix = problem(&GOOD.replace("domains =", "user_suffix = \"example.com\"\ndomains ="));
        assert!(suffix.starts_with("upstream.user_suffix: `example.com` is not among upstream.domains"), "{suffix}");

        for (key, value) in [
            ("hosts", "[\"https://mail.example.org/\"]"),
            ("autodiscover_timeout_seconds", "0"),
            ("request_timeout_seconds", "0"),
        ] {
            let wrong = problem(&GOOD.replace("domains =", &format!("{key} = {value}\ndomains =")));
            assert!(wrong.starts_with(&format!("upstream.{key}")) && wrong.contains("expected"), "{wrong}");
        }
        for (section, rest) in [
            ("limits", "memory_bytes = 0"),
            ("spool", "max_bytes = 0"),
            ("ledger", "directory = \"~/ledger\""),
            ("smtp", "hostname = \"mail gateway\""),
        ] {
            let wrong = problem(&format!("{GOOD}[{section}]\n{rest}\n"));
            assert!(wrong.starts_with(section) && wrong.contains("expected"), "{wrong}");
        }
        assert!(problem("[upstream]\n").contains("imap.listener: no listener"));
        assert!(problem("x").starts_with("configuration: "), "{}", problem("x"));
    }
}

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::{Config, ConfigError};

/// Keys, and what lies below them, of which a running gateway takes other values. Of listeners these are those of a listener
/// that is there already.
const RELOADED: &[&str] = &[
    "account",
    "imap.auth_login",
    "imap.idle_timeout_seconds",
    "imap.listener.allow_plaintext_auth",
    "imap.listener.tls",
    "imap.login_timeout_seconds",
    "imap.max_connections",
    "imap.max_connections_per_address",
    "imap.max_connections_per_user",
    "imap.max_message_bytes",
    "imap.max_search_keys",
    "imap.max_unauthenticated_per_address",
    "limits",
    "log.filter",
    "smtp",
    "spool",
    "tls",
    "upstream.ca_file",
];
/// Those below them of which it does not.
const NOT_RELOADED: &[&str] = &["smtp.listener.address"];

/// One key of a configuration with the value that it has.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its path, e.g. `imap.listener[0].address`.
    pub key: String,
    /// What it is, without secrets.
    pub value: Value,
    /// Where that comes from.
    pub source: Source,
    /// Whether a running gateway takes another value.
    pub is_reloaded: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// This line of the file.
    Line(usize),
    /// The file does not have it.
    Default,
    /// This environment variable, which goes before the file.
    Environment(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Default => f.write_str("default"),
            Self::Environment(name) => write!(f, "${name}"),
        }
    }
}

/// In what a configuration differs from another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys of which a running gateway takes the new value.
    pub applied: Vec<String>,
    /// Keys of which it goes on with the old value until it is started again.
    pub restart: Vec<String>,
}

impl Config {
    /// Every key with its value, and where in `text`, of which this configuration was read, it stands.
    ///
    /// # Errors
    /// A text that is no TOML.
    pub fn settings(&self, text: &str) -> Result<Vec<Setting>, ConfigError> {
        let syntax = |error: toml::de::Error| ConfigError::invalid("configuration", error.to_string());
        let table = DeTable::parse(text).map_err(syntax)?;
        let mut lines = BTreeMap::new();
        collect_lines(text, "", table.get_ref(), &mut lines);
        let filter = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
        let setting = |(key, value): (String, Value)| match &filter {
            Some(filter) if key == "log.filter" => {
                let source = Source::Environment("RUST_LOG");
                Setting { key, value: Value::from(filter.as_str()), source, is_reloaded: false }
            }
            _ => {
                let source = lines.get(&key).map_or(Source::Default, |line| Source::Line(*line));
                Setting { value: shown(&key, value), source, is_reloaded: is_reloaded(&key), key }
            }
        };
        Ok(self.values().into_iter().map(setting).collect())
    }

    /// What differs from `older`.
    pub fn changes_since(&self, older: &Self) -> Changes {
        let (older, newer) = (older.values(), self.values());
        let differs = |key: &str| older.get(key) != newer.get(key);
        let mut changes = Changes::default();
        let mut keys: Vec<&String> = older.keys().chain(newer.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys.into_iter().filter(|key| differs(key)) {
            // Another address makes it another listener, all of which needs a restart.
            let other_listener = key.split_once("listener[").and_then(|(before, rest)| {
                let (position, _) = rest.split_once(']')?;
                Some(differs(&format!("{before}listener[{position}].address")))
            });
            if is_reloaded(key) && other_listener != Some(true) {
                changes.applied.push(key.clone());
            } else {
                changes.restart.push(key.clone());
            }
        }
        changes
    }

    /// Every key with its value.
    fn values(&self) -> BTreeMap<String, Value> {
        let mut out = BTreeMap::new();
        // Whatever came from a file can be written.
        let whole = serde_json::to_value(self).unwrap_or_default();
        flatten(String::new(), whole, &mut out);
        out
    }
}

fn is_reloaded(key: &str) -> bool {
    let mut plain = String::new();
    for (position, part) in key.split(['[', ']']).enumerate() {
        plain += if position % 2 == 0 { part } else { "" };
    }
    let within = |names: &[&str]| {
        names.iter().any(|name| plain.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    within(RELOADED) && !within(NOT_RELOADED)
}

fn flatten(key: String, value: Value, out: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(table) => {
            for (name, value) in table {
                flatten(if key.is_empty() { name } else { format!("{key}.{name}") }, value, out);
            }
        }
        Value::Array(tables) if tables.iter().any(Value::is_object) => {
            for (position, value) in tables.into_iter().enumerate() {
                flatten(format!("{key}[{position}]"), value, out);
            }
        }
        value => drop(out.insert(key, value)),
    }
}

fn collect_lines(text: &str, key: &str, table: &DeTable<'_>, out: &mut BTreeMap<String, usize>) {
    for (name, value) in table {
        let key = if key.is_empty() { name.get_ref().to_string() } else { format!("{key}.{}", name.get_ref()) };
        let before = text.get(..name.span().start).unwrap_or(text);
        let line = 1 + before.matches('\n').count();
        match value.get_ref() {
            DeValue::Table(table) => collect_lines(text, &key, table, out),
            DeValue::Array(values) => {
                for (position, value) in values.iter().enumerate() {
                    if let DeValue::Table(table) = value.get_ref() {
                        collect_lines(text, &format!("{key}[{position}]"), table, out);
                    }
                }
                out.insert(key, line);
            }
            _ => drop(out.insert(key, line)),
        }
    }
}

/// The value as people may see it. Passwords have files and environment variables, whose names are no secrets; in URLs some
/// write them all the same.
fn shown(key: &str, value: Value) -> Value {
    let last = key.rsplit('.').next().unwrap_or(key);
    if ["password", "secret", "token"].iter().any(|word| last.ends_with(word)) && !value.is_null() {
        return Value::from("(hidden)");
    }
    let Some((scheme, rest)) = value.as_str().and_then(|text| text.split_once("://")) else { return value };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => Value::from(format!("{scheme}://(hidden){}", &rest[at..])),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[upstream]\ndomains = [\"example.org\"]\n\n[[imap.listener]]\naddress = \"127.0.0.1:1143\"\ntls = \
                        \"none\"\n[[smtp.listener]]\ntls = \"none\"\naddress = \"127.0.0.1:1587\"\n";

    fn parse(text: &str) -> Config {
        Config::parse(text).expect("good")
    }

    #[test]
    fn settings_say_where_they_come_from() {
        let settings = parse(TEXT).settings(TEXT).expect("TOML");
        let of = |key: &str| settings.iter().find(|setting| setting.key == key).expect("there");
        assert_eq!(of("upstream.domains").value, serde_json::json!(["example.org"]));
        assert_eq!(of("upstream.domains").source, Source::Line(2));
        assert_eq!(of("imap.listener[0].address").source, Source::Line(5));
        assert_eq!(of("smtp.listener[0].address").source, Source::Line(9));
        assert_eq!(of("smtp.listener[0].authentication").source, Source::Default);
        assert_eq!(of("smtp.max_recipients").value, 1000);
        assert!(of("smtp.max_recipients").is_reloaded && !of("upstream.domains").is_reloaded);
        assert!(!of("smtp.listener[0].address").is_reloaded && of("smtp.listener[0].tls").is_reloaded);
    }

    #[test]
    fn what_was_set_is_read_again_as_it_was() {
        let whole = include_str!("../../../deploy/gateway.example.toml");
        let readable = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let files = ["/etc/mapi-gateway/fullchain.pem", "/etc/mapi-gateway/privkey.pem"];
        let whole = files.iter().fold(whole.to_owned(), |whole, file| whole.replace(file, readable));
        for text in [TEXT, &whole] {
            let config = parse(text);
            let json = serde_json::to_string(&config).expect("written");
            let again: Config = serde_json::from_str(&json).expect("read");
            assert_eq!(again.changes_since(&config), Changes::default());
        }
    }

    #[test]
    fn changes_are_told_by_whether_they_need_a_restart() {
        let changes = |newer: &str| parse(newer).changes_since(&parse(TEXT));
        let keys = |keys: &[&str]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(changes(TEXT), Changes::default());
        let both = changes(&format!("{TEXT}[limits]\nmemory_bytes = 7\n[cache]\noutline_bytes = 7\n"));
        assert_eq!(both, Changes { applied: keys(&["limits.memory_bytes"]), restart: keys(&["cache.outline_bytes"]) });
        let moved = changes(
            &TEXT
                .replace("1587", "1588")
                .replace("address = \"127.0.0.1:1588\"", "address = \"127.0.0.1:1588\"\nallow_plaintext_auth = true"),
        );
        let restart = keys(&["smtp.listener[0].address", "smtp.listener[0].allow_plaintext_auth"]);
        assert_eq!(moved, Changes { applied: vec![], restart });
        let open = changes(&format!("{TEXT}allow_plaintext_auth = true\n"));
        assert_eq!(open.applied, keys(&["smtp.listener[0].allow_plaintext_auth"]));
        let added = changes(&format!("{TEXT}[[imap.listener]]\naddress = \"127.0.0.1:1144\"\ntls = \"none\"\n"));
        assert!(added.applied.is_empty() && added.restart.len() == 3, "{added:?}");
    }

    #[test]
    fn secrets_are_hidden() {
        let url = |text: &str| shown("upstream.emsmdb_url", text.into());
        assert_eq!(url("https://u:p@w@mail.example.org/x"), "https://(hidden)@mail.example.org/x");
        assert_eq!(url("https://mail.example.org/x@y"), "https://mail.example.org/x@y");
        assert_eq!(shown("a.client_secret", "x".into()), "(hidden)");
        assert_eq!(shown("a.client_secret_file", "/x".into()), "/x");
        assert_eq!(shown("a.client_secret", Value::Null), Value::Null);
    }

    #[test]
    fn every_name_that_is_reloaded_is_one() {
        let text = format!(
            "{TEXT}[[smtp.device]]\nname = \"s\"\nmailbox = \"s@example.org\"\npassword_env = \"HOME\"\n\
             networks = [\"192.0.2.7\"]\n[tls]\ncertificate_file = \"{file}\"\nkey_file = \"{file}\"\n",
            file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")
        );
        let settings = parse(&text).settings(&text).expect("TOML");
        for name in RELOADED.iter().chain(NOT_RELOADED) {
            let plain = |key: &str| key.replace("[0]", "");
            assert!(settings.iter().any(|setting| plain(&setting.key).starts_with(name)), "{name}");
        }
    }
}

/// The hosts that credentials may go to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedHosts {
    entries: Vec<String>,
}

impl AllowedHosts {
    /// A list of host names and addresses; an entry `*.example.org` stands for all hosts below `example.org`.
    pub fn new(entries: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let normal = |entry: String| entry.trim().trim_end_matches('.').to_ascii_lowercase();
        Self { entries: entries.into_iter().map(Into::into).map(normal).filter(|entry| !entry.is_empty()).collect() }
    }

    /// Whether `host` is on the list.
    pub fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.entries.iter().any(|entry| match entry.strip_prefix('*') {
            Some(suffix) => {
                suffix.len() > 1 && suffix.starts_with('.') && host.len() > suffix.len() && host.ends_with(suffix)
            }
            None => host == *entry,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_names_below() {
        let hosts = AllowedHosts::new(["Mail.Lab.test", "*.example.org", "127.0.0.1", "*", "*.", ""]);
        for host in ["mail.lab.test", "MAIL.lab.TEST.", "a.example.org", "a.b.example.org", "127.0.0.1"] {
            assert!(hosts.allows(host), "{host}");
        }
        for host in ["lab.test", "x.mail.lab.test", "example.org", "evilexample.org", ".example.org", "", "127.0.0.2"] {
            assert!(!hosts.allows(host), "{host}");
        }
    }
}

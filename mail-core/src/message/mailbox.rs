use super::address::{Address, parse_within};
use super::charset::guess;
use super::encoded_word;
use super::line::{one_line, unfold};

/// How many a field may name: more than a message can have recipients.
const MAX_MAILBOXES: usize = 100_000;

/// Somebody whom a header names, as text: encoded words decoded, no line ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name; empty if there is none.
    pub name: String,
    /// The address.
    pub address: String,
}

/// Everybody in an address list who has an address, or what may be one and a name. Members of groups are among them.
pub(super) fn mailboxes(value: &[u8]) -> Vec<Mailbox> {
    let mut found = addressed(value);
    found.retain(|Mailbox { name, address }| address.contains('@') || !(address.is_empty() || name.is_empty()));
    found
}

/// The same with what can't be an address where one should be.
pub(super) fn addressed(value: &[u8]) -> Vec<Mailbox> {
    let mailboxes = parse_within(&unfold(value), MAX_MAILBOXES).into_iter().filter_map(|found| match found {
        Address::Mailbox { name, local, host, .. } => {
            // Some write the name behind the address.
            let space = host.iter().position(u8::is_ascii_whitespace).unwrap_or(host.len());
            let (host, behind) = host.split_at(space);
            let name = name.unwrap_or_else(|| behind.to_vec());
            Some(Mailbox { name: encoded_word::decode(&name), address: one_line(&address(&local, host)) })
        }
        Address::GroupStart(_) | Address::GroupEnd => None,
    });
    mailboxes.collect()
}

/// As it stands in an envelope (RFC 5321 4.1.2): what stands before the at sign is quoted if it has to be.
fn address(local: &[u8], host: &[u8]) -> String {
    let (local, host) = (guess(local), guess(host));
    if host.is_empty() {
        return local.into_owned();
    }
    let needs_quotes = |c: char| c.is_ascii_whitespace() || "\"(),:;<>@[\\]".contains(c);
    if !local.contains(needs_quotes) {
        return format!("{local}@{host}");
    }
    format!("\"{}\"@{host}", local.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let found = |value: &str| -> Vec<String> {
            mailboxes(value.as_bytes()).iter().map(|found| format!("{}|{}", found.name, found.address)).collect()
        };
        for (value, expected) in [
            ("=?utf-8?Q?Zo=C3=AB?= <z@x>, b@x", &["Zoë|z@x", "|b@x"][..]),
            ("=?UTF-8?B?SsO2cmcgU21pdGg=?= <a@x>", &["Jörg Smith|a@x"]),
            ("=?UTF-8?B?SsO2cmcgU21pdA==?= <a@x>, b@x", &["Jörg Smit|a@x", "|b@x"]),
            ("\"=?UTF-8?B?SsO2cmcgU21pdA==?=\" <a@x>", &["Jörg Smit|a@x"]),
            ("=?UTF-8?B?SsO2cmcg?= =?utf-8?b?U21pdGg=?= <a@x>", &["Jörg Smith|a@x"]),
            ("G: c@x, \"D, E\" <d@x>;", &["|c@x", "D, E|d@x"]),
            ("Name, Other <>", &[]),
            ("=?no?word <a@b>, =?utf-8?q?=C3=A4?= <c@d>", &["=?no?word|a@b", "ä|c@d"]),
            ("=?utf-8?Q?B=C3?=\r\n =?utf-8?Q?=B6b?= <b@x>", &["Böb|b@x"]),
            ("=?UTF-8?B?SGVsbG8gV29ybGQ?= <b@x>", &["Hello World|b@x"]),
            ("\"a b\"@x, \"a\\\"b\" <\"c@d\"@x>, x@y (Z)", &["|\"a b\"@x", "a\"b|\"c@d\"@x", "Z|x@y"]),
            ("a@x Ann Lee", &["Ann Lee|a@x"]),
            ("", &[]),
        ] {
            assert_eq!(found(value), expected, "{value}");
        }
        assert_eq!(addressed(b"<nobody>")[0].address, "nobody");
    }

    #[test]
    fn words_without_end_are_looked_at_once() {
        // Minutes, if the end of each were looked for.
        let value = "=?ab?q?x, ".repeat(1 << 16) + "a@b";
        assert_eq!(mailboxes(value.as_bytes()), [Mailbox { name: String::new(), address: "a@b".into() }]);
    }
}

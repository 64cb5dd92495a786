use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use super::encoded_word::{marked, unmarked};
use super::line::one_line;

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
    let value = marked(value);
    let HeaderValue::Address(addresses) = MessageStream::new(value.as_bytes()).parse_address() else {
        return Vec::new();
    };
    let mailboxes = addresses.into_list().into_iter().filter_map(|found| {
        let address = one_line(&unmarked(&found.address?)).replace([' ', '<', '>'], "");
        let name = found.name.map(|name| one_line(&unmarked(&name))).unwrap_or_default();
        Some(Mailbox { name, address })
    });
    mailboxes.collect()
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
            ("", &[]),
        ] {
            assert_eq!(found(value), expected, "{value}");
        }
        assert_eq!(addressed(b"<nobody>")[0].address, "nobody");
    }

    #[test]
    fn words_without_end_are_looked_at_once() {
        // Minutes, if the end of each were looked for.
        let value = "=?ab?q?x, ".repeat(1 << 18) + "a@b";
        assert_eq!(mailboxes(value.as_bytes()), [Mailbox { name: String::new(), address: "a@b".into() }]);
    }
}

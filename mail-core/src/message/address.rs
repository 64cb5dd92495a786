use super::charset::guess;
use super::encoded_word;

/// An element of an address list as ENVELOPE shows it (RFC 9051 2.3.5, 7.5.2). Quoting is removed, encoded words stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A mailbox.
    Mailbox {
        /// The display name.
        name: Option<Vec<u8>>,
        /// The source route (at-domain-list).
        route: Option<Vec<u8>>,
        /// What stands before the at sign.
        local: Vec<u8>,
        /// What stands behind it; empty if there is none.
        host: Vec<u8>,
    },
    /// A group begins.
    GroupStart(Vec<u8>),
    /// The group ends.
    GroupEnd,
}

impl Address {
    /// What a reader sees of it: encoded words decoded (RFC 2047), `Name <local@host>`, a group's name with its colon.
    pub fn text(&self) -> String {
        match self {
            Self::Mailbox { name, local, host, .. } => {
                let mut text = name.as_deref().map_or_else(String::new, |name| encoded_word::decode(name) + " ");
                text.push('<');
                text.push_str(&guess(local));
                if !host.is_empty() {
                    text.push('@');
                    text.push_str(&guess(host));
                }
                text.push('>');
                text
            }
            Self::GroupStart(name) => encoded_word::decode(name) + ":",
            Self::GroupEnd => ";".to_owned(),
        }
    }
}

impl Address {
    /// What stands before the at sign (`addr-mailbox`); of a group its name.
    pub fn mailbox(&self) -> String {
        match self {
            Self::Mailbox { local, .. } => guess(local).into_owned(),
            Self::GroupStart(name) => encoded_word::decode(name),
            Self::GroupEnd => String::new(),
        }
    }

    /// What is shown of it where there is room for one text: the display name, or else the address (RFC 5957 3).
    pub fn display(&self) -> String {
        let name = match self {
            Self::Mailbox { name: Some(name), .. } => encoded_word::decode(name),
            _ => String::new(),
        };
        match self {
            Self::Mailbox { local, host, .. } if name.is_empty() => {
                let at = if host.is_empty() { "" } else { "@" };
                format!("{}{at}{}", guess(local), guess(host))
            }
            Self::Mailbox { .. } => name,
            Self::GroupStart(_) | Self::GroupEnd => self.mailbox(),
        }
    }
}

/// How many addresses a field may have; further ones are left out.
const MAX_ADDRESSES: usize = 10_000;

/// Parses an unfolded address list (RFC 5322 3.4, with its obsolete forms); anything is accepted.
pub(super) fn parse_addresses(value: &[u8]) -> Vec<Address> {
    parse_within(value, MAX_ADDRESSES)
}

/// The same, with at most so many addresses.
pub(super) fn parse_within(value: &[u8], most: usize) -> Vec<Address> {
    let mut parser = Parser { rest: value, most, ..Parser::default() };
    parser.run();
    parser.found
}

#[derive(Default)]
struct Parser<'a> {
    rest: &'a [u8],
    most: usize,
    found: Vec<Address>,
    in_group: bool,
    /// Words outside angle brackets, one space between them.
    phrase: Vec<u8>,
    space: bool,
    /// Where in `phrase` the last at sign stands that was not quoted.
    at: Option<usize>,
    angle: Option<Vec<u8>>,
    comment: Option<Vec<u8>>,
    /// A parenthesis in angle brackets was never closed, so that none behind it begins a comment there.
    unclosed: bool,
}

impl Parser<'_> {
    fn run(&mut self) {
        while let Some(byte) = self.next() {
            if self.found.len() >= self.most {
                break;
            }
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.space = true,
                b'(' => self.comment = Some(self.read_comment()),
                b'"' => {
                    let text = self.read_quoted();
                    self.word(&text);
                }
                b'<' => self.angle = Some(self.read_until(b'>')),
                b'[' => {
                    let text = self.read_until(b']');
                    self.word(b"[");
                    self.word(&text);
                    self.word(b"]");
                }
                b',' => self.end_item(),
                b':' if !self.in_group && self.at.is_none() && self.angle.is_none() => {
                    let name = std::mem::take(&mut self.phrase);
                    self.reset();
                    self.found.push(Address::GroupStart(name));
                    self.in_group = true;
                }
                b';' => {
                    self.end_item();
                    self.end_group();
                }
                b'@' => {
                    // `a @ b`: space around the at sign means nothing.
                    self.space = false;
                    self.at = Some(self.phrase.len());
                    self.phrase.push(b'@');
                }
                byte => self.word(&[byte]),
            }
        }
        self.end_item();
        self.end_group();
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn word(&mut self, text: &[u8]) {
        if self.space && !self.phrase.is_empty() && self.phrase.last() != Some(&b'@') {
            self.phrase.push(b' ');
        }
        self.space = false;
        self.phrase.extend_from_slice(text);
    }

    fn read_quoted(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        while let Some(byte) = self.next() {
            match byte {
                b'"' => break,
                b'\\' => text.extend(self.next()),
                byte => text.push(byte),
            }
        }
        text
    }

    fn read_comment(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut depth = 1_u32;
        while let Some(byte) = self.next() {
            match byte {
                b'\\' => {
                    text.extend(self.next());
                    continue;
                }
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
            text.push(byte);
        }
        text
    }

    /// Passes over the rest of a comment, if it has an end.
    fn skip_comment(&mut self) -> bool {
        let (mut escaped, mut depth) = (false, 1_usize);
        let end = |byte: &u8| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            depth == 0
        };
        let end = if self.unclosed { None } else { self.rest.iter().position(end) };
        self.unclosed |= end.is_none();
        self.rest = end.and_then(|end| self.rest.get(end + 1..)).unwrap_or(self.rest);
        end.is_some()
    }

    /// Up to `end`, which is taken, too, without comments; quoted strings are kept as they are so that an `end` in them does
    /// not count.
    fn read_until(&mut self, end: u8) -> Vec<u8> {
        let mut text = Vec::new();
        let mut quoted = false;
        while let Some(byte) = self.next() {
            match byte {
                byte if byte == end && !quoted => break,
                b'(' if !quoted && end == b'>' && self.skip_comment() => continue,
                b'"' => quoted = !quoted,
                b'\\' if quoted => {
                    text.push(byte);
                    text.extend(self.next());
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
        text
    }

    fn end_item(&mut self) {
        if let Some(angle) = self.angle.take() {
            let (route, address) = split_route(&angle);
            let (local, host) = split_address(address);
            let name = Some(std::mem::take(&mut self.phrase)).filter(|name| !name.is_empty());
            let name = name.or_else(|| self.comment.take());
            if name.is_some() || !local.is_empty() || !host.is_empty() {
                self.found.push(Address::Mailbox { name, route, local, host });
            }
        } else if !self.phrase.is_empty() {
            let at = self.at.unwrap_or(self.phrase.len());
            let (local, host) = self.phrase.split_at(at);
            let (local, host) = (local.trim_ascii().to_vec(), host.get(1..).unwrap_or_default().trim_ascii().to_vec());
            self.found.push(Address::Mailbox { name: self.comment.take(), route: None, local, host });
        }
        self.reset();
    }

    fn end_group(&mut self) {
        if std::mem::take(&mut self.in_group) {
            self.found.push(Address::GroupEnd);
        }
    }

    fn reset(&mut self) {
        self.phrase = Vec::new();
        self.space = false;
        self.at = None;
        self.angle = None;
        self.comment = None;
    }
}

/// `[ "@" domain *("," "@" domain) ":" ] addr-spec`
fn split_route(angle: &[u8]) -> (Option<Vec<u8>>, &[u8]) {
    let angle = angle.trim_ascii();
    if angle.starts_with(b"@")
        && let Some(colon) = angle.iter().position(|byte| *byte == b':')
    {
        return (angle.get(..colon).map(<[u8]>::to_vec), angle.get(colon + 1..).unwrap_or_default());
    }
    (None, angle)
}

fn split_address(address: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let address = address.trim_ascii();
    let at = address.iter().rposition(|byte| *byte == b'@').unwrap_or(address.len());
    let (local, host) = address.split_at(at);
    let local = local.trim_ascii();
    let local = match local.strip_prefix(b"\"").and_then(|local| local.strip_suffix(b"\"")) {
        Some(quoted) => {
            let mut escaped = false;
            quoted
                .iter()
                .copied()
                .filter(|byte| {
                    escaped = *byte == b'\\' && !escaped;
                    !escaped
                })
                .collect()
        }
        None => local.to_vec(),
    };
    (local, host.get(1..).unwrap_or_default().trim_ascii().to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(value: &str) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        parse_addresses(value.as_bytes())
            .iter()
            .map(|address| match address {
                Address::Mailbox { name, route, local, host } => format!(
                    "{}|{}|{}|{}",
                    name.as_deref().map_or("-".to_owned(), text),
                    route.as_deref().map_or("-".to_owned(), text),
                    text(local),
                    text(host)
                ),
                Address::GroupStart(name) => format!("{}:", text(name)),
                Address::GroupEnd => ";".to_owned(),
            })
            .collect()
    }

    #[test]
    fn known_answers() {
        for (value, expected) in [
            ("a@b.c", &["-|-|a|b.c"][..]),
            ("Ann Lee <a@b>, \"Doe, John\" <\"j d\"@[IPv6:::1]>", &["Ann Lee|-|a|b", "Doe, John|-|j d|[IPv6:::1]"]),
            ("a@b (The (inner) Name)", &["The (inner) Name|-|a|b"]),
            ("=?utf-8?q?=C3=A4?= <x@y>", &["=?utf-8?q?=C3=A4?=|-|x|y"]),
            ("<@one,@two:u@h>", &["-|@one,@two|u|h"]),
            ("Team: a@b, C <c@d>;, e@f", &["Team:", "-|-|a|b", "C|-|c|d", ";", "-|-|e|f"]),
            ("undisclosed-recipients:;", &["undisclosed-recipients:", ";"]),
            ("nobody", &["-|-|nobody|"]),
            ("a @ b", &["-|-|a|b"]),
            ("u@[IPv6:::1]", &["-|-|u|[IPv6:::1]"]),
            ("", &[]),
            (",,<>", &[]),
            ("Only Name <>", &["Only Name|-||"]),
            ("<a (x (y)) @ (z) b.c>, <\"(d)\" @e>", &["-|-|a|b.c", "-|-|(d)|e"]),
            ("<a(b@c>, <(d@e>, f@g (H)", &["-|-|a(b|c", "-|-|(d|e", "H|-|f|g"]),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }

    #[test]
    fn as_readers_see_them() {
        let value = "=?utf-8?q?J=C3=BCrgen?= (x) <@r:j@x>, b@c (=?utf-8?q?=C3=A4?=), \"=?utf-8?q?G=C3=BC?=\": \"a \\\"b\" <d>;, <>";
        let shown: Vec<String> = parse_addresses(value.as_bytes()).iter().map(Address::text).collect();
        assert_eq!(shown, ["Jürgen <j@x>", "ä <b@c>", "Gü:", "a \"b <d>", ";"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn anything_is_accepted(value in "[a@,;:<>()\"\\\\ \\[\\]é]{0,40}") {
            let groups = |wanted: fn(&Address) -> bool| {
                parse_addresses(value.as_bytes()).iter().filter(|address| wanted(address)).count()
            };
            prop_assert_eq!(
                groups(|address| matches!(address, Address::GroupStart(_))),
                groups(|address| matches!(address, Address::GroupEnd))
            );
        }
    }
}

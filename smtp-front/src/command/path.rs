//! Mailbox addresses and paths, RFC 5321 4.1.2 and 4.1.3.

use crate::submit::Address;

/// The longest address taken, in bytes: RFC 5321 4.5.3.1 asks for 254; some generated sender addresses are longer.
const MAX_ADDRESS: usize = 320;

/// Whose address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// MAIL FROM: small devices send a bare name.
    Sender,
    /// RCPT TO.
    Recipient,
}

/// Reads `<local@domain>`, `<>`, `<@relay,@relay:local@domain>` (the route is dropped, RFC 5321 appendix F.2), or the
/// same address without angle brackets. Returns the address, `None` for `<>`, and what follows it.
pub(super) fn parse_path(text: &str, kind: Kind) -> Option<(Option<Address>, &str)> {
    let Some(inner) = text.strip_prefix('<') else {
        let (address, rest) = parse_mailbox(text, kind)?;
        let separated = rest.is_empty() || rest.starts_with([' ', '\t']);
        return separated.then_some((Some(address), rest));
    };
    let inner = inner.trim_start();
    if let Some(rest) = inner.strip_prefix('>') {
        return Some((None, rest));
    }
    let (address, rest) = parse_mailbox(skip_route(inner)?, kind)?;
    let rest = rest.trim_start().strip_prefix('>')?;
    Some((Some(address), rest))
}

fn skip_route(text: &str) -> Option<&str> {
    if !text.starts_with('@') {
        return Some(text);
    }
    let (route, mailbox) = text.split_once(':')?;
    let valid = route.split(',').all(|hop| {
        hop.strip_prefix('@').and_then(|name| domain_len(name).map(|len| len == name.len())).unwrap_or(false)
    });
    valid.then_some(mailbox)
}

/// `Mailbox = Local-part "@" ( Domain / address-literal )`.
fn parse_mailbox(text: &str, kind: Kind) -> Option<(Address, &str)> {
    let local = if text.starts_with('"') { quoted_len(text) } else { dot_string_len(text) }?;
    let len = match text[local..].strip_prefix('@') {
        Some(domain) => local + 1 + if domain.starts_with('[') { literal_len(domain) } else { domain_len(domain) }?,
        None if kind == Kind::Sender && !text.starts_with('"') => local,
        None => return None,
    };
    let (address, rest) = text.split_at(len);
    (address.len() <= MAX_ADDRESS).then(|| (Address::new_checked(address.to_owned()), rest))
}

/// `Dot-string = Atom *("." Atom)`: the length of the longest one at the start. With UTF-8 as RFC 6531 3.3 has it.
fn dot_string_len(text: &str) -> Option<usize> {
    let len = text.bytes().take_while(|byte| is_atext(*byte) || *byte == b'.').count();
    text[..len].split('.').all(|atom| !atom.is_empty()).then_some(len)
}

/// `Quoted-string = DQUOTE *QcontentSMTP DQUOTE`.
fn quoted_len(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return (at > 1).then_some(at + 1),
            b'\\' => {
                bytes.next().filter(|(_, escaped)| (0x20..0x7f).contains(escaped))?;
            }
            0x20..=0x7e | 0x80.. => {}
            _ => return None,
        }
    }
    None
}

/// `Domain = sub-domain *("." sub-domain)`; underscores are taken too, local networks have them, and U-labels (RFC 6531 3.3).
fn domain_len(text: &str) -> Option<usize> {
    let len = text.bytes().take_while(|byte| is_domain_letter(*byte)).count();
    let label = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    (len <= 255 && text[..len].split('.').all(label)).then_some(len)
}

/// `address-literal`, RFC 5321 4.1.3.
fn literal_len(text: &str) -> Option<usize> {
    let end = text.find(']')?;
    let inner = &text[1..end];
    let valid = inner.bytes().all(|byte| byte.is_ascii_graphic() && !b"[\\".contains(&byte));
    (!inner.is_empty() && valid).then_some(end + 1)
}

fn is_domain_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"-_.".contains(&byte)
}

fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<(Option<String>, &str)> {
        parse_path(text, Kind::Recipient)
            .map(|(address, rest)| (address.map(|address| address.as_str().to_owned()), rest))
    }

    #[test]
    fn takes_every_form_of_address() {
        for (text, address, rest) in [
            ("<a@b.example>", "a@b.example", ""),
            ("< a@b.example >", "a@b.example", ""),
            ("<a@b.example> SIZE=3", "a@b.example", " SIZE=3"),
            ("a@b.example SIZE=3", "a@b.example", " SIZE=3"),
            ("a@localhost", "a@localhost", ""),
            ("<@x,@y.example:a@b.example>", "a@b.example", ""),
            ("<o'brien+x/y=z@b.example>", "o'brien+x/y=z@b.example", ""),
            (r#"<"a b>\"c"@b.example>"#, r#""a b>\"c"@b.example"#, ""),
            ("<scan@[192.0.2.7]>", "scan@[192.0.2.7]", ""),
            ("<scan@[IPv6:2001:db8::1]>", "scan@[IPv6:2001:db8::1]", ""),
            ("<scan@printer_1.local>", "scan@printer_1.local", ""),
            ("<jürgen@bücher.example>", "jürgen@bücher.example", ""),
            ("<\"jür gen\"@b.example> X", "\"jür gen\"@b.example", " X"),
        ] {
            assert_eq!(read(text), Some((Some(address.to_owned()), rest)), "{text}");
        }
        assert_eq!(read("<> X"), Some((None, " X")));
    }

    #[test]
    fn refuses_broken_addresses() {
        let long = format!("<{}@b.example>", "a".repeat(320));
        for text in [
            "",
            "<",
            "<a@b",
            "a",
            "<a>",
            "@b",
            "<@b>",
            "<a@>",
            "<a@b.>",
            "<a@.b>",
            "<.a@b>",
            "<a.@b>",
            "<a..a@b>",
            "<a@-b>",
            "<a b@c>",
            "<a@b c>",
            "a@b,c@d",
            "<a@b><c@d>x@",
            "<@x:>",
            "<@:a@b>",
            "<\"\"@b>",
            "<\"a@b>",
            "<\"a\\",
            "<a@[]>",
            "<a@[1.2.3.4>",
            "<a@[1[2]>",
            "Name <a@b>",
            "a@b>",
            &long,
        ] {
            // `<a@b><c@d>x@` is an address with rubbish after it, which the parameters refuse.
            if text.starts_with("<a@b><") {
                assert_eq!(read(text), Some((Some("a@b".to_owned()), "<c@d>x@")));
            } else {
                assert_eq!(read(text), None, "{text}");
            }
        }
    }

    #[test]
    fn senders_may_be_bare_names() {
        for (text, address, rest) in
            [("<scanner>", "scanner", ""), ("root SIZE=3", "root", " SIZE=3"), ("<a@b>", "a@b", "")]
        {
            let read = parse_path(text, Kind::Sender);
            assert_eq!(read, Some((Some(Address::new_checked(address.to_owned())), rest)), "{text}");
        }
        for text in ["<\"scan ner\">", "<a@>", "<@b>", "<a b>", "a>", "<.>", ""] {
            assert_eq!(parse_path(text, Kind::Sender), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_is_read_or_refused(text in "[<>@a.\"\\\\:, \\[\\]é=-]{0,40}") {
            if let Some((Some(address), rest)) = read(&text) {
                prop_assert!(text.contains(&address) && text.ends_with(rest));
                // An address that was taken is taken again, with and without brackets.
                let bracketed = format!("<{address}>");
                prop_assert_eq!(read(&bracketed), Some((Some(address.clone()), "")));
                prop_assert_eq!(read(&address), Some((Some(address.clone()), "")));
            }
        }
    }
}

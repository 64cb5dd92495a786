//! Mailbox addresses and paths, RFC 5321 4.1.2 and 4.1.3.

use crate::submit::Address;

/// The longest address taken, in bytes: RFC 5321 4.5.3.1 asks for 254; some generated sender addresses are longer.
const MAX_ADDRESS: usize = 320;

/// Why a path can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathError {
    /// It breaks the grammar.
    Syntax,
    /// It has letters outside ASCII.
    NonAscii,
}

/// Reads `<local@domain>`, `<>`, `<@relay,@relay:local@domain>` (the route is dropped, RFC 5321 appendix F.2), or the
/// same address without angle brackets. Returns the address, `None` for `<>`, and what follows it.
pub(super) fn parse_path(text: &str) -> Result<(Option<Address>, &str), PathError> {
    let Some(inner) = text.strip_prefix('<') else {
        let (address, rest) = parse_mailbox(text)?;
        let separated = rest.is_empty() || rest.starts_with([' ', '\t']);
        return if separated { Ok((Some(address), rest)) } else { Err(PathError::Syntax) };
    };
    let inner = inner.trim_start();
    if let Some(rest) = inner.strip_prefix('>') {
        return Ok((None, rest));
    }
    let (address, rest) = parse_mailbox(skip_route(inner)?)?;
    let rest = rest.trim_start().strip_prefix('>').ok_or(PathError::Syntax)?;
    Ok((Some(address), rest))
}

fn skip_route(text: &str) -> Result<&str, PathError> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    let (route, mailbox) = text.split_once(':').ok_or(PathError::Syntax)?;
    let valid = route.split(',').all(|hop| {
        hop.strip_prefix('@').and_then(|name| domain_len(name).map(|len| len == name.len())).unwrap_or(false)
    });
    if valid { Ok(mailbox) } else { Err(PathError::Syntax) }
}

/// `Mailbox = Local-part "@" ( Domain / address-literal )`.
fn parse_mailbox(text: &str) -> Result<(Address, &str), PathError> {
    let refuse = || if text.is_ascii() { PathError::Syntax } else { PathError::NonAscii };
    let local = if text.starts_with('"') { quoted_len(text) } else { dot_string_len(text) }.ok_or_else(refuse)?;
    let domain = text[local..].strip_prefix('@').ok_or_else(refuse)?;
    let domain = if domain.starts_with('[') { literal_len(domain) } else { domain_len(domain) }.ok_or_else(refuse)?;
    let (address, rest) = text.split_at(local + 1 + domain);
    if !rest.is_ascii() && !rest.starts_with([' ', '\t', '>']) {
        return Err(PathError::NonAscii);
    }
    if address.len() > MAX_ADDRESS {
        return Err(PathError::Syntax);
    }
    Ok((Address::new_checked(address.to_owned()), rest))
}

/// `Dot-string = Atom *("." Atom)`: the length of the longest one at the start.
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
            0x20..0x7f => {}
            _ => return None,
        }
    }
    None
}

/// `Domain = sub-domain *("." sub-domain)`; underscores are taken too, local networks have them.
fn domain_len(text: &str) -> Option<usize> {
    let len = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count();
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

fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(Option<String>, &str), PathError> {
        parse_path(text).map(|(address, rest)| (address.map(|address| address.as_str().to_owned()), rest))
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
        ] {
            assert_eq!(read(text), Ok((Some(address.to_owned()), rest)), "{text}");
        }
        assert_eq!(read("<> X"), Ok((None, " X")));
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
                assert_eq!(read(text), Ok((Some("a@b".to_owned()), "<c@d>x@")));
            } else {
                assert_eq!(read(text), Err(PathError::Syntax), "{text}");
            }
        }
        for text in ["<jürgen@b.example>", "<a@bücher.example>", "a@bücher.example"] {
            assert_eq!(read(text), Err(PathError::NonAscii), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_is_read_or_refused(text in "[<>@a.\"\\\\:, \\[\\]é=-]{0,40}") {
            if let Ok((Some(address), rest)) = read(&text) {
                prop_assert!(text.contains(&address) && text.ends_with(rest));
                // An address that was taken is taken again, with and without brackets.
                let bracketed = format!("<{address}>");
                prop_assert_eq!(read(&bracketed), Ok((Some(address.clone()), "")));
                prop_assert_eq!(read(&address), Ok((Some(address.clone()), "")));
            }
        }
    }
}

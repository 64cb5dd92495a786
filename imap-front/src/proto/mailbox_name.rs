use mail_core::utf7;

use super::text::text;

/// How a client writes mailbox names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// In modified UTF-7 (RFC 3501 5.1.3). Names that are not are taken as UTF-8, as some clients send it.
    #[default]
    ModifiedUtf7,
    /// In UTF-8 (RFC 9755 3).
    Utf8,
}

impl Names {
    /// A mailbox name as it came, in Unicode.
    pub(super) fn read(self, bytes: &[u8]) -> String {
        let name = match self {
            Self::ModifiedUtf7 => utf7::decode(bytes).unwrap_or_else(|| text(bytes)),
            Self::Utf8 => text(bytes),
        };
        match name.split_at_checked(5) {
            Some((first, rest))
                if first.eq_ignore_ascii_case("INBOX") && (rest.is_empty() || rest.starts_with('/')) =>
            {
                format!("INBOX{rest}")
            }
            _ => name,
        }
    }

    /// Whether a mailbox may be made of this name: not where it would be listed as something else, nor in UTF-8 with characters
    /// that names have not (RFC 9755 3).
    pub(super) fn may_be_made(self, bytes: &[u8]) -> bool {
        match self {
            Self::ModifiedUtf7 => {
                utf7::decode(bytes).is_some() || (!bytes.is_ascii() && std::str::from_utf8(bytes).is_ok())
            }
            Self::Utf8 => std::str::from_utf8(bytes).is_ok_and(|name| {
                !name.chars().any(|character| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}'))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        for (bytes, utf7, utf8) in [
            (&b"inbox/Sub"[..], "INBOX/Sub", "INBOX/Sub"),
            (b"Entw&APw-rfe", "Entw\u{fc}rfe", "Entw&APw-rfe"),
            ("Entw\u{fc}rfe".as_bytes(), "Entw\u{fc}rfe", "Entw\u{fc}rfe"),
            (b"A&-B", "A&B", "A&-B"),
        ] {
            assert_eq!((Names::ModifiedUtf7.read(bytes), Names::Utf8.read(bytes)), (utf7.to_owned(), utf8.to_owned()));
        }
    }

    #[test]
    fn names_to_be_made() {
        for (bytes, utf7, utf8) in [
            (&b"A & B"[..], false, true),
            (b"A &- B", true, true),
            ("\u{e9}".as_bytes(), true, true),
            (b"\xe9", false, false),
            ("a\u{85}".as_bytes(), true, false),
            ("a\u{2028}".as_bytes(), true, false),
            (b"a\tb", false, false),
        ] {
            assert_eq!((Names::ModifiedUtf7.may_be_made(bytes), Names::Utf8.may_be_made(bytes)), (utf7, utf8));
        }
    }
}

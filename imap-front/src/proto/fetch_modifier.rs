//! The modifiers behind the items of FETCH (RFC 4466 2.4): CHANGEDSINCE (RFC 7162 3.1.4.1), also of 0, which the grammar has
//! not and clients send, and VANISHED (RFC 7162 3.2.6).

use super::request::FetchModifiers;

/// Splits the modifiers that are known here off a FETCH command. One that names others, or none, stays as it is.
pub(super) fn split(command: &[u8]) -> Option<(Vec<u8>, FetchModifiers)> {
    let inner = command.strip_suffix(b")\r\n")?;
    let open = inner.iter().rposition(|byte| *byte == b'(')?;
    let (head, list) = inner.split_at(open);
    let head = head.strip_suffix(b" ")?;
    let mut words = list.get(1..)?.split(|byte| *byte == b' ');
    let mut modifiers = FetchModifiers::default();
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case(b"CHANGEDSINCE") && modifiers.changed_since.is_none() {
            let digits = words.next().filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))?;
            modifiers.changed_since = Some(std::str::from_utf8(digits).ok()?.parse().ok()?);
        } else if word.eq_ignore_ascii_case(b"VANISHED") && !modifiers.vanished {
            modifiers.vanished = true;
        } else {
            return None;
        }
    }
    let mut command = head.to_vec();
    command.extend_from_slice(b"\r\n");
    Some((command, modifiers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let since = |changed_since, vanished| FetchModifiers { changed_since, vanished, partial: None };
        for (command, expected) in [
            ("a FETCH 1 (FLAGS) (CHANGEDSINCE 0)\r\n", Some(("a FETCH 1 (FLAGS)\r\n", since(Some(0), false)))),
            ("a FETCH 1 FLAGS (changedsince 7 VANISHED)\r\n", Some(("a FETCH 1 FLAGS\r\n", since(Some(7), true)))),
            ("a FETCH 1 FLAGS (VANISHED)\r\n", Some(("a FETCH 1 FLAGS\r\n", since(None, true)))),
            ("a FETCH 1 (FLAGS)\r\n", None),
            ("a FETCH 1 (BODY[HEADER.FIELDS (VANISHED)])\r\n", None),
            ("a FETCH 1 FLAGS (CHANGEDSINCE)\r\n", None),
            ("a FETCH 1 FLAGS (CHANGEDSINCE -1)\r\n", None),
            ("a FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)\r\n", None),
            ("a FETCH 1 FLAGS (CHANGEDSINCE 18446744073709551616)\r\n", None),
            ("a FETCH 1 FLAGS ()\r\n", None),
        ] {
            let expected = expected.map(|(command, modifiers)| (command.as_bytes().to_vec(), modifiers));
            assert_eq!(split(command.as_bytes()), expected, "{command}");
        }
    }
}

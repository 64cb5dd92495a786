//! The item PREVIEW of FETCH (RFC 8970 6), which the parser does not know.

/// Stands where nothing else is asked for.
const STAND_IN: &[u8] = b"UID";

/// A FETCH command without the item.
pub(super) struct WithoutPreview {
    pub command: Vec<u8>,
    /// Only what is at hand is to be shown.
    pub lazy: bool,
    /// Nothing else was asked for; something is now.
    pub alone: bool,
}

/// Takes the item out of a FETCH command, whose arguments begin at `at`; nothing if it has none.
pub(super) fn take(command: &[u8], at: usize) -> Option<WithoutPreview> {
    let items = at + command.get(at..)?.iter().position(|byte| *byte == b' ')? + 1;
    let is_list = command.get(items) == Some(&b'(');
    let first = items + usize::from(is_list);
    let mut out = command.get(..first)?.to_vec();
    let mut rest = command.get(first..)?;
    let (mut lazy, mut others, mut found) = (true, false, false);
    loop {
        if let Some((length, is_lazy)) = preview(rest, is_list) {
            rest = rest.get(length..)?;
            // Asked for twice, the answer that says more is the one.
            lazy &= is_lazy;
            found = true;
        } else {
            let length = item(rest)?;
            let (item, after) = rest.split_at_checked(length).filter(|_| length > 0)?;
            if others {
                out.push(b' ');
            }
            out.extend_from_slice(item);
            (rest, others) = (after, true);
        }
        match rest.split_first() {
            Some((b' ', after)) if is_list => rest = after,
            _ => break,
        }
    }
    if !found {
        return None;
    }
    if !others {
        out.extend_from_slice(STAND_IN);
    }
    out.extend_from_slice(rest);
    Some(WithoutPreview { command: out, lazy, alone: !others })
}

/// The length of the item with its modifier, and whether it has that.
fn preview(text: &[u8], is_list: bool) -> Option<(usize, bool)> {
    const LAZY: &[u8] = b"PREVIEW (LAZY)";
    const PLAIN: &[u8] = b"PREVIEW";
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let ends = |at: usize| matches!(text.get(at), Some(b' ' | b'\r')) || (is_list && text.get(at) == Some(&b')'));
    if begins(LAZY) && ends(LAZY.len()) {
        return Some((LAZY.len(), true));
    }
    (begins(PLAIN) && ends(PLAIN.len())).then_some((PLAIN.len(), false))
}

/// The length of an item, its section included.
fn item(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut is_in_section = false;
    loop {
        match text.get(at)? {
            b' ' | b')' | b'\r' if !is_in_section => return Some(at),
            b'[' => is_in_section = true,
            b']' => is_in_section = false,
            b'"' => {
                at += 1;
                while *text.get(at)? != b'"' {
                    at += if text.get(at) == Some(&b'\\') { 2 } else { 1 };
                }
            }
            b'{' => {
                let announced = text.get(at + 1..)?;
                let digits = announced.iter().position(|byte| !byte.is_ascii_digit())?;
                let size: usize = std::str::from_utf8(announced.get(..digits)?).ok()?.parse().ok()?;
                let plus = usize::from(announced.get(digits) == Some(&b'+'));
                // The closing brace and the line end follow.
                at = at.checked_add(1 + digits + plus + 2)?.checked_add(size)?;
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(items: &str) -> Option<(String, bool, bool)> {
        let found = take(format!("a FETCH 1:2 {items}\r\n").as_bytes(), 8)?;
        let command = String::from_utf8(found.command).unwrap();
        let items = command.strip_prefix("a FETCH 1:2 ").and_then(|rest| rest.strip_suffix("\r\n")).unwrap();
        Some((items.to_owned(), found.lazy, found.alone))
    }

    #[test]
    fn known_answers() {
        let expected = |items: &str, lazy, alone| Some((items.to_owned(), lazy, alone));
        assert_eq!(taken("PREVIEW"), expected("UID", false, true));
        assert_eq!(taken("preview (lazy)"), expected("UID", true, true));
        assert_eq!(taken("(PREVIEW)"), expected("(UID)", false, true));
        assert_eq!(taken("(FLAGS PREVIEW (LAZY) UID)"), expected("(FLAGS UID)", true, false));
        assert_eq!(taken("(PREVIEW UID)"), expected("(UID)", false, false));
        assert_eq!(taken("(PREVIEW (LAZY) PREVIEW)"), expected("(UID)", false, true));
        assert_eq!(taken("PREVIEW (CHANGEDSINCE 5)"), expected("UID (CHANGEDSINCE 5)", false, true));
        assert_eq!(
            taken("(BODY[HEADER.FIELDS (PREVIEW \"a ]\" {3}\r\n])x)]<0.5> PREVIEW) (CHANGEDSINCE 5)"),
            expected("(BODY[HEADER.FIELDS (PREVIEW \"a ]\" {3}\r\n])x)]<0.5>) (CHANGEDSINCE 5)", false, false)
        );
        for none in [
            "FLAGS",
            "(FLAGS UID)",
            "BODY[HEADER.FIELDS (PREVIEW)]",
            "FLAGS (PREVIEW)",
            "(PREVIEWS)",
            "(FLAGS  PREVIEW)",
            "()",
            "(BODY[\"x PREVIEW)",
            "(BODY[{99999999999999999999}\r\n] PREVIEW)",
        ] {
            assert_eq!(taken(none), None, "{none}");
        }
        // What is no modifier is left for the parser to refuse.
        assert_eq!(taken("(PREVIEW (EAGER) UID)"), expected("((EAGER) UID)", false, false));
    }
}

//! Items of FETCH that the parser does not know: PREVIEW (RFC 8970 6), EMAILID and THREADID (RFC 8474 7).

use super::request::FetchItem;

/// Stands where nothing else is asked for.
const STAND_IN: &[u8] = b"UID";

/// A FETCH command without these items.
pub(super) struct WithoutFurther {
    pub command: Vec<u8>,
    /// The items, each once.
    items: Vec<FetchItem>,
    /// Nothing else was asked for; something is now.
    alone: bool,
}

impl WithoutFurther {
    /// Puts the items behind the others.
    pub fn complete(self, items: &mut Vec<FetchItem>) {
        if self.alone {
            items.clear();
        }
        items.extend(self.items);
    }
}

/// Takes these items out of a FETCH command, whose arguments begin at `at`; nothing if it has none.
pub(super) fn take(command: &[u8], at: usize) -> Option<WithoutFurther> {
    let items = at + command.get(at..)?.iter().position(|byte| *byte == b' ')? + 1;
    let is_list = command.get(items) == Some(&b'(');
    let first = items + usize::from(is_list);
    let mut out = command.get(..first)?.to_vec();
    let mut rest = command.get(first..)?;
    let (mut further, mut others) = (Vec::new(), false);
    loop {
        if let Some((length, item)) = further_item(rest, is_list) {
            rest = rest.get(length..)?;
            note(item, &mut further);
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
    if further.is_empty() {
        return None;
    }
    if !others {
        out.extend_from_slice(STAND_IN);
    }
    out.extend_from_slice(rest);
    Some(WithoutFurther { command: out, items: further, alone: !others })
}

/// Asked for twice, the answer that says more is the one.
fn note(item: FetchItem, items: &mut Vec<FetchItem>) {
    let is_preview = |item: &FetchItem| matches!(item, FetchItem::Preview { .. });
    let same = items.iter_mut().find(|other| **other == item || (is_preview(other) && is_preview(&item)));
    match same {
        None => items.push(item),
        Some(other) if item == (FetchItem::Preview { lazy: false }) => *other = item,
        Some(_) => {}
    }
}

/// One of these items, and its length.
fn further_item(text: &[u8], is_list: bool) -> Option<(usize, FetchItem)> {
    const ITEMS: [(&[u8], FetchItem); 4] = [
        (b"PREVIEW (LAZY)", FetchItem::Preview { lazy: true }),
        (b"PREVIEW", FetchItem::Preview { lazy: false }),
        (b"EMAILID", FetchItem::EmailId),
        (b"THREADID", FetchItem::ThreadId),
    ];
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let ends = |at: usize| matches!(text.get(at), Some(b' ' | b'\r')) || (is_list && text.get(at) == Some(&b')'));
    let (word, item) = ITEMS.into_iter().find(|(word, _)| begins(word) && ends(word.len()))?;
    Some((word.len(), item))
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

    fn taken(items: &str) -> Option<(String, Vec<FetchItem>, bool)> {
        let found = take(format!("a FETCH 1:2 {items}\r\n").as_bytes(), 8)?;
        let command = String::from_utf8(found.command).unwrap();
        let items = command.strip_prefix("a FETCH 1:2 ").and_then(|rest| rest.strip_suffix("\r\n")).unwrap();
        Some((items.to_owned(), found.items, found.alone))
    }

    #[test]
    fn known_answers() {
        let with = |items: &str, further, alone| Some((items.to_owned(), further, alone));
        let expected = |items: &str, lazy, alone| with(items, vec![FetchItem::Preview { lazy }], alone);
        assert_eq!(taken("emailid"), with("UID", vec![FetchItem::EmailId], true));
        assert_eq!(
            taken("(THREADID FLAGS PREVIEW (LAZY) EMAILID EMAILID)"),
            with("(FLAGS)", vec![FetchItem::ThreadId, FetchItem::Preview { lazy: true }, FetchItem::EmailId], false)
        );
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
            "(EMAILIDS)",
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

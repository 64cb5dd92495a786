//! SELECT and EXAMINE with their parameters (RFC 4466 2.1): CONDSTORE (RFC 7162 3.1.8) and QRESYNC (RFC 7162 3.2.5).

use super::cursor::Cursor;
use super::mailbox_name::Names;
use super::request::{KnownState, Request, SelectParameters};

/// What follows `SELECT ` or `EXAMINE ` up to the line end.
pub(super) fn parse(arguments: &[u8], read_only: bool, names: Names) -> Option<Request> {
    let mut cursor = Cursor::new(arguments);
    let mailbox = names.read(&cursor.string(false)?);
    let mut parameters = SelectParameters::default();
    if !cursor.is_at_end() {
        cursor.expect(b' ')?;
        cursor.expect(b'(')?;
        loop {
            match cursor.word()?.as_str() {
                "CONDSTORE" => parameters.condstore = true,
                "QRESYNC" if parameters.known.is_none() => {
                    cursor.expect(b' ')?;
                    parameters.known = Some(known_state(&mut cursor)?);
                }
                _ => return None,
            }
            if cursor.peek() == Some(b')') {
                break;
            }
            cursor.expect(b' ')?;
        }
        cursor.expect(b')')?;
    }
    cursor.is_at_end().then_some(Request::Select { mailbox, read_only, parameters })
}

/// `"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"`
fn known_state(cursor: &mut Cursor<'_>) -> Option<KnownState> {
    cursor.expect(b'(')?;
    let uid_validity = u32::try_from(cursor.number()?).ok().filter(|number| *number != 0)?;
    cursor.expect(b' ')?;
    let modseq = cursor.number()?;
    let mut known = KnownState { uid_validity, modseq, uids: None, matches: None };
    if cursor.peek() == Some(b' ') {
        cursor.expect(b' ')?;
        if cursor.peek() != Some(b'(') {
            known.uids = Some(cursor.known_set()?);
            if cursor.peek() == Some(b' ') {
                cursor.expect(b' ')?;
            }
        }
        if cursor.peek() == Some(b'(') {
            cursor.expect(b'(')?;
            let numbers = cursor.known_set()?;
            cursor.expect(b' ')?;
            known.matches = Some((numbers, cursor.known_set()?));
            cursor.expect(b')')?;
        }
    }
    cursor.expect(b')')?;
    Some(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::sequence::SequenceSet;

    fn selected(arguments: &str) -> Option<(String, bool, Option<KnownState>)> {
        match parse(arguments.as_bytes(), false, Names::default())? {
            Request::Select { mailbox, parameters: SelectParameters { condstore, known }, .. } => {
                Some((mailbox, condstore, known))
            }
            _ => None,
        }
    }

    fn set(ranges: &[(u32, u32)]) -> SequenceSet {
        SequenceSet(ranges.iter().map(|(from, to)| (Some(*from), Some(*to))).collect())
    }

    #[test]
    fn known_answers() {
        assert_eq!(selected("inbox"), Some(("INBOX".into(), false, None)));
        assert_eq!(selected("\"a b\" (condstore)"), Some(("a b".into(), true, None)));
        let known = |uids, matches| Some(KnownState { uid_validity: 67_890_007, modseq: 90_060_115, uids, matches });
        for (parameters, expected) in [
            ("67890007 90060115", known(None, None)),
            ("67890007 90060115 41,43:211", known(Some(set(&[(41, 41), (43, 211)])), None)),
            ("67890007 90060115 (5,7:8 9,3)", known(None, Some((set(&[(5, 5), (7, 8)]), set(&[(9, 9), (3, 3)]))))),
            ("67890007 90060115 1:29 (5 15)", known(Some(set(&[(1, 29)])), Some((set(&[(5, 5)]), set(&[(15, 15)]))))),
        ] {
            let (name, condstore, known) = selected(&format!("x (QRESYNC ({parameters}))")).unwrap();
            assert_eq!((name.as_str(), condstore, known), ("x", false, expected), "{parameters}");
        }
        assert!(selected("x (CONDSTORE QRESYNC (1 2))").unwrap().2.is_some());
        for bad in [
            "",
            "x ()",
            "x CONDSTORE",
            "x (X)",
            "x (QRESYNC)",
            "x (QRESYNC (1))",
            "x (QRESYNC (0 1))",
            "x (QRESYNC (1 18446744073709551616))",
            "x (QRESYNC (1 2 1:*))",
            "x (QRESYNC (1 2 0))",
            "x (QRESYNC (1 2 1:2 (1)))",
            "x (QRESYNC (1 2 (1 2) 1:2))",
            "x (QRESYNC (1 2) QRESYNC (1 2))",
            "x (CONDSTORE) ",
        ] {
            assert_eq!(selected(bad), None, "{bad}");
        }
    }
}

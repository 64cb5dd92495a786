//! STATUS (RFC 3501 6.3.10), and what LIST asks of it (RFC 5819).

use super::cursor::Cursor;
use super::mailbox_name::Names;
use super::request::Request;
use super::status_item::StatusItem;

/// What follows `STATUS ` up to the line end.
pub(super) fn parse(arguments: &[u8], names: Names) -> Option<Request> {
    let mut cursor = Cursor::new(arguments);
    let mailbox = names.read(&cursor.string(false)?);
    cursor.expect(b' ')?;
    let items = items(&mut cursor)?;
    cursor.is_at_end().then_some(Request::Status { mailbox, items })
}

/// The items that are known. Clients ask for those of extensions that are not offered, too, and can do with fewer than they
/// asked for; refused they would know nothing. At least one must be named.
pub(super) fn items(cursor: &mut Cursor<'_>) -> Option<Vec<StatusItem>> {
    let words = cursor.words()?;
    let known = words.iter().filter_map(|word| StatusItem::named(word)).collect();
    (!words.is_empty()).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let items = |arguments: &str| match parse(arguments.as_bytes(), Names::default()) {
            Some(Request::Status { mailbox, items }) => Some((mailbox, items)),
            _ => None,
        };
        use StatusItem::{HighestModSeq, Messages, Unseen};
        for (arguments, expected) in [
            ("inbox (MESSAGES unseen)", Some(("INBOX", vec![Messages, Unseen]))),
            ("\"x y\" (X-GUID UNSEEN HIGHESTMODSEQ)", Some(("x y", vec![Unseen, HighestModSeq]))),
            ("{1}\r\nx (X-GUID)", Some(("x", vec![]))),
            ("x ()", None),
            ("x (MESSAGES) ", None),
            ("x MESSAGES", None),
            ("(MESSAGES)", None),
            ("{3}\r\nx\0y (MESSAGES)", None),
        ] {
            let expected = expected.map(|(mailbox, items)| (mailbox.to_owned(), items));
            assert_eq!(items(arguments), expected, "{arguments}");
        }
    }
}

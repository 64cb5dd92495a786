//! UIDBATCHES (RFC 10022 4).

use super::cursor::Cursor;
use super::request::Request;

/// What follows `UIDBATCHES ` up to the line end.
pub(super) fn parse(arguments: &[u8]) -> Option<Request> {
    let mut cursor = Cursor::new(arguments);
    let size = number(&mut cursor)?;
    let mut batches = None;
    if !cursor.is_at_end() {
        cursor.expect(b' ')?;
        let first = number(&mut cursor)?;
        cursor.expect(b':')?;
        batches = Some((first, number(&mut cursor)?));
    }
    cursor.is_at_end().then_some(Request::UidBatches { size, batches })
}

/// `nz-number`
fn number(cursor: &mut Cursor<'_>) -> Option<u32> {
    cursor.number().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let parsed = |arguments: &str| match parse(arguments.as_bytes()) {
            Some(Request::UidBatches { size, batches }) => Some((size, batches)),
            _ => None,
        };
        assert_eq!(parsed("2000"), Some((2000, None)));
        assert_eq!(parsed("2000 20:10"), Some((2000, Some((20, 10)))));
        for wrong in ["", "0", "x", "500 1", "500 1:", "500 0:1", "500 1:*", "500 1:2 ", "4294967296", "500  1:2"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}

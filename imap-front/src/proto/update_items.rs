use super::cursor::Cursor;

/// A SEARCH command, without its tag, whose UPDATE says what is to be shown of messages that come to what is found
/// (RFC 5465 7, 8).
pub(super) struct WithoutItems<'a> {
    pub body: Vec<u8>,
    /// The items, in parentheses.
    pub items: &'a [u8],
}

/// Takes the items out, if there are some.
pub(super) fn take(body: &[u8]) -> Option<WithoutItems<'_>> {
    let mut cursor = Cursor::new(body);
    cursor.skip_word("UID ");
    if !cursor.skip_word("SEARCH RETURN (") {
        return None;
    }
    loop {
        let word = cursor.atom()?;
        let is_update = word.eq_ignore_ascii_case(b"UPDATE");
        match cursor.peek()? {
            b' ' if is_update && cursor.rest().starts_with(b" (") => {
                let before = body.get(..body.len().checked_sub(cursor.rest().len())?)?;
                cursor.expect(b' ')?;
                let items = cursor.parenthesised()?;
                return Some(WithoutItems { body: [before, cursor.rest()].concat(), items });
            }
            b' ' => cursor.expect(b' ')?,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let taken = |body: &'static str| {
            let found = take(body.as_bytes())?;
            Some((String::from_utf8(found.body).unwrap(), std::str::from_utf8(found.items).unwrap()))
        };
        let expected = |body: &str, items| Some((body.to_owned(), items));
        assert_eq!(
            taken("SEARCH RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS (TO FROM SUBJECT)])) FROM \"boss\"\r\n"),
            expected("SEARCH RETURN (COUNT UPDATE) FROM \"boss\"\r\n", "(UID BODY[HEADER.FIELDS (TO FROM SUBJECT)])")
        );
        assert_eq!(
            taken("uid search return (PARTIAL -1:-5 update (FLAGS) SAVE) ALL\r\n"),
            expected("uid search return (PARTIAL -1:-5 update SAVE) ALL\r\n", "(FLAGS)")
        );
        for none in [
            "SEARCH RETURN (UPDATE) ALL\r\n",
            "SEARCH RETURN () ALL\r\n",
            "SEARCH RETURN (UPDATE (FLAGS ALL\r\n",
            "SEARCH ALL\r\n",
            "SORT RETURN (UPDATE (FLAGS)) (DATE) UTF-8 ALL\r\n",
        ] {
            assert_eq!(taken(none), None, "{none}");
        }
    }
}

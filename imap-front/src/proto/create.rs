//! CREATE with parameters (RFC 4466 2.2): USE (RFC 6154 3).

use super::cursor::Cursor;
use super::mailbox_name::Names;

/// What is wrong with the name of a mailbox to be made.
pub(super) const INVALID_NAME: &str =
    "Mailbox name is not valid modified UTF-7, or once UTF-8 is enabled, not valid UTF-8";

/// The name of a mailbox to be made. A separator at its end says that others will be below it, which all can have. What
/// is neither modified UTF-7 nor UTF-8 is refused: it would be listed as something else.
pub(super) fn new_name(name: &[u8], names: Names) -> Result<String, &'static str> {
    if !names.may_be_made(name) {
        return Err(INVALID_NAME);
    }
    let name = names.read(name);
    Ok(name.strip_suffix('/').unwrap_or(&name).to_owned())
}

/// The name, and the special uses in upper case, of what follows `CREATE ` up to the line end; nothing without parameters.
///
/// # Errors
/// What is wrong.
pub(super) fn parse(arguments: &[u8], names: Names) -> Option<Result<(String, Vec<String>), &'static str>> {
    let mut cursor = Cursor::new(arguments);
    let name = cursor.string(false)?;
    cursor.expect(b' ')?;
    let uses = uses(&mut cursor).filter(|_| cursor.is_at_end()).ok_or("Invalid arguments of CREATE");
    Some(uses.and_then(|uses| Ok((new_name(&name, names)?, uses))))
}

/// `"(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"`
fn uses(cursor: &mut Cursor<'_>) -> Option<Vec<String>> {
    if !cursor.skip_word("(USE (") {
        return None;
    }
    let mut uses = Vec::new();
    while cursor.peek() != Some(b')') {
        cursor.expect(b'\\')?;
        uses.push(cursor.word()?);
        if cursor.peek() == Some(b' ') {
            cursor.expect(b' ')?;
        }
    }
    cursor.expect(b')')?;
    cursor.expect(b')')?;
    Some(uses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let parsed = |arguments: &str| parse(arguments.as_bytes(), Names::default());
        let made =
            |name: &str, uses: &[&str]| Some(Ok((name.to_owned(), uses.iter().map(|&one| one.into()).collect())));
        assert_eq!(parsed("MyDrafts (USE (\\Drafts))"), made("MyDrafts", &["DRAFTS"]));
        assert_eq!(parsed("\"a b/\" (use (\\Sent \\X-y))"), made("a b", &["SENT", "X-Y"]));
        assert_eq!(parsed("a (USE ())"), made("a", &[]));
        assert_eq!(parsed("a"), None);
        for wrong in [
            "a (USE (Drafts))",
            "a (USE)",
            "a ()",
            "a (USE (\\Drafts)) x",
            "a (USE (\\Drafts)",
            "a (X 1)",
            "\"A & B\" (USE ())",
        ] {
            assert!(parsed(wrong).is_some_and(|parsed| parsed.is_err()), "{wrong}");
        }
    }
}

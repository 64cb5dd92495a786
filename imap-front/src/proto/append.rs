//! APPEND (RFC 9051 6.3.12, RFC 3502) and REPLACE (RFC 8508) with their data in all forms: literals with NUL (RFC 3516 4.4), those said to be
//! UTF-8 (RFC 6855 4), and what is put together of others (RFC 4469).
//! The messages are kept away from the parser: they are large and need no understanding.

use bytes::Bytes;
use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::flag::StoreType;
use mail_core::{FlagChange, NewMessage};

use super::append_message::AppendMessage;
use super::cat_part::CatPart;
use super::cursor::Cursor;
use super::data_form::DataForm;
use super::flags::lower_flags;
use super::mailbox_name::Names;
use super::quirk::normalise;
use super::request::Request;
use super::tag::tag_of;

/// Stands in a command for a message that came apart from it. No message consists of that.
pub(crate) const PLACEHOLDER: &[u8] = b"\0";

/// How many messages one command may bring.
pub(crate) const MAX_MESSAGES: usize = 256;

/// How many parts a message may be put together of.
const MAX_PARTS: usize = 256;

const INVALID: &str = "Invalid arguments of APPEND or REPLACE";

/// Whether a command, or its beginning up to a line end, is one that brings messages.
pub(crate) fn brings_messages(command: &[u8]) -> bool {
    verb(command).is_some()
}

/// The command, if it is one that brings messages.
pub(super) fn parse(command: &[u8], names: Names) -> Option<Result<Request, &'static str>> {
    let (verb, arguments) = verb(command)?;
    let request = match verb {
        Verb::Append => append(arguments, names),
        Verb::Replace { uid } => replace(arguments, uid, names),
    };
    Some(request.ok_or(INVALID))
}

enum Verb {
    Append,
    Replace { uid: bool },
}

fn verb(command: &[u8]) -> Option<(Verb, &[u8])> {
    let tag = tag_of(command)?;
    let mut cursor = Cursor::new(command.get(tag.len()..).unwrap_or_default());
    cursor.skip_spaces();
    if cursor.skip_word("APPEND ") {
        return Some((Verb::Append, cursor.rest()));
    }
    let uid = cursor.skip_word("UID ");
    cursor.skip_spaces();
    cursor.skip_word("REPLACE ").then(|| (Verb::Replace { uid }, cursor.rest()))
}

fn append(arguments: &[u8], names: Names) -> Option<Request> {
    let mut cursor = Cursor::new(arguments);
    cursor.skip_spaces();
    let mailbox = names.read(&cursor.string(false)?);
    let mut messages = vec![message(&mut cursor)?];
    while end(&mut cursor).is_none() {
        if messages.len() >= MAX_MESSAGES {
            return None;
        }
        messages.push(message(&mut cursor)?);
    }
    Some(Request::Append { mailbox, messages })
}

/// `replace = "REPLACE" SP seq-number SP mailbox append-message`, or the same of a UID
fn replace(arguments: &[u8], uid: bool, names: Names) -> Option<Request> {
    let mut cursor = Cursor::new(arguments);
    cursor.skip_spaces();
    let number = if cursor.skip_word("*") {
        None
    } else {
        Some(u32::try_from(cursor.number()?).ok().filter(|number| *number != 0)?)
    };
    cursor.expect(b' ')?;
    cursor.skip_spaces();
    let mailbox = names.read(&cursor.string(false)?);
    let message = Box::new(message(&mut cursor)?);
    end(&mut cursor)?;
    Some(Request::Replace { number, uid, mailbox, message })
}

/// `append-message = [SP flag-list] [SP date-time] SP append-data`
fn message(cursor: &mut Cursor<'_>) -> Option<AppendMessage> {
    let mut head = b"a APPEND x ".to_vec();
    cursor.skip_spaces();
    if cursor.peek() == Some(b'(') {
        head.extend_from_slice(cursor.enclosed(b')')?);
        head.push(b' ');
        cursor.skip_spaces();
    }
    if cursor.peek() == Some(b'"') {
        let date = cursor.enclosed(b'"')?;
        let (quote, rest) = date.split_at_checked(1)?;
        head.extend_from_slice(quote);
        // Some clients leave out the space before a day of one digit (`date-day-fixed`).
        if matches!(rest, [day, b'-', ..] if day.is_ascii_digit()) {
            head.push(b' ');
        }
        head.extend_from_slice(rest);
        head.push(b' ');
        cursor.skip_spaces();
    }
    let parts = parts(cursor)?;
    let (form, content) = if parts.is_empty() { data(cursor)? } else { (DataForm::Literal, &b""[..]) };
    head.extend_from_slice(b"{1}\r\nx\r\n");
    let head = normalise(&head);
    let (rest, parsed) = CommandCodec::default().decode(&head).ok()?;
    let (CommandBody::Append { flags, date, .. }, true) = (parsed.body, rest.is_empty()) else { return None };
    let FlagChange { flags, keywords, .. } = lower_flags(StoreType::Replace, &flags).ok()?;
    let apart = content == PLACEHOLDER;
    let content = if apart { Bytes::new() } else { Bytes::copy_from_slice(content) };
    let internal_date = date.map(|date| date.as_ref().timestamp());
    Some(AppendMessage { message: NewMessage { flags, keywords, internal_date, content }, form, apart, parts })
}

/// `append-data =/ "CATENATE" SP "(" cat-part *(SP cat-part) ")"`; none if something else is next.
fn parts(cursor: &mut Cursor<'_>) -> Option<Vec<CatPart>> {
    let mut parts = Vec::new();
    if !cursor.skip_word("CATENATE (") {
        return Some(parts);
    }
    loop {
        cursor.skip_spaces();
        parts.push(part(cursor)?);
        if parts.len() > MAX_PARTS {
            return None;
        }
        cursor.skip_spaces();
        if cursor.peek() == Some(b')') {
            cursor.expect(b')')?;
            return Some(parts);
        }
    }
}

/// `cat-part = "TEXT" SP literal / "URL" SP astring`, and of RFC 6855 4 `utf8-literal`
fn part(cursor: &mut Cursor<'_>) -> Option<CatPart> {
    if cursor.skip_word("URL ") {
        return String::from_utf8(cursor.string(true)?).ok().map(CatPart::Url);
    }
    let is_text = cursor.skip_word("TEXT ");
    let (form, content) = data(cursor).filter(|(form, _)| is_text != (*form == DataForm::Utf8))?;
    let apart = content == PLACEHOLDER;
    let content = if apart { Bytes::new() } else { Bytes::copy_from_slice(content) };
    Some(CatPart::Text { content, form, apart })
}

/// `append-data = literal / literal8 / "UTF8" SP "(" literal8 ")"`
fn data<'a>(cursor: &mut Cursor<'a>) -> Option<(DataForm, &'a [u8])> {
    if cursor.skip_word("UTF8 (") {
        cursor.expect(b'~')?;
        let content = cursor.octets()?;
        cursor.expect(b')')?;
        return Some((DataForm::Utf8, content));
    }
    if cursor.peek() == Some(b'~') {
        cursor.expect(b'~')?;
        return Some((DataForm::Literal8, cursor.octets()?));
    }
    Some((DataForm::Literal, cursor.octets()?))
}

fn end(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.skip_spaces();
    cursor.is_line_end().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(command: &str) -> Option<Vec<(DataForm, bool, usize)>> {
        match parse(command.as_bytes(), Names::default())? {
            Ok(Request::Append { messages, .. }) => {
                Some(messages.iter().map(|one| (one.form, one.apart, one.message.content.len())).collect())
            }
            _ => None,
        }
    }

    #[test]
    fn parts_in_all_forms() {
        let parts = |command: &str| match parse(command.as_bytes(), Names::default())? {
            Ok(Request::Append { mut messages, .. }) => messages.pop().map(|message| message.parts),
            _ => None,
        };
        let text = |content: &'static str, form, apart| CatPart::Text { content: Bytes::from(content), form, apart };
        assert_eq!(
            parts(
                "a APPEND x (\\Seen) catenate (URL \"/a/;UID=1\" TEXT {2+}\r\nab url {3}\r\n/%b TEXT ~{1}\r\n\0 UTF8 (~{1}\r\nc))\r\n"
            ),
            Some(vec![
                CatPart::Url("/a/;UID=1".to_owned()),
                text("ab", DataForm::Literal, false),
                CatPart::Url("/%b".to_owned()),
                text("", DataForm::Literal8, true),
                text("c", DataForm::Utf8, false),
            ])
        );
        let many = |count| format!("a APPEND x CATENATE (URL a{})\r\n", " URL b".repeat(count));
        assert_eq!(parts(&many(MAX_PARTS - 1)).map(|parts| parts.len()), Some(MAX_PARTS));
        for wrong in [
            many(MAX_PARTS).as_str(),
            "a APPEND x CATENATE ()\r\n",
            "a APPEND x CATENATE (TEXT a)\r\n",
            "a APPEND x CATENATE ({1}\r\na)\r\n",
            "a APPEND x CATENATE (TEXT UTF8 (~{1}\r\na))\r\n",
            "a APPEND x CATENATE (URL a\r\n",
            "a APPEND x CATENATE URL a\r\n",
        ] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn data_in_all_forms() {
        use DataForm::{Literal, Literal8, Utf8};
        assert_eq!(messages("a APPEND x ~{2}\r\na\0\r\n"), Some(vec![(Literal8, false, 2)]));
        assert_eq!(
            messages(
                "a APPEND {1}\r\nx (\\Seen) {3+}\r\n() ( ) ~{1}\r\n\0 \"7-Feb-1994 22:43:04 -0800\" utf8 (~{0}\r\n) \r\n"
            ),
            Some(vec![(Literal, false, 3), (Literal8, true, 0), (Utf8, false, 0)])
        );
        let many = |count| format!("a APPEND x{}\r\n", " {1}\r\nb".repeat(count));
        assert_eq!(messages(&many(MAX_MESSAGES)).map(|messages| messages.len()), Some(MAX_MESSAGES));
        for bad in [
            &many(MAX_MESSAGES + 1),
            "a APPEND x (\\Seen) (\\Seen) {1}\r\nb\r\n",
            "a APPEND x \"1\" {1}\r\nb\r\n",
            "b APPEND x ~ {1}\r\nb\r\n",
        ] {
            assert_eq!(messages(bad), None, "{bad}");
        }
    }
}

use super::cursor::Cursor;
use super::message_set::MessageSet;
use super::partial_range::PartialRange;
use super::request::Request;

/// A command as the parser knows it, without what it does not know: `$` in place of a set (RFC 5182), and the modifier PARTIAL
/// of UID FETCH (RFC 9394 3.3).
pub(super) struct PlainForm {
    pub command: Vec<u8>,
    is_saved: bool,
    partial: Option<PartialRange>,
}

impl PlainForm {
    /// That of a command, if it has something of that.
    ///
    /// # Errors
    /// What is wrong.
    pub fn of(command: &[u8], tag_length: usize) -> Result<Option<Self>, &'static str> {
        let body = command.get(tag_length + 1..).unwrap_or_default();
        let mut rest = Cursor::new(body);
        let uid = rest.skip_word("UID ");
        let Some(verb) = rest.word().filter(|_| rest.peek() == Some(b' ')) else { return Ok(None) };
        let set = tag_length + 1 + if uid { 4 } else { 0 } + verb.len() + 1;
        let with_set = matches!(verb.as_str(), "FETCH" | "STORE" | "COPY" | "MOVE") || (uid && verb == "EXPUNGE");
        let is_saved = with_set && matches!(command.get(set..set + 2), Some(b"$ " | b"$\r"));
        let modifier = if uid && verb == "FETCH" { Modifier::find(command)? } else { None };
        if !is_saved && modifier.is_none() {
            return Ok(None);
        }
        let mut plain = Self { command: command.to_vec(), is_saved, partial: None };
        if let Some(Modifier { partial, at, others }) = modifier {
            plain.partial = Some(partial);
            plain.command.truncate(at);
            plain.command.extend_from_slice(&others);
        }
        if let Some(set) = plain.command.get_mut(set).filter(|_| is_saved) {
            *set = b'1';
        }
        Ok(Some(plain))
    }

    /// Gives the request what was taken out of the command.
    pub fn complete(self, request: &mut Request) {
        if let Request::Fetch { modifiers, .. } = request {
            modifiers.partial = self.partial;
        }
        match request {
            Request::Fetch { set, .. }
            | Request::Store { set, .. }
            | Request::Copy { set, .. }
            | Request::Expunge { uids: Some(set) }
                if self.is_saved =>
            {
                *set = MessageSet::Saved;
            }
            _ => {}
        }
    }
}

/// The modifier PARTIAL.
struct Modifier {
    partial: PartialRange,
    /// Where the list of modifiers begins, with the space before it.
    at: usize,
    /// What takes the place of all from there on.
    others: Vec<u8>,
}

impl Modifier {
    fn find(command: &[u8]) -> Result<Option<Self>, &'static str> {
        let Some(at) = command.windows(2).rposition(|pair| pair == b" (") else { return Ok(None) };
        let list = command.get(at + 2..).and_then(|rest| rest.strip_suffix(b")\r\n"));
        // A list of names of fields is followed by more.
        let Some(list) = list.filter(|list| !list.iter().any(|byte| matches!(byte, b')' | b']' | b'{'))) else {
            return Ok(None);
        };
        let words: Vec<&[u8]> = list.split(|byte| *byte == b' ').collect();
        let is_it = |word: &&[u8]| word.eq_ignore_ascii_case(b"PARTIAL");
        let Some(place) = words.iter().position(is_it) else { return Ok(None) };
        let wrong = "Invalid arguments of PARTIAL";
        let mut range = Cursor::new(words.get(place + 1).ok_or(wrong)?);
        let partial = PartialRange::parse(&mut range).filter(|_| range.is_at_end()).ok_or(wrong)?;
        let others = [words.get(..place), words.get(place + 2..)].into_iter().flatten().flatten().copied();
        let others: Vec<&[u8]> = others.collect();
        if others.iter().any(is_it) {
            return Err("PARTIAL given twice");
        }
        let others =
            if others.is_empty() { b"\r\n".to_vec() } else { [b" (", &others.join(&b' ')[..], b")\r\n"].concat() };
        Ok(Some(Self { partial, at, others }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let plain = |command: &str| {
            let plain = PlainForm::of(format!("{command}\r\n").as_bytes(), 1);
            plain.map(|plain| {
                plain.map(|plain| {
                    let partial = plain.partial.map_or_else(String::new, |partial| partial.to_string());
                    (String::from_utf8(plain.command).unwrap(), plain.is_saved, partial)
                })
            })
        };
        let expected =
            |command: &str, is_saved, partial: &str| Ok(Some((format!("{command}\r\n"), is_saved, partial.to_owned())));
        assert_eq!(plain("a FETCH $ FLAGS"), expected("a FETCH 1 FLAGS", true, ""));
        assert_eq!(plain("a uid expunge $"), expected("a uid expunge 1", true, ""));
        assert_eq!(plain("a UID STORE $ +FLAGS (\\Seen)"), expected("a UID STORE 1 +FLAGS (\\Seen)", true, ""));
        assert_eq!(
            plain("a UID FETCH 5:9 (UID FLAGS) (partial -1:-3)"),
            expected("a UID FETCH 5:9 (UID FLAGS)", false, "-1:-3")
        );
        assert_eq!(
            plain("a UID FETCH $ FLAGS (CHANGEDSINCE 5 PARTIAL 1:2 VANISHED)"),
            expected("a UID FETCH 1 FLAGS (CHANGEDSINCE 5 VANISHED)", true, "1:2")
        );
        for command in [
            "a FETCH 1 FLAGS",
            "a UID FETCH 1 (BODY[HEADER.FIELDS (PARTIAL 1:2)])",
            "a UID FETCH 1 BODY[HEADER.FIELDS (PARTIAL 1:2)]",
            "a FETCH 1 FLAGS (PARTIAL 1:2)",
            "a CREATE $",
            "a EXPUNGE $",
            "a UID",
            "a COPY $x y",
        ] {
            assert_eq!(plain(command), Ok(None), "{command}");
        }
        for command in ["FLAGS (PARTIAL)", "FLAGS (PARTIAL 1:*)", "FLAGS (PARTIAL 1:2 PARTIAL 1:2)"] {
            assert!(plain(&format!("a UID FETCH 1 {command}")).is_err(), "{command}");
        }
    }
}

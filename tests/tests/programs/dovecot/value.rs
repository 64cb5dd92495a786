/// What a parenthesized list of IMAP holds (RFC 3501 4): strings are the same in whatever form they are sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Nil,
    /// An atom, a number, or a string.
    Text(String),
    List(Vec<Value>),
}

impl Value {
    /// The list in a FETCH response, by name of what was asked.
    pub fn of_response(response: &[u8], name: &str) -> Option<Self> {
        let open = response.iter().position(|byte| *byte == b'(')?;
        let Self::List(items) = (Reader { bytes: response, at: open }).value()? else { return None };
        items.chunks(2).find_map(|pair| match pair {
            [Self::Text(found), value] if found == name => Some(value.clone()),
            _ => None,
        })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Value> {
        match self.bytes.get(self.at)? {
            b'(' => self.list(),
            b'"' => self.quoted(),
            b'{' => self.literal(),
            _ => self.atom(),
        }
    }

    fn list(&mut self) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            match self.bytes.get(self.at)? {
                b')' => break,
                b' ' => self.at += 1,
                _ => items.push(self.value()?),
            }
        }
        self.at += 1;
        Some(Value::List(items))
    }

    fn quoted(&mut self) -> Option<Value> {
        let mut text = Vec::new();
        loop {
            self.at += 1;
            match self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    text.push(*self.bytes.get(self.at)?);
                }
                byte => text.push(*byte),
            }
        }
        self.at += 1;
        Some(Value::Text(shown(&text)))
    }

    fn literal(&mut self) -> Option<Value> {
        let end = self.at + self.bytes[self.at..].iter().position(|byte| *byte == b'\n')? + 1;
        let size = std::str::from_utf8(&self.bytes[self.at + 1..end - 3]).ok()?.parse::<usize>().ok()?;
        let text = self.bytes.get(end..end + size)?;
        self.at = end + size;
        Some(Value::Text(shown(text)))
    }

    fn atom(&mut self) -> Option<Value> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| matches!(byte, b' ' | b')' | b'(')).unwrap_or(rest.len());
        self.at += end.max(1);
        let atom = &rest[..end.max(1)];
        Some(if atom.eq_ignore_ascii_case(b"NIL") { Value::Nil } else { Value::Text(shown(atom)) })
    }
}

/// Bytes that are no UTF-8 differ still.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

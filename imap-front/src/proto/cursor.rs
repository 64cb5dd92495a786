use super::sequence::SequenceSet;

/// Reads the arguments of a command, one after the other; what is not as it has to be is nothing.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub fn new(arguments: &'a [u8]) -> Self {
        Self { rest: arguments }
    }

    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether nothing follows but a line end.
    pub fn is_line_end(&self) -> bool {
        self.rest == b"\r\n"
    }

    /// All that was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next byte.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Passes over a byte that must be this one.
    pub fn expect(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        (*first == byte).then_some(())
    }

    fn while_true(&mut self, accept: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
        let length = self.rest.iter().position(|byte| !accept(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        (length > 0).then(|| taken.to_vec())
    }

    /// Passes over these words, in any case, if they are next.
    pub fn skip_word(&mut self, word: &str) -> bool {
        let next = self.rest.split_at_checked(word.len());
        let rest = next.and_then(|(first, rest)| first.eq_ignore_ascii_case(word.as_bytes()).then_some(rest));
        rest.inspect(|rest| self.rest = rest).is_some()
    }

    /// What there is up to a space or parenthesis.
    pub fn atom(&mut self) -> Option<&'a [u8]> {
        let is_end = |byte: &u8| !byte.is_ascii_graphic() || matches!(byte, b'(' | b')');
        let (atom, rest) = self.rest.split_at(self.rest.iter().position(is_end).unwrap_or(self.rest.len()));
        self.rest = rest;
        (!atom.is_empty()).then_some(atom)
    }

    /// A number, as large as any is.
    pub fn number(&mut self) -> Option<u64> {
        let digits = self.while_true(|byte| byte.is_ascii_digit())?;
        std::str::from_utf8(&digits).ok()?.parse().ok()
    }

    /// A keyword in upper case.
    pub fn word(&mut self) -> Option<String> {
        let word = self.while_true(|byte| byte.is_ascii_alphanumeric() || byte == b'-')?;
        Some(String::from_utf8_lossy(&word).to_ascii_uppercase())
    }

    /// `sequence-set` without `*`: of messages that a client knows (`known-uids`, RFC 7162 7).
    pub fn known_set(&mut self) -> Option<SequenceSet> {
        let mut ranges = Vec::new();
        let number = |cursor: &mut Self| u32::try_from(cursor.number()?).ok().filter(|number| *number != 0);
        loop {
            let from = number(self)?;
            let to = if self.peek() == Some(b':') {
                self.expect(b':')?;
                number(self)?
            } else {
                from
            };
            ranges.push((Some(from), Some(to)));
            if self.peek() != Some(b',') {
                return Some(SequenceSet(ranges));
            }
            self.expect(b',')?;
        }
    }

    /// Keywords in parentheses.
    pub fn words(&mut self) -> Option<Vec<String>> {
        self.expect(b'(')?;
        let mut words = Vec::new();
        while self.peek() != Some(b')') {
            words.push(self.word()?);
            if self.peek() == Some(b' ') {
                self.expect(b' ')?;
            }
        }
        self.expect(b')')?;
        Some(words)
    }

    /// `astring`, or `list-mailbox` if `wildcards`.
    pub fn string(&mut self, wildcards: bool) -> Option<Vec<u8>> {
        match self.peek()? {
            b'"' => self.quoted(),
            b'{' => self.literal(),
            _ => self.while_true(|byte| {
                byte.is_ascii_graphic()
                    && !matches!(byte, b'(' | b')' | b'{' | b'"' | b'\\')
                    && (wildcards || !matches!(byte, b'%' | b'*'))
            }),
        }
    }

    /// `nstring / literal8`; what is inside may be NIL (RFC 5464 5).
    #[expect(clippy::option_option, reason = "there is no value, or it is NIL, or it is one")]
    pub fn value(&mut self) -> Option<Option<Vec<u8>>> {
        match self.peek()? {
            b'~' => {
                self.expect(b'~')?;
                self.octets().map(|content| Some(content.to_vec()))
            }
            b'"' | b'{' => self.string(false).map(Some),
            _ => self.atom().filter(|atom| atom.eq_ignore_ascii_case(b"NIL")).map(|_| None),
        }
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        self.expect(b'"')?;
        let mut value = Vec::new();
        loop {
            let (first, rest) = self.rest.split_first()?;
            self.rest = rest;
            match first {
                b'"' => return Some(value),
                b'\\' => {
                    let (escaped, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    value.push(*escaped);
                }
                b'\r' | b'\n' | 0 => return None,
                byte => value.push(*byte),
            }
        }
    }

    fn literal(&mut self) -> Option<Vec<u8>> {
        // `CHAR8` has no NUL.
        self.octets().filter(|content| !content.contains(&0)).map(<[u8]>::to_vec)
    }

    /// Passes over spaces, however many there are.
    pub fn skip_spaces(&mut self) {
        while let Some((b' ', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }

    /// What begins here and ends with this byte on the same line, both included.
    pub fn enclosed(&mut self, end: u8) -> Option<&'a [u8]> {
        let at = self.rest.iter().skip(1).position(|byte| *byte == end)? + 2;
        let (enclosed, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest;
        (!enclosed.contains(&b'\n')).then_some(enclosed)
    }

    /// What begins with a parenthesis here, up to the one that closes it, both included; what is quoted or in literals has none.
    pub fn parenthesised(&mut self) -> Option<&'a [u8]> {
        let all = self.rest;
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'(' => depth += 1,
                b')' => depth = depth.checked_sub(1)?,
                b'"' => {
                    self.quoted()?;
                    continue;
                }
                b'{' => {
                    self.octets()?;
                    continue;
                }
                _ => {}
            }
            self.rest = self.rest.get(1..)?;
            if depth == 0 {
                return all.get(..all.len().checked_sub(self.rest.len())?);
            }
        }
    }

    /// What a literal holds, whatever that is.
    pub fn octets(&mut self) -> Option<&'a [u8]> {
        self.expect(b'{')?;
        let digits = self.while_true(|byte| byte.is_ascii_digit())?;
        let size: usize = std::str::from_utf8(&digits).ok()?.parse().ok()?;
        if self.peek() == Some(b'+') {
            self.expect(b'+')?;
        }
        self.expect(b'}')?;
        self.expect(b'\r')?;
        self.expect(b'\n')?;
        let (content, rest) = self.rest.split_at_checked(size)?;
        self.rest = rest;
        Some(content)
    }
}

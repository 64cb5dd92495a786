/// A token of RTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `{`
    Open,
    /// `}`
    Close,
    /// `\name` with its number.
    Word(&'a [u8], Option<i32>),
    /// `\` and a character that is no letter.
    Symbol(u8),
    /// `\'xx`
    Byte(u8),
    /// A byte of text. Line ends of the source are not text.
    Text(u8),
}

/// Splits RTF into tokens. `\binN` and its data are passed over.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    data: &'a [u8],
    position: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    /// Where the next token starts.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    fn take(&mut self) -> Option<u8> {
        let byte = *self.data.get(self.position)?;
        self.position += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.position).copied()
    }

    fn word(&mut self) -> (&'a [u8], Option<i32>) {
        let start = self.position;
        while self.peek().is_some_and(|b| b.is_ascii_alphabetic()) {
            self.position += 1;
        }
        let name = &self.data[start..self.position];
        let number_at = self.position;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        let digits_at = self.position;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.position += 1;
        }
        let number = if digits_at == self.position {
            self.position = number_at;
            None
        } else {
            // Numbers that don't fit are as good as none; they mean nothing in any known word.
            std::str::from_utf8(&self.data[number_at..self.position]).ok().and_then(|text| text.parse().ok())
        };
        if self.peek() == Some(b' ') {
            self.position += 1;
        }
        (name, number)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            return Some(match self.take()? {
                b'{' => Token::Open,
                b'}' => Token::Close,
                b'\r' | b'\n' | 0 => continue,
                b'\\' => match self.peek()? {
                    b'\'' => {
                        self.position += 1;
                        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
                        let high = digit(self.peek());
                        let low = digit(self.data.get(self.position + 1).copied());
                        let (Some(high), Some(low)) = (high, low) else { continue };
                        self.position += 2;
                        Token::Byte((high * 16 + low) as u8)
                    }
                    b if b.is_ascii_alphabetic() => match self.word() {
                        (b"bin", count) => {
                            let count = usize::try_from(count.unwrap_or(0)).unwrap_or(0);
                            self.position = self.position.saturating_add(count).min(self.data.len());
                            continue;
                        }
                        (name, number) => Token::Word(name, number),
                    },
                    symbol => {
                        self.position += 1;
                        Token::Symbol(symbol)
                    }
                },
                byte => Token::Text(byte),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_symbols_bytes() {
        let tokens: Vec<_> = Tokens::new(b"{\\u-8211?\\'e4\\par\r\n x\\~\\bin3 {}}\\fs20-}").collect();
        let expected = [
            Token::Open,
            Token::Word(b"u", Some(-8211)),
            Token::Text(b'?'),
            Token::Byte(0xE4),
            Token::Word(b"par", None),
            Token::Text(b' '),
            Token::Text(b'x'),
            Token::Symbol(b'~'),
            Token::Word(b"fs", Some(20)),
            Token::Text(b'-'),
            Token::Close,
        ];
        assert_eq!(tokens, expected);
    }
}

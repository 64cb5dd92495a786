use std::fmt;

use super::cursor::Cursor;

/// A piece of a list of messages (`partial-range`, RFC 9394 4), both ends included, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialRange {
    ends: (u32, u32),
    /// Counted from the end of the list, backwards.
    backwards: bool,
}

impl PartialRange {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Self> {
        let backwards = cursor.peek() == Some(b'-');
        let mut end = || {
            if backwards {
                cursor.expect(b'-')?;
            }
            let number = u32::try_from(cursor.number()?).ok().filter(|number| *number > 0)?;
            Some((number, cursor.peek() == Some(b':') && cursor.expect(b':').is_some()))
        };
        let (first, more) = end()?;
        let (last, no_more) = more.then(end)??;
        (!no_more).then_some(Self { ends: (first, last), backwards })
    }

    /// What lies in it.
    pub fn of<'a, T>(&self, list: &'a [T]) -> &'a [T] {
        let low = (self.ends.0.min(self.ends.1) as usize - 1).min(list.len());
        let high = (self.ends.0.max(self.ends.1) as usize).min(list.len());
        let piece = if self.backwards { list.len() - high..list.len() - low } else { low..high };
        list.get(piece).unwrap_or_default()
    }
}

impl fmt::Display for PartialRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.backwards { "-" } else { "" };
        write!(f, "{sign}{}:{sign}{}", self.ends.0.min(self.ends.1), self.ends.0.max(self.ends.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<PartialRange> {
        let mut cursor = Cursor::new(text.as_bytes());
        PartialRange::parse(&mut cursor).filter(|_| cursor.is_at_end())
    }

    #[test]
    fn pieces() {
        let list = [1, 2, 3, 4, 5];
        for (text, expected) in [
            ("1:2", &[1, 2][..]),
            ("2:3", &[2, 3]),
            ("4:9", &[4, 5]),
            ("6:9", &[]),
            ("5:5", &[5]),
            ("-1:-2", &[4, 5]),
            ("-4:-9", &[1, 2]),
            ("-6:-9", &[]),
            ("1:4294967295", &[1, 2, 3, 4, 5]),
        ] {
            let range = parse(text).unwrap();
            assert_eq!(range.of(&list), expected, "{text}");
            assert_eq!(range.to_string(), text);
        }
        // It is told from the lower end to the higher one (RFC 9394 3.1).
        for (text, told) in [("2:1", "1:2"), ("-2:-1", "-1:-2")] {
            assert_eq!(parse(text).map(|range| range.to_string()).as_deref(), Some(told));
        }
        for text in ["", "1", "0:1", "1:0", "1:*", "-1:2", "1:-2", "1:2:3", "-1", "1:4294967296", ":1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

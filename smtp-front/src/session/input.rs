use zeroize::{Zeroize, Zeroizing};

/// A line was longer than the bound. It has been thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineTooLong;

/// Bytes from the client that are not worked on yet. Passwords pass through, so every byte is wiped when it is done.
pub(super) struct Input {
    bytes: Zeroizing<Vec<u8>>,
    start: usize,
    /// The line that runs is too long; its rest is thrown away as it comes.
    skipping: bool,
}

impl Input {
    pub(super) fn new() -> Self {
        Self { bytes: Zeroizing::default(), start: 0, skipping: false }
    }

    /// Adds bytes at the end.
    pub(super) fn push(&mut self, more: &[u8]) {
        if self.bytes.len() + more.len() > self.bytes.capacity() {
            // Growing in place could leave a copy behind in freed memory.
            let pending = self.pending();
            let mut grown = Vec::with_capacity((pending.len() + more.len()).next_power_of_two());
            grown.extend_from_slice(pending);
            self.bytes = Zeroizing::new(grown);
            self.start = 0;
        }
        self.bytes.extend_from_slice(more);
    }

    /// What is there.
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Drops `count` bytes from the front.
    pub(super) fn consume(&mut self, count: usize) {
        let end = (self.start + count).min(self.bytes.len());
        self.bytes[self.start..end].zeroize();
        self.start = end;
        if end == self.bytes.len() {
            self.clear();
        }
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        self.bytes.zeroize();
        self.start = 0;
    }

    /// The next line without its line end (CRLF, or LF alone from sloppy clients); `None` while it isn't complete.
    pub(super) fn line(&mut self, max: usize) -> Option<Result<Zeroizing<Vec<u8>>, LineTooLong>> {
        let pending = self.pending();
        let Some(end) = pending.iter().position(|byte| *byte == b'\n') else {
            let count = pending.len();
            if self.skipping || count > max {
                self.skipping = true;
                self.consume(count);
            }
            return None;
        };
        let line = pending[..end].strip_suffix(b"\r").unwrap_or(&pending[..end]);
        let too_long = self.skipping || line.len() > max;
        let line = Zeroizing::new(if too_long { Vec::new() } else { line.to_vec() });
        self.skipping = false;
        self.consume(end + 1);
        Some(if too_long { Err(LineTooLong) } else { Ok(line) })
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("pending", &self.pending().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: Option<Result<Zeroizing<Vec<u8>>, LineTooLong>>) -> Option<Result<String, LineTooLong>> {
        line.map(|line| line.map(|line| String::from_utf8(line.to_vec()).unwrap()))
    }

    #[test]
    fn lines_come_out_whole() {
        let mut input = Input::new();
        input.push(b"one\r\ntwo\nthr");
        assert_eq!(text(input.line(10)), Some(Ok("one".to_owned())));
        assert_eq!(text(input.line(10)), Some(Ok("two".to_owned())));
        assert_eq!(text(input.line(10)), None);
        input.push(b"ee\r");
        assert_eq!(text(input.line(10)), None);
        input.push(b"\n");
        assert_eq!(text(input.line(10)), Some(Ok("three".to_owned())));
        assert!(input.pending().is_empty());
    }

    #[test]
    fn long_lines_are_not_kept() {
        let mut input = Input::new();
        for _ in 0..100 {
            input.push(&[b'x'; 50]);
            assert_eq!(text(input.line(100)), None);
            assert!(input.pending().len() <= 100);
        }
        input.push(b"\r\nNOOP\r\n");
        assert_eq!(text(input.line(100)), Some(Err(LineTooLong)));
        assert_eq!(text(input.line(100)), Some(Ok("NOOP".to_owned())));
        input.push(&[b'x'; 101]);
        input.push(b"\r\n");
        assert_eq!(text(input.line(100)), Some(Err(LineTooLong)));
    }

    #[test]
    fn nothing_read_stays_in_memory() {
        let mut input = Input::new();
        input.push(b"secret\r\nrest");
        assert!(input.line(100).is_some());
        assert!(input.bytes.starts_with(&[0; 8]));
        assert!(!format!("{input:?}").contains("rest"));
    }
}

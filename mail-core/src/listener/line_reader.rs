use std::fmt;

use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// A line is longer than the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("line too long")]
pub struct LineTooLong;

/// More came than the reader holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("more input than was asked for")]
pub struct ReaderFull;

/// Bytes from a client that are not worked on yet, given out as lines or in bulk.
///
/// Passwords pass through, so every byte is wiped as soon as it is taken, and whatever the reader leaves behind in freed
/// memory is wiped. While it is empty it holds no memory. Each byte is looked at once, and moved a few times at most, so
/// whatever a client sends, in whatever pieces, takes linear time.
pub struct LineReader {
    /// Its length is all the room there is. All but `start..end` is zero.
    bytes: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
    /// There is no line feed in `start..scanned`.
    scanned: usize,
    bound: usize,
    /// The line that runs is too long and thrown away as it comes.
    skipping: bool,
}

impl LineReader {
    /// An empty one that never holds more than `bound` bytes. For lines to end it has to be larger than the longest line
    /// and its line end.
    pub fn new(bound: usize) -> Self {
        Self { bytes: Zeroizing::default(), start: 0, end: 0, scanned: 0, bound, skipping: false }
    }

    /// Adds bytes at the end, all or none.
    ///
    /// # Errors
    /// [`ReaderFull`] if the reader would hold more than its bound.
    pub fn push(&mut self, more: &[u8]) -> Result<(), ReaderFull> {
        let needed = self.len().saturating_add(more.len());
        if needed > self.bound {
            return Err(ReaderFull);
        }
        if more.len() > self.bytes.len() - self.end {
            self.make_room(needed);
        }
        let end = self.end + more.len();
        if let Some(room) = self.bytes.get_mut(self.end..end) {
            room.copy_from_slice(more);
            self.end = end;
        }
        Ok(())
    }

    /// Puts what is there to the front of room for `needed` bytes.
    fn make_room(&mut self, needed: usize) {
        let pending = self.len();
        // Moving is worth its time only if it makes much room; otherwise there will be twice as much elsewhere. `Vec` must
        // not grow by itself: it would leave a copy behind.
        if needed.saturating_mul(2) <= self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            if let Some(vacated) = self.bytes.get_mut(pending..self.end) {
                vacated.zeroize();
            }
        } else {
            let room = if pending == 0 { needed } else { needed.saturating_mul(2) };
            let mut grown = Zeroizing::new(vec![0; room]);
            if let Some(front) = grown.get_mut(..pending) {
                front.copy_from_slice(self.pending());
            }
            self.bytes = grown;
        }
        self.scanned -= self.start;
        self.start = 0;
        self.end = pending;
    }

    /// What is there.
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// How many bytes are there.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops and wipes `count` bytes from the front, or all if there are fewer.
    pub fn consume(&mut self, count: usize) {
        if count >= self.len() {
            return self.clear();
        }
        let start = self.start + count;
        if let Some(taken) = self.bytes.get_mut(self.start..start) {
            taken.zeroize();
        }
        self.start = start;
        self.scanned = self.scanned.max(start);
    }

    /// Drops and wipes everything.
    pub fn clear(&mut self) {
        // What is dropped is wiped.
        self.bytes = Zeroizing::default();
        (self.start, self.end, self.scanned) = (0, 0, 0);
    }

    /// Where the line that runs ends: how many bytes there are before its line feed, if that has come.
    pub fn line_end(&mut self) -> Option<usize> {
        let unseen = self.bytes.get(self.scanned..self.end).unwrap_or_default();
        let found = unseen.iter().position(|byte| *byte == b'\n');
        self.scanned = found.map_or(self.end, |position| self.scanned + position);
        found.map(|_| self.scanned - self.start)
    }

    /// The next line without its line end (CRLF, or LF alone from sloppy clients); `None` while it isn't complete.
    ///
    /// # Errors
    /// [`LineTooLong`] as soon as it has more than `max` bytes. What there is of it stays, and is to be dropped by who
    /// asked.
    pub fn line(&mut self, max: usize) -> Option<Result<Zeroizing<Vec<u8>>, LineTooLong>> {
        let Some(end) = self.line_end() else {
            // The last byte may be half of the line end.
            return (self.len() > max.saturating_add(1)).then_some(Err(LineTooLong));
        };
        let line = self.pending().get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > max {
            return Some(Err(LineTooLong));
        }
        let line = Zeroizing::new(line.to_vec());
        self.consume(end + 1);
        Some(Ok(line))
    }

    /// As [`Self::line`], but what is too long is dropped up to its line end.
    ///
    /// # Errors
    /// [`LineTooLong`] when such a line has ended.
    pub fn line_or_drop(&mut self, max: usize) -> Option<Result<Zeroizing<Vec<u8>>, LineTooLong>> {
        if !self.skipping {
            match self.line(max)? {
                Ok(line) => return Some(Ok(line)),
                Err(LineTooLong) => self.skipping = true,
            }
        }
        let end = self.line_end();
        self.consume(end.map_or(self.len(), |end| end + 1));
        self.skipping = end.is_none();
        end.map(|_| Err(LineTooLong))
    }
}

impl fmt::Debug for LineReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineReader").field("pending", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUND: usize = 200;

    fn text(line: Option<Result<Zeroizing<Vec<u8>>, LineTooLong>>) -> Option<Result<String, LineTooLong>> {
        line.map(|line| line.map(|line| String::from_utf8(line.to_vec()).unwrap()))
    }

    /// Whether all of the reader's memory but what is pending is zero.
    fn is_wiped(reader: &LineReader) -> bool {
        let outside = [&reader.bytes[..reader.start], &reader.bytes[reader.end..]].concat();
        outside.iter().all(|byte| *byte == 0) && reader.bytes.len() == reader.bytes.capacity()
    }

    #[test]
    fn lines_come_out_whole() {
        let mut reader = LineReader::new(BOUND);
        reader.push(b"one\r\ntwo\nthr").unwrap();
        assert_eq!(text(reader.line(10)), Some(Ok("one".to_owned())));
        assert_eq!(text(reader.line(10)), Some(Ok("two".to_owned())));
        assert_eq!(text(reader.line(10)), None);
        reader.push(b"ee\r").unwrap();
        assert_eq!(text(reader.line(5)), None);
        reader.push(b"\n").unwrap();
        assert_eq!(text(reader.line(5)), Some(Ok("three".to_owned())));
        assert!(reader.is_empty());
    }

    #[test]
    fn long_lines_are_seen_early_and_dropped() {
        let mut reader = LineReader::new(BOUND);
        reader.push(&[b'x'; 101]).unwrap();
        assert_eq!(text(reader.line(100)), None);
        reader.push(b"x").unwrap();
        assert_eq!(text(reader.line(100)), Some(Err(LineTooLong)));
        assert_eq!(reader.len(), 102);
        for _ in 0..100 {
            assert_eq!(text(reader.line_or_drop(100)), None);
            assert!(reader.is_empty());
            reader.push(&[b'x'; 50]).unwrap();
        }
        reader.push(b"\r\nNOOP\r\n").unwrap();
        assert_eq!(text(reader.line_or_drop(100)), Some(Err(LineTooLong)));
        assert_eq!(text(reader.line_or_drop(100)), Some(Ok("NOOP".to_owned())));
        reader.push(&[b'x'; 101]).unwrap();
        assert_eq!(text(reader.line_or_drop(100)), None);
        reader.push(b"\r\n").unwrap();
        assert_eq!(text(reader.line_or_drop(100)), Some(Err(LineTooLong)));
        assert!(reader.is_empty());
    }

    #[test]
    fn there_is_a_bound() {
        let mut reader = LineReader::new(BOUND);
        reader.push(&[b'x'; BOUND]).unwrap();
        assert_eq!(reader.push(b"y"), Err(ReaderFull));
        assert_eq!(reader.len(), BOUND);
        reader.consume(1);
        reader.push(b"y").unwrap();
        assert!(reader.bytes.capacity() <= 2 * BOUND);
    }

    #[test]
    fn nothing_taken_stays_in_memory() {
        let mut reader = LineReader::new(BOUND);
        reader.push(b"secret\r\nother\r\nrest").unwrap();
        assert!(reader.line(100).is_some() && is_wiped(&reader) && reader.start == 8);
        reader.consume(3);
        assert!(is_wiped(&reader) && reader.start == 11);
        assert!(!format!("{reader:?}").contains("rest"));
        reader.consume(usize::MAX);
        assert_eq!(reader.bytes.capacity(), 0, "an idle connection keeps no buffer");
    }

    #[test]
    fn what_is_moved_leaves_nothing_behind() {
        let mut reader = LineReader::new(BOUND);
        reader.push(&[b'a'; 40]).unwrap();
        reader.push(&[b'b'; 40]).unwrap();
        assert!(is_wiped(&reader) && reader.bytes.len() == 160);
        reader.push(&[b'c'; 70]).unwrap();
        reader.consume(140);
        reader.push(b"the end of it").unwrap();
        assert_eq!((reader.start, reader.bytes.len()), (0, 160), "moved in place");
        assert_eq!(reader.pending(), b"ccccccccccthe end of it");
        assert!(is_wiped(&reader));
    }

    #[test]
    fn floods_take_linear_time() {
        // Moves of bytes are counted, not time: none is needed while lines are taken, whatever lies behind them.
        let mut reader = LineReader::new(1 << 16);
        reader.push(&b"\r\n".repeat(1 << 14)).unwrap();
        let memory = reader.bytes.as_ptr();
        for _ in 0..1 << 14 {
            assert_eq!(text(reader.line(10)), Some(Ok(String::new())));
            assert!(reader.is_empty() || reader.bytes.as_ptr() == memory);
        }
        // A line in pieces of one byte: no byte is looked at twice, and memory grows a few times only.
        let mut grown = 0;
        for length in 1..1 << 15 {
            let capacity = reader.bytes.capacity();
            reader.push(b"x").unwrap();
            grown += usize::from(reader.bytes.capacity() != capacity);
            assert_eq!(text(reader.line(1 << 16)), None);
            assert_eq!(reader.scanned, length);
        }
        assert!(grown <= 16, "{grown}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn cutting_changes_nothing(
            lines in proptest::collection::vec("[a-c\r]{0,12}", 0..30),
            cuts in proptest::collection::vec(1usize..20, 1..40),
            bulk in 0usize..4,
        ) {
            let whole: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
            let expected: Vec<_> = lines.iter().map(|line| {
                let line = line.strip_suffix('\r').unwrap_or(line);
                if line.len() > 8 { Err(LineTooLong) } else { Ok(line.to_owned()) }
            }).collect();
            let mut reader = LineReader::new(64);
            let (mut got, mut rest) = (Vec::new(), &whole[..]);
            for cut in cuts.iter().cycle() {
                let (piece, more) = rest.split_at((*cut).min(rest.len()));
                rest = more;
                reader.push(piece).unwrap();
                // Taking from the front and putting nothing back must not disturb what is scanned.
                reader.line_end();
                reader.consume(0);
                while let Some(line) = reader.line_or_drop(8) {
                    got.push(text(Some(line)).unwrap());
                }
                prop_assert!(is_wiped(&reader) && reader.bytes.capacity() <= 128);
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(got, expected);
            reader.push(&whole[..whole.len().min(40)]).unwrap();
            reader.consume(bulk);
            prop_assert_eq!(reader.pending(), &whole[..whole.len().min(40)][bulk.min(whole.len().min(40))..]);
        }
    }
}

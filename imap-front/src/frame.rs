//! Cuts the received bytes into commands: lines, and the literals that belong to them (RFC 9051 4.3, RFC 7888).
//!
//! Nothing is allocated by a length that a client merely announces; every buffer grows with bytes that really came and
//! is bounded by [`FrameLimits`].

use bytes::Bytes;
use mail_core::listener::{LineReader, LineTooLong, ReaderFull, append_wiped};
use zeroize::Zeroizing;

use crate::proto::append::{MAX_MESSAGES, PLACEHOLDER, brings_messages};
use crate::proto::tag::tag_of;

/// Bounds in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// The longest line, without its line end.
    pub line: usize,
    /// All literals of one command together.
    pub literals: usize,
    /// The message of APPEND or REPLACE, which is handed out as it comes if it does not fit with the others.
    pub append: usize,
    /// How much of a refused command is read and thrown away before the connection is given up.
    pub discard: usize,
}

/// What the next bytes are to be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// A command with its literals.
    Command,
    /// A bare line: an answer to a continuation request (SASL data, DONE).
    Line,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole command: its lines, each ended by CRLF, with the literals between them.
    Command(Zeroizing<Vec<u8>>),
    /// A line without its line end.
    Line(Zeroizing<Vec<u8>>),
    /// The client announced a synchronising literal that is allowed and waits to be told to go on.
    Continue,
    /// A command that brings messages announced a large one, which comes as [`Frame::Piece`]s before the next or the [`Frame::Command`], in which NUL
    /// stands for it. It is taken unless [`Framer::refuse`] is called now.
    Large {
        /// Its bytes.
        size: usize,
        /// Whether the client waits to be told to go on.
        waits: bool,
    },
    /// The next piece of a large message.
    Piece(Bytes),
    /// A command over the limits was thrown away.
    Refused(Refusal),
}

/// A command that was not accepted because of its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its tag, if one could be seen.
    pub tag: Option<String>,
    /// What was too big.
    pub reason: &'static str,
    /// Whether the stream can't be followed any further, so that the connection must end.
    pub fatal: bool,
}

/// Why an APPEND was refused whose message is above [`FrameLimits::append`].
pub const MESSAGE_TOO_LARGE: &str = "message too large";
/// Why an APPEND was refused for which there is no room at the moment.
pub const NO_ROOM: &str = "no room for the message at the moment";
/// Why an APPEND was refused that has more messages than one command may have.
pub const TOO_MANY_MESSAGES: &str = "too many messages in one command";
/// Some clients send an empty line behind a command. Many more only cost time.
const MAX_BLANK_LINES: u32 = 100;
/// A literal's announcement is never longer than this; so much of an overlong line's end is kept to look for one.
const TAIL: usize = 32;

#[derive(Debug)]
enum FramerState {
    Line,
    Literal {
        left: usize,
    },
    /// Inside a large message.
    Large {
        left: usize,
        waits: bool,
    },
    /// The command was refused while its client waited to go on.
    Refused,
    /// Inside a line that is too long; `tail` is its end so far.
    SkipLine {
        tail: Zeroizing<Vec<u8>>,
        reason: &'static str,
    },
    /// Inside a literal of a command that is refused.
    SkipLiteral {
        left: usize,
    },
}

/// See the module.
#[derive(Debug)]
pub struct Framer {
    input: LineReader,
    command: Zeroizing<Vec<u8>>,
    literals: usize,
    /// How many large messages the command that runs has.
    large: usize,
    /// Lines without anything since the last command.
    blank_lines: u32,
    discarded: usize,
    /// Set while the rest of a refused command is read.
    refused: Option<(Option<String>, &'static str)>,
    state: FramerState,
}

impl Framer {
    /// An empty one in which up to `bound` bytes may wait to be framed: more than the longest line.
    pub fn new(bound: usize) -> Self {
        Self {
            input: LineReader::new(bound),
            command: Zeroizing::default(),
            literals: 0,
            large: 0,
            blank_lines: 0,
            discarded: 0,
            refused: None,
            state: FramerState::Line,
        }
    }

    /// Takes received bytes. To be called only when there is no next frame, or while [`Framer::buffered`] is small.
    ///
    /// # Errors
    /// [`ReaderFull`] if more would wait than is allowed. The bytes are not taken then.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), ReaderFull> {
        self.input.push(bytes)
    }

    /// Refuses the large message that was just announced. [`Frame::Refused`] follows, for a client that does not wait once
    /// it has sent all of it.
    pub fn refuse(&mut self, reason: &'static str) {
        let FramerState::Large { left, waits } = self.state else { return };
        let tag = tag_of(&self.command);
        self.forget_command();
        self.refused = Some((tag, reason));
        self.state = if waits { FramerState::Refused } else { FramerState::SkipLiteral { left } };
    }

    /// How many bytes wait to be framed.
    pub fn buffered(&self) -> usize {
        self.input.len()
    }

    /// Whether the client is in the middle of a command.
    pub fn is_partial(&self) -> bool {
        !self.input.is_empty() || !self.command.is_empty() || self.refused.is_some()
    }

    /// The next frame, or nothing if more bytes are needed.
    pub fn next(&mut self, expect: Expect, limits: &FrameLimits) -> Option<Frame> {
        loop {
            let step = match std::mem::replace(&mut self.state, FramerState::Line) {
                FramerState::Line => self.step_line(expect, limits),
                FramerState::Literal { left } => self.step_literal(left),
                FramerState::Large { left, .. } => self.step_large(left),
                FramerState::Refused => self.refusal(false),
                FramerState::SkipLine { tail, reason } => self.step_skip_line(tail, reason, limits),
                FramerState::SkipLiteral { left } => self.step_skip_literal(left),
            };
            match step {
                Step::Again => {}
                Step::Wait => return None,
                Step::Frame(frame) => return Some(frame),
            }
        }
    }

    fn step_line(&mut self, expect: Expect, limits: &FrameLimits) -> Step {
        let line = match self.input.line(limits.line) {
            None => return Step::Wait,
            Some(Ok(line)) => line,
            Some(Err(LineTooLong)) => return self.begin_skip_line("line too long"),
        };
        if expect == Expect::Line {
            return Step::Frame(Frame::Line(line));
        }
        if self.refused.is_some() {
            return self.refused_line(&line, limits);
        }
        if line.is_empty() && self.command.is_empty() {
            self.blank_lines += 1;
            if self.blank_lines > MAX_BLANK_LINES {
                self.refused = Some((None, "too many blank lines"));
                return self.give_up();
            }
            return Step::Again;
        }
        self.blank_lines = 0;
        // Literals without anything would make it grow for ever.
        let most = limits.line.saturating_add(limits.literals);
        if self.command.len().saturating_add(line.len()) > most {
            let tag = tag_of(&self.command);
            self.forget_command();
            self.refused = Some((tag, "command too long"));
            return self.refused_line(&line, limits);
        }
        let announced = announced_literal(&line);
        append_wiped(&mut self.command, &line);
        append_wiped(&mut self.command, b"\r\n");
        match announced {
            None => {
                (self.literals, self.large) = (0, 0);
                Step::Frame(Frame::Command(std::mem::take(&mut self.command)))
            }
            Some(announced) => {
                if let Some(size) = announced.size.filter(|size| *size <= limits.literals.saturating_sub(self.literals))
                {
                    self.literals += size;
                    self.state = FramerState::Literal { left: size };
                    return if announced.waits { Step::Frame(Frame::Continue) } else { Step::Again };
                }
                let append = brings_messages(&self.command);
                let large = announced.size.filter(|size| append && *size <= limits.append);
                if let Some(size) = large {
                    if self.large >= MAX_MESSAGES {
                        let tag = tag_of(&self.command);
                        self.forget_command();
                        self.refused = Some((tag, TOO_MANY_MESSAGES));
                        return self.refused_literal(announced, limits);
                    }
                    self.large += 1;
                    let announcement = line.len() - announced.start + b"\r\n".len();
                    // It grows by nothing, so no copy is left behind.
                    let before = self.command.len().saturating_sub(announcement);
                    self.command.truncate(before);
                    append_wiped(&mut self.command, b"{1}\r\n");
                    append_wiped(&mut self.command, PLACEHOLDER);
                    let waits = announced.waits;
                    self.state = FramerState::Large { left: size, waits };
                    return Step::Frame(Frame::Large { size, waits });
                }
                let tag = tag_of(&self.command);
                self.forget_command();
                self.refused = Some((tag, if append { MESSAGE_TOO_LARGE } else { "literal too large" }));
                self.refused_literal(announced, limits)
            }
        }
    }

    fn step_literal(&mut self, left: usize) -> Step {
        let pending = self.input.pending();
        let piece = pending.get(..left).unwrap_or(pending);
        let taken = piece.len();
        append_wiped(&mut self.command, piece);
        self.input.consume(taken);
        if taken < left {
            self.state = FramerState::Literal { left: left - taken };
            return Step::Wait;
        }
        Step::Again
    }

    fn step_large(&mut self, left: usize) -> Step {
        let pending = self.input.pending();
        let piece = pending.get(..left).unwrap_or(pending);
        let taken = piece.len();
        if taken < left {
            self.state = FramerState::Large { left: left - taken, waits: false };
        }
        if taken == 0 {
            return if left == 0 { Step::Again } else { Step::Wait };
        }
        let piece = Bytes::copy_from_slice(piece);
        self.input.consume(taken);
        Step::Frame(Frame::Piece(piece))
    }

    fn begin_skip_line(&mut self, reason: &'static str) -> Step {
        if self.refused.is_none() {
            let tag = tag_of(if self.command.is_empty() { self.input.pending() } else { &self.command });
            self.forget_command();
            self.refused = Some((tag, reason));
        }
        self.state = FramerState::SkipLine { tail: Zeroizing::new(Vec::with_capacity(2 * TAIL)), reason };
        Step::Again
    }

    fn step_skip_line(&mut self, mut tail: Zeroizing<Vec<u8>>, reason: &'static str, limits: &FrameLimits) -> Step {
        let end = self.input.line_end();
        let taken = end.unwrap_or(self.input.len());
        let kept = self.input.pending().get(taken.saturating_sub(TAIL)..taken).unwrap_or_default();
        tail.extend_from_slice(kept);
        let over = tail.len().saturating_sub(TAIL);
        tail.drain(..over);
        self.discarded = self.discarded.saturating_add(taken);
        self.input.consume(end.map_or(taken, |end| end + 1));
        if self.discarded > limits.discard {
            return self.give_up();
        }
        if end.is_none() {
            self.state = FramerState::SkipLine { tail, reason };
            return Step::Wait;
        }
        self.refused_line(tail.strip_suffix(b"\r").unwrap_or(&tail), limits)
    }

    fn step_skip_literal(&mut self, left: usize) -> Step {
        let taken = left.min(self.input.len());
        self.input.consume(taken);
        if taken < left {
            self.state = FramerState::SkipLiteral { left: left - taken };
            return Step::Wait;
        }
        Step::Again
    }

    /// A whole line of a refused command: either its last, or one that announces another literal.
    fn refused_line(&mut self, line: &[u8], limits: &FrameLimits) -> Step {
        match announced_literal(line) {
            Some(announced) => self.refused_literal(announced, limits),
            None => self.refusal(false),
        }
    }

    fn refused_literal(&mut self, announced: Announced, limits: &FrameLimits) -> Step {
        match announced {
            // The client waits; refusing ends the command (RFC 7888 4).
            Announced { waits: true, .. } => self.refusal(false),
            Announced { size: Some(size), .. } if size <= limits.discard.saturating_sub(self.discarded) => {
                self.discarded += size;
                self.state = FramerState::SkipLiteral { left: size };
                Step::Again
            }
            Announced { .. } => self.give_up(),
        }
    }

    fn give_up(&mut self) -> Step {
        self.input.clear();
        self.refusal(true)
    }

    fn refusal(&mut self, fatal: bool) -> Step {
        self.discarded = 0;
        let (tag, reason) = self.refused.take().unwrap_or((None, "command too long"));
        Step::Frame(Frame::Refused(Refusal { tag, reason, fatal }))
    }

    fn forget_command(&mut self) {
        self.command = Zeroizing::default();
        (self.literals, self.large) = (0, 0);
    }
}

enum Step {
    Again,
    Wait,
    Frame(Frame),
}

struct Announced {
    /// Where in the line.
    start: usize,
    /// Absent if the number is not one that memory could hold.
    size: Option<usize>,
    /// Whether the client waits for a continuation request.
    waits: bool,
}

/// `literal = "{" number ["+"] "}" CRLF` at the end of a line. A number that is too large announces a literal all the
/// same; to take it for text would let the literal's content be executed as commands.
fn announced_literal(line: &[u8]) -> Option<Announced> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let inner = inner.get(open + 1..)?;
    let (digits, waits) = inner.strip_suffix(b"+").map_or((inner, true), |digits| (digits, false));
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().try_fold(0_usize, |size, digit| {
        size.checked_mul(10)?.checked_add(usize::from(digit - b'0')).filter(|size| *size <= u32::MAX as usize)
    });
    Some(Announced { start: open, size, waits })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The line is longer than the longest tag, or the tag that is seen would depend on the splitting.
    const LIMITS: FrameLimits = FrameLimits { line: 80, literals: 16, append: 30, discard: 200 };

    const BOUND: usize = 1000;

    fn frames(input: &[u8], cuts: &[usize]) -> Vec<Frame> {
        let mut framer = Framer::new(BOUND);
        let mut frames = Vec::new();
        let mut start = 0;
        for cut in cuts.iter().copied().chain([input.len()]) {
            let cut = cut.clamp(start, input.len());
            framer.feed(&input[start..cut]).unwrap();
            start = cut;
            while let Some(frame) = framer.next(Expect::Command, &LIMITS) {
                let fatal = matches!(&frame, Frame::Refused(Refusal { fatal: true, .. }));
                frames.push(frame);
                if fatal {
                    return frames;
                }
            }
        }
        frames
    }

    /// The frames with pieces that follow each other put together.
    fn joined(frames: Vec<Frame>) -> Vec<Frame> {
        let mut joined: Vec<Frame> = Vec::new();
        for frame in frames {
            match (joined.last_mut(), frame) {
                (Some(Frame::Piece(before)), Frame::Piece(piece)) => *before = [&before[..], &piece].concat().into(),
                (_, frame) => joined.push(frame),
            }
        }
        joined
    }

    fn command(text: &str) -> Frame {
        Frame::Command(Zeroizing::new(text.as_bytes().to_vec()))
    }

    fn refused(tag: &str, reason: &'static str, fatal: bool) -> Frame {
        Frame::Refused(Refusal { tag: Some(tag.to_owned()), reason, fatal })
    }

    #[test]
    fn lines_and_literals() {
        assert_eq!(
            frames(b"a NOOP\r\n\r\nb LOGIN {3}\r\nx\r\n {2+}\r\npw\r\nc NOOP\n", &[]),
            [
                command("a NOOP\r\n"),
                Frame::Continue,
                command("b LOGIN {3}\r\nx\r\n {2+}\r\npw\r\n"),
                command("c NOOP\r\n")
            ]
        );
    }

    #[test]
    fn blank_lines() {
        let blank = "\r\n".repeat(100);
        let some = format!("{blank}a NOOP\r\n{blank}b NOOP\r\n");
        assert_eq!(frames(some.as_bytes(), &[]), [command("a NOOP\r\n"), command("b NOOP\r\n")]);
        let many = Refusal { tag: None, reason: "too many blank lines", fatal: true };
        assert_eq!(frames(format!("{blank}\r\na NOOP\r\n").as_bytes(), &[]), [Frame::Refused(many)]);
    }

    #[test]
    fn too_large_literals() {
        assert_eq!(
            frames(b"a X {17}\r\nb NOOP\r\n", &[]),
            [refused("a", "literal too large", false), command("b NOOP\r\n")]
        );
        // The content of a refused literal is never taken for commands.
        assert_eq!(
            frames(b"a X {17+}\r\nz LOGOUT\r\n1234567 {2+}\r\nxx y\r\nb NOOP\r\n", &[]),
            [refused("a", "literal too large", false), command("b NOOP\r\n")]
        );
        assert_eq!(frames(b"a X {201+}\r\nz LOGOUT\r\n", &[]), [refused("a", "literal too large", true)]);
        assert_eq!(frames(b"a X {99999999999+}\r\nz LOGOUT\r\n", &[]), [refused("a", "literal too large", true)]);
        assert_eq!(
            frames(b"a X {99999999999999999999999999}\r\nb NOOP\r\n", &[]),
            [refused("a", "literal too large", false), command("b NOOP\r\n")]
        );
        // Several literals share one limit.
        assert_eq!(
            frames(b"a X {10+}\r\n1234567890 {7}\r\nb NOOP\r\n", &[]),
            [refused("a", "literal too large", false), command("b NOOP\r\n")]
        );
    }

    #[test]
    fn messages_have_a_limit_of_their_own() {
        let large = |size, waits| Frame::Large { size, waits };
        let piece = |length| Frame::Piece(Bytes::from(vec![b'y'; length]));
        assert_eq!(frames(b"a append x {16}\r\n", &[]), [Frame::Continue]);
        assert_eq!(frames(b"a append x {30}\r\n", &[]), [large(30, true)]);
        let whole = format!("a APPEND {{1+}}\r\nx {{29+}}\r\n{}\r\nb NOOP\r\n", "y".repeat(29));
        let asked = command("a APPEND {1+}\r\nx {1}\r\n\0\r\n");
        assert_eq!(frames(whole.as_bytes(), &[]), [large(29, false), piece(29), asked.clone(), command("b NOOP\r\n")]);
        assert_eq!(frames(whole.as_bytes(), &[30])[..4], [large(29, false), piece(6), piece(23), asked]);
        assert_eq!(
            frames(b"a APPEND x {31}\r\nb NOOP\r\n", &[]),
            [refused("a", MESSAGE_TOO_LARGE, false), command("b NOOP\r\n")]
        );
        assert_eq!(frames(b"a APPENDX x {17}\r\n", &[]), [refused("a", "literal too large", false)]);
    }

    #[test]
    fn several_messages() {
        let two = format!("a APPEND x {{20+}}\r\n{} ~{{21+}}\r\n{}\r\n", "y".repeat(20), "y".repeat(21));
        let large = |size| Frame::Large { size, waits: false };
        let piece = |length| Frame::Piece(Bytes::from(vec![b'y'; length]));
        assert_eq!(
            joined(frames(two.as_bytes(), &[])),
            [large(20), piece(20), large(21), piece(21), command("a APPEND x {1}\r\n\0 ~{1}\r\n\0\r\n")]
        );
        let limits = FrameLimits { line: 4000, ..LIMITS };
        let mut framer = Framer::new(usize::MAX);
        framer.feed(b"a APPEND x").unwrap();
        for _ in 0..=MAX_MESSAGES {
            framer.feed(format!(" {{17+}}\r\n{}", "y".repeat(17)).as_bytes()).unwrap();
        }
        framer.feed(b"\r\nb NOOP\r\n").unwrap();
        let mut frames: Vec<Frame> = std::iter::from_fn(|| framer.next(Expect::Command, &limits)).collect();
        assert_eq!(frames.pop(), Some(command("b NOOP\r\n")));
        assert_eq!(frames.pop(), Some(refused("a", TOO_MANY_MESSAGES, false)));
        assert_eq!(frames.len(), 2 * MAX_MESSAGES);
    }

    #[test]
    fn empty_literals_do_not_go_on_for_ever() {
        let endless = format!("a X{}\r\nb NOOP\r\n", " {0+}\r\n".repeat(50));
        assert_eq!(frames(endless.as_bytes(), &[]), [refused("a", "command too long", false), command("b NOOP\r\n")]);
    }

    #[test]
    fn what_there_is_no_room_for() {
        for (announced, waits) in [("{20}\r\n", true), ("{20+}\r\nz LOGOUT\r\n", false)] {
            let mut framer = Framer::new(BOUND);
            framer.feed(format!("a APPEND x {announced}").as_bytes()).unwrap();
            assert_eq!(framer.next(Expect::Command, &LIMITS), Some(Frame::Large { size: 20, waits }));
            framer.refuse(NO_ROOM);
            if !waits {
                assert_eq!(framer.next(Expect::Command, &LIMITS), None);
                framer.feed(b"0123456789\r\n").unwrap();
            }
            assert_eq!(framer.next(Expect::Command, &LIMITS), Some(refused("a", NO_ROOM, false)));
            framer.feed(b"b NOOP\r\n").unwrap();
            assert_eq!(framer.next(Expect::Command, &LIMITS), Some(command("b NOOP\r\n")));
        }
    }

    #[test]
    fn too_long_lines() {
        let long = format!("a X {}\r\nb NOOP\r\n", "y".repeat(100));
        assert_eq!(frames(long.as_bytes(), &[]), [refused("a", "line too long", false), command("b NOOP\r\n")]);
        let long = format!("a X {} {{12+}}\r\nz LOGOUT\r\n12\r\nb NOOP\r\n", "y".repeat(100));
        assert_eq!(frames(long.as_bytes(), &[]), [refused("a", "line too long", false), command("b NOOP\r\n")]);
        let endless = format!("a X {}", "y".repeat(400));
        assert_eq!(frames(endless.as_bytes(), &[]), [refused("a", "line too long", true)]);
    }

    #[test]
    fn bare_lines_know_no_literals() {
        let mut framer = Framer::new(BOUND);
        framer.feed(b"x {5}\r\nDONE\r\n").unwrap();
        assert_eq!(framer.next(Expect::Line, &LIMITS), Some(Frame::Line(Zeroizing::new(b"x {5}".to_vec()))));
        assert_eq!(framer.next(Expect::Line, &LIMITS), Some(Frame::Line(Zeroizing::new(b"DONE".to_vec()))));
        assert_eq!(framer.next(Expect::Line, &LIMITS), None);
        assert!(!framer.is_partial());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn splitting_changes_nothing(
            input in proptest::collection::vec(
                prop_oneof![
                    Just(b"a NOOP\r\n".to_vec()), Just(b"b X {3}\r\n".to_vec()), Just(b"d APPEND x {20+}\r\n".to_vec()),
                    Just(b"c {4+}\r\n".to_vec()),
                    Just(b"{20+}\r\n".to_vec()), Just(b"{9999999999}\n".to_vec()), Just(vec![b'z'; 30]),
                    proptest::collection::vec(any::<u8>(), 0..8),
                ],
                0..20,
            ),
            mut cuts in proptest::collection::vec(0_usize..200, 0..20),
        ) {
            let input = input.concat();
            cuts.sort_unstable();
            prop_assert_eq!(joined(frames(&input, &cuts)), joined(frames(&input, &[])));
        }

        #[test]
        fn arbitrary_bytes_never_panic(input in proptest::collection::vec(any::<u8>(), 0..300)) {
            frames(&input, &[7, 50]);
        }
    }
}

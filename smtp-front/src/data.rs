//! The content of a message as it comes after DATA (RFC 5321 4.1.1.4, 4.5.2) or in chunks (RFC 3030).
//!
//! After DATA the message ends at `CRLF . CRLF` and nowhere else: no other mix of CR, LF and dot ends it, so nobody can
//! hide a second message in the first ("SMTP smuggling"). A bare CR or bare LF becomes CRLF in the content.

/// Takes the bytes after `354` in pieces of any size, undoes dot-stuffing, and finds the end.
#[derive(Debug)]
pub struct DataReceiver {
    state: DataState,
}

/// What one piece of input led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many bytes of the piece belong to the message; only the last piece has bytes after it.
    pub consumed: usize,
    /// Whether the end was seen.
    pub complete: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DataState {
    /// Behind CRLF, or at the very start: the CRLF of the DATA line counts (RFC 5321 4.1.1.4).
    LineStart,
    /// Behind a bare LF. A dot here ends nothing, but a sender with such lines doubles it.
    LooseLineStart,
    /// Within a line.
    Text,
    /// Behind CR.
    Cr,
    /// Behind CRLF and a dot, which is not content.
    Dot,
    /// Behind CRLF, a dot and CR.
    DotCr,
    /// Behind a bare LF and a dot, which is already content.
    LooseDot,
    /// The end was seen.
    End,
}

impl DataReceiver {
    /// A receiver at the start of a message.
    pub fn new() -> Self {
        Self { state: DataState::LineStart }
    }

    /// Takes the next piece and adds its content to `content`: at most two bytes for each byte of the piece, and two more.
    pub fn receive(&mut self, piece: &[u8], content: &mut Vec<u8>) -> Progress {
        let mut at = 0;
        while at < piece.len() && self.state != DataState::End {
            // Runs of ordinary bytes, nearly all there is, are copied at once.
            if self.state == DataState::Text {
                let run = plain_run(&piece[at..]);
                content.extend_from_slice(&piece[at..at + run]);
                at += run;
                if at == piece.len() {
                    break;
                }
            }
            self.step(piece[at], content);
            at += 1;
        }
        Progress { consumed: at, complete: self.state == DataState::End }
    }

    fn step(&mut self, byte: u8, content: &mut Vec<u8>) {
        self.state = match (self.state, byte) {
            (DataState::DotCr, b'\n') => DataState::End,
            (DataState::Cr, b'\n') => {
                content.extend_from_slice(b"\r\n");
                DataState::LineStart
            }
            (DataState::Cr | DataState::DotCr, _) => {
                content.extend_from_slice(b"\r\n");
                self.state = DataState::Text;
                return self.step(byte, content);
            }
            (DataState::Dot, b'\r') => DataState::DotCr,
            (_, b'\r') => DataState::Cr,
            (_, b'\n') => {
                content.extend_from_slice(b"\r\n");
                DataState::LooseLineStart
            }
            (DataState::LineStart, b'.') => DataState::Dot,
            (DataState::LooseLineStart, b'.') => {
                content.push(b'.');
                DataState::LooseDot
            }
            (DataState::LooseDot, b'.') => DataState::Text,
            (_, byte) => {
                content.push(byte);
                DataState::Text
            }
        };
    }
}

impl Default for DataReceiver {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes CRLF of every line end in content that has no dot-stuffing, in pieces of any size.
#[derive(Debug, Default)]
pub struct LineEnds {
    after_cr: bool,
}

impl LineEnds {
    /// Takes the next piece and adds its content to `content`: at most two bytes for each byte of the piece, and two more.
    pub fn receive(&mut self, mut piece: &[u8], content: &mut Vec<u8>) {
        while let Some((&byte, rest)) = piece.split_first() {
            let had_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            if had_cr {
                content.extend_from_slice(b"\r\n");
            }
            match byte {
                b'\r' => piece = rest,
                b'\n' => {
                    if !had_cr {
                        content.extend_from_slice(b"\r\n");
                    }
                    piece = rest;
                }
                _ => {
                    let (run, rest) = piece.split_at(plain_run(piece));
                    content.extend_from_slice(run);
                    piece = rest;
                }
            }
        }
    }

    /// The content is complete; what is owed is added.
    pub fn finish(&mut self, content: &mut Vec<u8>) {
        if std::mem::take(&mut self.after_cr) {
            content.extend_from_slice(b"\r\n");
        }
    }
}

/// How many bytes from the start on are neither CR nor LF.
fn plain_run(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The content and what is left of the input; `None` while the end is missing.
    fn receive(input: &[u8], cut: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut receiver = DataReceiver::new();
        let mut content = Vec::new();
        let (head, tail) = input.split_at(cut.min(input.len()));
        let first = receiver.receive(head, &mut content);
        let rest = if first.complete {
            assert!(first.consumed <= head.len());
            input[first.consumed..].to_vec()
        } else {
            assert_eq!(first.consumed, head.len());
            let second = receiver.receive(tail, &mut content);
            if !second.complete {
                return None;
            }
            tail[second.consumed..].to_vec()
        };
        Some((content, rest))
    }

    #[test]
    fn known_answers() {
        for (input, content) in [
            (&b".\r\n"[..], &b""[..]),
            (b"\r\n.\r\n", b"\r\n"),
            (b"a\r\n.\r\n", b"a\r\n"),
            (b"..\r\n.\r\n", b".\r\n"),
            (b".x\r\n..y\r\n...\r\n.\r\n", b"x\r\n.y\r\n..\r\n"),
            (b"a.b\r\n.\r\n", b"a.b\r\n"),
            (b"a\nb\n.\r\n.\r\n", b"a\r\nb\r\n.\r\n"),
            (b"a\n..b\n.c\r\n.\r\n", b"a\r\n.b\r\n.c\r\n"),
            (b"a\rb\r\n.\r\n", b"a\r\nb\r\n"),
            (b"a\r\r\n.\r\n", b"a\r\n\r\n"),
            (b"\0\xff\r\n.\r\n", b"\0\xff\r\n"),
        ] {
            for cut in 0..=input.len() {
                assert_eq!(receive(input, cut), Some((content.to_vec(), vec![])), "{}", input.escape_ascii());
            }
        }
    }

    #[test]
    fn nothing_but_crlf_dot_crlf_ends_the_data() {
        for end in [
            &b"\n.\n"[..],
            b"\n.\r\n",
            b"\r\n.\n",
            b"\r.\r",
            b"\r.\r\n",
            b"\r\n.\r",
            b"\n.\r",
            b"\r.\n",
            b"\r\n.\r\r\n",
            b"\r\n.\0\r\n",
            b"\r\n\0.\r\n",
            b"\r\n. \r\n",
            b"\r\n..\r\n",
        ] {
            let smuggled = [b"a", end, b"MAIL FROM:<x@y>\r\n"].concat();
            let closed = [&smuggled, &b".\r\nQUIT\r\n"[..]].concat();
            for cut in 0..=smuggled.len() {
                assert_eq!(receive(&smuggled, cut), None, "{}", end.escape_ascii());
                let (content, rest) = receive(&closed, cut).unwrap();
                assert!(content.ends_with(b"MAIL FROM:<x@y>\r\n"), "{}", end.escape_ascii());
                assert_eq!(rest, b"QUIT\r\n");
            }
        }
    }

    fn line_ends(input: &[u8], cut: usize) -> Vec<u8> {
        let (head, tail) = input.split_at(cut.min(input.len()));
        let (mut ends, mut content) = (LineEnds::default(), Vec::new());
        ends.receive(head, &mut content);
        ends.receive(tail, &mut content);
        ends.finish(&mut content);
        content
    }

    #[test]
    fn chunks_have_whole_line_ends_and_keep_dots() {
        for (input, content) in [
            (&b""[..], &b""[..]),
            (b"a\r\n..b\r\n.\r\n", b"a\r\n..b\r\n.\r\n"),
            (b"a\nb\rc\r\nd\r", b"a\r\nb\r\nc\r\nd\r\n"),
            (b"\r\r\n\n\r", b"\r\n\r\n\r\n\r\n"),
            (b"\0\xff", b"\0\xff"),
        ] {
            for cut in 0..=input.len() {
                assert_eq!(line_ends(input, cut), content, "{} at {cut}", input.escape_ascii());
            }
        }
    }

    /// The sender's half of RFC 5321 4.5.2.
    fn stuff(message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                out.push(b'.');
            }
            out.extend_from_slice(line);
        }
        out.extend_from_slice(b".\r\n");
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn undoes_what_senders_do(lines in proptest::collection::vec("[.a é]{0,6}", 0..8), cut in 0usize..60) {
            let message: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let mut input = stuff(message.as_bytes());
            input.extend_from_slice(b"QUIT\r\n");
            prop_assert_eq!(receive(&input, cut), Some((message.into_bytes(), b"QUIT\r\n".to_vec())));
        }

        #[test]
        fn content_has_only_whole_line_ends(input in proptest::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), any::<u8>()], 0..80), cut in 0usize..80) {
            let end = input.windows(5).position(|window| window == b"\r\n.\r\n");
            let at_start = input.starts_with(b".\r\n");
            let result = receive(&input, cut);
            prop_assert_eq!(result.is_some(), at_start || end.is_some());
            if let Some((content, rest)) = result {
                let kept = input.len() - rest.len();
                prop_assert_eq!(kept, if at_start { 3 } else { end.unwrap() + 5 });
                let crs = content.iter().filter(|byte| **byte == b'\r').count();
                let lfs = content.iter().filter(|byte| **byte == b'\n').count();
                let pairs = content.windows(2).filter(|pair| *pair == b"\r\n").count();
                prop_assert!(crs == pairs && lfs == pairs);
            }
        }
    }
}

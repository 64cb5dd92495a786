//! COMPRESS=DEFLATE (RFC 4978): both directions as raw deflate (RFC 1951).
//!
//! What goes out is compressed piece by piece, each without looking back at those before: so a connection that waits for
//! a slow client holds no more than without compression, and who compresses is as many as there are threads. What comes in
//! may look back at 32 KiB: between two commands a connection keeps no more than those, and after a while without a word it keeps
//! them compressed.

use std::cell::RefCell;
use std::io;

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

/// How far back deflate looks.
const WINDOW: usize = 32 << 10;
/// So many bytes are compressed at a time.
pub(super) const PIECE: usize = 32 << 10;
/// With what a flush ends: an empty block, so that the next byte begins a new one.
const FLUSHED: [u8; 4] = [0, 0, 0xFF, 0xFF];
/// Room for a little more than is compressed.
const SLACK: usize = 64;

thread_local! {
    static DEFLATER: RefCell<Compress> = RefCell::new(Compress::new(flate2::Compression::fast(), false));
    /// One that no connection has now.
    static INFLATER: RefCell<Option<Box<Decompress>>> = const { RefCell::new(None) };
}

/// Compresses a piece of what the server says, to be read by the client as soon as it has it.
pub(super) fn deflated(piece: &[u8]) -> io::Result<Vec<u8>> {
    DEFLATER.with_borrow_mut(|deflater| {
        deflater.reset();
        let mut out = Vec::with_capacity(piece.len() / 2 + SLACK);
        let mut rest = piece;
        loop {
            let before = deflater.total_in();
            deflater.compress_vec(rest, &mut out, FlushCompress::Sync).map_err(io::Error::other)?;
            let taken = usize::try_from(deflater.total_in() - before).unwrap_or(usize::MAX);
            rest = rest.get(taken..).unwrap_or_default();
            if rest.is_empty() && out.len() < out.capacity() {
                return Ok(out);
            }
            out.reserve(SLACK + rest.len());
        }
    })
}

/// What the client says, decompressed.
pub(super) struct Inflater {
    state: State,
    /// What came and was not decompressed yet.
    input: Vec<u8>,
    /// The last of what was decompressed, [`WINDOW`] of it at the least.
    history: Vec<u8>,
    /// The last of what came.
    last: [u8; 4],
    /// There may be more to be had before more comes.
    has_more: bool,
    /// Since something came it was tried to rest.
    has_rested: bool,
}

enum State {
    /// Something came of which the rest is still to come.
    Awake(Box<Decompress>),
    /// What came was whole.
    Between,
    /// And `history` is compressed.
    Resting,
}

impl Inflater {
    pub fn new() -> Self {
        Self {
            state: State::Between,
            input: Vec::new(),
            history: Vec::new(),
            last: [0; 4],
            has_more: false,
            has_rested: false,
        }
    }

    /// Bytes came; only to be called when [`Inflater::next`] has given nothing.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        (self.has_more, self.has_rested) = (true, false);
    }

    /// Whether [`Inflater::next`] may give something now.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// Whether [`Inflater::rest`] may give something back.
    pub fn may_rest(&self) -> bool {
        !self.has_rested
    }

    /// Decompresses as much as there is room for, and gives how much that was: nothing if more has to come first.
    ///
    /// # Errors
    /// What came is not deflate, or is its end.
    pub fn next(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.has_more {
            return Ok(0);
        }
        self.wake()?;
        let State::Awake(inflater) = &mut self.state else { return Ok(0) };
        let (taken, given) = (inflater.total_in(), inflater.total_out());
        let status = inflater.decompress(&self.input, out, FlushDecompress::Sync).map_err(io::Error::other)?;
        let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        let (taken, given) = (count(inflater.total_in(), taken), count(inflater.total_out(), given));
        for byte in self.input.drain(..taken) {
            self.last.rotate_left(1);
            self.last[3] = byte;
        }
        if status == Status::StreamEnd {
            return Err(io::Error::other("the client ended its compressed data"));
        }
        self.remember(out.get(..given).unwrap_or_default());
        self.has_more = !self.input.is_empty() || given == out.len();
        if given == 0 && self.has_more {
            return Err(io::Error::other("compressed data that leads nowhere"));
        }
        if self.input.is_empty() {
            // An idle connection keeps no buffer.
            self.input = Vec::new();
        }
        Ok(given)
    }

    /// What came was a whole command: others may decompress theirs now. Only to be called then.
    pub fn pause(&mut self) {
        let is_whole = !self.has_more && self.last == FLUSHED && matches!(self.state, State::Awake(_));
        if is_whole && let State::Awake(inflater) = std::mem::replace(&mut self.state, State::Between) {
            INFLATER.set(Some(inflater));
        }
    }

    /// The client says nothing for a while: gives back what takes memory.
    ///
    /// # Errors
    /// None that was ever seen.
    pub fn rest(&mut self) -> io::Result<()> {
        self.has_rested = true;
        if matches!(self.state, State::Between) {
            let window = self.history.len().saturating_sub(WINDOW);
            let mut kept = Vec::new();
            for piece in self.history.get(window..).unwrap_or_default().chunks(PIECE) {
                kept.extend(deflated(piece)?);
            }
            kept.shrink_to_fit();
            (self.history, self.state) = (kept, State::Resting);
        }
        Ok(())
    }

    fn wake(&mut self) -> io::Result<()> {
        if matches!(self.state, State::Awake(_)) {
            return Ok(());
        }
        let mut inflater = INFLATER.take().unwrap_or_else(|| Box::new(Decompress::new(false)));
        inflater.reset(false);
        if matches!(self.state, State::Resting) {
            let mut history = Vec::with_capacity(WINDOW + SLACK);
            inflater.decompress_vec(&self.history, &mut history, FlushDecompress::Sync).map_err(io::Error::other)?;
            inflater.reset(false);
            self.history = history;
        }
        let window = self.history.len().saturating_sub(WINDOW);
        if let Some(window @ [_, ..]) = self.history.get(window..) {
            inflater.set_dictionary(window).map_err(io::Error::other)?;
        }
        self.state = State::Awake(inflater);
        Ok(())
    }

    fn remember(&mut self, bytes: &[u8]) {
        if self.history.len() + bytes.len() > WINDOW + WINDOW / 2 {
            let kept = WINDOW.saturating_sub(bytes.len()).min(self.history.len());
            self.history.drain(..self.history.len() - kept);
        }
        self.history.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(inflater: &mut Inflater, room: usize) -> Vec<u8> {
        let (mut out, mut buffer) = (Vec::new(), vec![0; room]);
        loop {
            match inflater.next(&mut buffer).expect("deflate") {
                0 => return out,
                count => out.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn compressed(client: &mut Compress, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 1024);
        client.compress_vec(bytes, &mut out, FlushCompress::Sync).expect("room enough");
        out
    }

    #[test]
    fn what_is_sent_can_be_read() {
        let mut inflater = Inflater::new();
        for text in [&b"* OK\r\n"[..], &b"x".repeat(PIECE), b"", b"a OK done\r\n"] {
            let sent = deflated(text).expect("compressed");
            assert!(sent.ends_with(&FLUSHED));
            inflater.feed(&sent);
            assert_eq!(all(&mut inflater, 100), text);
            inflater.pause();
            assert!(matches!(inflater.state, State::Between), "nothing is kept but what may be looked back at");
        }
    }

    #[test]
    fn a_bomb_comes_in_small_pieces() {
        let bomb = compressed(&mut Compress::new(flate2::Compression::best(), false), &vec![0; 8 << 20]);
        assert!(bomb.len() < 16 << 10);
        let mut inflater = Inflater::new();
        inflater.feed(&bomb);
        let (mut buffer, mut total) = (vec![0; 4096], 0);
        while let Ok(count @ 1..) = inflater.next(&mut buffer) {
            total += count;
            assert!(inflater.history.capacity() <= 4 * WINDOW);
        }
        assert_eq!(total, 8 << 20);
    }

    #[test]
    fn other_bytes_and_an_end_are_refused() {
        let mut inflater = Inflater::new();
        inflater.feed(b"a NOOP\r\n");
        assert!(inflater.next(&mut [0; 64]).is_err());
        let mut client = Compress::new(flate2::Compression::fast(), false);
        let mut out = Vec::with_capacity(100);
        client.compress_vec(b"a NOOP\r\n", &mut out, FlushCompress::Finish).expect("room enough");
        let mut inflater = Inflater::new();
        inflater.feed(&out);
        assert!(inflater.next(&mut [0; 64]).is_err());
    }

    #[test]
    fn a_resting_connection_keeps_little() {
        let (mut client, mut inflater) = (Compress::new(flate2::Compression::best(), false), Inflater::new());
        let mut said = Vec::new();
        for number in 0..3000 {
            let command = format!("a{number} UID FETCH {number} (FLAGS BODY.PEEK[HEADER.FIELDS (Subject)])\r\n");
            inflater.feed(&compressed(&mut client, command.as_bytes()));
            said.extend(all(&mut inflater, 8192));
            if number % 3 == 0 {
                inflater.pause();
            }
            if number % 21 == 0 {
                inflater.rest().expect("rests");
                assert!(matches!(inflater.state, State::Resting));
                assert!(inflater.history.capacity() + inflater.input.capacity() < 8 << 10);
            }
        }
        assert!(said.ends_with(b"a2999 UID FETCH 2999 (FLAGS BODY.PEEK[HEADER.FIELDS (Subject)])\r\n"));
    }

    #[test]
    fn in_the_middle_of_a_block_it_does_not_rest() {
        let mut inflater = Inflater::new();
        let sent = compressed(&mut Compress::new(flate2::Compression::best(), false), b"a NOOP\r\n");
        inflater.feed(&sent[..sent.len() - 1]);
        all(&mut inflater, 64);
        inflater.pause();
        inflater.rest().expect("no error");
        assert!(matches!(inflater.state, State::Awake(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_is_said_is_heard(
            said in proptest::collection::vec((any::<u8>(), 0usize..20_000, any::<bool>()), 1..12),
            room in 1usize..9000,
        ) {
            let (mut client, mut inflater) = (Compress::new(flate2::Compression::best(), false), Inflater::new());
            for (byte, count, rests) in said {
                let text: Vec<u8> = (0..count).map(|n| byte.wrapping_add((n * n / 7) as u8)).collect();
                let mut heard = Vec::new();
                for piece in compressed(&mut client, &text).chunks(3000) {
                    inflater.feed(piece);
                    heard.extend(all(&mut inflater, room));
                }
                prop_assert_eq!(heard, text);
                inflater.pause();
                if rests {
                    inflater.rest().expect("rests");
                }
            }
        }

        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>) {
            let mut inflater = Inflater::new();
            inflater.feed(&bytes);
            let mut buffer = [0; 64];
            while let Ok(1..) = inflater.next(&mut buffer) {}
        }
    }
}

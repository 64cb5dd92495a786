use std::net::SocketAddr;

use tests::stack::{ALICE, PASSWORD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// So much is read at a time.
const PIECE: usize = 256 << 10;

/// A client that keeps nothing of what it reads but how much it was, so that the server is what is measured.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer was read and not yet looked at.
    unread: std::ops::Range<usize>,
}

/// What came back for a command.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Responses of `* n FETCH`.
    pub fetched: usize,
    /// Bytes in literals.
    pub octets: u64,
    /// What SEARCH found, or SORT or THREAD in their order.
    pub found: Vec<u32>,
    /// UIDVALIDITY and HIGHESTMODSEQ.
    pub state: (u32, u64),
}

impl Client {
    /// Logs in and selects a folder.
    pub async fn select(imap: SocketAddr, folder: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(imap).await.map_err(said)?;
        stream.set_nodelay(true).map_err(said)?;
        let mut client = Self { stream, buffer: vec![0; PIECE], unread: 0..0 };
        client.response(&mut Answer::default()).await?;
        client.command(&format!("LOGIN {ALICE} {PASSWORD}")).await?;
        client.command(&format!("SELECT {folder}")).await?;
        Ok(client)
    }

    /// Sends a command and reads its answer, which must be OK.
    pub async fn command(&mut self, command: &str) -> Result<Answer, String> {
        self.pipeline(format!("a {command}\r\n").as_bytes(), 1).await
    }

    /// Sends so many commands with the tag `a` at once, and reads their answers, all of which must be OK.
    pub async fn pipeline(&mut self, commands: &[u8], count: usize) -> Result<Answer, String> {
        self.stream.write_all(commands).await.map_err(said)?;
        let mut answer = Answer::default();
        for _ in 0..count {
            loop {
                let line = self.response(&mut answer).await?;
                if let Some(status) = line.strip_prefix(b"a ") {
                    if status.starts_with(b"OK") {
                        break;
                    }
                    return Err(String::from_utf8_lossy(&line).into_owned());
                }
            }
        }
        Ok(answer)
    }

    /// The end of the next response, behind all literals.
    async fn response(&mut self, answer: &mut Answer) -> Result<Vec<u8>, String> {
        let mut line = self.line().await?;
        answer.fetched += usize::from(line.starts_with(b"* ") && contains_fetch(&line));
        if let Some(numbers) = line.strip_prefix(b"* SEARCH") {
            let numbers = String::from_utf8_lossy(numbers);
            answer.found = numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        }
        for ordered in [&b"* SORT"[..], b"* THREAD"] {
            if let Some(numbers) = line.strip_prefix(ordered) {
                let numbers = String::from_utf8_lossy(numbers);
                answer.found = numbers.split([' ', '(', ')']).filter_map(|number| number.parse().ok()).collect();
            }
        }
        let code = |name: &str| {
            let text = String::from_utf8_lossy(&line).into_owned();
            text.strip_prefix(&format!("* OK [{name} "))?.split(']').next()?.parse::<u64>().ok()
        };
        if let Some(validity) = code("UIDVALIDITY") {
            answer.state.0 = u32::try_from(validity).unwrap_or_default();
        }
        if let Some(modseq) = code("HIGHESTMODSEQ") {
            answer.state.1 = modseq;
        }
        while let Some(size) = literal(&line) {
            answer.octets += size as u64;
            self.skip(size).await?;
            line = self.line().await?;
        }
        Ok(line)
    }

    async fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        loop {
            let unread = &self.buffer[self.unread.clone()];
            if let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                line.extend_from_slice(&unread[..end]);
                self.unread.start += end + 1;
                line.pop_if(|last| *last == b'\r');
                return Ok(line);
            }
            line.extend_from_slice(unread);
            self.read().await?;
        }
    }

    async fn skip(&mut self, mut size: usize) -> Result<(), String> {
        while size > self.unread.len() {
            size -= self.unread.len();
            self.read().await?;
        }
        self.unread.start += size;
        Ok(())
    }

    async fn read(&mut self) -> Result<(), String> {
        let count = self.stream.read(&mut self.buffer).await.map_err(said)?;
        self.unread = 0..count;
        if count == 0 { Err("the connection was closed".to_owned()) } else { Ok(()) }
    }
}

/// APPEND with its message, to be sent in one piece (RFC 7888).
pub fn append(folder: &str, arguments: &str, message: &[u8]) -> Vec<u8> {
    let line = format!("a APPEND {folder} {arguments} {{{}+}}\r\n", message.len());
    [line.as_bytes(), message, b"\r\n"].concat()
}

fn said(error: std::io::Error) -> String {
    error.to_string()
}

/// `* 12 FETCH …`
fn contains_fetch(line: &[u8]) -> bool {
    let rest = line[2..].iter().position(|byte| *byte == b' ').map(|at| &line[2 + at..]);
    rest.is_some_and(|rest| rest.starts_with(b" FETCH "))
}

/// The size of the literal that a line announces at its end.
fn literal(line: &[u8]) -> Option<usize> {
    let digits = line.strip_suffix(b"}")?;
    let open = digits.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&digits[open + 1..]).ok()?.parse().ok()
}

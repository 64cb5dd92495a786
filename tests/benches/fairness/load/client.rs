use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tests::smtp_client::plain_token;
use tests::stack::PASSWORD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::tally;

/// So much of the end of what came is looked at.
const TAIL: usize = 1024;
/// So much is read or written at a time.
const PIECE: usize = 64 << 10;

/// How fast a client reads.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    Full,
    /// So many bytes at a time, and then nothing for so long.
    Slow(usize, Duration),
}

/// A client that keeps nothing of what it reads.
pub struct Client {
    stream: TcpStream,
    pub pace: Pace,
}

impl Client {
    /// Connects from an address of this machine, and reads the greeting.
    pub async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((IpAddr::from(from), 0).into())?;
        let mut client = Self { stream: socket.connect(to).await?, pace: Pace::Full };
        client.line(|_| true).await?;
        Ok(client)
    }

    /// Connects and logs in.
    pub async fn imap(from: Ipv4Addr, to: SocketAddr, user: &str) -> io::Result<Self> {
        let mut client = Self::connect(from, to).await?;
        if client.command(&format!("LOGIN {user} {PASSWORD}")).await? { Ok(client) } else { Err(refused()) }
    }

    /// Connects, logs in and selects the inbox.
    pub async fn inbox(from: Ipv4Addr, to: SocketAddr, user: &str) -> io::Result<Self> {
        let mut client = Self::imap(from, to, user).await?;
        if client.command("SELECT INBOX").await? { Ok(client) } else { Err(refused()) }
    }

    /// Connects and logs in.
    pub async fn smtp(from: Ipv4Addr, to: SocketAddr, user: &str) -> io::Result<Self> {
        let mut client = Self::connect(from, to).await?;
        for line in ["EHLO load".to_owned(), format!("AUTH PLAIN {}", plain_token(user, PASSWORD))] {
            if !client.smtp_command(&line).await? {
                return Err(refused());
            }
        }
        Ok(client)
    }

    /// Sends an IMAP command and reads its answer: whether it was OK.
    pub async fn command(&mut self, command: &str) -> io::Result<bool> {
        self.write(format!("a {command}\r\n").as_bytes()).await?;
        self.answer().await
    }

    /// Reads the answer to the command with the tag `a`.
    pub async fn answer(&mut self) -> io::Result<bool> {
        Ok(self.line(|line| line.starts_with(b"a ")).await?.starts_with(b"a OK"))
    }

    /// Sends an SMTP command and reads its reply: whether it was positive.
    pub async fn smtp_command(&mut self, line: &str) -> io::Result<bool> {
        self.write(format!("{line}\r\n").as_bytes()).await?;
        Ok(self.line(|line| line.get(3) == Some(&b' ')).await?.starts_with(b"2"))
    }

    /// Sends a message: whether it was taken.
    pub async fn submit(&mut self, user: &str, message: &[u8]) -> io::Result<bool> {
        for line in [format!("MAIL FROM:<{user}>"), format!("RCPT TO:<{user}>")] {
            if !self.smtp_command(&line).await? {
                return Ok(false);
            }
        }
        self.write(b"DATA\r\n").await?;
        self.line(|line| line.starts_with(b"354")).await?;
        self.write(message).await?;
        self.smtp_command(".").await
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(PIECE) {
            self.stream.write_all(piece).await?;
            tally::written(piece.len());
        }
        Ok(())
    }

    /// Reads until the connection ends.
    pub async fn read_to_end(&mut self) -> io::Result<()> {
        self.line(|_| false).await.map(drop)
    }

    /// Reads until the last line that came is the one that is waited for. One command is under way at a time, so nothing comes
    /// behind that.
    async fn line(&mut self, is_last: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; PIECE];
        let mut tail: Vec<u8> = Vec::new();
        loop {
            let most = match self.pace {
                Pace::Full => buffer.len(),
                Pace::Slow(bytes, pause) => {
                    tokio::time::sleep(pause).await;
                    bytes.min(buffer.len())
                }
            };
            let count = self.stream.read(&mut buffer[..most]).await?;
            tally::read(count);
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            tail.extend_from_slice(&buffer[count.saturating_sub(TAIL)..count]);
            tail.drain(..tail.len().saturating_sub(TAIL));
            if let Some(lines) = tail.strip_suffix(b"\r\n") {
                let begin = lines.windows(2).rposition(|pair| pair == b"\r\n").map_or(0, |at| at + 2);
                if is_last(&lines[begin..]) {
                    return Ok(lines[begin..].to_vec());
                }
            }
        }
    }
}

fn refused() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

/// An address of this machine, another one for each number.
pub fn own_address(number: usize) -> Ipv4Addr {
    let [.., high, low] = (number as u32 + 256).to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

//! A small IMAP client for tests: sends a command, collects everything up to its tagged answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mapi_core::client::AnyCertificate;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::deflated::deflated;

/// How long an answer may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection.
pub struct ImapClient {
    stream: BufReader<Box<dyn Stream>>,
    next_tag: u32,
}

/// With TLS or without.
trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// What came back for a command.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Untagged responses, literals included, without the final CRLF.
    pub untagged: Vec<Vec<u8>>,
    /// The tagged response without its tag, e.g. `OK [READ-WRITE] …`.
    pub status: String,
}

impl Answer {
    /// Panics unless the command succeeded.
    pub fn ok(self) -> Self {
        assert!(self.status.starts_with("OK"), "{}", self.status);
        self
    }

    /// The untagged responses as text.
    pub fn lines(&self) -> Vec<String> {
        self.untagged.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    /// The first untagged response that contains `needle`.
    pub fn line(&self, needle: &str) -> Option<String> {
        self.lines().into_iter().find(|line| line.contains(needle))
    }
}

impl ImapClient {
    /// Connects and reads the greeting.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the IMAP listener accepts");
        Self::over(stream).await
    }

    /// Connects to a listener with TLS from the first byte, whatever certificate it has, and reads the greeting.
    pub async fn connect_tls(address: SocketAddr) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(provider)))
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await.expect("the IMAP listener accepts");
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("the handshake ends well");
        Self::over(tls).await
    }

    /// Connects from another address of this machine, such as 127.0.0.2, and reads the greeting.
    pub async fn connect_from(source: std::net::IpAddr, address: SocketAddr) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind((source, 0).into()).expect("an address of this machine");
        Self::over(socket.connect(address).await.expect("the IMAP listener accepts")).await
    }

    async fn over(stream: impl Stream + 'static) -> Self {
        let mut client = Self { stream: BufReader::new(Box::new(stream)), next_tag: 0 };
        let greeting = client.response().await;
        assert!(greeting.starts_with(b"* OK"), "{}", String::from_utf8_lossy(&greeting));
        client
    }

    /// Compresses the connection from now on (RFC 4978).
    pub async fn compressed(mut self) -> Self {
        self.command("COMPRESS DEFLATE").await.ok();
        Self { stream: BufReader::new(Box::new(deflated(self.stream))), ..self }
    }

    /// Connects and logs in.
    pub async fn login(address: SocketAddr, user: &str, password: &str) -> Self {
        let mut client = Self::connect(address).await;
        client.command(&format!("LOGIN {user} {password}")).await.ok();
        client
    }

    /// Connects and logs in, or tells why not: a `NO` is [`io::ErrorKind::PermissionDenied`] with its text.
    ///
    /// # Errors
    /// What the connection or the server says.
    pub async fn try_login(address: SocketAddr, user: &str, password: &str) -> io::Result<Self> {
        let mut client = Self { stream: BufReader::new(Box::new(TcpStream::connect(address).await?)), next_tag: 0 };
        client.read_response().await?;
        let answer = client.try_command(&format!("LOGIN {user} {password}")).await?;
        if answer.status.starts_with("OK") {
            Ok(client)
        } else {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, answer.status))
        }
    }

    /// Sends a command and collects its answer, unless the connection ends.
    ///
    /// # Errors
    /// What the connection says; [`io::ErrorKind::TimedOut`] if a response takes two minutes.
    pub async fn try_command(&mut self, command: &str) -> io::Result<Answer> {
        self.next_tag += 1;
        let tag = format!("t{}", self.next_tag);
        self.try_raw(format!("{tag} {command}\r\n").as_bytes()).await?;
        let mut untagged = Vec::new();
        loop {
            let response = tokio::time::timeout(PATIENCE, self.read_response()).await??;
            match response.strip_prefix(tag.as_bytes()) {
                Some(status) if status.starts_with(b" ") => {
                    return Ok(Answer { untagged, status: String::from_utf8_lossy(&status[1..]).into_owned() });
                }
                _ => untagged.push(response),
            }
        }
    }

    /// Idles until a response contains `needle`, at most for `patience`. Returns whether it came.
    ///
    /// # Errors
    /// What the connection says.
    pub async fn try_idle(&mut self, needle: &str, patience: Duration) -> io::Result<bool> {
        self.next_tag += 1;
        let tag = format!("t{}", self.next_tag);
        self.try_raw(format!("{tag} IDLE\r\n").as_bytes()).await?;
        let (mut came, mut asked) = (false, false);
        let end = tokio::time::Instant::now() + patience;
        while !asked || (!came && tokio::time::timeout_at(end, self.stream.fill_buf()).await.is_ok()) {
            let response = tokio::time::timeout(PATIENCE, self.read_response()).await??;
            asked |= response.starts_with(b"+") || response.starts_with(tag.as_bytes());
            came |= String::from_utf8_lossy(&response).contains(needle);
        }
        self.try_raw(b"DONE\r\n").await?;
        while !tokio::time::timeout(PATIENCE, self.read_response()).await??.starts_with(tag.as_bytes()) {}
        Ok(came)
    }

    /// Sends a command and collects its answer.
    pub async fn command(&mut self, command: &str) -> Answer {
        let tag = self.send(command).await;
        self.finish(&tag).await
    }

    /// Sends a command without waiting; returns its tag.
    pub async fn send(&mut self, command: &str) -> String {
        self.next_tag += 1;
        let tag = format!("t{}", self.next_tag);
        self.raw(format!("{tag} {command}\r\n").as_bytes()).await;
        tag
    }

    /// Sends bytes as they are.
    pub async fn raw(&mut self, bytes: &[u8]) {
        self.try_raw(bytes).await.expect("the server reads");
    }

    async fn try_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes).await?;
        self.stream.get_mut().flush().await
    }

    /// Collects the answer to the command with `tag`.
    pub async fn finish(&mut self, tag: &str) -> Answer {
        let mut untagged = Vec::new();
        loop {
            let response = self.response().await;
            match response.strip_prefix(tag.as_bytes()) {
                Some(status) if status.starts_with(b" ") => {
                    let status = String::from_utf8_lossy(&status[1..]).into_owned();
                    return Answer { untagged, status };
                }
                _ => untagged.push(response),
            }
        }
    }

    /// The next response, literals included, without its final CRLF. Panics if none comes in two minutes.
    pub async fn response(&mut self) -> Vec<u8> {
        let response = tokio::time::timeout(PATIENCE, self.read_response()).await.expect("a response in time");
        response.expect("the server writes")
    }

    async fn read_response(&mut self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            let start = out.len();
            let read = self.stream.read_until(b'\n', &mut out).await?;
            if read == 0 || out.last() != Some(&b'\n') {
                let so_far = format!("connection closed after {:?}", String::from_utf8_lossy(&out));
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, so_far));
            }
            let line = out[start..].strip_suffix(b"\r\n").expect("lines end with CRLF");
            match literal(line) {
                Some(size) => {
                    let mut bytes = vec![0; size];
                    self.stream.read_exact(&mut bytes).await?;
                    out.extend_from_slice(&bytes);
                }
                None => {
                    out.truncate(out.len() - 2);
                    return Ok(out);
                }
            }
        }
    }
}

/// What APPENDUID or COPYUID tells (RFC 4315 3): the UIDVALIDITY and the words behind it, `(7, ["1:2", "4:5"])` of
/// `OK [COPYUID 7 1:2 4:5] done`. The first one of this name in `response`.
pub fn uid_code<'a>(response: &'a str, name: &str) -> Option<(u32, Vec<&'a str>)> {
    let (_, rest) = response.split_once(&format!("[{name} "))?;
    let (code, _) = rest.split_once(']')?;
    let mut words = code.split(' ');
    let uid_validity = words.next()?.parse().ok()?;
    Some((uid_validity, words.collect()))
}

/// The size of the literal that `line` announces at its end.
fn literal(line: &[u8]) -> Option<usize> {
    let text = line.strip_suffix(b"}")?;
    let open = text.iter().rposition(|&b| b == b'{')?;
    std::str::from_utf8(&text[open + 1..]).ok()?.parse().ok()
}

/// The first literal of a response.
pub fn first_literal(response: &[u8]) -> Option<&[u8]> {
    let mut start = 0;
    while let Some(end) = response[start..].windows(2).position(|pair| pair == b"\r\n") {
        let line = &response[start..start + end];
        if let Some(size) = literal(line) {
            let from = start + end + 2;
            return response.get(from..from + size);
        }
        start += end + 2;
    }
    None
}

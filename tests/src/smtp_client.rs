//! A small SMTP client for tests.

use std::io;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A logged-in connection.
pub struct SmtpClient {
    stream: BufReader<TcpStream>,
}

impl SmtpClient {
    /// Connects without logging in.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the SMTP listener accepts");
        let mut client = Self { stream: BufReader::new(stream) };
        assert!(client.reply().await.starts_with("220"));
        client
    }

    /// Connects and logs in with AUTH PLAIN.
    pub async fn login(address: SocketAddr, user: &str, password: &str) -> Self {
        let mut client = Self::connect(address).await;
        client.expect("EHLO test", "250").await;
        client.expect(&format!("AUTH PLAIN {}", plain_token(user, password)), "235").await;
        client
    }

    /// Sends a message; panics unless it is taken.
    pub async fn send(&mut self, sender: &str, recipients: &[&str], message: &str) {
        self.expect(&format!("MAIL FROM:<{sender}>"), "250").await;
        for recipient in recipients {
            self.expect(&format!("RCPT TO:<{recipient}>"), "250").await;
        }
        self.expect("DATA", "354").await;
        self.expect(&format!("{message}\r\n."), "250").await;
    }

    /// Sends a message of any bytes, with dots doubled where they must be; panics unless it is taken.
    pub async fn send_bytes(&mut self, sender: &str, recipients: &[&str], message: &[u8]) {
        self.expect(&format!("MAIL FROM:<{sender}>"), "250").await;
        for recipient in recipients {
            self.expect(&format!("RCPT TO:<{recipient}>"), "250").await;
        }
        self.expect("DATA", "354").await;
        let mut stuffed = Vec::with_capacity(message.len() + 64);
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        let end: &[u8] = if stuffed.ends_with(b"\r\n") { b".\r\n" } else { b"\r\n.\r\n" };
        stuffed.extend_from_slice(end);
        self.stream.get_mut().write_all(&stuffed).await.expect("the server reads");
        let reply = self.reply().await;
        assert!(reply.starts_with("250"), "{reply}");
    }

    /// Sends a line and returns the reply.
    pub async fn command(&mut self, line: &str) -> String {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.expect("the server reads");
        self.reply().await
    }

    /// Sends a line; panics unless the reply begins with `code`.
    pub async fn expect(&mut self, line: &str, code: &str) -> String {
        let reply = self.command(line).await;
        assert!(reply.starts_with(code), "{line:.60}: {reply}");
        reply
    }

    async fn reply(&mut self) -> String {
        self.try_reply().await.expect("the server writes")
    }

    async fn try_reply(&mut self) -> io::Result<String> {
        let mut out = String::new();
        loop {
            let start = out.len();
            if self.stream.read_line(&mut out).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("connection closed after {out:?}")));
            }
            if out.as_bytes().get(start + 3) != Some(&b'-') {
                return Ok(out);
            }
        }
    }
}

/// Connects, logs in and sends a message. Returns the reply to the message, or the first one that refuses something.
///
/// # Errors
/// What the connection says: it is unknown whether the message was taken.
pub async fn try_submit(
    address: SocketAddr,
    (user, password): (&str, &str),
    recipient: &str,
    message: &str,
) -> io::Result<String> {
    let mut client = SmtpClient { stream: BufReader::new(TcpStream::connect(address).await?) };
    let lines = [
        String::new(),
        "EHLO test\r\n".to_owned(),
        format!("AUTH PLAIN {}\r\n", plain_token(user, password)),
        format!("MAIL FROM:<{user}>\r\n"),
        format!("RCPT TO:<{recipient}>\r\n"),
        "DATA\r\n".to_owned(),
        format!("{message}\r\n.\r\n"),
    ];
    let mut reply = String::new();
    for line in lines {
        client.stream.get_mut().write_all(line.as_bytes()).await?;
        reply = client.try_reply().await?;
        if !reply.starts_with(['2', '3']) {
            break;
        }
    }
    Ok(reply)
}

/// The initial response of AUTH PLAIN (RFC 4616).
pub fn plain_token(user: &str, password: &str) -> String {
    STANDARD.encode(format!("\0{user}\0{password}"))
}

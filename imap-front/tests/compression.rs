//! COMPRESS=DEFLATE (RFC 4978) over sockets.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use imap_front::server::{Server, ServerConfig};
use support::{Memory, Users};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A client that may compress.
struct Client {
    stream: TcpStream,
    deflate: Option<(Compress, Decompress)>,
    /// Bytes that came, as they came.
    received: usize,
    _stop: watch::Sender<bool>,
}

impl Client {
    async fn logged_in(store: Arc<Memory>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        let config = ServerConfig { allow_plaintext_auth: true, ..ServerConfig::default() };
        let server = Server::new(config, Arc::new(Users(store)));
        tokio::spawn(async move { server.serve(listener, stopping).await });
        let stream = TcpStream::connect(address).await.unwrap();
        let mut client = Self { stream, deflate: None, received: 0, _stop: stop };
        client.until("* OK ").await;
        let greeting = client.command("l", "LOGIN alice secret").await;
        assert!(greeting.contains("l OK"), "{greeting}");
        client
    }

    async fn compressed(store: Arc<Memory>) -> Self {
        let mut client = Self::logged_in(store).await;
        assert!(client.command("c", "COMPRESS DEFLATE").await.contains("c OK"));
        client.deflate = Some((Compress::new(Compression::best(), false), Decompress::new(false)));
        client
    }

    async fn send(&mut self, bytes: &[u8]) {
        match &mut self.deflate {
            None => self.stream.write_all(bytes).await.unwrap(),
            Some((deflate, _)) => {
                let mut out = Vec::with_capacity(bytes.len() + 1024);
                deflate.compress_vec(bytes, &mut out, FlushCompress::Sync).unwrap();
                self.stream.write_all(&out).await.unwrap();
            }
        }
    }

    async fn command(&mut self, tag: &str, command: &str) -> String {
        self.send(format!("{tag} {command}\r\n").as_bytes()).await;
        self.until(&format!("{tag} ")).await
    }

    /// Everything until a line that begins like this.
    async fn until(&mut self, start: &str) -> String {
        let mut text = Vec::new();
        let mut buffer = vec![0; 16 << 10];
        loop {
            let all = String::from_utf8_lossy(&text);
            if all.ends_with("\r\n") && (all.starts_with(start) || all.contains(&format!("\r\n{start}"))) {
                return all.into_owned();
            }
            let count = self.stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "closed before {start:?}: {all}");
            self.received += count;
            match &mut self.deflate {
                None => text.extend_from_slice(&buffer[..count]),
                Some((_, inflate)) => {
                    let before = inflate.total_in();
                    text.reserve(8 << 20);
                    inflate.decompress_vec(&buffer[..count], &mut text, FlushDecompress::Sync).unwrap();
                    assert_eq!(inflate.total_in() - before, count as u64);
                }
            }
        }
    }
}

fn with_mail() -> Arc<Memory> {
    let store = Memory::new();
    let text = "A line that is there many times.\r\n".repeat(30_000);
    store.folder("INBOX").deliver(format!("Subject: large\r\n\r\n{text}"));
    store
}

#[tokio::test]
async fn both_directions_are_compressed() {
    let mut client = Client::logged_in(with_mail()).await;
    assert!(client.command("a", "CAPABILITY").await.contains(" COMPRESS=DEFLATE"));
    assert!(client.command("b", "COMPRESS LZ4").await.contains("b BAD"));
    let mut client = Client::compressed(with_mail()).await;
    assert!(!client.command("a", "CAPABILITY").await.contains("COMPRESS"));
    assert!(client.command("b", "COMPRESS DEFLATE").await.contains("b NO [COMPRESSIONACTIVE]"));
    assert!(client.command("d", "SELECT INBOX").await.contains("d OK"));
    let before = client.received;
    let fetched = client.command("e", "FETCH 1 BODY.PEEK[]").await;
    assert!(fetched.len() > 1_000_000 && fetched.contains("many times.\r\n)"), "{}", fetched.len());
    assert!(client.received - before < 50_000, "{}", client.received - before);
    // A literal, and commands one behind the other.
    client.send(b"f SEARCH SUBJECT {5}\r\n").await;
    client.until("+ ").await;
    client.send(b"large\r\ng NOOP\r\nh NOOP\r\n").await;
    let found = client.until("h OK").await;
    assert!(found.contains("* SEARCH 1\r\n") && found.contains("g OK"), "{found}");
}

#[tokio::test]
async fn a_connection_goes_on_after_it_rested() {
    let mut client = Client::compressed(with_mail()).await;
    assert!(client.command("d", "SELECT INBOX").await.contains("d OK"));
    for number in 0..2 {
        // Longer than it takes to go to rest.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let tag = format!("n{number}");
        assert!(client.command(&tag, "UID FETCH 1 (FLAGS UID)").await.contains("FETCH (FLAGS"));
    }
    client.send(b"i IDLE\r\n").await;
    client.until("+ ").await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    client.send(b"DONE\r\n").await;
    client.until("i OK").await;
}

#[tokio::test]
async fn what_is_not_compressed_ends_the_connection() {
    let mut client = Client::logged_in(with_mail()).await;
    client.send(b"c COMPRESS DEFLATE\r\nn NOOP\r\n").await;
    client.until("c BAD").await;
    let mut rest = Vec::new();
    client.stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));

    let mut client = Client::compressed(with_mail()).await;
    client.stream.write_all(b"n NOOP\r\n").await.unwrap();
    let _ = client.stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_bomb_is_refused_as_a_long_line_is() {
    let mut client = Client::compressed(with_mail()).await;
    client.send(&vec![b'x'; 8 << 20]).await;
    client.send(b"\r\nn NOOP\r\n").await;
    let answer = client.until("* ").await;
    assert!(answer.contains("BAD") || answer.contains("BYE"), "{answer}");
}

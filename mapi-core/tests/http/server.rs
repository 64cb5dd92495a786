//! A scripted HTTP server: every connection is answered by hand, so that it can misbehave.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mapi_core::http::{ConnectResponse, encode_entity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub connection: usize,
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn kind(&self) -> &str {
        self.header("X-RequestType").unwrap_or("")
    }
}

/// One connection of the scripted server.
pub struct Peer {
    pub number: usize,
    stream: TcpStream,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Peer {
    /// The next request, or `None` when the client closed.
    pub async fn request(&mut self) -> Option<Seen> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.ok()?);
        }
        let text = String::from_utf8(head).expect("ASCII");
        let mut lines = text.trim_end().split("\r\n");
        let line = lines.next().expect("a request line").to_owned();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut seen = Seen { connection: self.number, line, headers, body: Vec::new() };
        let length = seen.header("Content-Length").map_or(0, |text| text.parse().expect("a number"));
        seen.body.resize(length, 0);
        self.stream.read_exact(&mut seen.body).await.ok()?;
        self.log.lock().expect("not poisoned").push(seen.clone());
        Some(seen)
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    /// Sends a whole answer with response code 0.
    pub async fn answer(&mut self, cookies: &str, body: &[u8]) {
        let entity = encode_entity(&[], body);
        let head = mapi_head(0, cookies);
        self.send(format!("{head}Content-Length: {}\r\n\r\n", entity.len()).as_bytes()).await;
        self.send(&entity).await;
    }

    /// Sends an answer of another status or response code.
    pub async fn refuse(&mut self, status: &str, headers: &str) {
        self.send(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 5\r\n\r\nsorry").as_bytes()).await;
    }

    /// Reads a request that must be a Connect, and accepts it.
    pub async fn accept_connect(&mut self) -> Option<Seen> {
        let seen = self.request().await?;
        assert_eq!(seen.kind(), "Connect");
        let body = ConnectResponse { display_name: "Alice".into(), ..ConnectResponse::default() }.encode();
        self.answer("Set-Cookie: sid=1\r\nSet-Cookie: sequence=1\r\n", &body).await;
        Some(seen)
    }
}

pub fn mapi_head(code: u32, cookies: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: {code}\r\nX-PendingPeriod: 30000\r\n{cookies}"
    )
}

/// Bytes as a chunk of a chunked body.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}

pub struct Server {
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers each connection with `script`.
    pub async fn start<F, R>(script: F) -> Self
    where
        F: Fn(Peer) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = log.clone();
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(script(Peer { number, stream, log: shared.clone() }));
                number += 1;
            }
        });
        Self { address, log }
    }

    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.log.lock().expect("not poisoned").clone()
    }
}

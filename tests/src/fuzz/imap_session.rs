use std::cell::RefCell;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flate2::write::{DeflateDecoder, DeflateEncoder};
use imap_front::frame::FrameLimits;
use imap_front::server::{Limits, Server, ServerConfig};
use imap_front::store::{MailStore, StoreError, UserStore};
use mail_core::listener::{Gate, GateLimits};
use mail_core::{Accepts, Credentials, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::cut;
use super::memory_store::{Memory, PASSWORD, USER, Users};

/// How long a connection may go on after the client said its last byte.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a connection of a few kilobytes, or a bomb in it, may be answered.
const MAX_ANSWER: usize = 256 << 20;

/// Whole connections, by the sockets. The first byte says how it begins: logged in, with a folder selected, and compressed well
/// or by whoever made the bytes; what follows is said in two pieces.
pub fn session(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else { return };
    SERVED.with_borrow_mut(|served| {
        let served = served.get_or_insert_with(Served::start);
        let talk = converse(served.address, kind, cut(data));
        let said = served.runtime.block_on(async { tokio::time::timeout(PATIENCE, talk).await });
        check(&said.expect("the connection ends soon after the client's last byte"));
    });
}

thread_local! {
    static SERVED: RefCell<Option<Served>> = const { RefCell::new(None) };
}

/// A server, which each login gives the same new mailbox.
struct Served {
    runtime: Runtime,
    address: SocketAddr,
    _running: watch::Sender<bool>,
}

impl Served {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (running, stop) = watch::channel(false);
        let address = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let server = Server::new(config(), Arc::new(NewMailboxes));
            tokio::spawn(async move { server.serve(listener, stop).await });
            address
        });
        Self { runtime, address, _running: running }
    }
}

fn config() -> ServerConfig {
    let small = FrameLimits { line: 8 << 10, literals: 8 << 10, append: 64 << 10, discard: 64 << 10 };
    let limits =
        Limits { login_failure_delay: Duration::ZERO, before_login: small, after_login: small, ..Limits::default() };
    let gate = Gate::new(GateLimits { total: 100, waiting_per_client: 100, ..GateLimits::default() });
    ServerConfig { allow_plaintext_auth: true, auth_login: true, limits, gate, ..ServerConfig::default() }
}

struct NewMailboxes;

#[async_trait]
impl MailStore for NewMailboxes {
    async fn login(&self, credentials: Credentials, peer: Peer) -> Result<Arc<dyn UserStore>, StoreError> {
        let memory = Memory::new();
        let inbox = memory.folder("INBOX");
        inbox.deliver("Subject: one\r\nFrom: a@example.test\r\n\r\nhello\r\n");
        inbox.deliver(
            "Subject: =?utf-8?q?tw=C3=B6?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n\
             Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody\r\n--b--\r\n",
        );
        memory.add("N/sub", None);
        Users(memory).login(credentials, peer).await
    }

    fn accepts(&self) -> Accepts {
        Accepts { passwords: true, tokens: true }
    }
}

/// What the server said, decompressed.
async fn converse(address: SocketAddr, kind: u8, pieces: [&[u8]; 2]) -> Vec<u8> {
    let socket = TcpStream::connect(address).await.expect("the server accepts");
    let (mut read, mut write) = socket.into_split();
    let mut said = Vec::new();
    if kind & 1 != 0 {
        let login = format!("f1 LOGIN {USER} {PASSWORD}\r\n");
        said.extend(answer(&mut read, &mut write, login.as_bytes(), "f1 ").await);
        if kind & 2 != 0 {
            said.extend(answer(&mut read, &mut write, b"f2 SELECT INBOX\r\n", "f2 ").await);
        }
    }
    let compressed = kind & 5 == 5;
    if compressed {
        said.extend(answer(&mut read, &mut write, b"f3 COMPRESS DEFLATE\r\n", "f3 ").await);
    }
    let mut deflater = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    let talk = async {
        for piece in pieces {
            let deflated = if compressed && kind & 8 != 0 {
                deflater.write_all(piece).expect("memory takes it");
                deflater.flush().expect("memory takes it");
                std::mem::take(deflater.get_mut())
            } else {
                piece.to_vec()
            };
            // A server that hung up takes nothing more, and has said what it had to.
            if write.write_all(&deflated).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = write.shutdown().await;
    };
    let mut rest = Vec::new();
    let hear = async {
        let mut piece = vec![0; 64 << 10];
        while let Ok(count @ 1..) = read.read(&mut piece).await {
            rest.extend_from_slice(&piece[..count]);
            assert!(rest.len() <= MAX_ANSWER, "answers without end");
        }
    };
    tokio::join!(talk, hear);
    if compressed {
        let mut inflater = DeflateDecoder::new(said);
        inflater.write_all(&rest).expect("the server writes deflate");
        inflater.flush().expect("the server writes deflate");
        said = std::mem::take(inflater.get_mut());
    } else {
        said.extend(rest);
    }
    said
}

/// Says a command and gives what was said up to its answer.
async fn answer(
    read: &mut (impl AsyncReadExt + Unpin),
    write: &mut (impl AsyncWriteExt + Unpin),
    command: &[u8],
    tag: &str,
) -> Vec<u8> {
    write.write_all(command).await.expect("the server reads");
    let mut said = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&said);
        if text.lines().any(|line| line.starts_with(tag)) && text.ends_with("\r\n") {
            assert!(text.contains(&format!("{tag}OK")), "{text}");
            return said;
        }
        let mut piece = [0; 4096];
        let count = read.read(&mut piece).await.expect("the server answers");
        assert!(count > 0, "the server hung up: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&piece[..count]);
    }
}

/// Panics unless these are whole responses (RFC 9051 9): untagged, for the client to go on, or tagged with a status.
fn check(mut said: &[u8]) {
    while !said.is_empty() {
        let (beginning, mut line);
        (beginning, said) = line_of(said);
        line = beginning;
        let tagged = || {
            let status = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
            [&b"OK"[..], b"NO", b"BAD"].contains(&status)
        };
        let whole = line.starts_with(b"* ") || line.starts_with(b"+ ") || tagged();
        assert!(whole, "no response: {}", String::from_utf8_lossy(line));
        while let Some(size) = literal(line) {
            assert!(size <= said.len(), "a literal of {size} bytes, of which {} came", said.len());
            (line, said) = line_of(&said[size..]);
        }
    }
}

fn line_of(said: &[u8]) -> (&[u8], &[u8]) {
    let end = said.windows(2).position(|pair| pair == b"\r\n").expect("lines are whole");
    let line = &said[..end];
    assert!(!line.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')), "{}", String::from_utf8_lossy(line));
    (line, &said[end + 2..])
}

/// The size of the literal that a line ends with.
fn literal(line: &[u8]) -> Option<usize> {
    let digits = line.strip_suffix(b"}")?;
    let at = digits.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&digits[at + 1..]).ok()?.parse().ok()
}

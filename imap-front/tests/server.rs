//! The server over sockets.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use imap_front::server::{Limits, Server, ServerConfig};
use imap_front::store::{FolderStore, StoreError};
use mail_core::FetchNeed;
use mail_core::listener::{Gate, GateLimits, TlsMode};
use mail_core::work::{BudgetLimits, ByteBudget};
use support::{Memory, Users};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn start(config: ServerConfig, store: Arc<Memory>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopping) = watch::channel(false);
    let server = Server::new(config, Arc::new(Users(store)));
    let task = tokio::spawn(async move { server.serve(listener, stopping).await });
    Running { address, stop, task }
}

fn plaintext() -> ServerConfig {
    ServerConfig { allow_plaintext_auth: true, ..ServerConfig::default() }
}

struct Client<S> {
    stream: BufReader<S>,
}

impl Client<TcpStream> {
    async fn connect(server: &Running) -> Self {
        Self { stream: BufReader::new(TcpStream::connect(server.address).await.unwrap()) }
    }

    async fn logged_in(server: &Running) -> Self {
        let mut client = Self::connect(server).await;
        client.until("* OK ").await;
        client.say("l LOGIN alice secret\r\n").await;
        client.until("l OK ").await;
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn say(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
        self.stream.get_mut().flush().await.unwrap();
    }

    /// Everything up to and with the line that begins like this.
    async fn until(&mut self, start: &str) -> String {
        let mut text = String::new();
        loop {
            let before = text.len();
            let read = self.stream.read_line(&mut text).await.unwrap();
            assert_ne!(read, 0, "closed before {start:?}: {text}");
            if text[before..].starts_with(start) {
                return text;
            }
        }
    }

    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset is an end, too.
        let _ = self.stream.read_to_end(&mut bytes).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn tls() -> (Arc<rustls::ServerConfig>, TlsConnector) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), TlsConnector::from(Arc::new(client)))
}

#[tokio::test]
async fn new_mail_is_pushed_into_idle() {
    let store = Memory::new();
    let server = start(plaintext(), store.clone()).await;
    let mut client = Client::logged_in(&server).await;
    client.say("a SELECT INBOX\r\nb IDLE\r\n").await;
    client.until("+ ").await;
    store.folder("INBOX").deliver("Subject: x\r\n\r\n");
    client.until("* 1 EXISTS").await;
    store.folder("INBOX").deliver("Subject: y\r\n\r\n");
    client.until("* 2 EXISTS").await;
    client.say("DONE\r\nc UID FETCH 2 BODY.PEEK[]\r\nd LOGOUT\r\n").await;
    let rest = client.rest().await;
    assert!(rest.contains("b OK IDLE completed\r\n* 2 FETCH (UID 2 BODY[] {14}\r\nSubject: y\r\n\r\n)\r\n"), "{rest}");
    assert!(rest.ends_with("d OK LOGOUT completed\r\n"), "{rest}");
}

#[tokio::test]
async fn a_folder_that_vanishes_ends_the_session() {
    let store = Memory::new();
    let server = start(plaintext(), store.clone()).await;
    let mut client = Client::logged_in(&server).await;
    client.say("a SELECT INBOX\r\n").await;
    client.until("a OK").await;
    store.folder("INBOX").vanish();
    assert!(client.rest().await.starts_with("* BYE "));
}

#[tokio::test]
async fn commands_before_the_end_of_input_are_answered() {
    let server = start(plaintext(), Memory::new()).await;
    let mut client = Client::connect(&server).await;
    client.say("a LOGIN alice secret\r\nb LIST \"\" *\r\n").await;
    client.stream.get_mut().shutdown().await.unwrap();
    assert!(client.rest().await.ends_with("b OK LIST completed\r\n"));
}

#[tokio::test]
async fn tls_from_the_first_byte() {
    let (config, connector) = tls();
    let server = start(ServerConfig { tls: TlsMode::Implicit(config), ..ServerConfig::default() }, Memory::new()).await;
    let socket = TcpStream::connect(server.address).await.unwrap();
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap();
    let mut client = Client { stream: BufReader::new(stream) };
    assert!(client.until("* OK").await.contains("AUTH=PLAIN"));
    client.say("a LOGIN alice secret\r\n").await;
    client.until("a OK").await;
}

#[tokio::test]
async fn starttls() {
    let (config, connector) = tls();
    let config = ServerConfig { tls: TlsMode::StartTls(config), ..ServerConfig::default() };
    let server = start(config, Memory::new()).await;
    let mut client = Client::connect(&server).await;
    assert!(client.until("* OK").await.contains("STARTTLS LOGINDISABLED"));
    client.say("a STARTTLS\r\n").await;
    client.until("a OK").await;
    let socket = client.stream.into_inner();
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap();
    let mut client = Client { stream: BufReader::new(stream) };
    client.say("b LOGIN alice secret\r\n").await;
    client.until("b OK").await;

    let mut client = Client::connect(&server).await;
    client.until("* OK").await;
    client.say("a STARTTLS\r\nb NOOP\r\n").await;
    let rest = client.rest().await;
    assert!(rest.starts_with("a BAD ") && !rest.contains("b OK"), "{rest}");
}

#[tokio::test]
async fn connections_are_bounded() {
    let gate = Gate::new(GateLimits { total: 3, waiting_per_client: 2, ..GateLimits::default() });
    let server = start(ServerConfig { gate, ..plaintext() }, Memory::new()).await;
    let mut first = Client::connect(&server).await;
    first.until("* OK").await;
    let mut second = Client::connect(&server).await;
    second.until("* OK").await;
    // Two of this address have not logged in: the older one goes for the next.
    let mut next = Client::connect(&server).await;
    next.until("* OK").await;
    assert!(first.rest().await.starts_with("* BYE [LIMIT]"));
    let mut first = next;
    first.say("a LOGIN alice secret\r\n").await;
    first.until("a OK").await;
    let mut third = Client::connect(&server).await;
    third.until("* OK").await;
    second.say("a LOGIN alice secret\r\n").await;
    second.until("a OK").await;
    // Three in all: one that has not logged in goes for the next one.
    let mut fourth = Client::connect(&server).await;
    assert!(third.rest().await.starts_with("* BYE [LIMIT]"));
    fourth.say("a LOGIN alice secret\r\n").await;
    fourth.until("a OK").await;
    assert!(Client::connect(&server).await.rest().await.starts_with("* BYE [LIMIT]"));
    second.say("b LOGOUT\r\n").await;
    second.rest().await;
    Client::connect(&server).await.until("* OK").await;
}

#[tokio::test]
async fn login_takes_no_longer_than_allowed() {
    let limits = Limits { login_timeout: Duration::from_millis(20), ..Limits::default() };
    let server = start(ServerConfig { limits, ..plaintext() }, Memory::new()).await;
    let mut client = Client::connect(&server).await;
    assert!(client.rest().await.ends_with("* BYE Login took too long\r\n"));
}

#[tokio::test]
async fn a_client_that_reads_nothing_gets_no_more_messages() {
    const MESSAGES: usize = 100;
    let store = Memory::new();
    let message = format!("Subject: x\r\n\r\n{}", "x".repeat(1 << 20));
    let message = bytes::Bytes::from(message);
    for _ in 0..MESSAGES {
        store.folder("INBOX").deliver(message.clone());
    }
    let config = ServerConfig { write_timeout: Duration::from_millis(100), ..plaintext() };
    let server = start(config, store.clone()).await;
    let mut client = Client::logged_in(&server).await;
    client.say("a SELECT INBOX\r\nb FETCH 1:* BODY.PEEK[]\r\n").await;
    // The server gives up, so it can stop although the client still has the connection.
    while store.pulled.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    server.stop.send(true).unwrap();
    server.task.await.unwrap();
    let pulled = store.pulled.load(Ordering::Relaxed);
    assert!((1..MESSAGES / 2).contains(&pulled), "{pulled}");
}

#[tokio::test]
async fn stopping_says_goodbye() {
    let server = start(plaintext(), Memory::new()).await;
    let mut client = Client::logged_in(&server).await;
    client.say("a SELECT INBOX\r\nb IDLE\r\n").await;
    client.until("+ ").await;
    server.stop.send(true).unwrap();
    assert_eq!(client.rest().await, "* BYE [UNAVAILABLE] Server shutting down\r\n");
    server.task.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn what_is_put_in_order_holds_memory_until_it_is_answered() {
    let store = Memory::new();
    let subject = "x".repeat(8000);
    store.folder("INBOX").deliver_all((0..300).map(|number| format!("Subject: {subject} {number}\r\n\r\n")));
    let limits = BudgetLimits { total: 2 << 20, per_owner: 1 << 20, patience: Duration::from_millis(50) };
    let budget = ByteBudget::new(limits);
    let server = start(ServerConfig { budget: budget.clone(), ..plaintext() }, store).await;
    let mut client = Client::logged_in(&server).await;
    client.say("s SELECT INBOX\r\n").await;
    client.until("s OK ").await;
    // 2.4 MB of texts.
    client.say("a SORT (SUBJECT) UTF-8 ALL\r\n").await;
    let answer = client.until("a ").await;
    assert!(answer.starts_with("a NO [LIMIT] "), "{answer}");
    client.say("b SORT (SUBJECT) UTF-8 1:40\r\n").await;
    assert!(client.until("b OK ").await.starts_with("* SORT 1 2 11 12 13 "));
    client.say("c NOOP\r\n").await;
    client.until("c OK ").await;
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn several_large_messages_come_one_behind_the_other() {
    let store = Memory::new();
    store.add("Work", None);
    let server = start(plaintext(), store.clone()).await;
    let mut client = Client::logged_in(&server).await;
    client.say("s SELECT INBOX\r\n").await;
    client.until("s OK ").await;
    let message = |number: usize| format!("Subject: {number}\r\n\r\n{}", number.to_string().repeat(200_000 * number));
    let literals = |count| -> String {
        (1..=count).map(message).map(|message| format!(" {{{}+}}\r\n{message}", message.len())).collect()
    };
    client.say(&format!("a APPEND Work{}\r\n", literals(3))).await;
    let answer = client.until("a ").await;
    assert!(answer.ends_with("a OK [APPENDUID 7 1:3] APPEND completed\r\n"), "{answer}");
    let work = store.folder("Work");
    let stored = work.fetch(vec![1, 2, 3], FetchNeed::Full).await.unwrap().collect::<Vec<_>>().await;
    for (uid, stored) in stored {
        let stored = stored.unwrap().content.into_message();
        assert!(*stored.bytes() == *message(uid as usize).as_bytes(), "{uid}");
    }
    // What is taken back is not in the selected mailbox, which stays selected.
    *work.fail_append_after.lock().unwrap() = Some((2, StoreError::OverQuota("full".to_owned())));
    client.say(&format!("b APPEND Work{}\r\nc FETCH 1 FLAGS\r\nd NOOP\r\n", literals(3))).await;
    let answer = client.until("d OK ").await;
    assert!(answer.contains("b NO [OVERQUOTA] full\r\n"), "{answer}");
    assert!(answer.contains("c BAD No message with that number\r\n"), "{answer}");
    assert_eq!(work.messages().iter().map(|row| row.uid).collect::<Vec<_>>(), [1, 2, 3]);
    // What is refused in the middle leaves nothing for the next command.
    client.say(&format!("e APPEND Work{} {{99999999}}\r\nf APPEND Work {{4+}}\r\nA: b\r\n", literals(2))).await;
    let answer = client.until("f OK ").await;
    assert!(answer.contains("e NO [TOOBIG] message too large\r\n"), "{answer}");
    assert_eq!(work.messages().last().unwrap().size, Some(4));
}

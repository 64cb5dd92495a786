//! The server over real sockets and real TLS.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mail_core::listener::{Gate, GateLimits, TlsMode};
use mail_core::spool::SpooledMessage;
use mail_core::work::Owner;
use mail_core::{Credentials, Peer, Secret};
use secrecy::ExposeSecret;
use smtp_front::server::{Server, ServerConfig};
use smtp_front::session::Policy;
use smtp_front::submit::{Departure, Envelope, Submit, SubmitError, Submitter};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, RootCertStore};

/// A backend that knows `alice`/`demo`, keeps what it is given, and takes a message only when `gate` allows it.
#[derive(Clone, Default)]
struct Backend {
    peers: Arc<Mutex<Vec<Peer>>>,
    messages: Arc<Mutex<Vec<(Envelope, SpooledMessage)>>>,
    arrived: Arc<Notify>,
    gate: Option<Arc<Notify>>,
}

#[async_trait]
impl Submit for Backend {
    async fn login(&self, credentials: Credentials, peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        self.peers.lock().unwrap().push(peer);
        match credentials.secret {
            Secret::Password(password) if credentials.user == "alice" && password.expose_secret() == "demo" => {
                Ok(Arc::new(self.clone()))
            }
            _ => Err(SubmitError::AuthenticationFailed),
        }
    }

    async fn guest(&self, peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        self.peers.lock().unwrap().push(peer);
        if peer.address.ip().to_string() == "192.0.2.7" {
            return Ok(Arc::new(self.clone()));
        }
        Err(SubmitError::AuthenticationRequired)
    }
}

#[async_trait]
impl Submitter for Backend {
    fn owner(&self) -> Owner {
        Owner::new("somebody")
    }

    async fn submit(
        &self,
        envelope: Envelope,
        message: SpooledMessage,
        departure: &Departure,
    ) -> Result<(), SubmitError> {
        assert!(departure.begin(), "the client is there");
        self.arrived.notify_one();
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        self.messages.lock().unwrap().push((envelope, message));
        Ok(())
    }
}

struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn start(config: ServerConfig, backend: &Backend) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopping) = watch::channel(false);
    let server = Server::new(config, Arc::new(backend.clone()));
    let task = tokio::spawn(async move { server.serve(listener, stopping).await });
    Running { address, stop, task }
}

fn policy() -> Policy {
    Policy { hostname: "mx.test".to_owned(), ..Policy::default() }
}

/// A self-signed certificate and a client that trusts it.
fn tls() -> (Arc<rustls::ServerConfig>, TlsConnector) {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let private = PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
    let server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], private)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (Arc::new(server), TlsConnector::from(Arc::new(client)))
}

async fn secure(connector: &TlsConnector, stream: TcpStream) -> TlsStream<TcpStream> {
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}

/// Reads one reply, however many lines it has.
async fn reply<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut text = Vec::new();
    loop {
        let last = text.split(|byte| *byte == b'\n').rev().nth(1);
        if text.ends_with(b"\r\n") && last.is_some_and(|line| line.get(3) != Some(&b'-')) {
            return String::from_utf8(text).unwrap();
        }
        text.push(stream.read_u8().await.unwrap());
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, line: &str) -> String {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    reply(stream).await
}

async fn send_one<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    assert!(say(stream, "EHLO client").await.contains("250-AUTH PLAIN LOGIN\r\n"));
    assert_eq!(say(stream, "AUTH PLAIN AGFsaWNlAGRlbW8=").await, "235 2.7.0 Authentication succeeded\r\n");
    assert_eq!(say(stream, "MAIL FROM:<alice@example.test>").await, "250 2.1.0 Sender OK\r\n");
    assert_eq!(say(stream, "RCPT TO:<bob@example.test>").await, "250 2.1.5 Recipient OK\r\n");
    assert!(say(stream, "DATA").await.starts_with("354 "));
    let body = "0123456789abcde\r\n".repeat(60_000);
    assert_eq!(say(stream, &format!("Subject: x\r\n\r\n{body}.")).await, "250 2.0.0 Message accepted\r\n");
    assert_eq!(say(stream, "QUIT").await, "221 2.0.0 Bye\r\n");
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "closed, and cleanly");
}

#[tokio::test]
async fn starttls_login_and_a_megabyte() {
    let backend = Backend::default();
    let (tls, connector) = tls();
    let server =
        start(ServerConfig { tls: TlsMode::StartTls(tls), policy: policy(), ..Default::default() }, &backend).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(reply(&mut stream).await, "220 mx.test ESMTP ready\r\n");
    let ehlo = say(&mut stream, "EHLO client").await;
    assert!(ehlo.contains("250-STARTTLS\r\n") && !ehlo.contains("AUTH"));
    assert_eq!(say(&mut stream, "STARTTLS").await, "220 2.0.0 Ready to start TLS\r\n");
    let mut stream = secure(&connector, stream).await;
    send_one(&mut stream).await;
    assert_eq!(backend.messages.lock().unwrap()[0].1.len(), 14 + 60_000 * 17);
    assert!(backend.peers.lock().unwrap()[0].encrypted);
    server.stop.send(true).unwrap();
    server.task.await.unwrap();
}

#[tokio::test]
async fn implicit_tls() {
    let backend = Backend::default();
    let (tls, connector) = tls();
    let server =
        start(ServerConfig { tls: TlsMode::Implicit(tls), policy: policy(), ..Default::default() }, &backend).await;
    let mut stream = secure(&connector, TcpStream::connect(server.address).await.unwrap()).await;
    assert_eq!(reply(&mut stream).await, "220 mx.test ESMTP ready\r\n");
    send_one(&mut stream).await;
    assert_eq!(backend.messages.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn plaintext_behind_starttls_does_not_cross_into_tls() {
    let (tls, _) = tls();
    let config = ServerConfig { tls: TlsMode::StartTls(tls), policy: policy(), ..Default::default() };
    let server = start(config, &Backend::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    reply(&mut stream).await;
    stream.write_all(b"EHLO c\r\nSTARTTLS\r\nEHLO evil\r\nAUTH PLAIN AGFsaWNlAGRlbW8=\r\n").await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("\r\n554 5.5.1 Nothing may follow STARTTLS before the handshake\r\n"), "{rest}");
}

#[tokio::test]
async fn a_silent_client_is_sent_away() {
    let policy = Policy { login_time: Duration::from_millis(50), ..policy() };
    let server = start(ServerConfig { policy, ..Default::default() }, &Backend::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    reply(&mut stream).await;
    assert_eq!(reply(&mut stream).await, "421 4.4.2 Timeout, closing connection\r\n");
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn connections_are_bounded() {
    let gate = Gate::new(GateLimits { total: 9, per_client: 1, ..GateLimits::default() });
    let policy = Policy { allow_plaintext_auth: true, ..policy() };
    let config = ServerConfig { policy, gate, ..Default::default() };
    let server = start(config, &Backend::default()).await;
    let too_many = "421 4.7.0 Too many connections, try again later\r\n";
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    reply(&mut silent).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    assert!(reply(&mut first).await.starts_with("220 "));
    assert_eq!(reply(&mut silent).await, too_many, "who has not logged in goes for the next");
    say(&mut first, "EHLO c").await;
    say(&mut first, "AUTH PLAIN AGFsaWNlAGRlbW8=").await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(reply(&mut second).await, too_many);
    say(&mut first, "QUIT").await;
    assert_eq!(first.read(&mut [0]).await.unwrap(), 0);
    drop(first);
    // The server makes room when its side is done, which may be a moment later.
    loop {
        let mut third = TcpStream::connect(server.address).await.unwrap();
        if reply(&mut third).await.starts_with("220 ") {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn stopping_lets_a_submission_end() {
    let gate = Arc::new(Notify::new());
    let backend = Backend { gate: Some(Arc::clone(&gate)), ..Backend::default() };
    let policy = Policy { allow_plaintext_auth: true, ..policy() };
    let server = start(ServerConfig { policy, ..Default::default() }, &backend).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    reply(&mut idle).await;
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    reply(&mut busy).await;
    for line in ["EHLO c", "AUTH PLAIN AGFsaWNlAGRlbW8=", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"] {
        say(&mut busy, line).await;
    }
    busy.write_all(b"x\r\n.\r\n").await.unwrap();
    backend.arrived.notified().await;
    server.stop.send(true).unwrap();
    assert_eq!(reply(&mut idle).await, "421 4.3.2 Server is shutting down\r\n");
    gate.notify_one();
    assert_eq!(reply(&mut busy).await, "250 2.0.0 Message accepted\r\n");
    assert_eq!(reply(&mut busy).await, "421 4.3.2 Server is shutting down\r\n");
    server.task.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
    assert_eq!(backend.messages.lock().unwrap().len(), 1);
}

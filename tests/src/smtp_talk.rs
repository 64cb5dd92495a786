//! SMTP dialogues to the byte: a server with a backend that keeps what it is given, and a client that says what the script
//! has, right or wrong.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mail_core::spool::SpooledMessage;
use mail_core::work::Owner;
use mail_core::{Credentials, Peer, Secret};
use rustls::pki_types::PrivateKeyDer;
use secrecy::ExposeSecret;
use smtp_front::server::{Server, ServerConfig};
use smtp_front::session::Policy;
use smtp_front::submit::{Departure, Envelope, Submit, SubmitError, Submitter};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsConnector;

/// What was submitted.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The envelope.
    pub envelope: Envelope,
    /// The message.
    pub message: Vec<u8>,
    /// Whether it came in a file.
    pub spooled: bool,
}

/// A backend that takes everything and keeps nothing.
pub struct Sink;

#[async_trait]
impl Submit for Sink {
    async fn login(&self, _credentials: Credentials, _peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl Submitter for Sink {
    fn owner(&self) -> Owner {
        Owner::new("somebody")
    }

    async fn submit(
        &self,
        _envelope: Envelope,
        _message: SpooledMessage,
        departure: &Departure,
    ) -> Result<(), SubmitError> {
        assert!(departure.begin(), "the client is there");
        Ok(())
    }
}

/// A backend that knows the user `alice` with the password `demo`, and lets those in without a login whose addresses begin
/// with a given text.
#[derive(Clone, Default)]
pub struct Backend {
    guests: &'static str,
    submitted: Arc<Mutex<Vec<Submitted>>>,
    arrived: Arc<Notify>,
}

impl Backend {
    /// What was submitted so far.
    pub fn submitted(&self) -> Vec<Submitted> {
        self.submitted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until something was submitted.
    pub async fn arrival(&self) -> Submitted {
        loop {
            if let Some(last) = self.submitted().pop() {
                return last;
            }
            self.arrived.notified().await;
        }
    }
}

#[async_trait]
impl Submit for Backend {
    async fn login(&self, credentials: Credentials, _peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        match credentials.secret {
            Secret::Password(password) if credentials.user == "alice" && password.expose_secret() == "demo" => {
                Ok(Arc::new(self.clone()))
            }
            _ => Err(SubmitError::AuthenticationFailed),
        }
    }

    async fn guest(&self, peer: Peer) -> Result<Arc<dyn Submitter>, SubmitError> {
        if !self.guests.is_empty() && peer.address.ip().to_string().starts_with(self.guests) {
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
        let spooled = message.is_spooled();
        let message = message.into_bytes().map_err(|error| SubmitError::Internal(error.to_string()))?.to_vec();
        let mut submitted = self.submitted.lock().unwrap_or_else(PoisonError::into_inner);
        submitted.push(Submitted { envelope, message, spooled });
        self.arrived.notify_one();
        Ok(())
    }
}

/// A server for dialogues. It ends with the value.
pub struct TalkServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its backend.
    pub backend: Backend,
    _stop: watch::Sender<bool>,
}

impl TalkServer {
    /// A server that lets clients in without a login whose addresses begin with `guests`; nobody if it is empty.
    pub async fn start(config: ServerConfig, guests: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopping) = watch::channel(false);
        let backend = Backend { guests, ..Backend::default() };
        let server = Server::new(config, Arc::new(backend.clone()));
        tokio::spawn(async move { server.serve(listener, stopping).await });
        Self { address, backend, _stop: stop }
    }

    /// A client that has read the greeting.
    pub async fn talk(&self) -> Talk<TcpStream> {
        let mut talk = self.connect().await;
        talk.hears("220 ").await;
        talk
    }

    /// A client that has only connected.
    pub async fn connect(&self) -> Talk<TcpStream> {
        Talk::new(TcpStream::connect(self.address).await.expect("the server listens"))
    }
}

/// The policy of servers for dialogues: passwords are taken without TLS.
pub fn policy() -> Policy {
    Policy { hostname: "mx.test".to_owned(), allow_plaintext_auth: true, ..Policy::default() }
}

/// TLS for a server with a self-signed certificate of `localhost`, and a client that trusts it.
pub fn tls() -> (Arc<rustls::ServerConfig>, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a key that fits");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), TlsConnector::from(Arc::new(client)))
}

/// A client's side of a connection.
pub struct Talk<S> {
    stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    /// Talks over a connection.
    pub fn new(stream: S) -> Self {
        Self { stream }
    }

    /// The connection.
    pub fn into_stream(self) -> S {
        self.stream
    }

    /// Sends bytes as they are.
    pub async fn sends(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("the server reads");
        self.stream.flush().await.expect("the server reads");
    }

    /// Reads one reply, however many lines it has; panics unless it begins with `start`.
    pub async fn hears(&mut self, start: &str) -> String {
        let mut text = Vec::new();
        loop {
            let last = text.split(|byte| *byte == b'\n').rev().nth(1);
            if text.ends_with(b"\r\n") && last.is_some_and(|line| line.get(3) != Some(&b'-')) {
                break;
            }
            let mut byte = [0];
            let count = self.stream.read(&mut byte).await.expect("the server writes");
            assert!(count == 1, "expected {start:?}, the server closed after {:?}", String::from_utf8_lossy(&text));
            text.push(byte[0]);
        }
        let text = String::from_utf8(text).expect("replies are ASCII");
        assert!(text.starts_with(start), "expected {start:?}, heard {text:?}");
        text
    }

    /// Sends a line and reads one reply, which begins with `start`.
    pub async fn says(&mut self, line: &str, start: &str) -> String {
        self.sends(format!("{line}\r\n")).await;
        self.hears(start).await
    }

    /// Logs in as `alice`.
    pub async fn logs_in(&mut self) {
        self.says("EHLO client", "250-").await;
        self.says("AUTH PLAIN AGFsaWNlAGRlbW8=", "235 2.7.0 ").await;
    }

    /// MAIL, RCPT and DATA; the content comes next.
    pub async fn begins(&mut self) {
        self.says("MAIL FROM:<alice@example.test>", "250 2.1.0 ").await;
        self.says("RCPT TO:<bob@example.test>", "250 2.1.5 ").await;
        self.says("DATA", "354 ").await;
    }

    /// Nothing more comes, and the server closes.
    pub async fn hears_the_end(&mut self) {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
}

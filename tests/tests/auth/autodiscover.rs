//! Autodiscover through the whole gateway: how often it is asked, that mailboxes which move are found again, and that a hostile
//! one gets no password sent elsewhere.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use exchange_sandbox::{Fault, FaultKind, Requests, RunningSandbox, Sandbox};
use gateway::config::Config;
use gateway::service::Service;
use mapi_core::ErrorCode;
use mapi_core::autodiscover::{AutodiscoverAnswer, MailboxSettings, ProtocolUrls};
use mapi_core::http::RequestType;
use tempfile::TempDir;
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, PLAIN_LISTENERS};
use tests::trace_log;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that gives every request the same answer, and remembers what it was sent.
struct Scripted {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (answer, seen) = (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new(Vec::new())));
        let scripted = Self { address, answer: Arc::clone(&answer), seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&seen)));
            }
        });
        scripted
    }

    /// From now on: what a server says.
    fn says(&self, answer: &AutodiscoverAnswer) {
        let body = answer.encode();
        *self.answer.lock().expect("not poisoned") = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
    }

    fn redirects(&self, to: &str) {
        *self.answer.lock().expect("not poisoned") =
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }

    fn requests(&self) -> Vec<String> {
        self.seen.lock().expect("not poisoned").clone()
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<Mutex<String>>, seen: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        request.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let announced = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= announced.unwrap_or(0) {
                break;
            }
        }
    }
    seen.lock().expect("not poisoned").push(String::from_utf8_lossy(&request).into_owned());
    let answer = answer.lock().expect("not poisoned").clone();
    drop(stream.write_all(answer.as_bytes()).await);
}

async fn sandbox() -> RunningSandbox {
    let builder = Sandbox::builder().user(ALICE, PASSWORD, "Alice Example");
    builder.start((Ipv4Addr::LOCALHOST, 0).into()).await.expect("it starts")
}

fn settings_of(sandbox: &RunningSandbox) -> AutodiscoverAnswer {
    AutodiscoverAnswer::Settings(Box::new(MailboxSettings {
        legacy_dn: sandbox.user(ALICE).expect("a user").legacy_dn,
        emsmdb: ProtocolUrls::both(sandbox.emsmdb_url(ALICE).expect("a user")),
        nspi: ProtocolUrls::both(sandbox.nspi_url(ALICE).expect("a user")),
        ..MailboxSettings::default()
    }))
}

/// A gateway that asks `autodiscover`, and signs in for every login.
async fn gateway(autodiscover: &Scripted, more: &str) -> (Service, SocketAddr, TempDir) {
    trace_log::keep();
    let directory = TempDir::new().expect("a directory");
    let text = format!(
        r#"
        [upstream]
        domains = ["example.test"]
        hosts = ["127.0.0.1"]
        autodiscover_url = "http://{address}/autodiscover/autodiscover.xml"
        auth = "basic"
        allow_plain_http = true
        {more}
        [cache]
        credential_seconds = 0
        [ledger]
        directory = "{directory}"
        {PLAIN_LISTENERS}
        "#,
        address = autodiscover.address,
        directory = directory.path().display(),
    );
    let service = Service::start(&Config::parse(&text).expect("a good configuration")).await.expect("it starts");
    let imap = service.imap_addresses()[0];
    (service, imap, directory)
}

async fn login(imap: SocketAddr) -> String {
    let mut client = ImapClient::connect(imap).await;
    client.command(&format!("LOGIN {ALICE} {PASSWORD}")).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_is_remembered() {
    let (autodiscover, sandbox) = (Scripted::start().await, sandbox().await);
    autodiscover.says(&settings_of(&sandbox));
    let (_service, imap, _directory) = gateway(&autodiscover, "").await;
    for _ in 0..3 {
        assert!(login(imap).await.starts_with("OK"));
    }
    assert_eq!(autodiscover.requests().len(), 1);
    assert!(sandbox.counters().snapshot().connect() >= 3, "each login signs in");

    let (_service, imap, _directory) = gateway(&autodiscover, "autodiscover_cache_seconds = 0").await;
    for _ in 0..2 {
        assert!(login(imap).await.starts_with("OK"));
    }
    assert_eq!(autodiscover.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_that_move_are_found_again() {
    let (autodiscover, first) = (Scripted::start().await, sandbox().await);
    autodiscover.says(&settings_of(&first));
    let (_service, imap, _directory) = gateway(&autodiscover, "").await;
    assert!(login(imap).await.starts_with("OK"));

    // The server says that it is the wrong one, once: the next question finds it again.
    let wrong = FaultKind::Fail(ErrorCode::WRONG_SERVER);
    let armed = first.faults().arm(Fault::new(wrong, Requests::Only(RequestType::Execute), 1));
    assert!(login(imap).await.starts_with("OK"));
    assert!(armed.is_hit());
    assert_eq!(autodiscover.requests().len(), 2);

    // The server is gone, and Autodiscover names another one.
    let second = sandbox().await;
    autodiscover.says(&settings_of(&second));
    drop(first);
    assert!(login(imap).await.starts_with("OK"));
    assert_eq!(autodiscover.requests().len(), 3);
    assert!(second.counters().snapshot().connect() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_autodiscover_gets_no_password_sent_elsewhere() {
    let (autodiscover, elsewhere, sandbox) = (Scripted::start().await, Scripted::start().await, sandbox().await);
    // The same machine under a name that is not among the hosts.
    let evil = format!("http://localhost:{}/autodiscover/autodiscover.xml", elsewhere.address.port());
    let AutodiscoverAnswer::Settings(mut found) = settings_of(&sandbox) else { panic!("settings") };
    found.emsmdb = ProtocolUrls::both(evil.clone());
    let (_service, imap, _directory) = gateway(&autodiscover, "").await;
    for way in 0..4 {
        match way {
            0 => autodiscover.redirects(&evil),
            1 => autodiscover.says(&AutodiscoverAnswer::RedirectUrl(evil.clone())),
            2 => autodiscover.says(&AutodiscoverAnswer::RedirectAddress("alice@localhost".into())),
            _ => autodiscover.says(&AutodiscoverAnswer::Settings(found.clone())),
        }
        let status = login(imap).await;
        assert!(status.starts_with("NO "), "{status}");
        assert_eq!(elsewhere.requests(), Vec::<String>::new(), "way {way}");
    }
    let log = trace_log::logged();
    assert!(log.contains("Autodiscover names the host localhost, which may not be given credentials"));
    // An address book elsewhere is left out; the mailbox is served.
    let AutodiscoverAnswer::Settings(mut found) = settings_of(&sandbox) else { panic!("settings") };
    found.nspi = ProtocolUrls::both(evil);
    autodiscover.says(&AutodiscoverAnswer::Settings(found));
    assert!(login(imap).await.starts_with("OK"));
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

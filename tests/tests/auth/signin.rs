//! Signing in to an upstream as it comes out of the box: NTLM with Extended Protection, and what everybody is told when it
//! fails.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sandbox::auth::{AuthPolicy, ChannelBinding, Refusal, Scheme};
use exchange_sandbox::{RunningSandbox, Sandbox, Settings, seed};
use gateway::config::Config;
use gateway::service::Service;
use md4::{Digest, Md4};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, SignatureAlgorithm};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;
use tests::imap_client::ImapClient;
use tests::smtp_client::{SmtpClient, plain_token};
use tests::stack::PLAIN_LISTENERS;
use tests::trace_log::{self, logged};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const ALICE: &str = "alice@example.test";
const PASSWORD: &str = "Kx7-hunter-two";
const LOOPBACK: &str = "127.0.0.1:0";

/// A certificate for 127.0.0.1.
struct Identity {
    certificate: CertificateDer<'static>,
    pem: String,
    acceptor: TlsAcceptor,
}

impl Identity {
    fn new(algorithm: &'static SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let made = parameters.self_signed(&key).expect("a certificate");
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.der().clone()], private)
            .expect("key and certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self { certificate: made.der().clone(), pem: made.pem(), acceptor }
    }
}

/// A gateway in front of a sandbox that speaks TLS.
struct Stack {
    sandbox: RunningSandbox,
    imap: SocketAddr,
    smtp: SocketAddr,
    service: Service,
    _directory: TempDir,
}

struct Setup<'a> {
    schemes: &'a [Scheme],
    channel_binding: ChannelBinding,
    identity: Identity,
    /// Terminates TLS before the sandbox with a certificate of its own.
    proxy: Option<Identity>,
    /// More lines of `[upstream]`.
    upstream: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            schemes: &[Scheme::Negotiate, Scheme::Ntlm],
            channel_binding: ChannelBinding::Require,
            identity: Identity::new(&PKCS_ECDSA_P256_SHA256),
            proxy: None,
            upstream: "",
        }
    }
}

impl Stack {
    async fn start(setup: Setup<'_>) -> Self {
        trace_log::keep();
        let directory = TempDir::new().expect("a directory");
        let front = TcpListener::bind(LOOPBACK).await.expect("a port");
        let public_host = setup.proxy.as_ref().map(|_| front.local_addr().expect("bound").to_string());
        let policy = AuthPolicy {
            schemes: setup.schemes.to_vec(),
            channel_binding: setup.channel_binding,
            certificate: Some(setup.identity.certificate.to_vec()),
            ..AuthPolicy::default()
        };
        let sandbox = Sandbox::builder()
            .user(ALICE, PASSWORD, "Alice Example")
            .settings(Settings { public_host, ..Settings::default() })
            .auth(policy)
            .tls(setup.identity.acceptor)
            .start(LOOPBACK.parse().expect("an address"))
            .await
            .expect("the sandbox starts");
        seed::demo(&sandbox, 5).expect("seeded");
        let mut trusted = setup.identity.pem;
        if let Some(proxy) = setup.proxy {
            trusted.push_str(&proxy.pem);
            tokio::spawn(terminate_tls(front, proxy.acceptor, setup.identity.certificate, sandbox.addr()));
        }
        std::fs::write(directory.path().join("trusted.pem"), trusted).expect("written");
        let text = format!(
            r#"
            [upstream]
            domains = ["example.test"]
            autodiscover_url = "{url}"
            ca_file = "{directory}/trusted.pem"
            {more}
            [ledger]
            directory = "{directory}"
            {PLAIN_LISTENERS}
            "#,
            url = sandbox.autodiscover_url(),
            directory = directory.path().display(),
            more = setup.upstream,
        );
        let service = Service::start(&Config::parse(&text).expect("a good configuration")).await.expect("it starts");
        let (imap, smtp) = (service.imap_addresses()[0], service.smtp_addresses()[0]);
        Self { sandbox, imap, smtp, service, _directory: directory }
    }

    async fn imap_login(&self, user: &str, password: &str) -> String {
        let mut imap = ImapClient::connect(self.imap).await;
        let user = user.replace('\\', "\\\\");
        imap.command(&format!("LOGIN \"{user}\" \"{password}\"")).await.status
    }

    async fn refused_by_smtp(&self, user: &str, password: &str) {
        let mut smtp = SmtpClient::connect(self.smtp).await;
        smtp.expect("EHLO test", "250").await;
        smtp.expect(&format!("AUTH PLAIN {}", plain_token(user, password)), "535 5.7.8").await;
    }

    /// Reads and sends something.
    async fn use_it(&self) {
        let mut imap = ImapClient::login(self.imap, ALICE, PASSWORD).await;
        imap.command("SELECT INBOX").await.ok();
        assert!(imap.command("FETCH 1 BODY.PEEK[]").await.ok().line("BODY[]").is_some());
        let mut smtp = SmtpClient::login(self.smtp, ALICE, PASSWORD).await;
        let message = format!("From: {ALICE}\r\nTo: {ALICE}\r\nSubject: signed in\r\n\r\nx");
        smtp.send(ALICE, &[ALICE], &message).await;
    }
}

/// A proxy that ends TLS and begins it anew, as load balancers do.
async fn terminate_tls(
    front: TcpListener,
    acceptor: TlsAcceptor,
    upstream_certificate: CertificateDer<'static>,
    upstream: SocketAddr,
) {
    let mut roots = RootCertStore::empty();
    roots.add(upstream_certificate).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    while let Ok((stream, _)) = front.accept().await {
        let (acceptor, connector) = (acceptor.clone(), connector.clone());
        tokio::spawn(async move {
            let mut inside = acceptor.accept(stream).await?;
            let name = ServerName::try_from("127.0.0.1").expect("an address");
            let mut outside = connector.connect(name, TcpStream::connect(upstream).await?).await?;
            tokio::io::copy_bidirectional(&mut inside, &mut outside).await
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_taken_where_the_server_is_seen_to_take_them() {
    let schemes = &[Scheme::Bearer, Scheme::Ntlm];
    let stack = Stack::start(Setup { schemes, ..Setup::default() }).await;
    // The server is asked when the gateway has started.
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut imap = loop {
        let mut imap = ImapClient::connect(stack.imap).await;
        let offered = imap.command("CAPABILITY").await.ok().line("CAPABILITY").expect("capabilities");
        if offered.contains("AUTH=XOAUTH2") && offered.contains("AUTH=OAUTHBEARER") {
            break imap;
        }
        assert!(Instant::now() < deadline, "{offered}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let token = stack.sandbox.tokens().issue(ALICE);
    let initial = STANDARD.encode(format!("user={ALICE}\x01auth=Bearer {token}\x01\x01"));
    imap.command(&format!("AUTHENTICATE XOAUTH2 {initial}")).await.ok();
    imap.command("SELECT INBOX").await.ok();
    stack.use_it().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ntlm_with_required_channel_binding() {
    let default: &[Scheme] = &[Scheme::Negotiate, Scheme::Ntlm];
    for (algorithm, schemes) in [
        (&PKCS_ECDSA_P256_SHA256, default),
        (&PKCS_ECDSA_P384_SHA384, default),
        (&PKCS_ECDSA_P384_SHA384, &[Scheme::Negotiate]),
        (&PKCS_ECDSA_P256_SHA256, &[Scheme::NegotiateWrapped, Scheme::Basic]),
    ] {
        let stack = Stack::start(Setup { schemes, identity: Identity::new(algorithm), ..Setup::default() }).await;
        stack.use_it().await;
        assert_eq!(stack.sandbox.auth().refusals(), []);
        assert!(!stack.sandbox.auth().session_keys().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_with_another_certificate_is_refused_and_named() {
    let proxy = Identity::new(&PKCS_ECDSA_P256_SHA256);
    let fingerprint: Vec<_> = sha2::Sha256::digest(&proxy.certificate).iter().map(|b| format!("{b:02X}")).collect();
    let stack = Stack::start(Setup { proxy: Some(proxy), ..Setup::default() }).await;
    let status = stack.imap_login(ALICE, PASSWORD).await;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    stack.refused_by_smtp(ALICE, PASSWORD).await;
    // What was just refused is not asked again, whichever way it comes.
    assert_eq!(stack.sandbox.auth().refusals(), [Refusal::WrongBinding]);
    let log = logged();
    let line = log.lines().find(|line| line.contains(&fingerprint.join(":"))).expect("the certificate is named");
    assert!(line.contains("INFO") && line.contains("Extended Protection"), "{line}");

    // Where the server doesn't ask for it, the same proxy does no harm.
    let proxy = Some(Identity::new(&PKCS_ECDSA_P256_SHA256));
    let stack = Stack::start(Setup { proxy, channel_binding: ChannelBinding::Off, ..Setup::default() }).await;
    stack.use_it().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_tried_once() {
    let schemes: &[Scheme] = &[Scheme::Ntlm, Scheme::Basic];
    let stack = Stack::start(Setup { schemes, ..Setup::default() }).await;
    let status = stack.imap_login(ALICE, "wrong").await;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    stack.refused_by_smtp(ALICE, "wrong").await;
    stack.refused_by_smtp("nobody@example.test", PASSWORD).await;
    // No second try by another scheme, no other host, not the same again: accounts are locked by that.
    let expected = [Refusal::WrongPassword, Refusal::UnknownUser];
    assert_eq!(stack.sandbox.auth().refusals(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_an_allowed_scheme_is_no_wrong_password() {
    let stack = Stack::start(Setup { upstream: "auth = \"basic\"", ..Setup::default() }).await;
    let status = stack.imap_login(ALICE, PASSWORD).await;
    assert!(status.starts_with("NO [UNAVAILABLE]"), "{status}");
    let mut smtp = SmtpClient::connect(stack.smtp).await;
    smtp.expect("EHLO test", "250").await;
    smtp.expect(&format!("AUTH PLAIN {}", plain_token(ALICE, PASSWORD)), "454").await;
    assert!(logged().contains("the server offers other schemes only: Negotiate, NTLM"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_forms_of_a_name() {
    let stack = Stack::start(Setup::default()).await;
    for name in [ALICE, "alice", "SANDBOX\\alice", "sandbox\\Alice", "ALICE@example.test"] {
        let status = stack.imap_login(name, PASSWORD).await;
        assert!(status.starts_with("OK"), "{name}: {status}");
    }
    for name in ["OTHER\\alice", "alice@elsewhere.test"] {
        let status = stack.imap_login(name, PASSWORD).await;
        assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{name}: {status}");
    }
    assert_eq!(stack.sandbox.auth().refusals(), [Refusal::UnknownUser]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_counts_from_the_next_connection() {
    let stack = Stack::start(Setup::default()).await;
    let mut imap = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    imap.command("SELECT INBOX").await.ok();
    stack.sandbox.set_password(ALICE, "another");
    // The connection lives on, and so does the session on it.
    imap.command("STATUS Drafts (MESSAGES)").await.ok();

    stack.sandbox.auth().forget_connections();
    let failed = imap.command("CREATE Later").await.status;
    assert!(failed.starts_with("NO [AUTHENTICATIONFAILED]"), "{failed}");
    let status = stack.imap_login(ALICE, PASSWORD).await;
    assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{status}");
    let refused = stack.sandbox.auth().refusals().len();
    assert!(refused <= 3, "{refused} wrong passwords would lock the account");

    let status = stack.imap_login(ALICE, "another").await;
    assert!(status.starts_with("OK"), "{status}");
    // The session that had the former password was ended.
    assert!(imap.response().await.starts_with(b"* BYE [AUTHENTICATIONFAILED]"));
    ImapClient::login(stack.imap, ALICE, "another").await.command("CREATE Later").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_reaches_a_log() {
    let ntlm = Stack::start(Setup::default()).await;
    let basic = Stack::start(Setup { schemes: &[Scheme::Basic], ..Setup::default() }).await;
    for stack in [&ntlm, &basic] {
        stack.use_it().await;
        let mut imap = ImapClient::connect(stack.imap).await;
        imap.command(&format!("AUTHENTICATE PLAIN {}", plain_token(ALICE, PASSWORD))).await.ok();
        stack.imap_login(ALICE, &format!("{PASSWORD}x")).await;
    }
    let keys = ntlm.sandbox.auth().session_keys();
    // What ends then is logged, too.
    for service in [ntlm.service, basic.service] {
        service.stop(Duration::from_secs(5)).await;
    }
    let log = logged();
    assert!(log.contains("TRACE") && log.contains("rustls") && log.contains("mapi_core"), "the log is no trace");

    let wide: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let nt_hash = Md4::digest(&wide);
    let list = |bytes: &[u8]| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut secrets = vec![
        PASSWORD.to_owned(),
        plain_token(ALICE, PASSWORD),
        STANDARD.encode(format!("{ALICE}:{PASSWORD}")),
        STANDARD.encode(PASSWORD),
    ];
    assert!(!keys.is_empty());
    let raw = [PASSWORD.as_bytes(), &wide, &nt_hash].into_iter().chain(keys.iter().map(|key| &key[..]));
    for bytes in raw {
        secrets.extend([list(bytes), hex(bytes), STANDARD.encode(bytes)]);
    }
    let lower = log.to_lowercase();
    for secret in secrets {
        assert!(!lower.contains(&secret.to_lowercase()), "{secret} is logged");
    }
    // The last message of NTLM: enough to guess passwords at leisure.
    assert!(!log.contains("TlRMTVNTUAADAAAA"), "a proof is logged");
}

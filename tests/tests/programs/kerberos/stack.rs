use std::net::SocketAddr;
use std::sync::Arc;

use exchange_sandbox::auth::{AuthPolicy, ChannelBinding, KerberosPolicy, Scheme};
use exchange_sandbox::{RunningSandbox, Sandbox, Settings, seed};
use gateway::config::Config;
use gateway::service::Service;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;
use tests::imap_client::ImapClient;
use tests::smtp_client::SmtpClient;
use tests::stack::PLAIN_LISTENERS;
use tests::trace_log;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::kdc::{Kdc, REALM};

pub const ALICE: &str = "alice@example.test";
pub const PASSWORD: &str = "Kx7-hunter-two";
const LOOPBACK: &str = "127.0.0.1:0";

/// A certificate for this machine.
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    pem: String,
    acceptor: TlsAcceptor,
}

impl Identity {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
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

/// A gateway in front of a sandbox that speaks TLS and Kerberos.
pub struct Stack {
    pub sandbox: RunningSandbox,
    pub imap: SocketAddr,
    pub smtp: SocketAddr,
    _service: Service,
    pub directory: TempDir,
}

pub struct Setup<'a> {
    pub schemes: &'a [Scheme],
    pub kerberos: KerberosPolicy,
    /// The host in the upstream's URLs.
    pub host: &'a str,
    /// Terminates TLS before the sandbox with a certificate of its own.
    pub proxy: Option<Identity>,
    /// More lines of `[upstream]`.
    pub upstream: &'a str,
    /// `[upstream.kerberos]`, and further sections.
    pub sections: String,
    /// What follows the listeners.
    pub tail: String,
}

impl Setup<'_> {
    pub fn new(kdc: &Kdc) -> Self {
        let sections = format!("[upstream.kerberos]\nrealm = \"{REALM}\"\nkdc = [\"127.0.0.1:{}\"]\n", kdc.port);
        Self {
            schemes: &[Scheme::Kerberos, Scheme::Negotiate, Scheme::Ntlm],
            kerberos: KerberosPolicy {
                keys: kdc.service().all_keys(),
                realm: REALM.to_owned(),
                ..KerberosPolicy::default()
            },
            host: "localhost",
            proxy: None,
            upstream: "",
            sections,
            tail: String::new(),
        }
    }
}

impl Stack {
    pub async fn start(setup: Setup<'_>) -> Self {
        trace_log::keep();
        let directory = TempDir::new().expect("a directory");
        let identity = Identity::new();
        let front = TcpListener::bind(LOOPBACK).await.expect("a port");
        let port = front.local_addr().expect("bound").port();
        let host = setup.host.to_owned();
        let public_host = if setup.proxy.is_some() { format!("{host}:{port}") } else { host };
        let policy = AuthPolicy {
            schemes: setup.schemes.to_vec(),
            channel_binding: ChannelBinding::Require,
            certificate: Some(identity.certificate.to_vec()),
            kerberos: setup.kerberos,
            ..AuthPolicy::default()
        };
        let sandbox = Sandbox::builder()
            .user(ALICE, PASSWORD, "Alice Example")
            .settings(Settings { public_host: Some(public_host), ..Settings::default() })
            .auth(policy)
            .tls(identity.acceptor)
            .start(LOOPBACK.parse().expect("an address"))
            .await
            .expect("the sandbox starts");
        seed::demo(&sandbox, 5).expect("seeded");
        let mut trusted = identity.pem;
        if let Some(proxy) = setup.proxy {
            trusted.push_str(&proxy.pem);
            tokio::spawn(terminate_tls(front, proxy.acceptor, identity.certificate, sandbox.addr()));
        }
        std::fs::write(directory.path().join("trusted.pem"), trusted).expect("written");
        let text = format!(
            r#"
            [upstream]
            domains = ["example.test"]
            autodiscover_url = "{url}"
            ca_file = "{directory}/trusted.pem"
            {more}
            {sections}
            [ledger]
            directory = "{directory}"
            {PLAIN_LISTENERS}
            {tail}
            "#,
            url = sandbox.autodiscover_url(),
            directory = directory.path().display(),
            more = setup.upstream,
            sections = setup.sections,
            tail = setup.tail,
        );
        std::fs::write(directory.path().join("gateway.toml"), &text).expect("written");
        let config = Config::parse(&text).expect("a good configuration");
        let service = Service::start(&config).await.expect("it starts");
        let (imap, smtp) = (service.imap_addresses()[0], service.smtp_addresses()[0]);
        Self { sandbox, imap, smtp, _service: service, directory }
    }

    pub async fn imap_login(&self, user: &str, password: &str) -> String {
        let mut imap = ImapClient::connect(self.imap).await;
        let user = user.replace('\\', "\\\\");
        imap.command(&format!("LOGIN \"{user}\" \"{password}\"")).await.status
    }

    /// Reads and sends something.
    pub async fn use_it(&self) {
        let mut imap = ImapClient::login(self.imap, ALICE, PASSWORD).await;
        imap.command("SELECT INBOX").await.ok();
        assert!(imap.command("FETCH 1 BODY.PEEK[]").await.ok().line("BODY[]").is_some());
        let mut smtp = SmtpClient::login(self.smtp, ALICE, PASSWORD).await;
        let message = format!("From: {ALICE}\r\nTo: {ALICE}\r\nSubject: signed in\r\n\r\nx");
        smtp.send(ALICE, &[ALICE], &message).await;
    }

    /// How many signed in by a ticket, and how many by NTLM.
    pub fn signed_in(&self) -> (usize, usize) {
        (self.sandbox.auth().tickets(), self.sandbox.auth().session_keys().len())
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
            let name = "127.0.0.1".try_into().expect("an address");
            let mut outside = connector.connect(name, TcpStream::connect(upstream).await?).await?;
            tokio::io::copy_bidirectional(&mut inside, &mut outside).await
        });
    }
}

//! The sandbox as a program.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use exchange_sandbox::{Manners, Sandbox, Settings, seed};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An Exchange sandbox: a MAPI/HTTP server over a small mailbox store in memory. Speaks plain HTTP with Basic
/// authentication: for tests and demonstrations on a machine of your own, never for real mail.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example:\n  exchange-sandbox --listen 127.0.0.1:8080 --messages 200\n\nAutodiscover is at http://127.0.0.1:8080/autodiscover/autodiscover.xml, the mailbox at\n/mapi/emsmdb/?MailboxId=…, the address book at /mapi/nspi/?MailboxId=…."
)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// A user as ADDRESS:PASSWORD or ADDRESS:PASSWORD:DISPLAY NAME; may be repeated.
    /// [default: alice@example.test:demo:Alice Example and bob@example.test:demo:Bob Example]
    #[arg(long = "user", value_name = "USER")]
    users: Vec<String>,

    /// How many messages each mailbox is seeded with.
    #[arg(long, default_value_t = 200)]
    messages: usize,

    /// Delay before each answer, in milliseconds, e.g. 20ms.
    #[arg(long, default_value = "0ms", value_parser = milliseconds)]
    rtt: Duration,

    /// How it behaves: default, gromox or rude.
    #[arg(long, default_value = "default", value_parser = manners)]
    manners: Manners,

    /// File that keeps the mailboxes: read at the start if it exists, written at the end.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,

    /// Certificate chain for https, PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,

    /// Private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,

    /// Time between PENDING keep-alives, in milliseconds.
    #[arg(long, default_value = "30000ms", value_parser = milliseconds)]
    pending_period: Duration,
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix("ms").unwrap_or(text);
    number.parse().map(Duration::from_millis).map_err(|_| format!("{text:?} is no number of milliseconds"))
}

fn manners(name: &str) -> Result<Manners, String> {
    Manners::named(name).ok_or_else(|| format!("{name:?} is none of default, gromox, rude"))
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exchange-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let settings = Settings { rtt: arguments.rtt, pending_period: arguments.pending_period, ..Settings::default() };
    let mut builder = Sandbox::builder().settings(settings).manners(arguments.manners);
    if arguments.users.is_empty() {
        builder = builder.user("alice@example.test", "demo", "Alice Example");
        builder = builder.user("bob@example.test", "demo", "Bob Example");
    }
    for user in &arguments.users {
        let mut parts = user.splitn(3, ':');
        let (Some(address), Some(password)) = (parts.next(), parts.next()) else {
            return Err(format!("--user {user:?}: expected ADDRESS:PASSWORD[:DISPLAY NAME]"));
        };
        builder = builder.user(address, password, parts.next().unwrap_or(address));
    }
    if let Some(path) = &arguments.snapshot {
        builder = builder.snapshot(path);
    }
    if let (Some(certificate), Some(key)) = (&arguments.certificate, &arguments.key) {
        builder = builder.tls(acceptor(certificate, key)?);
    }
    let listen = arguments.listen;
    let sandbox = builder.start(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    if !sandbox.is_restored() {
        seed::demo(&sandbox, arguments.messages).map_err(|error| format!("cannot seed: {error}"))?;
    }
    println!("listening on {}", sandbox.base_url());
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())?;
    sandbox.save().map_err(|error| format!("cannot write the snapshot: {error}"))?;
    sandbox.shutdown().await;
    Ok(())
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let readable = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|error| readable(certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| readable(key, &error))?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private);
    Ok(TlsAcceptor::from(Arc::new(config.map_err(|error| readable(certificate, &error))?)))
}

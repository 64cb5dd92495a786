use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use exchange_sandbox::{Sandbox, seed};

use super::say::say;
use crate::config::{Config, LogConfig};
use crate::service::{Service, StartError};

const PATIENCE: Duration = Duration::from_secs(3);
const PASSWORD: &str = "demo";
const USERS: [(&str, &str); 2] = [("alice@example.test", "Alice Example"), ("bob@example.test", "Bob Example")];

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// Where IMAP listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1143")]
    imap: SocketAddr,
    /// Where SMTP submission listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1587")]
    smtp: SocketAddr,
    /// Messages in the seeded mailboxes.
    #[arg(long, value_name = "N", default_value_t = 200)]
    messages: usize,
}

/// Why the demo could not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error("the Exchange sandbox can't start: {0}")]
    Sandbox(String),
    #[error("no self-signed certificate: {0}")]
    Certificate(String),
    #[error("no temporary directory: {0}")]
    Directory(std::io::Error),
}

pub(super) async fn run(arguments: DemoArguments) -> Result<(), DemoError> {
    crate::telemetry::init(&LogConfig { filter: "warn".into(), ..LogConfig::default() })?;
    let directory = tempfile::TempDir::new().map_err(DemoError::Directory)?;
    write_certificate(directory.path())?;

    let builder = USERS.iter().fold(Sandbox::builder(), |builder, (user, name)| builder.user(user, PASSWORD, name));
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let sandbox = builder.start(loopback).await.map_err(|error| DemoError::Sandbox(error.to_string()))?;
    seed::demo(&sandbox, arguments.messages).map_err(|error| DemoError::Sandbox(format!("{error:?}")))?;

    let config = Config::parse(&configuration(&arguments, sandbox.addr(), directory.path()))?;
    let service = Service::start(&config).await?;
    let certificate = directory.path().join("certificate.pem");
    print_guide(service.imap_addresses()[0], service.smtp_addresses()[0], sandbox.addr(), &certificate);
    let _hangups = super::signal::Hangups::new();
    super::signal::asked_to_end().await;
    say!("\nStopping; everything is forgotten.");
    service.stop(PATIENCE).await;
    sandbox.shutdown().await;
    Ok(())
}

fn configuration(arguments: &DemoArguments, upstream: SocketAddr, directory: &Path) -> String {
    let (imap, smtp) = (arguments.imap, arguments.smtp);
    let directory = directory.display();
    format!(
        "[upstream]\n\
         domains = [\"example.test\"]\n\
         autodiscover_url = \"http://{upstream}/autodiscover/autodiscover.xml\"\n\
         auth = \"basic\"\n\
         allow_plain_http = true\n\
         [ledger]\n\
         directory = '{directory}'\n\
         [tls]\n\
         certificate_file = '{directory}/certificate.pem'\n\
         key_file = '{directory}/key.pem'\n\
         [[imap.listener]]\n\
         address = \"{imap}\"\n\
         tls = \"starttls\"\n\
         allow_plaintext_auth = {}\n\
         [[smtp.listener]]\n\
         address = \"{smtp}\"\n\
         tls = \"starttls\"\n\
         allow_plaintext_auth = {}\n",
        imap.ip().is_loopback(),
        smtp.ip().is_loopback(),
    )
}

/// What a gateway beside the demo's needs to begin with.
fn own_configuration(sandbox: SocketAddr) -> String {
    format!(
        "[upstream]\n\
         domains = [\"example.test\"]\n\
         autodiscover_url = \"http://{sandbox}/autodiscover/autodiscover.xml\"\n\
         auth = \"basic\"\n\
         allow_plain_http = true\n\
         \n\
         [ledger]\n\
         directory = \"/tmp/own-ledger\"\n\
         \n\
         [[imap.listener]]\n\
         address = \"127.0.0.1:11143\"\n\
         tls = \"none\"\n\
         allow_plaintext_auth = true\n"
    )
}

fn write_certificate(directory: &Path) -> Result<(), DemoError> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])
        .map_err(|error| DemoError::Certificate(error.to_string()))?;
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text).map_err(DemoError::Directory);
    write("certificate.pem", made.cert.pem())?;
    write("key.pem", made.signing_key.serialize_pem())
}

fn print_guide(imap: SocketAddr, smtp: SocketAddr, sandbox: SocketAddr, certificate: &Path) {
    let (alice, bob) = (USERS[0].0, USERS[1].0);
    say!("An Exchange sandbox with the gateway in front of it is running. Ctrl-C ends it.\n");
    say!("  {:<6} {:<16} {:<6} {:<34} password", "", "host", "port", "user");
    for (name, address) in [("IMAP", imap), ("SMTP", smtp)] {
        let users = format!("{alice}, {bob}");
        say!("  {name:<6} {:<16} {:<6} {users:<34} {PASSWORD}", address.ip(), address.port());
    }
    say!("\n  STARTTLS is offered with a self-signed certificate ({}).", certificate.display());
    say!("  The sandbox speaks MAPI/HTTP at http://{sandbox}/autodiscover/autodiscover.xml.");
    say!("\nList the folders and read a message:\n");
    say!("  curl -u {alice}:{PASSWORD} imap://{imap}/");
    say!("  curl -u {alice}:{PASSWORD} 'imap://{imap}/INBOX;UID=1'");
    say!("\nSend one:\n");
    say!(
        "  printf 'From: {alice}\\nTo: {bob}\\nSubject: Hello\\n\\nIt works.\\n' | curl -u {alice}:{PASSWORD} \
         --mail-from {alice} --mail-rcpt {bob} --upload-file - smtp://{smtp}"
    );
    say!("\nThunderbird: New account, manual configuration:\n");
    say!(
        "  IMAP {} port {}, SMTP {} port {}, STARTTLS, normal password,",
        imap.ip(),
        imap.port(),
        smtp.ip(),
        smtp.port()
    );
    say!("  user name {alice}. Accept the self-signed certificate when asked.");
    say!(
        "\nPut a gateway of your own before the sandbox, `mapi-gateway run --config own.toml`, with these lines in own.toml:\n"
    );
    for line in own_configuration(sandbox).lines() {
        say!("  {line}");
    }
    say!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_for_a_gateway_of_ones_own_is_right() {
        let sandbox = SocketAddr::from(([127, 0, 0, 1], 8080));
        assert!(Config::parse(&own_configuration(sandbox)).is_ok());
    }
}

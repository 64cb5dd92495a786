//! A whole gateway in front of a seeded sandbox, within the test's process.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use exchange_sandbox::seed::{self, MessageBuilder};
use exchange_sandbox::store::{Mailbox, Special};
use exchange_sandbox::{Builder, Manners, RunningSandbox, Sandbox};
use gateway::config::Config;
use gateway::service::Service;
use tempfile::TempDir;

/// The password of every user of the stack.
pub const PASSWORD: &str = "demo";
/// The first user.
pub const ALICE: &str = "alice@example.test";
/// The second user.
pub const BOB: &str = "bob@example.test";

/// The end of a configuration: a listener of each kind on a free port, without TLS, that takes passwords. Further keys are
/// those of the SMTP listener.
pub const PLAIN_LISTENERS: &str = r#"
[[imap.listener]]
address = "127.0.0.1:0"
tls = "none"
allow_plaintext_auth = true
[[smtp.listener]]
address = "127.0.0.1:0"
tls = "none"
allow_plaintext_auth = true
"#;

/// What is in the mailboxes at the start.
#[derive(Debug, Clone, Copy)]
pub enum Seed {
    /// Nothing.
    Empty,
    /// That many varied messages in several folders.
    Demo(usize),
    /// That many small messages in Alice's inbox.
    Bulk(usize),
}

/// The parts of a running stack.
pub struct Stack {
    /// The upstream.
    pub sandbox: RunningSandbox,
    /// Where IMAP listens, with STARTTLS and plaintext passwords.
    pub imap: SocketAddr,
    /// Where SMTP listens, likewise.
    pub smtp: SocketAddr,
    service: Service,
    ledger: TempDir,
    /// For restarts.
    keys: Keys,
}

/// Configuration of the gateway beyond what all tests need.
#[derive(Debug, Clone, Default)]
struct Keys {
    /// Tables such as `[imap]`.
    sections: String,
    /// Lines in the table `[ledger]`.
    ledger: String,
}

impl Keys {
    fn new(sections: &str, ledger: &str) -> Self {
        Self { sections: sections.to_owned(), ledger: ledger.to_owned() }
    }
}

impl Stack {
    /// Starts everything.
    pub async fn start(what: Seed) -> Self {
        Self::build(what, true, Keys::default(), |builder| builder).await
    }

    /// Starts everything, the gateway with more configuration: tables such as `[imap]`.
    pub async fn start_configured(what: Seed, keys: &str) -> Self {
        Self::build(what, true, Keys::new(keys, ""), |builder| builder).await
    }

    /// Starts everything, with an upstream that `adapt` gives other manners or settings.
    pub async fn start_with(what: Seed, adapt: impl FnOnce(Builder) -> Builder) -> Self {
        Self::build(what, true, Keys::default(), adapt).await
    }

    /// Starts everything, with more configuration and an upstream that `adapt` gives other manners or settings.
    pub async fn start_adapted(what: Seed, keys: &str, adapt: impl FnOnce(Builder) -> Builder) -> Self {
        Self::build(what, true, Keys::new(keys, ""), adapt).await
    }

    /// Starts everything, with more lines in the section `[ledger]` of the gateway's configuration.
    pub async fn start_with_ledger(what: Seed, ledger: &str, adapt: impl FnOnce(Builder) -> Builder) -> Self {
        Self::build(what, true, Keys::new("", ledger), adapt).await
    }

    /// Starts everything, with listeners that take no password without TLS.
    pub async fn start_strict(what: Seed) -> Self {
        Self::build(what, false, Keys::default(), |builder| builder).await
    }

    /// Stops the upstream; the gateway goes on until what is returned is dropped.
    pub async fn stop_upstream(self) -> impl Drop {
        self.sandbox.shutdown().await;
        KeptRunning(self.service, self.ledger)
    }

    async fn build(what: Seed, plaintext: bool, keys: Keys, adapt: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = Sandbox::builder().manners(manners());
        let builder = builder.user(ALICE, PASSWORD, "Alice Example").user(BOB, PASSWORD, "Bob Example");
        let sandbox =
            adapt(builder).start("127.0.0.1:0".parse().expect("an address")).await.expect("the sandbox starts");
        match what {
            Seed::Empty => {}
            Seed::Demo(messages) => seed::demo(&sandbox, messages).expect("seeded"),
            Seed::Bulk(messages) => sandbox.with(|store| {
                let mailbox = store.mailbox_of(ALICE).expect("Alice has a mailbox");
                let inbox = mailbox.special(Special::Inbox);
                seed::bulk(mailbox, inbox, messages).expect("seeded");
            }),
        }
        let ledger = TempDir::new().expect("a directory");
        write_certificate(&ledger);
        let service = start_service(&sandbox, &ledger, plaintext, &keys, "").await;
        let (imap, smtp) = (service.imap_addresses()[0], service.smtp_addresses()[0]);
        Self { sandbox, imap, smtp, service, ledger, keys }
    }

    /// Stops the gateway and starts it again over the same ledger.
    pub async fn restart(self) -> Self {
        let Self { sandbox, service, ledger, keys, .. } = self;
        service.stop(Duration::from_secs(5)).await;
        Self::resume(sandbox, ledger, keys).await
    }

    /// Stops the gateway, does something with its ledger's directory, and starts it again.
    pub async fn restart_after(self, between: impl FnOnce(&std::path::Path)) -> Self {
        let Self { sandbox, service, ledger, keys, .. } = self;
        service.stop(Duration::from_secs(5)).await;
        between(ledger.path());
        Self::resume(sandbox, ledger, keys).await
    }

    /// Stops the gateway and starts it again over the same ledger, with these lines in the section `[ledger]` of its configuration.
    pub async fn restart_with_ledger(mut self, ledger: &str) -> Self {
        ledger.clone_into(&mut self.keys.ledger);
        self.restart().await
    }

    /// Stops the gateway, loses its ledger and starts it again.
    pub async fn restart_without_ledger(self) -> Self {
        let Self { sandbox, service, keys, .. } = self;
        service.stop(Duration::from_secs(5)).await;
        let ledger = TempDir::new().expect("a directory");
        write_certificate(&ledger);
        Self::resume(sandbox, ledger, keys).await
    }

    async fn resume(sandbox: RunningSandbox, ledger: TempDir, keys: Keys) -> Self {
        Self::resume_with(sandbox, ledger, keys, "").await
    }

    /// Stops the gateway, does something to the directory of its ledgers, and starts it again with more lines in the section
    /// `[upstream]` of its configuration.
    pub async fn restart_changed(self, upstream: &str, change: impl FnOnce(&RunningSandbox, &Path)) -> Self {
        let Self { sandbox, service, ledger, keys, .. } = self;
        service.stop(Duration::from_secs(5)).await;
        change(&sandbox, ledger.path());
        Self::resume_with(sandbox, ledger, keys, upstream).await
    }

    async fn resume_with(sandbox: RunningSandbox, ledger: TempDir, keys: Keys, upstream: &str) -> Self {
        let service = start_service(&sandbox, &ledger, true, &keys, upstream).await;
        let (imap, smtp) = (service.imap_addresses()[0], service.smtp_addresses()[0]);
        Self { sandbox, imap, smtp, service, ledger, keys }
    }

    /// Does with Alice's mailbox what another client would do.
    pub fn as_outlook<R>(&self, work: impl FnOnce(&mut Mailbox) -> R) -> R {
        self.sandbox.with(|store| work(store.mailbox_of(ALICE).expect("Alice has a mailbox")))
    }

    /// The directory of the gateway's ledgers.
    pub fn ledger(&self) -> &Path {
        self.ledger.path()
    }

    /// Execute requests that the sandbox has answered so far.
    pub fn executes(&self) -> u64 {
        self.sandbox.counters().execute()
    }

    /// Messages in a user's mail folders, read from the store itself.
    pub fn message_count(&self, user: &str) -> usize {
        self.sandbox.with(|store| {
            let mailbox = store.mailbox_of(user).expect("a mailbox");
            let visible = mailbox.descendants(mailbox.special(Special::IpmSubtree));
            let folders = visible.iter().filter_map(|(id, _)| mailbox.folder(*id).ok());
            let mail = folders.filter(|folder| folder.class().is_empty() || folder.class().starts_with("IPF.Note"));
            mail.map(|folder| folder.total() as usize).sum()
        })
    }

    /// Delivers a plain message to a user's inbox, past the gateway.
    pub fn deliver(&self, user: &str, subject: &str, body: &str) {
        let message = MessageBuilder::new(subject).from("Somebody", "somebody@example.org").body(body).build();
        self.sandbox.deliver(user, message).expect("delivered");
    }
}

/// The manners that `SANDBOX_MANNERS` names (`default`, `gromox`, `rude`): whole test targets run with each.
fn manners() -> Manners {
    match std::env::var("SANDBOX_MANNERS") {
        Ok(name) => Manners::named(&name).expect("SANDBOX_MANNERS names manners"),
        Err(_) => Manners::default(),
    }
}

/// Whether `LEDGER_ENVELOPES=1` turns `ledger.envelopes` on where a test does not say otherwise: whole test targets run so.
fn keeps_envelopes() -> bool {
    std::env::var("LEDGER_ENVELOPES").is_ok_and(|value| value == "1")
}

/// A gateway without an upstream.
struct KeptRunning(Service, TempDir);

impl Drop for KeptRunning {
    fn drop(&mut self) {
        tracing::debug!(imap = ?self.0.imap_addresses(), ledger = ?self.1.path(), "gateway ends");
    }
}

async fn start_service(
    sandbox: &RunningSandbox,
    ledger: &TempDir,
    plaintext: bool,
    keys: &Keys,
    more: &str,
) -> Service {
    let Keys { sections, ledger: ledger_keys } = keys;
    let text = format!(
        r#"
        {sections}
        [upstream]
        domains = ["example.test"]
        autodiscover_url = "http://{upstream}/autodiscover/autodiscover.xml"
        auth = "basic"
        allow_plain_http = true
        {ahead}
        {more}
        [ledger]
        directory = "{ledger}"
        {ledger_keys}
        {envelopes}
        [[imap.listener]]
        address = "127.0.0.1:0"
        tls = "starttls"
        allow_plaintext_auth = {plaintext}
        [[smtp.listener]]
        address = "127.0.0.1:0"
        tls = "starttls"
        allow_plaintext_auth = {plaintext}
        [tls]
        certificate_file = "{ledger}/certificate.pem"
        key_file = "{ledger}/key.pem"
        "#,
        // Requests that nobody asked for would be counted.
        ahead = if more.contains("render_ahead") { "" } else { "render_ahead_seconds = 0" },
        envelopes = if keeps_envelopes() && !ledger_keys.contains("envelopes") { "envelopes = true" } else { "" },
        upstream = sandbox.addr(),
        ledger = ledger.path().display(),
    );
    let config = Config::parse(&text).expect("a good configuration");
    Service::start(&config).await.expect("the gateway starts")
}

fn write_certificate(directory: &TempDir) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(directory.path().join("certificate.pem"), made.cert.pem()).expect("written");
    std::fs::write(directory.path().join("key.pem"), made.signing_key.serialize_pem()).expect("written");
}

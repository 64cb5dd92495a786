//! `mapi-gateway check` and `mapi-gateway health`, run as administrators run them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use exchange_sandbox::{RunningSandbox, Sandbox, seed};
use serde_json::Value;
use tempfile::TempDir;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

/// A configuration file and what it names.
struct Place {
    directory: TempDir,
}

impl Place {
    /// With `upstream` in the `[upstream]` section.
    fn new(upstream: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let place = Self { directory };
        std::fs::create_dir(place.path("ledger")).expect("made");
        place.configure(upstream, &place.path("ledger"), "127.0.0.1:1");
        place
    }

    fn configure(&self, upstream: &str, ledger: &Path, listener: &str) {
        let ledger = ledger.display();
        let text = format!(
            "[upstream]\n{upstream}\n[ledger]\ndirectory = '{ledger}'\n\
             [[imap.listener]]\naddress = \"{listener}\"\ntls = \"none\"\n"
        );
        std::fs::write(self.path("gateway.toml"), text).expect("written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The report of a check, and whether its exit status says that all is well.
    async fn check(&self, user: &str, password: &str) -> (Report, bool) {
        std::fs::write(self.path("password"), format!("{password}\n")).expect("written");
        let (config, secret) = (self.path("gateway.toml"), self.path("password"));
        let mut command = gateway();
        command.args(["check", "--json", "--user", user, "--config"]).arg(config).arg("--password-file").arg(secret);
        let output = run(command).await;
        let text = String::from_utf8(output.stdout).expect("text");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains(password) && !errors.contains(password), "the password is shown: {text}{errors}");
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}\n{errors}"));
        (Report(json), output.status.success())
    }
}

struct Report(Value);

impl Report {
    fn step(&self, name: &str) -> &Value {
        let steps = self.0["steps"].as_array().expect("steps");
        steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name}: {}", self.0))
    }

    fn status(&self, name: &str) -> &str {
        self.step(name)["status"].as_str().expect("a status")
    }

    fn details(&self, name: &str) -> String {
        let lines = self.step(name)["details"].as_array().expect("details");
        lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    }

    /// The step failed with such details, and says such a thing to do next.
    fn assert_failed(&self, name: &str, detail: &str, next: &str) {
        assert_eq!(self.status(name), "failed", "{name}: {:#}", self.0);
        assert!(self.details(name).contains(detail), "{name}: {:#}", self.0);
        let told = self.step(name)["next"].as_str().expect("a next step");
        assert!(told.contains(next), "{name}: {told}");
    }

    fn assert_skipped(&self, names: &[&str]) {
        for name in names {
            assert_eq!(self.status(name), "skipped", "{name}: {:#}", self.0);
        }
    }
}

fn gateway() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway-under-test"));
    command.env_remove("RUST_LOG").env_remove("MAPI_GATEWAY_PASSWORD").stdin(Stdio::null());
    command
}

async fn run(mut command: Command) -> Output {
    let run = tokio::task::spawn_blocking(move || command.output().expect("the gateway runs"));
    run.await.expect("it came to its end")
}

async fn sandbox() -> RunningSandbox {
    let builder = Sandbox::builder().user(ALICE, PASSWORD, "Alice Example");
    let sandbox = builder.start("127.0.0.1:0".parse().expect("an address")).await.expect("the sandbox starts");
    seed::demo(&sandbox, 20).expect("seeded");
    sandbox
}

fn upstream(sandbox: &RunningSandbox) -> String {
    format!(
        "domains = [\"example.test\"]\nautodiscover_url = \"{}\"\nauth = \"basic\"\nallow_plain_http = true",
        sandbox.autodiscover_url()
    )
}

/// The sandbox with a self-signed certificate for `localhost`, and the certificate in PEM.
async fn tls_sandbox() -> (RunningSandbox, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = gateway::tls::from_parts(vec![made.cert.der().clone()], key).expect("they fit");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&config));
    let builder = Sandbox::builder().user(ALICE, PASSWORD, "Alice Example").tls(acceptor);
    let sandbox = builder.start("127.0.0.1:0".parse().expect("an address")).await.expect("the sandbox starts");
    (sandbox, made.cert.pem())
}

const AFTER_LOGON: [&str; 3] = ["folders", "message", "notification"];

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well() {
    let sandbox = sandbox().await;
    let place = Place::new(&upstream(&sandbox));
    let before = sandbox.open_contexts();
    let (report, well) = place.check(ALICE, PASSWORD).await;
    assert!(well, "{:#}", report.0);
    for step in ["configuration", "Autodiscover", "authentication", "Connect", "Logon", "folders", "message"] {
        assert_eq!(report.status(step), "ok", "{:#}", report.0);
    }
    assert!(report.details("Autodiscover").contains(&sandbox.autodiscover_url()));
    assert_eq!(report.status("connection and TLS"), "warning", "plain http");
    assert!(report.details("authentication").contains("the server offers Basic"));
    assert!(report.details("folders").contains("Inbox: "));
    assert!(report.details("message").contains("bytes of MIME"));
    assert!(report.details("notification").contains("another session changed something"), "{:#}", report.0);
    assert!(report.details("ledger storage").contains("renamed and removed"));
    assert_eq!(std::fs::read_dir(place.path("ledger")).expect("readable").count(), 0, "nothing is left behind");
    assert_eq!(sandbox.open_contexts(), before, "its sessions are closed");

    // As text, with the password from the environment.
    let mut command = gateway();
    command.args(["check", "--user", ALICE, "--config"]).arg(place.path("gateway.toml"));
    command.env("MAPI_GATEWAY_PASSWORD", PASSWORD);
    let output = run(command).await;
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && text.contains("ok       Logon"), "{text}");
    assert!(text.lines().last().is_some_and(|line| line.starts_with("It works")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_inbox_is_no_failure() {
    let builder = Sandbox::builder().user(ALICE, PASSWORD, "Alice Example");
    let sandbox = builder.start("127.0.0.1:0".parse().expect("an address")).await.expect("the sandbox starts");
    let (report, well) = Place::new(&upstream(&sandbox)).check(ALICE, PASSWORD).await;
    assert!(well && report.details("message").contains("the inbox is empty"), "{:#}", report.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once() {
    let sandbox = sandbox().await;
    let place = Place::new(&upstream(&sandbox));
    let (report, well) = place.check(ALICE, "a wrong one").await;
    assert!(!well);
    report.assert_failed("Autodiscover", "the server refused the credentials", "authentication");
    report.assert_failed("authentication", "the server offers Basic", "locked");
    report.assert_skipped(&["Connect", "Logon"]);
    report.assert_skipped(&AFTER_LOGON);
    assert_ne!(report.status("ledger storage"), "skipped", "it has nothing to do with the password");

    // Without Autodiscover, at the mailbox itself.
    let url = sandbox.emsmdb_url(ALICE).expect("a user");
    let direct =
        format!("emsmdb_url = \"{url}\"\nlegacy_dn = \"/o=x/cn={{local}}\"\nauth = \"basic\"\nallow_plain_http = true");
    let (report, well) = Place::new(&direct).check(ALICE, "a wrong one").await;
    assert!(!well);
    assert!(report.details("Autodiscover").contains("not asked"));
    report.assert_failed("authentication", "refuses this user name and password", "locked");
    assert_eq!(sandbox.counters().snapshot().connect(), 0, "nobody came in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_another_domain_and_an_unknown_mailbox() {
    let sandbox = sandbox().await;
    let (report, well) = Place::new(&upstream(&sandbox)).check("alice@elsewhere.test", PASSWORD).await;
    assert!(!well);
    report.assert_failed("Autodiscover", "elsewhere.test is not among upstream.domains", "--user");

    let url = sandbox.emsmdb_url(ALICE).expect("a user");
    let direct =
        format!("emsmdb_url = \"{url}\"\nlegacy_dn = \"/o=x/cn=nobody\"\nauth = \"basic\"\nallow_plain_http = true");
    let (report, well) = Place::new(&direct).check(ALICE, PASSWORD).await;
    assert!(!well);
    let step = if report.status("Connect") == "failed" { "Connect" } else { "Logon" };
    report.assert_failed(step, "ec", "legacy");
    report.assert_skipped(&AFTER_LOGON);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_upstream() {
    // Bound and closed again: nobody listens there.
    let nobody: SocketAddr = {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        taken.local_addr().expect("an address")
    };
    let text = format!(
        "domains = [\"example.test\"]\nautodiscover_url = \"http://{nobody}/autodiscover/autodiscover.xml\"\nauth = \"basic\"\nallow_plain_http = true"
    );
    let (report, well) = Place::new(&text).check(ALICE, PASSWORD).await;
    assert!(!well);
    report.assert_failed("Autodiscover", "refused", "next step");
    report.assert_failed("connection and TLS", "no connection", "firewall");
    report.assert_skipped(&["authentication", "Connect", "Logon"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates() {
    let (sandbox, pem) = tls_sandbox().await;
    let port = sandbox.addr().port();
    let upstream = |host: &str, more: &str| {
        format!(
            "domains = [\"example.test\"]\nhosts = [\"127.0.0.1\"]\nautodiscover_url = \"https://{host}:{port}/autodiscover/autodiscover.xml\"\n{more}"
        )
    };
    // Without a single root on this machine https could not even be set up.
    let plain = "allow_plain_http = true";
    let (report, well) = Place::new(&upstream("localhost", plain)).check(ALICE, PASSWORD).await;
    assert!(!well);
    report.assert_failed("connection and TLS", "not trusted", "upstream.ca_file");
    report.assert_skipped(&["authentication", "Connect"]);

    let place = Place::new("");
    std::fs::write(place.path("ca.pem"), pem).expect("written");
    let trusting = format!(
        "ca_file = '{}'\nemsmdb_url = \"https://localhost:{port}/mapi/emsmdb/?MailboxId={{user}}\"",
        place.path("ca.pem").display()
    );
    place.configure(&upstream("localhost", &trusting), &place.path("ledger"), "127.0.0.1:1");
    let (report, _) = place.check(ALICE, PASSWORD).await;
    assert!(report.details("connection and TLS").contains("TLSv1.3"), "{:#}", report.0);
    assert!(report.details("connection and TLS").contains("certificate valid until"), "{:#}", report.0);
    assert_eq!(report.status("authentication"), "ok", "{:#}", report.0);

    place.configure(&upstream("127.0.0.1", &trusting), &place.path("ledger"), "127.0.0.1:1");
    let (report, well) = place.check(ALICE, PASSWORD).await;
    assert!(!well);
    report.assert_failed("connection and TLS", "for another name than 127.0.0.1", "host name");
}

#[tokio::test(flavor = "multi_thread")]
async fn autodiscover_that_names_a_forbidden_host() {
    let sandbox = sandbox().await;
    // The sandbox gives out URLs with the host 127.0.0.1, which nothing here allows.
    let text = format!(
        "domains = [\"example.test\"]\nautodiscover_url = \"http://localhost:{}/autodiscover/autodiscover.xml\"\nauth = \"basic\"\nallow_plain_http = true",
        sandbox.addr().port()
    );
    let (report, well) = Place::new(&text).check(ALICE, PASSWORD).await;
    assert!(!well);
    report.assert_failed("Autodiscover", "127.0.0.1", "if 127.0.0.1 is yours, add it to upstream.hosts");
    assert_eq!(report.status("authentication"), "ok", "Autodiscover took the password");
    report.assert_skipped(&["Connect", "Logon"]);
    assert_eq!(sandbox.counters().snapshot().connect(), 0, "nothing was sent there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_can_not_be_written_and_a_wrong_configuration() {
    let sandbox = sandbox().await;
    let place = Place::new(&upstream(&sandbox));
    let file = place.path("password");
    place.configure(&upstream(&sandbox), &file, "127.0.0.1:1");
    let (report, well) = place.check(ALICE, PASSWORD).await;
    assert!(!well);
    report.assert_failed("ledger storage", "is no directory", "storage that can be written");
    assert_eq!(report.status("Logon"), "ok", "the rest is looked at all the same");

    place.configure("domain = []", &file, "127.0.0.1:1");
    let (report, well) = place.check(ALICE, PASSWORD).await;
    assert!(!well);
    report.assert_failed("configuration", "upstream.domain: unknown field", "README");
    report.assert_skipped(&["Autodiscover", "Logon", "ledger storage"]);
}

async fn health(place: &Place) -> (bool, String) {
    let mut command = gateway();
    command.args(["health", "--config"]).arg(place.path("gateway.toml"));
    let output = run(command).await;
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn health_of_a_gateway_that_runs_and_of_one_that_does_not() {
    let stack = Stack::start(Seed::Empty).await;
    let place = Place::new("");
    let configure = |listener: &str| place.configure("domains = [\"example.test\"]", &place.path("ledger"), listener);
    configure(&stack.imap.to_string());
    let (well, text) = health(&place).await;
    assert!(well && text.starts_with("alive"), "{text}");
    // A listener on all addresses is reached over loopback.
    for everywhere in ["0.0.0.0", "[::]"] {
        configure(&format!("{everywhere}:{}", stack.imap.port()));
        let (well, text) = health(&place).await;
        assert!(well && text.contains("127.0.0.1"), "{text}");
    }
    // Somebody else listens there.
    configure(&stack.smtp.to_string());
    let (well, text) = health(&place).await;
    assert!(!well && text.contains("not ready, it says `220"), "{text}");
    configure("127.0.0.1:0");
    let (well, text) = health(&place).await;
    assert!(!well && text.contains("imap.listener[0]: port 0"), "{text}");

    let address = stack.imap.to_string();
    drop(stack);
    configure(&address);
    let (well, text) = health(&place).await;
    assert!(!well && text.contains("imap.listener[0] at 127.0.0.1"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_of_listeners_with_tls_and_of_smtp_alone() {
    let place = Place::new("");
    let made = rcgen::generate_simple_self_signed(vec!["mail.example.test".to_owned()]).expect("a certificate");
    std::fs::write(place.path("certificate.pem"), made.cert.pem()).expect("written");
    std::fs::write(place.path("key.pem"), made.signing_key.serialize_pem()).expect("written");
    for (protocol, tls) in [("imap", "implicit"), ("smtp", "implicit"), ("smtp", "starttls")] {
        let text = |port: u16| {
            format!(
                "[upstream]\ndomains = [\"example.test\"]\n[ledger]\ndirectory = '{dir}'\n\
                 [tls]\ncertificate_file = '{dir}/certificate.pem'\nkey_file = '{dir}/key.pem'\n\
                 [[{protocol}.listener]]\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n",
                dir = place.directory.path().display()
            )
        };
        let config = gateway::config::Config::parse(&text(0)).expect("good");
        let service = gateway::service::Service::start(&config).await.expect("it starts");
        let addresses = [service.imap_addresses(), service.smtp_addresses()].concat();
        std::fs::write(place.path("gateway.toml"), text(addresses[0].port())).expect("written");
        let (well, text) = health(&place).await;
        assert!(well && text.starts_with("alive"), "{protocol} {tls}: {text}");
        service.stop(std::time::Duration::from_secs(1)).await;
    }
}

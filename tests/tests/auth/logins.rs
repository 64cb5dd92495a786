//! What a client is told when it can't be let in, and what an administrator is told when the gateway can't start.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use tests::imap_client::ImapClient;
use tests::smtp_client::{SmtpClient, plain_token};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_unreachable_upstream() {
    let stack = Stack::start(Seed::Demo(10)).await;
    for (user, password) in [(ALICE, "wrong"), ("nobody@example.test", PASSWORD), ("alice@elsewhere.test", PASSWORD)] {
        let mut imap = ImapClient::connect(stack.imap).await;
        let status = imap.command(&format!("LOGIN {user} {password}")).await.status;
        assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "{user}: {status}");
        let mut smtp = SmtpClient::connect(stack.smtp).await;
        smtp.expect("EHLO test", "250").await;
        smtp.expect(&format!("AUTH PLAIN {}", plain_token(user, password)), "535 5.7.8").await;
        smtp.expect(&format!("MAIL FROM:<{ALICE}>"), "530").await;
    }

    let mut selected = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    selected.command("SELECT INBOX").await.ok();
    let (imap, smtp) = (stack.imap, stack.smtp);
    let service = stack.stop_upstream().await;

    // Nobody who is not known yet can be let in, and nobody is told that the password is wrong.
    let mut client = ImapClient::connect(imap).await;
    let status = client.command(&format!("LOGIN bob@example.test {PASSWORD}")).await.status;
    assert!(status.starts_with("NO [UNAVAILABLE]"), "{status}");
    let mut client = SmtpClient::connect(smtp).await;
    client.expect("EHLO test", "250").await;
    client.expect(&format!("AUTH PLAIN {}", plain_token("bob@example.test", PASSWORD)), "454").await;

    // The process stays up, and so does who is in; what is known needs no upstream.
    let flags = selected.command("FETCH 1:* FLAGS").await.ok();
    assert!(!flags.untagged.is_empty());
    drop(service);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_need_encryption_unless_the_listener_says_otherwise() {
    let stack = Stack::start_strict(Seed::Empty).await;
    let mut imap = ImapClient::connect(stack.imap).await;
    let capabilities = imap.command("CAPABILITY").await.ok();
    assert!(capabilities.line("LOGINDISABLED").is_some(), "{:?}", capabilities.lines());
    let status = imap.command(&format!("LOGIN {ALICE} {PASSWORD}")).await.status;
    assert!(status.starts_with("NO [PRIVACYREQUIRED]"), "{status}");
    let mut smtp = SmtpClient::connect(stack.smtp).await;
    assert!(!smtp.expect("EHLO test", "250").await.contains("AUTH"));
    smtp.expect(&format!("AUTH PLAIN {}", plain_token(ALICE, PASSWORD)), "538").await;
}

/// Logs in from an address of this machine; the answer.
async fn log_in(imap: SocketAddr, source: [u8; 4], password: impl std::fmt::Display) -> String {
    let mut client = ImapClient::connect_from(source.into(), imap).await;
    client.command(&format!("LOGIN {ALICE} {password}")).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn guessed_passwords_are_not_passed_on_without_limit() {
    const HOME: [u8; 4] = [127, 0, 0, 1];
    const AWAY: [u8; 4] = [127, 0, 0, 2];
    // Nothing is let in from memory here.
    let stack = Stack::start_configured(Seed::Empty, "[cache]\ncredential_seconds = 0\n").await;
    let refused = || stack.sandbox.counters().snapshot().unauthorized;
    assert!(log_in(stack.imap, HOME, PASSWORD).await.starts_with("OK"));
    // Connections without credentials count, too, and each attempt asks once.
    let before = refused();
    assert!(log_in(stack.imap, AWAY, "wrong0").await.starts_with("NO [AUTHENTICATIONFAILED]"));
    let each = refused() - before;
    assert!(each > 0);
    for _ in 0..3 {
        assert!(log_in(stack.imap, AWAY, "wrong0").await.starts_with("NO [AUTHENTICATIONFAILED]"));
    }
    assert_eq!(refused() - before, each, "the same wrong password is asked once");
    let guesses = (1..12).map(|number| log_in(stack.imap, AWAY, format!("wrong{number}")));
    let answers = guesses.collect::<tokio::task::JoinSet<_>>().join_all().await;
    let passed = answers.iter().filter(|answer| answer.starts_with("NO [AUTHENTICATIONFAILED]")).count();
    let held = answers.iter().filter(|answer| answer.starts_with("NO [UNAVAILABLE]")).count();
    assert_eq!((passed, held), (3, 8), "{answers:?}");
    assert_eq!(refused() - before, 4 * each, "four in all were passed on");

    // Another user, and the user with the password that was right, wherever they are.
    let mut bob = ImapClient::connect_from(AWAY.into(), stack.imap).await;
    bob.command(&format!("LOGIN {BOB} {PASSWORD}")).await.ok();
    assert!(log_in(stack.imap, AWAY, PASSWORD).await.starts_with("OK"));
    // A new password is a guess like any other where the user never was, and none at home.
    stack.sandbox.set_password(ALICE, "renewed");
    let third = [127, 0, 0, 3];
    assert!(log_in(stack.imap, third, "renewed").await.starts_with("NO [UNAVAILABLE]"));
    assert!(log_in(stack.imap, HOME, "renewed").await.starts_with("OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_server_does_not_know_keeps_nobody_out() {
    let stack = Stack::start_configured(Seed::Empty, "[cache]\ncredential_seconds = 0\n").await;
    let log_in = async |name: &str| {
        let mut client = ImapClient::connect(stack.imap).await;
        client.command(&format!("LOGIN \"{name}\" {PASSWORD}")).await.status
    };
    let refused = || stack.sandbox.counters().snapshot().unauthorized;
    // A device has the right password and a spelling that only the gateway understands.
    for other in ["NOWHERE\\\\alice", "NOWHERE\\\\ALICE"] {
        assert!(log_in(other).await.starts_with("NO [AUTHENTICATIONFAILED]"), "{other}");
        assert!(log_in(ALICE).await.starts_with("OK"), "it says nothing of this name");
    }
    // It goes on, and is asked again under further names: all of them count together, and the right one stays known.
    let before = refused();
    for number in 0..12 {
        let status = log_in(&format!("NOWHERE{number}\\\\alice")).await;
        assert!(status.starts_with("NO"), "{status}");
        assert!(log_in(ALICE).await.starts_with("OK"), "after {number}");
    }
    let passed = refused() - before;
    assert!(passed <= 12, "{passed} refusals");
    // Nothing more is tried, and another spelling that is the same name to the server is as known.
    for name in ["alice", "ALICE@EXAMPLE.TEST"] {
        assert!(log_in(name).await.starts_with("OK"), "{name}");
    }
}

/// More wrong passwords from one address than are passed on.
async fn guess_from(imap: SocketAddr, source: [u8; 4]) {
    for number in 0..5 {
        // None that was refused a moment ago.
        let status = log_in(imap, source, format!("guess{number}{source:?}").replace(", ", ".")).await;
        assert!(!status.starts_with("OK"), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_elsewhere_keeps_nobody_out_after_a_restart() {
    const HOME: [u8; 4] = [127, 0, 0, 1];
    const AWAY: [u8; 4] = [127, 0, 0, 2];
    let stack = Stack::start_configured(Seed::Empty, "[cache]\ncredential_seconds = 0\n").await;
    assert!(log_in(stack.imap, HOME, PASSWORD).await.starts_with("OK"));
    let stack = stack.restart().await;
    let file = stack.ledger().join("trusted-sources");
    let text = std::fs::read_to_string(&file).expect("it is remembered from where Alice got in");
    assert!(text.contains("127.0.0.1\talice@example.test"), "{text}");
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);

    let refused = || stack.sandbox.counters().snapshot().unauthorized;
    let before = refused();
    guess_from(stack.imap, AWAY).await;
    let guessed = refused() - before;
    guess_from(stack.imap, [127, 0, 0, 3]).await;
    assert_eq!(refused() - before, guessed, "strangers share one count");
    assert!(log_in(stack.imap, [127, 0, 0, 4], PASSWORD).await.starts_with("NO [UNAVAILABLE]"));
    assert!(log_in(stack.imap, HOME, PASSWORD).await.starts_with("OK"));
    // Something at home has an old password, and goes on and on.
    guess_from(stack.imap, HOME).await;
    assert!(log_in(stack.imap, HOME, "typo").await.starts_with("NO [UNAVAILABLE]"));
    assert!(log_in(stack.imap, HOME, PASSWORD).await.starts_with("OK"));

    // A damaged file costs no more than what it said.
    let stack =
        stack.restart_after(|ledger| std::fs::write(ledger.join("trusted-sources"), "damage").expect("written"));
    let stack = stack.await;
    assert!(log_in(stack.imap, HOME, PASSWORD).await.starts_with("OK"));
    let stack = stack.restart().await;
    guess_from(stack.imap, AWAY).await;
    assert!(log_in(stack.imap, HOME, PASSWORD).await.starts_with("OK"), "written anew");
}

fn gateway(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gateway-under-test")).args(arguments).output().expect("the gateway runs")
}

/// Standard error of a start that must fail.
fn refused(arguments: &[&str]) -> String {
    let output = gateway(arguments);
    assert!(!output.status.success(), "{arguments:?} started");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn a_wrong_configuration_stops_the_start_and_names_the_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("gateway.toml");
    let file = path.to_str().expect("text");
    let missing = refused(&["run", "--config", file]);
    assert!(missing.contains(file), "{missing}");
    for (text, expected) in [
        ("[upstream]\ndomain = []\n", "upstream.domain: unknown field"),
        (
            "[upstream]\ndomains = [\"a.test\"]\n[[imap.listener]]\naddress = \"x\"\ntls = \"none\"\n",
            "imap.listener[0].address: `x` is no address: expected an IP address and a port",
        ),
        (
            "[upstream]\ndomains = [\"a.test\"]\n[[smtp.listener]]\naddress = \"127.0.0.1:0\"\ntls = \"implicit\"\n",
            "smtp.listener[0].tls: needs a certificate",
        ),
        (
            "[upstream]\ndomains = [\"a.test\"]\nca_file = \"/nonexistent.pem\"\n[[imap.listener]]\naddress = \"127.0.0.1:0\"\ntls = \"none\"\n",
            "upstream.ca_file: /nonexistent.pem",
        ),
    ] {
        std::fs::write(&path, text).expect("written");
        let error = refused(&["run", "--config", file]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_taken_port_is_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let error = refused(&["demo", "--imap", &address, "--smtp", "127.0.0.1:0", "--messages", "1"]);
    assert!(error.contains(&address) && error.contains("another program uses this port"), "{error}");
}

//! Devices and senders through the whole gateway: what arrives in mailboxes, and what cannot be configured.

use std::net::SocketAddr;
use std::time::Duration;

use exchange_sandbox::{RunningSandbox, Sandbox};
use gateway::config::Config;
use gateway::service::Service;
use tempfile::TempDir;
use tests::imap_client::{ImapClient, first_literal};
use tests::smtp_talk::Talk;
use tests::stack::{ALICE, BOB, PASSWORD, PLAIN_LISTENERS};
use tokio::net::TcpStream;

/// A gateway with devices that send as Alice.
struct Gateway {
    imap: SocketAddr,
    smtp: SocketAddr,
    _service: Service,
    sandbox: RunningSandbox,
    directory: TempDir,
}

async fn start(devices: &str) -> Gateway {
    let builder = Sandbox::builder().user(ALICE, PASSWORD, "Alice Example").user(BOB, PASSWORD, "Bob Example");
    let sandbox = builder.start("127.0.0.1:0".parse().expect("an address")).await.expect("the sandbox starts");
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("mailbox"), format!("{PASSWORD}\n")).expect("written");
    std::fs::write(directory.path().join("wrong"), "wrong\n").expect("written");
    std::fs::write(directory.path().join("device"), "scan-it\n").expect("written");
    let text =
        configuration(&sandbox.addr().to_string(), devices).replace("DIR", &directory.path().display().to_string());
    let config = Config::parse(&text).expect("a good configuration");
    let service = Service::start(&config).await.expect("the gateway starts");
    let (imap, smtp) = (service.imap_addresses()[0], service.smtp_addresses()[0]);
    Gateway { imap, smtp, _service: service, sandbox, directory }
}

fn configuration(upstream: &str, devices: &str) -> String {
    format!(
        r#"
        [upstream]
        domains = ["example.test"]
        autodiscover_url = "http://{upstream}/autodiscover/autodiscover.xml"
        auth = "basic"
        allow_plain_http = true
        [ledger]
        directory = "DIR"
        [spool]
        dir = "DIR"
        memory_bytes = 65536
        {PLAIN_LISTENERS}
        authentication = "optional"
        {devices}
        "#
    )
}

/// A device on this machine.
fn local(settings: &str) -> String {
    format!(
        "[[smtp.device]]\nname = \"copier\"\nnetworks = [\"127.0.0.1\"]\nmailbox = \"{ALICE}\"\n\
         password_file = \"DIR/mailbox\"\n{settings}"
    )
}

impl Gateway {
    async fn talk(&self) -> Talk<TcpStream> {
        let mut talk = Talk::new(TcpStream::connect(self.smtp).await.expect("the gateway listens"));
        talk.hears("220 ").await;
        talk
    }

    /// The only message in Bob's inbox.
    async fn received(&self) -> String {
        self.only(BOB, "INBOX").await
    }

    /// The only message in a folder.
    async fn only(&self, user: &str, folder: &str) -> String {
        let mut client = ImapClient::login(self.imap, user, PASSWORD).await;
        client.command(&format!("SELECT \"{folder}\"")).await.ok();
        let fetched = client.command("FETCH 1:* BODY.PEEK[]").await.ok().untagged;
        let messages: Vec<&[u8]> = fetched.iter().filter_map(|response| first_literal(response)).collect();
        assert_eq!(messages.len(), 1);
        String::from_utf8_lossy(messages[0]).into_owned()
    }
}

async fn sends(talk: &mut Talk<TcpStream>, sender: &str, message: &str, reply: &str) {
    talk.says(&format!("MAIL FROM:<{sender}>"), "250 ").await;
    talk.says(&format!("RCPT TO:<{BOB}>"), "250 ").await;
    talk.says("DATA", "354 ").await;
    talk.says(&format!("{message}\r\n."), reply).await;
}

fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copier_without_login_sends_as_its_mailbox() {
    let gateway = start(&local("recipients = [\"example.test\"]")).await;
    let mut talk = gateway.talk().await;
    talk.says("HELO copier", "250 ").await;
    talk.says("MAIL FROM:<copier@printer_1.local>", "250 ").await;
    talk.says("RCPT TO:<someone@elsewhere.example>", "550 5.7.1 ").await;
    talk.says("RSET", "250 ").await;
    sends(&mut talk, "copier", "From: Floor 2 <copier@printer.local>\r\nSubject: Scan\r\n\r\nHere.", "250 ").await;
    let message = gateway.received().await;
    let from = header(&message, "From").unwrap_or_default();
    assert!(from.contains(ALICE) && !message.contains("Bcc"), "{message}");
    // The sandbox's transport writes no Reply-To, so it is the copy in Sent Items that shows it.
    let sent = gateway.only(ALICE, "Sent Items").await;
    assert!(header(&sent, "Reply-To").is_some_and(|value| value.contains("copier@printer.local")), "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_without_any_header_becomes_a_message() {
    let gateway = start(&local("")).await;
    let mut talk = gateway.talk().await;
    talk.says("HELO ups", "250 ").await;
    sends(&mut talk, "", "Battery low\r\nReplace soon", "250 ").await;
    let message = gateway.received().await;
    assert!(header(&message, "From").is_some_and(|from| from.contains(ALICE)), "{message}");
    assert!(header(&message, "Date").is_some() && header(&message, "Message-ID").is_some(), "{message}");
    assert!(message.contains("Battery low\r\nReplace soon"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_logs_in_with_its_own_password() {
    let device = format!(
        "[[smtp.device]]\nname = \"erp\"\nuser = \"erp\"\nuser_password_file = \"DIR/device\"\nmailbox = \"{ALICE}\"\n\
         password_file = \"DIR/mailbox\"\nsender = \"reject\"\nmessages_per_day = 1"
    );
    let gateway = start(&device).await;
    let mut talk = gateway.talk().await;
    talk.says("EHLO erp", "250-").await;
    talk.says("MAIL FROM:<a@b>", "530 ").await;
    talk.says("AUTH LOGIN", "334 ").await;
    talk.says("ZXJw", "334 ").await;
    talk.says("ZGVtbw==", "535 ").await;
    talk.says("AUTH LOGIN ZXJw", "334 ").await;
    // scan-it
    talk.says("c2Nhbi1pdA==", "235 ").await;
    talk.says("MAIL FROM:<boss@example.test>", "550 5.7.60 ").await;
    sends(&mut talk, ALICE, "From: boss@example.test\r\nSubject: x\r\n", "550 5.7.60 ").await;
    talk.says(&format!("MAIL FROM:<{ALICE}>"), "450 4.7.1 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_mailbox_does_not_open_may_try_again() {
    let gateway = start(&local("").replace("DIR/mailbox", "DIR/wrong")).await;
    let mut talk = gateway.talk().await;
    talk.says("HELO copier", "250 ").await;
    sends(&mut talk, "", "Subject: x\r\n", "451 4.3.0 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_of_a_device_is_sent_once_and_counts_against_nobody() {
    let gateway = start(&local("").replace("DIR/mailbox", "DIR/wrong")).await;
    let refused = || gateway.sandbox.counters().snapshot().unauthorized;
    let mut talk = gateway.talk().await;
    talk.says("HELO copier", "250 ").await;
    sends(&mut talk, "", "Subject: x\r\n", "451 4.3.0 ").await;
    let once = refused();
    assert!(once > 0, "it was sent");
    for _ in 0..6 {
        sends(&mut talk, "", "Subject: x\r\n", "451 4.3.0 ").await;
    }
    assert_eq!(refused(), once, "it was sent again");
    for number in 0..4 {
        let mut client = ImapClient::connect(gateway.imap).await;
        let status = client.command(&format!("LOGIN {ALICE} guess{number}")).await.status;
        assert!(status.starts_with("NO [AUTHENTICATIONFAILED]"), "all four are passed on: {status}");
    }
    // Nor does it matter to the device how others guess.
    std::fs::write(gateway.directory.path().join("wrong"), format!("{PASSWORD}\n")).expect("written");
    sends(&mut talk, "", "Subject: put right\r\n", "250 ").await;
    assert!(gateway.received().await.contains("put right"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_has_its_own_size_limit() {
    let gateway = start(&local("max_message_bytes = 1000")).await;
    let mut talk = gateway.talk().await;
    talk.says("EHLO copier", "250-").await;
    talk.says("MAIL FROM:<a@b> SIZE=1001", "552 5.3.4 ").await;
    sends(&mut talk, "", &"x".repeat(1001), "552 5.3.4 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_arrives_whole() {
    let gateway = start(&local("")).await;
    let mut talk = gateway.talk().await;
    talk.says("EHLO copier", "250-").await;
    let body: String = (0..200_000).map(|line| format!("line {line}\r\n")).collect();
    let message = format!("Subject: large\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n{body}end");
    sends(&mut talk, "", &message, "250 ").await;
    let received = gateway.received().await;
    assert!(received.contains(&body), "{} bytes", received.len());
}

#[tokio::test]
async fn an_open_relay_cannot_be_configured() {
    let directory = tempfile::tempdir().expect("a directory");
    for (network, problem) in [("0.0.0.0/0", "is too wide"), ("10.0.0.0/8", "is too wide"), ("::/0", "is too wide")] {
        let text = configuration("127.0.0.1:1", &local("").replace("127.0.0.1", network));
        let text = text.replace("DIR", &directory.path().display().to_string());
        let config = Config::parse(&text).expect("well-formed");
        let error = match Service::start(&config).await {
            Ok(service) => {
                service.stop(Duration::ZERO).await;
                panic!("{network} was taken")
            }
            Err(error) => error.to_string(),
        };
        assert!(error.starts_with("smtp.device[0].networks[0]: ") && error.contains(problem), "{error}");
    }
}

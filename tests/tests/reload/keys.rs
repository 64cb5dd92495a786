use std::time::{Duration, Instant};

use tests::imap_client::ImapClient;
use tests::stack::{ALICE, BOB, PASSWORD};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::running::Running;

#[tokio::test(flavor = "multi_thread")]
async fn what_imap_clients_are_offered() {
    let gateway = Running::start("[imap]\nmax_search_keys = 100").await;
    let mut before = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    assert!(!gateway.capability().await.contains("AUTH=LOGIN"));
    gateway.put("[imap]", "[imap]\nauth_login = true").await;
    assert!(gateway.capability().await.contains("AUTH=LOGIN"));

    let imap = "tls = \"none\"\n            allow_plaintext_auth = true\n            [[smtp";
    gateway.put(imap, "tls = \"none\"\n[[smtp").await;
    assert!(gateway.capability().await.contains("LOGINDISABLED"));
    let tls = "[tls]\ncertificate_file = \"FOLDER/certificate.pem\"\nkey_file = \"FOLDER/key.pem\"";
    assert_eq!(gateway.add(tls).await.applied, ["tls", "tls.certificate_file", "tls.key_file"]);
    gateway.put("tls = \"none\"\n[[smtp", "tls = \"starttls\"\nallow_plaintext_auth = true\n[[smtp").await;
    assert!(gateway.capability().await.contains("STARTTLS"));

    let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    gateway.put("[imap]", "[imap]\nmax_message_bytes = 100000").await;
    client.raw(b"x APPEND INBOX {200000}\r\n").await;
    assert!(client.response().await.starts_with(b"+"), "who is there goes on as before");
    let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    client.raw(b"x APPEND INBOX {200000}\r\n").await;
    let refused = String::from_utf8(client.response().await).expect("text");
    assert!(refused.starts_with("x NO [TOOBIG]"), "{refused}");

    before.command("SELECT INBOX").await.ok();
    gateway.put("max_search_keys = 100", "max_search_keys = 2").await;
    before.command("SEARCH SEEN DELETED FLAGGED").await.ok();
    let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    let refused = client.command("SEARCH SEEN DELETED FLAGGED").await.status;
    assert!(refused.starts_with("NO [LIMIT]"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_imap_clients_may_take() {
    let gateway = Running::start("[imap]").await;
    let ends_within = async |client: &mut ImapClient, seconds: u64| {
        let ended = async { while client.try_command("").await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(seconds), ended).await.is_ok()
    };
    gateway.put("[imap]", "[imap]\nlogin_timeout_seconds = 1").await;
    let mut stream = TcpStream::connect(gateway.imap).await.expect("it listens");
    let (began, mut said) = (Instant::now(), Vec::new());
    stream.read_to_end(&mut said).await.expect("it closes");
    assert!(said.windows(5).any(|part| part == b"* BYE") && began.elapsed() < Duration::from_secs(10));

    gateway.put("[imap]", "[imap]\nidle_timeout_seconds = 2").await;
    let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    let goodbye = tokio::time::timeout(Duration::from_secs(15), client.response()).await.expect("it is closed");
    assert!(goodbye.starts_with(b"* BYE"));
    assert!(ends_within(&mut client, 5).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_many_imap_clients_there_may_be() {
    let gateway = Running::start("[imap]").await;
    let mut first = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    gateway.put("[imap]", "[imap]\nmax_connections_per_user = 1").await;
    assert!(ImapClient::try_login(gateway.imap, ALICE, PASSWORD).await.is_err(), "one too many of this user");
    let second = ImapClient::login(gateway.imap, BOB, PASSWORD).await;
    for key in ["max_connections", "max_connections_per_address"] {
        gateway.put("[imap]", &format!("[imap]\n{key} = 2")).await;
        let mut refused = TcpStream::connect(gateway.imap).await.expect("it listens");
        let mut said = String::new();
        refused.read_to_string(&mut said).await.expect("it closes");
        assert!(said.starts_with("* BYE [LIMIT]"), "{said}");
        gateway.put(&format!("[imap]\n{key} = 2"), "[imap]").await;
    }
    first.command("NOOP").await.ok();
    drop(second);
    gateway.put("[imap]", "[imap]\nmax_unauthenticated_per_address = 1").await;
    let mut waits = TcpStream::connect(gateway.imap).await.expect("it listens");
    let mut next = ImapClient::connect(gateway.imap).await;
    waits.read_to_end(&mut Vec::new()).await.expect("it goes for the next one");
    next.command("NOOP").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_smtp_clients_are_offered() {
    let gateway = Running::start("[smtp]").await;
    let before = gateway.ehlo().await;
    assert!(before.contains("SMTPUTF8") && before.contains("RCPTMAX=1000") && before.contains("AUTH PLAIN LOGIN"));
    for (line, seen) in [
        ("hostname = \"mx.example.test\"", "250-mx.example.test"),
        ("max_message_bytes = 54321", "SIZE 54321"),
        ("max_recipients = 7", "RCPTMAX=7"),
    ] {
        gateway.put("[smtp]", &format!("[smtp]\n{line}")).await;
        let said = gateway.ehlo().await;
        assert!(said.contains(seen), "{seen}: {said}");
    }
    gateway.put("[smtp]", "[smtp]\nsmtputf8 = false").await;
    assert!(!gateway.ehlo().await.contains("SMTPUTF8"));
    gateway.add("mechanisms = [\"plain\"]").await;
    assert!(!gateway.ehlo().await.contains("LOGIN"));
    gateway.add("max_message_bytes = 11111").await;
    assert!(gateway.ehlo().await.contains("SIZE 11111"), "the listener's own");

    let mut open = gateway.talk().await;
    open.hears("220 ").await;
    gateway.add("networks = [\"192.0.2.0/24\"]").await;
    gateway.talk().await.hears("554 5.7.1 ").await;
    open.says("EHLO client", "250-").await;
    gateway.put("networks = [\"192.0.2.0/24\"]", "proxies = [\"127.0.0.0/24\"]").await;
    let mut proxy = gateway.talk().await;
    proxy.sends(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").await;
    proxy.hears("220 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_many_smtp_clients_there_may_be() {
    let gateway = Running::start("[smtp]").await;
    for key in ["max_connections", "max_connections_per_address"] {
        gateway.put("[smtp]", &format!("[smtp]\n{key} = 1")).await;
        let mut first = gateway.talk().await;
        first.hears("220 ").await;
        first.says("EHLO client", "250-").await;
        first.says(&format!("AUTH PLAIN {}", tests::smtp_client::plain_token(ALICE, PASSWORD)), "235 ").await;
        gateway.talk().await.hears("421 4.7.0 ").await;
        gateway.put(&format!("[smtp]\n{key} = 1"), "[smtp]").await;
        first.says("NOOP", "250 ").await;
    }
    // What was counted counts on when something else changes.
    gateway.add("connections_per_minute = 2").await;
    for _ in 0..2 {
        gateway.talk().await.hears("220 ").await;
    }
    gateway.put("[smtp]", "[smtp]\nhostname = \"mx.example.test\"").await;
    gateway.talk().await.hears("421 4.7.0 ").await;
    gateway.put("connections_per_minute = 2", "connections_per_minute = 100").await;
    gateway.talk().await.hears("220 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_come_and_go() {
    let gateway = Running::start("").await;
    gateway.talk().await.hears("220 ").await;
    let device = format!(
        "authentication = \"optional\"\n[[smtp.device]]\nname = \"scanner\"\nnetworks = [\"127.0.0.1\"]\nmailbox = \
         \"{ALICE}\"\npassword_file = \"FOLDER/password\"\nmessages_per_day = 1\n"
    );
    let begins = async |reply: &str| {
        let mut talk = gateway.talk().await;
        talk.hears("220 ").await;
        talk.says("EHLO scanner", "250-").await;
        talk.says("MAIL FROM:<scanner>", reply).await;
        talk
    };
    begins("530 5.7.0 ").await;
    gateway.add(&device).await;
    let mut talk = begins("250 ").await;
    talk.says(&format!("RCPT TO:<{BOB}>"), "250 ").await;
    talk.says("DATA", "354 ").await;
    talk.says("Subject: scan\r\n\r\nHere.\r\n.", "250 ").await;
    begins("450 ").await;
    // What it has sent counts on.
    gateway.put("messages_per_day = 1", "messages_per_day = 1\nrecipients = [\"example.test\"]").await;
    begins("450 ").await;
    gateway.put("messages_per_day = 1", "messages_per_day = 2").await;
    let mut talk = begins("250 ").await;
    talk.says("RCPT TO:<someone@elsewhere.example>", "550 5.7.1 ").await;
    gateway.put("networks = [\"127.0.0.1\"]", "networks = [\"198.51.100.7\"]").await;
    begins("530 5.7.0 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_and_go() {
    let gateway = Running::start("").await;
    let login = async |password: &str| match ImapClient::try_login(gateway.imap, "archive", password).await {
        Ok(_) => "in".to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(login("demo").await.contains("AUTHENTICATIONFAILED"));
    gateway
        .add(
            "[[account]]\nuser = \"archive\"\nuser_password_file = \"FOLDER/password\"\nmailbox = \
             \"archive@example.test\"\noauth = { token_url = \"http://127.0.0.1:9/\", client_id = \"x\", \
             client_secret_file = \"FOLDER/password\", allow_plain_http = true }",
        )
        .await;
    // Nobody is where its tokens come from.
    assert!(login(PASSWORD).await.contains("UNAVAILABLE"));
    assert!(login("wrong").await.contains("AUTHENTICATIONFAILED"));
}

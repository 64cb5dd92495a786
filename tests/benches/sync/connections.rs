use std::time::Duration;

use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::stack::PASSWORD;

use crate::{Measured, PROGRAM, fill, mebibytes, sandbox_of, within};

const MAILBOXES: usize = 100;
const CONNECTIONS: usize = 2000;
/// Messages in the inboxes of the first mailboxes, and of the others.
const MESSAGES: [(usize, usize); 2] = [(5, 10_000), (MAILBOXES - 5, 500)];
/// After so long without a word a compressed connection keeps as little as it can.
const REST: Duration = Duration::from_secs(6);
/// Kibibytes for each connection.
const BOUND: f64 = 64.0;

/// What idle IMAP connections over TLS cost, each with a folder selected, with COMPRESS=DEFLATE or without.
pub async fn measure(compressed: bool) -> Measured {
    let users: Vec<String> = (0..MAILBOXES).map(|number| format!("user{number}@example.test")).collect();
    let sandbox = sandbox_of(&users).await;
    let messages = if compressed { [(0, 0), (MAILBOXES, 500)] } else { MESSAGES };
    let sizes = messages.into_iter().flat_map(|(count, messages)| std::iter::repeat_n(messages, count));
    users.iter().zip(sizes).for_each(|(user, messages)| fill(&sandbox, user, messages));
    let directory = tempfile::tempdir().expect("a directory");
    let sections = &encrypted_listeners(directory.path());
    let settings = Settings { sections, ..Settings::new(PROGRAM, directory.path(), sandbox.addr()) };
    let gateway = Gateway::start(settings).await?;

    let empty = mebibytes(&gateway, "VmRSS")?;
    let mut clients = Vec::with_capacity(CONNECTIONS);
    connect(&gateway, &users, compressed, &mut clients).await;
    let opened = settled(&gateway).await?;
    let rounds = CONNECTIONS / MAILBOXES;
    for _ in 1..rounds {
        connect(&gateway, &users, compressed, &mut clients).await;
    }
    let full = settled(&gateway).await?;
    println!(
        "memory: {empty:.0} MiB without connections, {opened:.0} MiB with {MAILBOXES} mailboxes and one connection each, \
         {full:.0} MiB with {CONNECTIONS} connections; the most {:.0} MiB",
        mebibytes(&gateway, "VmHWM")?
    );
    let further = (full - opened) * 1024.0 / (CONNECTIONS - MAILBOXES) as f64;
    println!("each further connection of a mailbox: {further:.1} KiB");
    within(
        "idle connection over TLS, its share of the mailbox included",
        (full - empty) * 1024.0 / CONNECTIONS as f64,
        BOUND,
        "KiB",
    )
}

/// One more connection for each user, idling.
async fn connect(gateway: &Gateway, users: &[String], compressed: bool, clients: &mut Vec<ImapClient>) {
    for users in users.chunks(10) {
        let opening: Vec<_> =
            users.iter().map(|user| tokio::spawn(idle(gateway.imap, user.clone(), compressed))).collect();
        for client in opening {
            clients.push(client.await.expect("a connection"));
        }
    }
}

async fn idle(address: std::net::SocketAddr, user: String, compressed: bool) -> ImapClient {
    let mut client = ImapClient::connect_tls(address).await;
    client.command(&format!("LOGIN {user} {PASSWORD}")).await.ok();
    if compressed {
        client = client.compressed().await;
    }
    client.command("SELECT INBOX").await.ok();
    client.send("IDLE").await;
    while !client.response().await.starts_with(b"+") {}
    client
}

/// Memory once it does not change any more.
async fn settled(gateway: &Gateway) -> Result<f64, String> {
    tokio::time::sleep(REST).await;
    let mut before = mebibytes(gateway, "VmRSS")?;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = mebibytes(gateway, "VmRSS")?;
        if (now - before).abs() < 0.5 {
            return Ok(now);
        }
        before = now;
    }
    Ok(before)
}

/// An IMAP listener with TLS from the first byte, and a certificate.
fn encrypted_listeners(directory: &std::path::Path) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(directory.join("certificate.pem"), made.cert.pem()).expect("written");
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    format!(
        r#"
        [tls]
        certificate_file = "{place}/certificate.pem"
        key_file = "{place}/key.pem"
        [[imap.listener]]
        address = "127.0.0.1:0"
        tls = "implicit"
        [[smtp.listener]]
        address = "127.0.0.1:0"
        tls = "implicit"
        "#,
        place = directory.display()
    )
}

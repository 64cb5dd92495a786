use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tests::imap_client::ImapClient;
use tests::smtp_client::SmtpClient;
use tests::stack::{ALICE, BOB, PASSWORD};
use tests::until::until;

use super::stage::Stage;

/// Broken configurations while clients work: nothing happens but a message that names the mistake.
#[tokio::test(flavor = "multi_thread")]
async fn mistakes_change_nothing_under_load() {
    let stage = Stage::plain("", "[smtp]\nhostname = \"first.example.test\"", |builder| builder).await;
    let (imap, smtp) = (stage.gateway.imap, stage.gateway.smtp);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut workers = Vec::new();
    for number in 0..8 {
        let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
        workers.push(tokio::spawn(async move {
            let user = if number % 2 == 0 { ALICE } else { BOB };
            let mut client = ImapClient::login(imap, user, PASSWORD).await;
            client.command("SELECT INBOX").await.ok();
            while !stop.load(Ordering::Relaxed) {
                client.command("NOOP").await.ok();
                ImapClient::login(imap, user, PASSWORD).await.command("LIST \"\" *").await.ok();
                SmtpClient::connect(smtp).await.expect("NOOP", "250").await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let good = std::fs::read_to_string(stage.config()).expect("readable");
    let mistakes = [
        ("[smtp]".to_owned(), "[smpt]".to_owned(), "smpt: unknown field"),
        ("hostname = \"first".to_owned(), "max_recipients = 0\nhostname = \"first".to_owned(), "smtp.max_recipients"),
        ("filter = \"info\"".to_owned(), "filter = \"loud\"".to_owned(), "log.filter"),
        (
            "[smtp]".to_owned(),
            "[spool]\ndir = \"/nonexistent\"\n[smtp]".to_owned(),
            "spool.dir: /nonexistent: No such file",
        ),
        ("auth = \"basic\"".to_owned(), "auth = \"basic\"\nca_file = \"/nonexistent\"".to_owned(), "upstream.ca_file"),
        (
            "[smtp]".to_owned(),
            "[tls]\ncertificate_file = \"/etc/hostname\"\nkey_file = \"/etc/hostname\"\n[smtp]".to_owned(),
            "tls.certificate_file: /etc/hostname: ",
        ),
        (good.clone(), "[upstream\n".to_owned(), "configuration: TOML parse error"),
    ];
    for (from, to, named) in mistakes {
        assert!(good.contains(&from), "{from}");
        // Something else is right in it and must not be taken.
        let wrong = good.replacen(&from, &to, 1).replace("first.example", "second.example");
        let said = stage.told_after("everything goes on as it was", || {
            std::fs::write(stage.config(), &wrong).expect("written");
            stage.hang_up();
        });
        let said = said.await;
        assert!(said.contains(named), "{named}: {said}");
        let before = done.load(Ordering::Relaxed);
        until("work goes on", async || done.load(Ordering::Relaxed) > before + 8).await;
    }
    let mut socket = tests::smtp_talk::Talk::new(tokio::net::TcpStream::connect(smtp).await.expect("it listens"));
    let greeting = socket.hears("220 ").await;
    assert!(greeting.contains("first.example.test"), "{greeting}");
    // The same without the mistake is taken.
    std::fs::write(stage.config(), good.replace("first.example", "second.example")).expect("written");
    let said = stage.reload().await;
    assert!(said.contains("\"changed\":\"smtp.hostname\""), "{said}");
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.expect("nobody was dropped");
    }
}

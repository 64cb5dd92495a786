use std::time::Duration;

use tests::imap_client::ImapClient;
use tests::smtp_talk::Talk;
use tests::stack::{ALICE, PASSWORD};
use tests::until::until;

use super::identity::{Identity, connect, shown};
use super::stage::{Stage, TLS_LISTENERS, replace};

/// Of 100 connections none drops when the certificate is replaced, and who comes then sees the new one; nobody told the
/// gateway.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_replaced_under_open_connections() {
    let stage = Stage::set("", TLS_LISTENERS, |builder| builder).await;
    let (imap, smtp) = (stage.gateway.imap, stage.gateway.smtp);
    let mut clients = Vec::new();
    for number in 0..60 {
        let mut client = ImapClient::connect_tls(imap).await;
        client.command(&format!("LOGIN {ALICE} {PASSWORD}")).await.ok();
        if number % 2 == 0 {
            client.command("SELECT INBOX").await.ok();
        }
        clients.push(client);
    }
    let mut talks = Vec::new();
    for _ in 0..40 {
        let mut talk = Talk::new(connect(smtp).await);
        talk.hears("220 ").await;
        talk.says("EHLO client", "250-").await;
        talks.push(talk);
    }
    let idling = clients[0].send("IDLE").await;
    assert!(clients[0].response().await.starts_with(b"+"));
    // The key comes a moment later: what does not go together is not shown.
    let (old, new) = (shown(imap).await, Identity::new());
    replace(&stage.folder.path().join("certificate.pem"), &new.pem);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(shown(imap).await, old);
    replace(&stage.folder.path().join("key.pem"), &new.key);
    until("the new certificate is shown", async || shown(imap).await == new.der && shown(smtp).await == new.der).await;

    for client in &mut clients[1..] {
        client.command("NOOP").await.ok();
    }
    clients[0].raw(b"DONE\r\n").await;
    clients[0].finish(&idling).await.ok();
    for talk in &mut talks {
        talk.says("NOOP", "250 ").await;
    }
    assert_eq!(stage.logged("another certificate is shown"), 1);
}

/// Certificates that can't be used are not taken, and the next good ones are.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_go_together_is_not_shown() {
    let stage = Stage::set("", TLS_LISTENERS, |builder| builder).await;
    let old = shown(stage.gateway.imap).await;
    let new = Identity::new();
    let said = stage.told_after("everything goes on as it was", || {
        replace(&stage.folder.path().join("certificate.pem"), &new.pem);
        stage.hang_up();
    });
    let said = said.await;
    assert!(said.contains("tls.key_file: certificate and key don't go together"), "{said}");
    assert_eq!(shown(stage.gateway.imap).await, old);
    replace(&stage.folder.path().join("key.pem"), &new.key);
    stage.reload().await;
    assert_eq!(shown(stage.gateway.imap).await, new.der);
}

use std::net::IpAddr;

use tests::imap_client::ImapClient;
use tests::stack::{ALICE, BOB, PASSWORD};
use tokio::net::{TcpSocket, TcpStream};

use super::stage::Stage;

async fn stranger(number: u8, server: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((IpAddr::from([127, 0, 0, number]), 0).into()).expect("an address of this machine");
    socket.connect(server).await.expect("the listener accepts")
}

/// However many strangers connect, from however many addresses: who has a password gets in.
#[tokio::test]
async fn strangers_keep_nobody_out() {
    let stage = Stage::set("[imap]\nmax_connections = 64\n[smtp]\nmax_connections = 64").await;
    stage.deliver(BOB, "small", "hello");
    let mut strangers = Vec::new();
    for round in 0..20 {
        for number in 2..30 {
            strangers.push(stranger(number, stage.gateway.imap).await);
            strangers.push(stranger(number, stage.gateway.smtp).await);
        }
        if round % 5 == 0 {
            let mut bob = ImapClient::login(stage.gateway.imap, BOB, PASSWORD).await;
            bob.command("SELECT INBOX").await.ok();
            let letter = "Subject: x\r\n\r\nbody";
            tests::smtp_client::SmtpClient::login(stage.gateway.smtp, BOB, PASSWORD)
                .await
                .send(BOB, &[BOB], letter)
                .await;
        }
    }
    let mut bystander = stage.bystander().await;
    bystander.is_served(5).await;
    bystander.leave().await;
}

/// One user has a bound, which is told, and room comes back when connections end.
#[tokio::test]
async fn a_user_has_a_bound() {
    let stage = Stage::set("[imap]\nmax_connections_per_user = 3").await;
    stage.deliver(BOB, "small", "hello");
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(stage.imap(ALICE).await);
    }
    let mut fourth = ImapClient::connect(stage.gateway.imap).await;
    fourth.raw(format!("a LOGIN {ALICE} {PASSWORD}\r\n").as_bytes()).await;
    let refused = String::from_utf8(fourth.response().await).expect("text");
    assert!(refused.starts_with("* BYE [LIMIT]"), "{refused}");
    drop((fourth, open.pop()));
    tests::until::until("a connection has ended", async || {
        ImapClient::try_login(stage.gateway.imap, ALICE, PASSWORD).await.is_ok()
    })
    .await;
    let mut bystander = stage.bystander().await;
    bystander.is_served(1).await;
    bystander.leave().await;
}

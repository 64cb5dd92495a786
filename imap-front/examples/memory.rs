//! Serves a small mailbox in memory on 127.0.0.1:10143, for trying clients by hand: user `alice`, password `secret`.
//! A message arrives every ten seconds.

use std::sync::Arc;
use std::time::Duration;

use imap_front::server::{Server, ServerConfig};
use mail_core::SpecialUse;
use support::{Memory, Users};
use tokio::net::TcpListener;
use tokio::sync::watch;

#[path = "../tests/support/mod.rs"]
mod support;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Memory::new();
    store.add("Gesendet/Übrig", Some(SpecialUse::Sent));
    let inbox = store.folder("INBOX");
    let message = |number: u32| {
        format!(
            "Date: Wed, 17 Jul 1996 02:23:25 -0700\r\nFrom: Ann <ann@example.test>\r\nTo: alice@example.test\r\n\
             Message-ID: <{number}@example.test>\r\nSubject: Message {number}\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHello {number}\r\n--x\r\n\
             Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{}--x--\r\n",
            "QUJDRA==\r\n".repeat(number as usize * 10)
        )
    };
    for number in 1..=100 {
        inbox.deliver(message(number));
    }
    let config = ServerConfig { allow_plaintext_auth: true, ..ServerConfig::default() };
    let server = Server::new(config, Arc::new(Users(store)));
    let listener = TcpListener::bind("127.0.0.1:10143").await?;
    tokio::spawn(async move {
        for number in 101.. {
            tokio::time::sleep(Duration::from_secs(10)).await;
            inbox.deliver(message(number));
        }
    });
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        stop.send(true)
    });
    server.serve(listener, stopping).await;
    Ok(())
}

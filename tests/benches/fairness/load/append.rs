use std::io;
use std::sync::Arc;

use tests::stack::ALICE;

use super::Servers;
use super::client::{Client, own_address};
use super::message;
use super::start::Start;
use super::tally;

const BYTES: usize = 34_000_000;
/// Messages that come to no end, and how much of them comes.
const PENDING: usize = 20;
const PENDING_BYTES: usize = 5 << 20;
/// Connections that append one message after the other.
const APPENDING: usize = 6;

pub async fn run(servers: Servers, start: Start) {
    let message: Arc<[u8]> = message::of(BYTES).into();
    let mut clients = Vec::new();
    for _ in 0..PENDING + APPENDING {
        clients.push(Client::imap(own_address(0), servers.imap, ALICE).await.expect("let in"));
    }
    start.ready().await;
    for (number, mut client) in clients.into_iter().enumerate() {
        let message = Arc::clone(&message);
        tokio::spawn(async move {
            if number < PENDING {
                let began = begin(&mut client, &message[..PENDING_BYTES]).await;
                tally::note("pending", &began.map(|()| true));
                return drop(client.read_to_end().await);
            }
            loop {
                let done = append(&mut client, &message).await;
                tally::note("appended", &done);
                if done.is_err() {
                    return;
                }
            }
        });
    }
}

async fn begin(client: &mut Client, bytes: &[u8]) -> io::Result<()> {
    client.write(format!("a APPEND INBOX {{{BYTES}+}}\r\n").as_bytes()).await?;
    client.write(bytes).await
}

async fn append(client: &mut Client, message: &[u8]) -> io::Result<bool> {
    begin(client, message).await?;
    client.write(b"\r\n").await?;
    client.answer().await
}

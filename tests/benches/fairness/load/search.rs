use tests::stack::ALICE;

use super::Servers;
use super::client::{Client, own_address};
use super::message;
use super::start::Start;
use super::tally;

const CONNECTIONS: usize = 8;
const KEYS: usize = 450;

pub async fn run(servers: Servers, start: Start) {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::inbox(own_address(0), servers.imap, ALICE).await.expect("let in"));
    }
    start.ready().await;
    for mut client in clients {
        tokio::spawn(async move {
            loop {
                let done = client.command(&message::search(KEYS)).await;
                tally::note("searches", &done);
                if done.is_err() {
                    return;
                }
            }
        });
    }
}

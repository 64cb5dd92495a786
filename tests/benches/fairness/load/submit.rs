use std::sync::Arc;

use tests::stack::ALICE;

use super::Servers;
use super::client::{Client, own_address};
use super::message;
use super::start::Start;
use super::tally;

const CONNECTIONS: usize = 20;
const BYTES: usize = 34_000_000;

pub async fn run(servers: Servers, start: Start) {
    let message: Arc<[u8]> = message::of(BYTES).into();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::smtp(own_address(0), servers.smtp, ALICE).await.expect("let in"));
    }
    start.ready().await;
    for mut client in clients {
        let message = Arc::clone(&message);
        tokio::spawn(async move {
            loop {
                let done = client.submit(ALICE, &message).await;
                tally::note("sent", &done);
                if done.is_err() {
                    return;
                }
            }
        });
    }
}

use tests::stack::ALICE;

use super::Servers;
use super::client::{Client, own_address};
use super::start::Start;
use super::tally;

const CONNECTIONS: usize = 50;
/// Messages in the inbox.
const MESSAGES: usize = 8;

pub async fn run(servers: Servers, start: Start) {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::inbox(own_address(0), servers.imap, ALICE).await.expect("let in"));
    }
    start.ready().await;
    for (number, mut client) in clients.into_iter().enumerate() {
        tokio::spawn(async move {
            for message in (1..=MESSAGES).cycle().skip(number) {
                let done = client.command(&format!("FETCH {message} BODY.PEEK[]")).await;
                tally::note("messages", &done);
                if done.is_err() {
                    return;
                }
            }
        });
    }
}

use std::io;
use std::time::Duration;

use tests::stack::ALICE;

use super::Servers;
use super::client::{Client, own_address};
use super::start::Start;
use super::tally;

const CONNECTIONS: usize = 40;
/// How long a client waits before it gives up and comes again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Before a client that was answered after all comes again.
const RETURN: Duration = Duration::from_millis(100);

pub async fn run(servers: Servers, start: Start) {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::inbox(own_address(0), servers.imap, ALICE).await.expect("let in"));
    }
    start.ready().await;
    for (number, client) in clients.into_iter().enumerate() {
        tokio::spawn(async move {
            let mut there = Some(client);
            loop {
                let outcome = tokio::time::timeout(PATIENCE, wait(servers, number, there.take())).await;
                match outcome {
                    Ok(answered) => {
                        tally::note("answered", &answered);
                        tokio::time::sleep(RETURN).await;
                    }
                    Err(_) => tally::note("given up", &Ok(true)),
                }
            }
        });
    }
}

/// Asks for something that needs the upstream.
async fn wait(servers: Servers, number: usize, client: Option<Client>) -> io::Result<bool> {
    if number.is_multiple_of(4) {
        let mut client = Client::smtp(own_address(0), servers.smtp, ALICE).await?;
        return client.submit(ALICE, b"Subject: small\r\n\r\nbody\r\n").await;
    }
    let mut client = match client {
        Some(client) => client,
        None => Client::imap(own_address(0), servers.imap, ALICE).await?,
    };
    let command = ["STATUS Drafts (MESSAGES)", "CREATE new", "SELECT Drafts"][number % 3];
    client.command(command).await
}

use std::time::Duration;

use tests::stack::ALICE;

use super::Servers;
use super::client::{Client, Pace, own_address};
use super::start::Start;
use super::tally;

const CONNECTIONS: usize = 60;
const PACE: Pace = Pace::Slow(16 << 10, Duration::from_millis(50));

pub async fn run(servers: Servers, start: Start) {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::inbox(own_address(0), servers.imap, ALICE).await.expect("let in"));
    }
    start.ready().await;
    for mut client in clients {
        tokio::spawn(async move {
            client.pace = PACE;
            // Too much to come to an end.
            let asked = client.write(b"a FETCH 1:* BODY.PEEK[]\r\n").await;
            tally::note("reading", &asked.map(|()| true));
            let ended = client.answer().await;
            tally::note("ended", &ended);
        });
    }
}

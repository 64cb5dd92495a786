use std::io;
use std::time::Duration;

use tests::stack::ALICE;

use super::Servers;
use super::client::{Client, own_address};
use super::start::Start;
use super::tally;

/// Connections that only are there, and how many come from one address.
const STRANGERS: usize = 3900;
const PER_ADDRESS: usize = 30;
/// Those that wait for mail, logged in.
const IDLING: usize = 80;
/// Those that come, log in and go, without a pause; and those that only come and go.
const LOGGING_IN: usize = 10;
const PASSING: usize = 10;
/// Before a stranger who was sent away is there again.
const RETURN: Duration = Duration::from_millis(50);

pub async fn run(servers: Servers, start: Start) {
    for number in 0..STRANGERS {
        let from = own_address(10 + number / PER_ADDRESS);
        tokio::spawn(async move {
            loop {
                let been = be_there(servers, from).await;
                // There is always an end, by which it was there.
                tally::note("strangers", &Ok(been.is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)));
                tokio::time::sleep(RETURN).await;
            }
        });
        if number % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    for _ in 0..IDLING {
        let mut client = Client::inbox(own_address(0), servers.imap, ALICE).await.expect("let in");
        client.write(b"a IDLE\r\n").await.expect("written");
        tokio::spawn(async move { client.read_to_end().await });
    }
    start.ready().await;
    for _ in 0..LOGGING_IN {
        tokio::spawn(async move {
            loop {
                tally::note("logins", &log_in(servers).await);
            }
        });
    }
    for _ in 0..PASSING {
        tokio::spawn(async move {
            loop {
                let came = Client::connect(own_address(2), servers.imap).await;
                tally::note("passing", &came.map(|_| true));
            }
        });
    }
}

async fn be_there(servers: Servers, from: std::net::Ipv4Addr) -> io::Result<()> {
    Client::connect(from, servers.imap).await?.read_to_end().await
}

async fn log_in(servers: Servers) -> io::Result<bool> {
    Client::imap(own_address(1), servers.imap, ALICE).await?.command("LOGOUT").await
}

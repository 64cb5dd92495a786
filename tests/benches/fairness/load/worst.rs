use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Servers;
use super::client::{Client, Pace, own_address};
use super::message;
use super::start::Start;
use super::tally;

/// The most that is taken by default.
const BYTES: usize = 35 << 20;
/// Many make a search long; few let many messages be searched.
const MANY_KEYS: usize = 450;
const FEW_KEYS: usize = 40;
const ITEMS: usize = 64;
/// Of all kinds.
const CLIENTS: usize = 200;
const PACE: Pace = Pace::Slow(64 << 10, Duration::from_millis(50));
/// How long the end of an appended message lets wait for itself.
const PENDING: Duration = Duration::from_secs(15);

#[derive(Clone, Copy)]
enum Manner {
    Header,
    Body,
    Search,
    ShortSearch,
    Append,
    Submit,
}

impl Manner {
    const ALL: [Self; 6] = [Self::Header, Self::Body, Self::Search, Self::ShortSearch, Self::Append, Self::Submit];

    fn name(self) -> &'static str {
        match self {
            Self::Header => "headers",
            Self::Body => "bodies",
            Self::Search => "searches",
            Self::ShortSearch => "short-searches",
            Self::Append => "appended",
            Self::Submit => "sent",
        }
    }
}

/// The inboxes have a message with a large header and two large ones. Connections over the bound for a user are refused, and
/// stay away. `WORST=headers,sent` in the environment does some of it only.
pub async fn run(servers: Servers, users: Vec<String>, start: Start) {
    let wanted = std::env::var("WORST").ok();
    let is_wanted =
        |manner: &Manner| wanted.as_ref().is_none_or(|wanted| wanted.split(',').any(|wanted| wanted == manner.name()));
    let message: Arc<[u8]> = message::of(BYTES).into();
    let mut clients = Vec::new();
    let manners: Vec<Manner> = Manner::ALL.into_iter().filter(is_wanted).collect();
    for number in 0..CLIENTS / manners.len() {
        for (at, &manner) in manners.iter().enumerate() {
            let user = users[(number + at) % users.len()].clone();
            // There are bounds by address too.
            let from = own_address(number % 8);
            let client = match manner {
                Manner::Submit => Client::smtp(from, servers.smtp, &user).await,
                Manner::Append => Client::imap(from, servers.imap, &user).await,
                _ => Client::inbox(from, servers.imap, &user).await,
            };
            tally::note("let in", &client.as_ref().map(|_| true).or(Ok(false)));
            if let Ok(mut client) = client {
                if number.is_multiple_of(2) && matches!(manner, Manner::Body) {
                    client.pace = PACE;
                }
                clients.push((manner, user, client));
            }
        }
    }
    start.ready().await;
    for (manner, user, mut client) in clients {
        let message = Arc::clone(&message);
        tokio::spawn(async move {
            loop {
                let done = act(manner, &user, &mut client, &message).await;
                tally::note(manner.name(), &done);
                if done.is_err() {
                    return;
                }
            }
        });
    }
}

async fn act(manner: Manner, user: &str, client: &mut Client, message: &[u8]) -> io::Result<bool> {
    match manner {
        Manner::Header => {
            let items = vec!["BODY.PEEK[HEADER.FIELDS.NOT (Z)]"; ITEMS].join(" ");
            client.command(&format!("FETCH 1 ({items})")).await
        }
        Manner::Body => client.command("FETCH 2:3 BODY.PEEK[]").await,
        Manner::Search => client.command(&message::search(MANY_KEYS)).await,
        Manner::ShortSearch => client.command(&message::search(FEW_KEYS)).await,
        Manner::Append => {
            client.write(format!("a APPEND Drafts {{{BYTES}+}}\r\n").as_bytes()).await?;
            let (begin, end) = message.split_at(BYTES - 100);
            client.write(begin).await?;
            tokio::time::sleep(PENDING).await;
            client.write(end).await?;
            client.write(b"\r\n").await?;
            client.answer().await
        }
        Manner::Submit => client.submit(user, message).await,
    }
}

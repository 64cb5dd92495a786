use std::time::Duration;

use tests::imap_client::ImapClient;
use tests::stack::PASSWORD;

use crate::Measured;
use crate::generator::Generator;
use crate::load::{Kind, message};
use crate::stage::{Stage, with_attachment, with_text};

/// How long the load goes on, and how long it is gone when memory is looked at again.
const DURATION: Duration = Duration::from_secs(60);
const AFTER: Duration = Duration::from_secs(60);
/// Mebibytes.
const PEAK_BOUND: u64 = 512;
const AFTER_BOUND: u64 = 200;
/// Bytes of the header, and of each of the two messages beside.
const HEADER: usize = 30_000_000;
const MESSAGE: usize = 34 << 20;
const MOST_USERS: usize = 8;

/// Memory of the gateway with its default configuration while 200 connections do the worst that is known, of one user and of
/// several, and a minute after they have left.
pub async fn measure() -> Measured {
    let of_one = under(1).await;
    let of_several = under(MOST_USERS).await;
    match (of_one, of_several) {
        (Err(one), Err(several)) => Err(format!("{one}\n{several}")),
        (one, several) => one.and(several),
    }
}

async fn under(count: usize) -> Measured {
    let users: Vec<String> = (0..count).map(|number| format!("user{number}@example.test")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let mut stage = Stage::set(&users, "warn,gateway::service=info").await?;
    let header = message::with_header(HEADER);
    for user in &users {
        let mut client = ImapClient::login(stage.gateway.imap, user, PASSWORD).await;
        client.raw(format!("a APPEND INBOX {{{}+}}\r\n", header.len()).as_bytes()).await;
        client.raw(&header).await;
        client.raw(b"\r\n").await;
        client.finish("a").await.ok();
        stage.deliver(user, with_attachment(MESSAGE));
        for bytes in [MESSAGE, 22 << 20, 12 << 20, 5 << 20] {
            stage.deliver(user, with_text(bytes));
        }
    }
    // What it took to come here does not count.
    stage.gateway.stop().await?;
    stage.gateway.ensure_running().await?;
    let before = stage.mebibytes("VmRSS")?;
    let mut generator = Generator::start(Kind::Worst, &stage.servers(), &users).await?;
    generator.begin()?;
    tokio::time::sleep(DURATION).await;
    let did = generator.end().await?;
    let peak = stage.mebibytes("VmHWM")?;
    tokio::time::sleep(AFTER).await;
    let after = stage.mebibytes("VmRSS")?;
    println!(
        "memory under 200 connections, {count} user(s): {before} MiB before, {peak} MiB at the most (bound {PEAK_BOUND}), \
         {after} MiB a minute after they left (bound {AFTER_BOUND}); they did: {did}"
    );
    let over = [("peak", peak, PEAK_BOUND), ("a minute after", after, AFTER_BOUND)].into_iter();
    let over: Vec<String> = over
        .filter(|(_, figure, bound)| figure > bound)
        .map(|(what, figure, bound)| format!("memory, {count} user(s), {what}: {figure} MiB, bound {bound} MiB"))
        .collect();
    if over.is_empty() { Ok(()) } else { Err(over.join("\n")) }
}

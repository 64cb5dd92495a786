use std::time::{Duration, Instant};

use exchange_sandbox::RunningSandbox;
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::processor::used_for;
use tests::stack::{ALICE, PASSWORD};

use crate::{Measured, PROGRAM, fill, sandbox_of, within};

const MESSAGES: usize = 10_000;
/// How often each is measured: the median counts.
const PASSES: usize = 5;
/// The most that a listing after a restart may take, in percent of one from memory.
const PERCENT: f64 = 150.0;
const LISTING: &str = "FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])";

/// What a listing of a folder costs with `ledger.envelopes`: at first, from memory, and after a restart, when the upstream is
/// asked for nothing.
pub async fn measure() -> Measured {
    let sandbox = sandbox_of(&[ALICE.to_owned()]).await;
    fill(&sandbox, ALICE, MESSAGES);
    let directory = tempfile::tempdir().expect("a directory");
    let settings = Settings::new(PROGRAM, directory.path(), sandbox.addr());
    let mut gateway = Gateway::start(Settings { ledger_keys: "envelopes = true", ..settings }).await?;
    let first = list(&gateway, &sandbox).await?;
    println!("first listing of {MESSAGES} messages: {first}");
    let (mut warm, mut restarted) = (Vec::new(), Vec::new());
    for _ in 0..PASSES {
        gateway.stop().await?;
        gateway.ensure_running().await?;
        restarted.push(list(&gateway, &sandbox).await?);
        warm.push(list(&gateway, &sandbox).await?);
    }
    for listing in restarted.iter().chain(&warm) {
        if listing.lines != first.lines || listing.requests > 0 {
            return Err(format!("not the first listing without requests, but {listing}"));
        }
    }
    let bytes = std::fs::read_dir(directory.path().join("ledger")).and_then(|files| {
        let sizes = files.map(|file| file.and_then(|file| Ok((file.file_name(), file.metadata()?.len()))));
        sizes.collect::<Result<Vec<_>, _>>()
    });
    println!("on disk: {:?}", bytes.map_err(|error| error.to_string())?);
    let (warm, restarted) = (median(warm), median(restarted));
    println!("from memory: {warm}\nafter a restart: {restarted}");
    let ratio = |of: fn(&Listing) -> Duration| 100.0 * of(&restarted).as_secs_f64() / of(&warm).as_secs_f64();
    let wall =
        within("listing after a restart, by the clock", ratio(|listing| listing.wall), PERCENT, "% of one from memory");
    wall.and(within("the same, by the processor", ratio(|listing| listing.processor), PERCENT, "% of one from memory"))
}

/// What came back, and what it took.
struct Listing {
    lines: Vec<Vec<u8>>,
    wall: Duration,
    processor: Duration,
    /// Execute requests.
    requests: u64,
}

impl std::fmt::Display for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lines, wall, processor, requests } = self;
        let bytes: usize = lines.iter().map(Vec::len).sum();
        write!(
            f,
            "{} messages, {bytes} bytes, {wall:.3?}, {processor:.3?} of processors, {requests} requests",
            lines.len()
        )
    }
}

async fn list(gateway: &Gateway, sandbox: &RunningSandbox) -> Result<Listing, String> {
    let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    // Its messages stay `\Recent`, so that each listing is the same.
    client.command("EXAMINE INBOX").await.ok();
    let before = sandbox.counters().execute();
    let began = Instant::now();
    let listing = async { (client.command(LISTING).await.ok(), began.elapsed()) };
    let processes = || gateway.process_id().into_iter().collect::<Vec<u32>>();
    let ((answer, wall), processor) = used_for(&processes, listing).await;
    let requests = sandbox.counters().execute() - before;
    Ok(Listing { lines: answer.untagged, wall, processor, requests })
}

fn median(mut all: Vec<Listing>) -> Listing {
    all.sort_by_key(|listing| listing.wall);
    all.swap_remove(all.len() / 2)
}

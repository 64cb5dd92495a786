use std::time::{Duration, Instant};

use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, PASSWORD};

use crate::{Measured, PROGRAM, fill, mebibytes, sandbox_of, within};

const MESSAGES: usize = 100_000;
/// Mebibytes.
const MEMORY_BOUND: f64 = 200.0;
/// Milliseconds.
const SELECT_BOUND: f64 = 300.0;
const RESTARTS: usize = 5;

/// The first SELECT of a folder of 100,000 messages, and SELECT after a restart.
pub async fn measure() -> Measured {
    let sandbox = sandbox_of(&[ALICE.to_owned()]).await;
    fill(&sandbox, ALICE, MESSAGES);
    let directory = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start(Settings::new(PROGRAM, directory.path(), sandbox.addr())).await?;
    let before = mebibytes(&gateway, "VmRSS")?;
    let executes = sandbox.counters().execute();
    let (first, took) = select(&gateway).await?;
    println!(
        "first SELECT of {MESSAGES} messages: {:.2} s, {} requests; memory {before:.0} MiB before, {:.0} MiB after",
        took.as_secs_f64(),
        sandbox.counters().execute() - executes,
        mebibytes(&gateway, "VmRSS")?
    );
    let memory = within("memory, the most of the first SELECT", mebibytes(&gateway, "VmHWM")?, MEMORY_BOUND, "MiB");
    let mut times = Vec::new();
    for _ in 0..RESTARTS {
        gateway.stop().await?;
        gateway.ensure_running().await?;
        let (again, took) = select(&gateway).await?;
        if again != first {
            return Err(format!("{again:?} after a restart, {first:?} before"));
        }
        times.push(took.as_secs_f64() * 1e3);
    }
    times.sort_unstable_by(f64::total_cmp);
    println!("SELECT after a restart: {times:.0?} ms; memory {:.0} MiB", mebibytes(&gateway, "VmHWM")?);
    memory.and(within("SELECT after a restart, median", times[RESTARTS / 2], SELECT_BOUND, "ms"))
}

/// Logs in and selects; tells what SELECT said of the folder, and how long SELECT took.
async fn select(gateway: &Gateway) -> Result<(Vec<String>, Duration), String> {
    let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    let began = Instant::now();
    let answer = client.command("SELECT INBOX").await.ok();
    let took = began.elapsed();
    let said: Vec<String> =
        ["EXISTS", "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"].iter().filter_map(|what| answer.line(what)).collect();
    let exists = format!("* {MESSAGES} EXISTS");
    if said.contains(&exists) { Ok((said, took)) } else { Err(format!("no {exists} but {said:?}")) }
}

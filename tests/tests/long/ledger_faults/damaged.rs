use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gateway::ledger::{Ledger, LedgerOptions, RedbLedger};
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

use super::damage::{Dice, damage};
use super::is_full;
use super::script::{MAILBOX, Step, commit, day, folder};
use super::shadow::Shadow;
use crate::Failed;

/// How many files are damaged, in a sample and in all; and how many of them under a whole gateway.
const FILES: (u64, u64) = (60, 500);
const UNDER_A_GATEWAY: (u64, u64) = (8, 60);

/// What became of a damaged file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Nothing that was used was hit.
    Whole,
    /// The state before the last commit, known to be in doubt.
    InDoubt,
    /// Set aside.
    Anew,
}

/// Files that were closed in order and files that a crash left are damaged and opened again.
pub fn files_are_never_believed() -> Result<(), Failed> {
    let count = if is_full() { FILES.1 } else { FILES.0 };
    let mut outcomes: BTreeMap<(bool, Outcome), u32> = BTreeMap::new();
    let (mut broken, mut slowest) = (Vec::new(), Duration::ZERO);
    for closed in [true, false] {
        let place = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (file, states) = made(place.path(), closed)?;
        for seed in 0..count {
            let began = Instant::now();
            match reopened(&file, &states, closed, seed) {
                Ok(outcome) => *outcomes.entry((closed, outcome)).or_default() += 1,
                Err(how) => broken.push(how),
            }
            slowest = slowest.max(began.elapsed());
        }
    }
    for ((closed, outcome), count) in &outcomes {
        println!(
            "ledger: {count} damaged files, {}: {outcome:?}",
            if *closed { "closed in order" } else { "left by a crash" }
        );
    }
    println!("ledger: {} damaged files; the slowest took {} ms", 2 * count, slowest.as_millis());
    if outcomes.keys().all(|(_, outcome)| *outcome != Outcome::Anew) {
        broken.push("no damage was found at all".into());
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n").into()) }
}

/// A file at the end of a day, and what it held last and before.
fn made(place: &Path, closed: bool) -> Result<(PathBuf, [Shadow; 2]), String> {
    let name = format!("{MAILBOX}.redb");
    let ledger = RedbLedger::open(place, MAILBOX).map_err(|error| error.to_string())?;
    let (mut last, mut before) = (Shadow::default(), Shadow::default());
    for step in day() {
        if let Step::Commit(number, commit) = step {
            ledger.commit(&folder(number), commit.clone()).map_err(|error| error.to_string())?;
            before = last.clone();
            last.commit(number, &commit);
        }
    }
    let file = place.join("made");
    if closed {
        drop(ledger);
        std::fs::copy(place.join(&name), &file).map_err(|error| error.to_string())?;
    } else {
        std::fs::copy(place.join(&name), &file).map_err(|error| error.to_string())?;
        drop(ledger);
    }
    Ok((file, [last, before]))
}

fn reopened(file: &Path, [last, before]: &[Shadow; 2], closed: bool, seed: u64) -> Result<Outcome, String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = place.path().join(format!("{MAILBOX}.redb"));
    std::fs::copy(file, &path).map_err(|error| error.to_string())?;
    let how = damage(&path, &mut Dice::new(seed));
    let told = |what: &str| format!("seed {seed}, closed {closed}, {how}: {what}");
    let ledger = RedbLedger::new(place.path(), MAILBOX, LedgerOptions::default());
    ledger.wake().map_err(|error| told(&format!("not opened: {error}")))?;
    let holds = |shadow: &Shadow| shadow.is_in(&ledger).map_err(|error| told(&format!("not read: {error}")));
    let in_doubt = ledger.opening().map_err(|error| told(&error.to_string()))?.doubts() > 0;
    let is_aside = std::fs::read_dir(place.path()).map_err(|error| error.to_string())?.count() > 1;
    let outcome = if is_aside && holds(&Shadow::default())? {
        Outcome::Anew
    } else if holds(last)? {
        Outcome::Whole
    } else if in_doubt && holds(before)? {
        Outcome::InDoubt
    } else {
        return Err(told("it holds what it never held"));
    };
    // It goes on, and what goes on is there after a restart.
    let next = if outcome == Outcome::Anew { 1 } else { ledger_version(&ledger, 3) + 1 };
    ledger.commit(&folder(3), commit(next, 1..9, &[])).map_err(|error| told(&format!("it does not go on: {error}")))?;
    drop(ledger);
    let again = RedbLedger::open(place.path(), MAILBOX).map_err(|error| told(&error.to_string()))?;
    let rows = again.load(&folder(3)).map_err(|error| told(&error.to_string()))?.map_or(0, |stored| stored.rows.len());
    if rows == 8 { Ok(outcome) } else { Err(told("it does not go on after a restart")) }
}

fn ledger_version(ledger: &RedbLedger, number: u64) -> u64 {
    ledger.load(&folder(number)).ok().flatten().map_or(0, |stored| stored.head.version)
}

/// What clients see of it: a UID is the same message, or UIDVALIDITY rose.
pub fn under_a_gateway() -> Result<(), Failed> {
    let count = if is_full() { UNDER_A_GATEWAY.1 } else { UNDER_A_GATEWAY.0 };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut stack = Stack::start(Seed::Bulk(80)).await;
        let (mut kept, mut raised) = (0, 0);
        let mut seen = look(&stack).await?;
        for seed in 0..count {
            let mut how = String::new();
            stack = stack.restart_after(|place| how = damage(&ledger_in(place), &mut Dice::new(1000 + seed))).await;
            let now = look(&stack).await.map_err(|what| format!("seed {seed}, {how}: {what}"))?;
            if now.uid_validity == seen.uid_validity {
                kept += 1;
                let other = now
                    .subjects
                    .iter()
                    .find(|(uid, subject)| seen.subjects.get(uid).is_some_and(|before| before != *subject));
                if let Some((uid, subject)) = other {
                    return Err(format!("seed {seed}, {how}: UID {uid} is {subject:?} now"));
                }
            } else if now.uid_validity > seen.uid_validity {
                raised += 1;
            } else {
                return Err(format!("seed {seed}, {how}: UIDVALIDITY fell"));
            }
            if now.subjects.len() != 80 {
                return Err(format!("seed {seed}, {how}: {} of 80 messages", now.subjects.len()));
            }
            seen = now;
        }
        println!("ledger: {count} damaged under a gateway: {kept} times UIDVALIDITY stayed, {raised} times it rose");
        if raised == 0 { Err("no damage was found at all".to_owned()) } else { Ok(()) }
    })?;
    Ok(())
}

struct Seen {
    uid_validity: u32,
    subjects: BTreeMap<u32, String>,
}

async fn look(stack: &Stack) -> Result<Seen, String> {
    let mut alice = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let selected = alice.command("SELECT INBOX").await;
    let line = selected.line("UIDVALIDITY").ok_or_else(|| selected.status.clone())?;
    let number = |text: &str, after: &str| -> Option<u32> {
        let rest = text.split_once(after)?.1;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let uid_validity = number(&line, "UIDVALIDITY ").ok_or(line)?;
    let fetched = alice.command("FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])").await.ok();
    let subjects = fetched.lines().into_iter().filter_map(|line| {
        let subject = line.split_once("Subject: ")?.1.lines().next()?.to_owned();
        Some((number(&line, "UID ")?, subject))
    });
    Ok(Seen { uid_validity, subjects: subjects.collect() })
}

fn ledger_in(place: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(place).expect("a directory").filter_map(|entry| Some(entry.ok()?.path()));
    files.find(|path| path.extension().is_some_and(|end| end == "redb")).expect("the file of a ledger")
}

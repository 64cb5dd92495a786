//! How fast IMAP is, side by side with Dovecot (Debian's `dovecot-imapd`): the gateway with its default configuration, a process
//! of its own before a sandbox in this one, and a Dovecot of this program's own, with the same messages.
//!
//! `cargo bench -p tests --bench imap [-- PART…]`: all of it, or the parts that are named ([`Part::ALL`]). `PASSES` (5) is how
//! often everything is measured, of which the median counts; `MESSAGES` (10,000) how many there are. A bound that is missed
//! fails the run, and so does an answer that is not Dovecot's.

mod client;
mod figures;
mod mail;
mod row;
mod side;
mod stage;

use std::process::ExitCode;

use figures::Figures;
use row::{Bound, Part, ROWS, Row, Work};
use side::Side;
use stage::{Cache, Stage};
use tests::dovecot::Dovecot;
use tests::machine;

/// What is in memory after a listing of all messages.
const LISTING: Work = Work::Fetch("BODY.PEEK[HEADER]");
/// With a cache for all messages they are in it after this.
const ALL: Work = Work::Fetch("BODY.PEEK[]");

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) = arguments.iter().find(|name| !Part::ALL.iter().any(|part| part.name() == *name)) {
        eprintln!("no such part: {unknown}; there are {}", Part::ALL.map(Part::name).join(", "));
        return ExitCode::FAILURE;
    }
    let wanted = |row: &&Row| arguments.is_empty() || arguments.iter().any(|name| name == row.part.name());
    let rows: Vec<&'static Row> = ROWS.iter().filter(wanted).collect();
    let measured = Dovecot::program().and_then(|_| {
        println!("machine: {}", machine::describe());
        // The sandbox works within requests; one that takes long must not keep others from a thread.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(8).enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(measure(&rows))
    });
    match measured {
        Ok(missed) if missed.is_empty() => ExitCode::SUCCESS,
        Ok(missed) => {
            eprintln!("missed:\n{}", missed.join("\n"));
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("not measured: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Gives the bounds that were missed.
async fn measure(rows: &[&'static Row]) -> Result<Vec<String>, String> {
    let passes = number("PASSES", 5)?;
    let mut stage = Stage::set(number("MESSAGES", 10_000)?).await?;
    let mut missed = Vec::new();
    let bodies: Vec<_> = rows.iter().copied().filter(|row| row.bound == Bound::Body).collect();
    for (cache, rows) in [(Cache::Default, rows), (Cache::Large, &bodies)] {
        if rows.is_empty() {
            continue;
        }
        let mut all: Vec<Figures> = rows.iter().map(|row| Figures::new(row, cache)).collect();
        for pass in 1..=passes {
            pass_over(&mut stage, cache, &mut all).await.map_err(|why| format!("pass {pass}: {why}"))?;
        }
        println!("\n{cache:?} cache, {passes} passes");
        figures::head();
        missed.extend(all.iter().filter_map(|figures| figures.tell().err()));
    }
    Ok(missed)
}

/// Measures everything once, each row first with one server and then with the other.
async fn pass_over(stage: &mut Stage, cache: Cache, all: &mut [Figures]) -> Result<(), String> {
    stage.restart(cache).await?;
    let stage = &*stage;
    let gateway = || stage.gateway.process_id().into_iter().collect();
    let mut gateway = Side::open("the gateway", stage.gateway.imap, gateway, stage.messages).await?;
    let dovecot = || stage.dovecot.processes();
    let mut dovecot = Side::open("Dovecot", stage.dovecot.imap, dovecot, stage.messages).await?;
    let before = match cache {
        Cache::Large => Some(ALL),
        Cache::Default if all.iter().any(|figures| figures.row.part == Part::Listings) => None,
        Cache::Default => Some(LISTING),
    };
    for side in [&mut gateway, &mut dovecot] {
        if let Some(work) = before {
            side.run(work).await?;
        }
    }
    for figures in all {
        let Row { name, work, .. } = *figures.row;
        let failed = |why| format!("{name}: {why}");
        let upstream = stage.upstream();
        let (one, taken) = gateway.run(work).await.map_err(failed)?;
        let upstream = stage.upstream() - upstream;
        let (other, reference) = dovecot.run(work).await.map_err(failed)?;
        if one != other {
            return Err(format!("{name}: not Dovecot's answer: {}", difference(&one, &other)));
        }
        figures.add(taken, upstream, reference);
    }
    for side in [&gateway, &dovecot] {
        side.empty_other().await?;
    }
    Ok(())
}

fn difference(one: &client::Answer, other: &client::Answer) -> String {
    let short = |answer: &client::Answer| {
        let first: Vec<_> = answer.found.iter().take(10).collect();
        format!("{} fetched, {} bytes, {} found, first {first:?}", answer.fetched, answer.octets, answer.found.len())
    };
    format!("{} against {}", short(one), short(other))
}

fn number(variable: &str, default: usize) -> Result<usize, String> {
    match std::env::var(variable) {
        Ok(text) => text.parse().map_err(|_| format!("{variable}={text}: no number")),
        Err(_) => Ok(default),
    }
}

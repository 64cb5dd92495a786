//! Every upstream request of every scenario fails in every way, and the gateway is killed at every one: no message is lost,
//! none doubled beyond what the client's own retry of an unanswered command explains, no UID is reused or renumbered, and
//! what was accepted is there. The oracle is the sandbox's store itself, and what the client was ever told.
//!
//! A sample by default, everything with `FULL=1`; `SCENARIOS=append,move` names some. The sweep itself is tested, too: bugs
//! that are seeded make it fail.

mod damage;
mod facts;
mod many;
mod scenario;
mod stage;
mod sweep;

use ::gateway::mutant::Mutant;
use scenario::Scenario;
use sweep::Extent;

use super::{Failed, Trial, is_full};

/// A sample takes one of so many points.
const SAMPLE: usize = 7;
/// The same of scenarios with many messages, which have many points of the same kind.
const SAMPLE_OF_MANY: usize = 11;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("fault_sweep::every_fault_is_survived", every_fault_is_survived),
        Trial::test("fault_sweep::seeded_bugs_are_found", seeded_bugs_are_found),
    ]
}

fn every_fault_is_survived() -> Result<(), Failed> {
    let (every, every_of_many) = if is_full() { (1, 1) } else { (SAMPLE, SAMPLE_OF_MANY) };
    let scenarios = sweep::named(std::env::var("SCENARIOS").ok().as_deref());
    let extent = Extent { every, every_of_many, only_kills: false, until_broken: false };
    let report = runtime().block_on(sweep::sweep(&scenarios, extent, None));
    println!("fault points: {} tried, {} held", report.tried, report.held);
    if !is_full() {
        println!("fault points: one of {every} and, of many messages, one of {every_of_many} only; FULL=1 tries all");
    }
    println!("fault points: {} not reached this time", report.not_reached);
    for (scenario, tried) in &report.tried_of {
        println!("fault points of {scenario}: {tried}");
    }
    let gaps = report.gaps();
    if report.broken.is_empty() && gaps.is_empty() {
        return Ok(());
    }
    let broken = report.broken.join("\n\n");
    Err(format!("{} points did not hold:\n{broken}\n{}", report.broken.len(), gaps.join("\n")).into())
}

fn seeded_bugs_are_found() -> Result<(), Failed> {
    let found = runtime().block_on(async {
        let mut hunts = tokio::task::JoinSet::new();
        for mutant in Mutant::ALL {
            // Where the bug shows; the whole sweep finds it as well, later.
            let scenarios: &[Scenario] = match mutant {
                Mutant::BlindResubmit => &[Scenario::Append, Scenario::Copy],
                Mutant::PublishBeforeCommit => &[Scenario::Arrival],
                Mutant::LostTombstone => &[Scenario::Expunge],
                Mutant::StateWithoutRows => &[Scenario::FirstSync],
                Mutant::RepeatWhole => &[Scenario::CopyMany],
            };
            let only_kills = mutant == Mutant::PublishBeforeCommit;
            let extent = Extent { every: 1, every_of_many: 1, only_kills, until_broken: true };
            hunts.spawn(async move { (mutant, sweep::sweep(scenarios, extent, Some(mutant)).await) });
        }
        hunts.join_all().await
    });
    let mut survivors = Vec::new();
    for (mutant, report) in &found {
        // Each by what it does to users, so that a sweep which fails anyway finds nothing.
        let effect = match mutant {
            Mutant::BlindResubmit | Mutant::RepeatWhole => " 2 times, not ",
            Mutant::LostTombstone => "after a restart: ",
            Mutant::PublishBeforeCommit | Mutant::StateWithoutRows => " went without anybody's doing",
        };
        match report.broken.iter().find(|how| how.contains(effect)) {
            Some(how) => println!("{}: found by {}", mutant.name(), how.lines().next().unwrap_or_default()),
            None => survivors.push(mutant.name()),
        }
    }
    println!("mutants: {} tried, {} killed", found.len(), found.len() - survivors.len());
    if survivors.is_empty() { Ok(()) } else { Err(format!("not found: {survivors:?}").into()) }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

//! Random programs of three parties against a simple model: two IMAP sessions that look at the same folder, and an
//! "Outlook" that acts on the mailbox through MAPI, past the gateway. After every step what the sessions were told, applied
//! as a mail program applies it, must equal the model's folder; the UIDs of messages must never change. Half of the gateways keep
//! on disk what lists of messages need, which is lost or damaged now and then while they are stopped.
//!
//! A failing program is shrunk, and printed with its seed.
//!
//! | variable | what it does |
//! |---|---|
//! | `FULL=1` | thousands of programs instead of a sample |
//! | `MODEL_PROGRAMS=n` | that many programs |
//! | `MODEL_SEED=n` | the first program's seed; the others follow it |
//!
//! A second trial restores ledgers from copies while a program runs (`restored`); it takes the same variables.

mod keeper;
mod outlook;
mod program;
mod reference;
mod restored;
mod run;
mod session;
mod view;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use program::Program;

use super::{Failed, Trial, is_full};

/// Programs of a normal run, of a full run, and how many run at once (they wait more than they compute).
const SAMPLE: u64 = 60;
const ALL: u64 = 3000;
const WORKERS: u64 = 4;
/// Programs with restored ledgers: of a normal run, and of a full run.
const RESTORED_SAMPLE: u64 = 3;
const RESTORED_ALL: u64 = 60;
/// No program takes as long.
const PATIENCE: Duration = Duration::from_secs(90);

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("model::random_programs_of_three_parties", random_programs_of_three_parties),
        Trial::test(
            "model::restored_ledgers_contradict_nothing_that_was_told",
            restored_ledgers_contradict_nothing_that_was_told,
        ),
    ]
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is not a number")))
}

/// Runs the program of a seed; a failure is shrunk and told.
fn try_seed(runtime: &tokio::runtime::Runtime, seed: u64, steps: &AtomicUsize) -> Result<(), String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config =
        Config { failure_persistence: None, max_shrink_iters: 200, max_shrink_time: 120_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tree = program::programs().new_tree(&mut runner).expect("programs can always be made");
    let outcome = runner.run_one(tree, |program: Program| {
        steps.fetch_add(program.steps.len(), Ordering::Relaxed);
        let run = async { tokio::time::timeout(PATIENCE, run::run(&program)).await };
        let outcome = runtime.block_on(run).unwrap_or_else(|_| Err("it does not come to an end".into()));
        outcome.map_err(|reason| {
            eprintln!("seed {seed}: {reason}");
            TestCaseError::fail(reason)
        })
    });
    match outcome {
        Ok(_) => Ok(()),
        Err(TestError::Fail(reason, program)) => {
            Err(format!("MODEL_SEED={seed} MODEL_PROGRAMS=1: {reason}\nshrunk to {program:?}"))
        }
        Err(TestError::Abort(reason)) => Err(format!("seed {seed}: {reason}")),
    }
}

fn random_programs_of_three_parties() -> Result<(), Failed> {
    let count = number("MODEL_PROGRAMS").unwrap_or(if is_full() { ALL } else { SAMPLE });
    let first = number("MODEL_SEED").unwrap_or(1);
    let next = AtomicU64::new(first);
    let steps = AtomicUsize::new(0);
    let failures = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(count) {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .expect("a runtime");
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || !failures.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                        return;
                    }
                    if let Err(failure) = try_seed(&runtime, seed, &steps) {
                        failures.lock().unwrap_or_else(PoisonError::into_inner).insert(seed, failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failures.is_empty(), "{}", failures.into_values().collect::<Vec<_>>().join("\n\n"));
    println!(
        "programs: {count} run, {count} held; seeds {first} to {}; {} steps",
        first + count - 1,
        steps.into_inner()
    );
    if count < ALL {
        println!("programs: a sample; FULL=1 runs {ALL}");
    }
    assert!(count > 0, "no program ran");
    Ok(())
}

fn restored_ledgers_contradict_nothing_that_was_told() -> Result<(), Failed> {
    let sample = if is_full() { RESTORED_ALL } else { RESTORED_SAMPLE };
    let count = number("MODEL_PROGRAMS").map_or(sample, |count| count.min(RESTORED_ALL));
    let first = number("MODEL_SEED").unwrap_or(1);
    let next = AtomicU64::new(first);
    let (readable, anew) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(count) {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .expect("a runtime");
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    match runtime.block_on(restored::run(seed)) {
                        Ok((read, shown)) => {
                            readable.fetch_add(read, Ordering::Relaxed);
                            anew.fetch_add(shown, Ordering::Relaxed);
                        }
                        Err(failure) => failures
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(format!("MODEL_SEED={seed} MODEL_PROGRAMS=1: {failure}")),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    println!(
        "programs with restored ledgers: {count} held; {} of {} copies could be read and were restored; {} messages shown anew",
        readable.into_inner(),
        count * restored::COPIES as u64,
        anew.into_inner()
    );
    if count < RESTORED_ALL {
        println!("programs with restored ledgers: a sample; FULL=1 runs {RESTORED_ALL}");
    }
    assert!(count > 0, "no program ran");
    Ok(())
}

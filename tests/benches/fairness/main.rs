//! Whether one user's load stands in another's way, and how much memory the worst that is known takes. The gateway is a process
//! of its own; the load comes from another one, which runs this program again with `generate`.
//!
//! `cargo bench -p tests --bench fairness [-- PART…]`: all of it, or the parts that are named: `peak` or loads ([`Kind::ALL`]).
//! A bound that is missed fails the run.

mod bystander;
mod fair;
mod figures;
mod generator;
mod inside;
mod load;
mod peak;
mod stage;

use std::process::ExitCode;

use load::Kind;
use tests::machine;

/// What a measurement says if a bound was missed, or if it could not be made.
type Measured = Result<(), String>;

const PEAK: &str = "peak";

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let Some(("generate", what)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return load::generate(what);
    }
    let known = |name: &String| name == PEAK || Kind::ALL.iter().any(|kind| kind.name() == name);
    if let Some(unknown) = arguments.iter().find(|name| !known(name)) {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        eprintln!("no such part: {unknown}; there are {PEAK} and {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    let is_wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|wanted| wanted == name);
    println!("machine: {}", machine::describe());
    // The sandbox works within requests; one that takes long must not keep others from a thread.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(8).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let loads: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| is_wanted(kind.name())).collect();
    let mut measured = Vec::new();
    if !loads.is_empty() {
        measured.push(runtime.block_on(fair::measure(&loads)));
    }
    if is_wanted(PEAK) {
        measured.push(runtime.block_on(peak::measure()));
    }
    let missed: Vec<String> = measured.into_iter().filter_map(Result::err).collect();
    if missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("missed:\n{}", missed.join("\n"));
    ExitCode::FAILURE
}

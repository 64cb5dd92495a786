//! The gateway's command line as a program of this package, so that tests can start it as users do; with a seeded bug if
//! `GATEWAY_MUTANT` names one.

use std::process::ExitCode;

use gateway::mutant::{Mutant, choose};

// As the program that users start.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Ok(name) = std::env::var("GATEWAY_MUTANT") {
        let Some(mutant) = Mutant::ALL.into_iter().find(|mutant| mutant.name() == name) else {
            eprintln!("GATEWAY_MUTANT: no such bug: {name}");
            return ExitCode::FAILURE;
        };
        choose(mutant);
    }
    gateway::cli::main()
}

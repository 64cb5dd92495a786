//! The gateway's command line as a program of this package, so that tests can start it as users do.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::cli::main()
}

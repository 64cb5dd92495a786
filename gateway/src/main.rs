//! `mapi-gateway`: see `mapi-gateway --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::cli::main()
}

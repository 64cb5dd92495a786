//! The command line.

#[cfg(feature = "demo")]
mod demo;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// IMAP and SMTP in front of an Exchange that only speaks MAPI/HTTP.
///
/// Mail clients talk IMAP and SMTP to this gateway; it talks MAPI/HTTP, the protocol of Outlook, to Exchange.
#[derive(Debug, Parser)]
#[command(name = "mapi-gateway", version, propagate_version = true)]
#[command(
    after_help = "Try it without an Exchange:  mapi-gateway demo\nServe a real one:             mapi-gateway run --config gateway.toml"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a real Exchange.
    ///
    /// Reads the configuration, binds its listeners and serves until SIGINT or SIGTERM.
    Run(run::RunArguments),
    /// Try the gateway: starts an Exchange sandbox with a seeded mailbox and the gateway in front of it.
    ///
    /// Two users, alice@example.test and bob@example.test, password "demo". Everything is forgotten at the end.
    #[cfg(feature = "demo")]
    Demo(demo::DemoArguments),
}

/// Parses the command line and runs what it asks for.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let result = match cli.command {
        Command::Run(arguments) => runtime.block_on(run::run(arguments)).map_err(|error| error.to_string()),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => runtime.block_on(demo::run(arguments)).map_err(|error| error.to_string()),
    };
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("mapi-gateway: {error}");
    ExitCode::FAILURE
}

/// Returns when the process is asked to end (SIGINT, SIGTERM).
async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = tokio::signal::ctrl_c();
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        drop(interrupt.await);
        return;
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}

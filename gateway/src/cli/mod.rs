//! The command line.

mod check;
mod config;
#[cfg(feature = "conformance")]
mod conformance;
#[cfg(feature = "demo")]
mod demo;
mod dns;
mod health;
mod notify;
mod oauth;
mod paper;
mod password;
mod run;
mod say;
mod signal;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// IMAP and SMTP in front of an Exchange that only speaks MAPI/HTTP.
///
/// Mail clients talk IMAP and SMTP to this gateway; it talks MAPI/HTTP, the protocol of Outlook, to Exchange.
#[derive(Debug, Parser)]
#[command(name = "mapi-gateway", version, propagate_version = true)]
#[command(
    after_help = "Try it without an Exchange:  mapi-gateway demo\nCheck a configuration:        mapi-gateway check --config gateway.toml --user alice@example.org\nServe a real one:             mapi-gateway run --config gateway.toml"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a real Exchange.
    ///
    /// Reads the configuration, binds its listeners and serves until SIGINT or SIGTERM. On SIGHUP, and when the configuration,
    /// certificates or other files that it names have changed, it reads them again without dropping anybody; with a mistake in
    /// them it goes on as before and says so in the log.
    Run(run::RunArguments),
    /// Check a configuration: go the way of a user's login, step by step.
    ///
    /// Autodiscover, TLS, authentication, session, mailbox, folders, the newest message, a notification, and where the
    /// ledger will be. Each step says what was found and, if it failed, what to do next. Exits with 1 if a step failed.
    ///
    /// The password is the first line of --password-file, or the environment variable MAPI_GATEWAY_PASSWORD, or is asked for
    /// (where standard input is no terminal: its first line).
    ///
    /// What it writes: a file in ledger.directory, removed at once; and a private property on the root folder of the mailbox,
    /// which no mail program shows, to see that a notification comes; it is deleted at once, too. Messages stay as they are.
    Check(check::CheckArguments),
    /// Look at a configuration: whether there are mistakes in it, and what is set.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the records to set in DNS so that clients find the gateway by an address alone.
    ///
    /// Those of RFC 6186 for each of upstream.domains, by autoconfig.imap_host and the listeners with TLS; `check` looks whether
    /// they are there.
    Dns(dns::DnsArguments),
    /// Ask the gateway that runs on this machine whether it is alive; for health checks of containers.
    ///
    /// Connects to the first listener of the configuration over loopback and waits five seconds for its greeting. Exits with
    /// 0 if it came, with 1 and a reason if not.
    Health(health::HealthArguments),
    /// Print what a shell needs to complete commands.
    Completions(paper::CompletionsArguments),
    /// Write manual pages.
    Man(paper::ManArguments),
    /// Get the gateway access tokens (OAuth 2.0) for the mailboxes of devices and accounts.
    #[command(name = "oauth", subcommand)]
    OAuth(oauth::OAuthCommand),
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
        Command::Check(arguments) => match runtime.block_on(check::run(arguments)) {
            Ok(false) => return ExitCode::FAILURE,
            well => well.map(drop),
        },
        Command::Config(command) => config::run(command),
        Command::Completions(arguments) => {
            paper::completions(arguments, Cli::command());
            Ok(())
        }
        Command::Man(arguments) => paper::man(&arguments, Cli::command()),
        Command::Dns(arguments) => dns::run(&arguments),
        Command::OAuth(command) => runtime.block_on(oauth::run(command)),
        Command::Health(arguments) => runtime.block_on(health::run(arguments)),
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

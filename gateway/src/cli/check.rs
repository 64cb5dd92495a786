use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

#[cfg(feature = "conformance")]
use super::conformance::SuiteArguments;
use super::password;
use super::say::say;
use crate::check::{Check, Report, Status, Step};
use crate::line::login::Login;

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "MAPI_GATEWAY_CONFIG")]
    config: PathBuf,
    /// The user to log in as, as mail clients will give it.
    #[arg(long, value_name = "USER")]
    user: String,
    /// A file with the user's password in its first line.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A file with an access token for the user in its first line, to log in with instead of a password.
    #[arg(long, value_name = "FILE", conflicts_with = "password_file")]
    token_file: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    #[cfg(feature = "conformance")]
    #[command(flatten)]
    suite: SuiteArguments,
}

/// Whether all is well; an error if the check could not begin.
pub(super) async fn run(arguments: CheckArguments) -> Result<bool, String> {
    let json = arguments.json;
    let mut check = Check::new(|step| {
        if !json {
            print(step)
        }
    });
    #[cfg(feature = "conformance")]
    let mut suite = None;
    if let Some(checked) = check.configuration(&arguments.config) {
        let user = arguments.user.as_str();
        let token = arguments.token_file.as_deref().map(password::token).transpose()?;
        let password = match &token {
            Some(_) => SecretString::default(),
            None => password::read(user, arguments.password_file.as_deref())?,
        };
        #[cfg(feature = "conformance")]
        {
            suite = arguments.suite.suite(&checked.config.upstream, user, &password)?;
        }
        let login = match token {
            Some(token) => Login::with_token(user, token),
            None => Login::new(user, password),
        };
        check.user(&checked, login).await;
        check.ledger(&checked);
        check.spool(&checked);
        check.client_settings(&checked).await;
    }
    let report = check.finish();
    if json {
        say!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        say!("{}", summary(&report));
    }
    #[cfg(feature = "conformance")]
    if let (Some(suite), false) = (suite, report.failed()) {
        return suite.run().await;
    }
    Ok(!report.failed())
}

fn print(step: &Step) {
    let status = match step.status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Failed => "FAILED",
        Status::Skipped => "skipped",
    };
    let time = if step.status == Status::Skipped { String::new() } else { format!("{} ms", step.milliseconds) };
    say!("{}", format!("{status:<8} {:<20} {time}", step.name).trim_end());
    step.details.iter().for_each(|line| say!("         {line}"));
    if let Some(next) = &step.next {
        say!("         -> {next}");
    }
}

fn summary(report: &Report) -> String {
    let count = |status| report.steps.iter().filter(|step| step.status == status).count();
    let (failed, warnings, skipped) = (count(Status::Failed), count(Status::Warning), count(Status::Skipped));
    match (failed, warnings) {
        (0, 0) => "All is well.".into(),
        (0, _) => format!("It works; {warnings} warnings."),
        _ => format!("{failed} steps failed, {skipped} were skipped, {warnings} warnings."),
    }
}

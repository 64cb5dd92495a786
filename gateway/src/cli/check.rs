use std::path::PathBuf;

use clap::Args;

use super::password;
use crate::check::{Check, Report, Status, Step};

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
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Whether all is well; an error if the check could not begin.
pub(super) async fn run(arguments: CheckArguments) -> Result<bool, String> {
    let json = arguments.json;
    let mut check = Check::new(|step| {
        if !json {
            print(step)
        }
    });
    if let Some(checked) = check.configuration(&arguments.config) {
        let password = password::read(&arguments.user, arguments.password_file.as_deref())?;
        check.user(&checked, &arguments.user, password).await;
        check.ledger(&checked);
    }
    let report = check.finish();
    let failed = report.failed();
    if json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        println!("{}", summary(&report));
    }
    Ok(!failed)
}

fn print(step: &Step) {
    let status = match step.status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Failed => "FAILED",
        Status::Skipped => "skipped",
    };
    let time = if step.status == Status::Skipped { String::new() } else { format!("{} ms", step.milliseconds) };
    println!("{}", format!("{status:<8} {:<20} {time}", step.name).trim_end());
    step.details.iter().for_each(|line| println!("         {line}"));
    if let Some(next) = &step.next {
        println!("         -> {next}");
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

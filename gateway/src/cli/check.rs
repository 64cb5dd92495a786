use std::path::PathBuf;

use clap::Args;
use conformance::SCENARIOS;
use secrecy::SecretString;

use super::password;
use crate::account::Login;
use crate::check::{Check, Report, Status, Step, find_target};

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
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password_file", "conformance"])]
    token_file: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Then run the conformance suite: whether the server does all that the gateway relies on.
    ///
    /// It works in scratch folders of its own below the top of the user's mailbox, and removes them at the end. It also
    /// sends one mail to the second user, if there is one, and removes it from Sent Items and from both inboxes. Nothing
    /// else is touched; the names of a few private properties stay registered in the mailbox. It takes a minute.
    #[arg(long, conflicts_with = "json")]
    conformance: bool,
    /// For the conformance suite: a second user, who gets mail and whose mailbox the first may not open.
    #[arg(long, value_name = "USER", requires = "conformance")]
    second_user: Option<String>,
    /// A file with the second user's password in its first line.
    #[arg(long, value_name = "FILE", requires = "second_user")]
    second_password_file: Option<PathBuf>,
}

/// Whether all is well; an error if the check could not begin.
pub(super) async fn run(arguments: CheckArguments) -> Result<bool, String> {
    let json = arguments.json;
    let mut check = Check::new(|step| {
        if !json {
            print(step)
        }
    });
    let mut suite = None;
    if let Some(checked) = check.configuration(&arguments.config) {
        let user = arguments.user.as_str();
        let token = arguments.token_file.as_deref().map(password::token).transpose()?;
        let password = match &token {
            Some(_) => SecretString::default(),
            None => password::read(user, arguments.password_file.as_deref())?,
        };
        let second = match &arguments.second_user {
            Some(user) => Some((user.clone(), password::read(user, arguments.second_password_file.as_deref())?)),
            None => None,
        };
        let login = match token {
            Some(token) => Login::with_token(user, token),
            None => Login::new(user, password.clone()),
        };
        check.user(&checked, login).await;
        check.ledger(&checked);
        check.spool(&checked);
        suite = arguments.conformance.then_some((checked, password, second));
    }
    let report = check.finish();
    let mut failed = report.failed();
    if json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        println!("{}", summary(&report));
    }
    if let (Some((checked, password, second)), false) = (suite, failed) {
        let second = second.as_ref().map(|(user, password)| (user.as_str(), password.clone()));
        let user = (arguments.user.as_str(), password);
        let target = find_target(&checked.config.upstream, user, second).await.map_err(|error| error.to_string())?;
        println!("\nConformance: what differs from the specifications, and whether the gateway copes with it");
        let report = conformance::run(&target, SCENARIOS, |done| println!("{done}")).await;
        println!("\n| scenario | field | expected | seen | verdict |\n|---|---|---|---|---|\n{report}");
        failed = !report.passed();
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

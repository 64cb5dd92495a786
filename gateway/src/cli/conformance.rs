use std::path::PathBuf;

use clap::Args;
use conformance::SCENARIOS;
use secrecy::SecretString;

use super::password;
use super::say::say;
use crate::check::find_target;
use crate::config::UpstreamConfig;

/// What `check` is told about the conformance suite.
#[derive(Debug, Args)]
pub(super) struct SuiteArguments {
    /// Then run the conformance suite: whether the server does all that the gateway relies on.
    ///
    /// It works in scratch folders of its own below the top of the user's mailbox, and removes them at the end. It also
    /// sends one mail to the second user, if there is one, and removes it from Sent Items and from both inboxes. Nothing
    /// else is touched; the names of a few private properties stay registered in the mailbox. It takes a minute.
    #[arg(long, conflicts_with_all = ["json", "token_file"])]
    conformance: bool,
    /// For the conformance suite: a second user, who gets mail and whose mailbox the first may not open.
    #[arg(long, value_name = "USER", requires = "conformance")]
    second_user: Option<String>,
    /// A file with the second user's password in its first line.
    #[arg(long, value_name = "FILE", requires = "second_user")]
    second_password_file: Option<PathBuf>,
}

/// The conformance suite with what it needs to find the mailboxes.
pub(super) struct Suite {
    config: UpstreamConfig,
    user: (String, SecretString),
    second: Option<(String, SecretString)>,
}

impl SuiteArguments {
    /// The suite for the mailbox of `user`, if it is asked for. Reads the second user's password.
    pub(super) fn suite(
        self,
        config: &UpstreamConfig,
        user: &str,
        password: &SecretString,
    ) -> Result<Option<Suite>, String> {
        if !self.conformance {
            return Ok(None);
        }
        let second = match self.second_user {
            Some(user) => {
                let password = password::read(&user, self.second_password_file.as_deref())?;
                Some((user, password))
            }
            None => None,
        };
        Ok(Some(Suite { config: config.clone(), user: (user.to_owned(), password.clone()), second }))
    }
}

impl Suite {
    /// Runs the suite and prints in what the server differs. Whether the gateway copes with all of it; an error if a
    /// mailbox is not found.
    pub(super) async fn run(self) -> Result<bool, String> {
        let Self { config, user, second } = self;
        let second = second.as_ref().map(|(user, password)| (user.as_str(), password.clone()));
        let target = find_target(&config, (&user.0, user.1), second).await.map_err(|error| error.to_string())?;
        say!("\nConformance: what differs from the specifications, and whether the gateway copes with it");
        let report = conformance::run(&target, SCENARIOS, |done| say!("{done}")).await;
        say!("\n| scenario | field | expected | seen | verdict |\n|---|---|---|---|---|\n{report}");
        Ok(report.passed())
    }
}

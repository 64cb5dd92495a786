use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::say::say;
use crate::config::{Config, ConfigError, Source};
use crate::service::Prepared;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check a configuration and the files that it names, as the start and SIGHUP do. Nothing is sent anywhere.
    ///
    /// Exits with 1 if there is a mistake. Whether it works for a user is what `mapi-gateway check` finds out.
    Check(CheckArguments),
    /// Show every key with the value that it has, where that comes from, and whether SIGHUP changes it. No secrets are shown.
    Show(ShowArguments),
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "MAPI_GATEWAY_CONFIG")]
    config: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "MAPI_GATEWAY_CONFIG")]
    config: PathBuf,
    /// Leave out what has its default value.
    #[arg(long)]
    changed: bool,
    /// Print a JSON array instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: ConfigCommand) -> Result<(), String> {
    match command {
        ConfigCommand::Check(arguments) => check(&arguments).map_err(|error| error.to_string()),
        ConfigCommand::Show(arguments) => show(&arguments),
    }
}

fn check(CheckArguments { config: path }: &CheckArguments) -> Result<(), ConfigError> {
    let config = Config::load(path)?;
    Prepared::new(&config)?;
    let (imap, smtp) = (config.imap.listener.len(), config.smtp.listener.len());
    let devices = config.smtp.device.len();
    say!("{}: no mistakes ({imap} IMAP and {smtp} SMTP listeners, {devices} devices)", path.display());
    Ok(())
}

fn show(ShowArguments { config: path, changed, json }: &ShowArguments) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let config = Config::parse(&text).map_err(|error| error.to_string())?;
    let mut settings = config.settings(&text).map_err(|error| error.to_string())?;
    settings.retain(|setting| !changed || setting.source != Source::Default);
    if *json {
        let row = |setting: &crate::config::Setting| {
            let source = setting.source.to_string();
            json!({ "key": setting.key, "value": setting.value, "source": source, "reload": setting.is_reloaded })
        };
        let rows: Vec<_> = settings.iter().map(row).collect();
        say!("{}", serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?);
        return Ok(());
    }
    for setting in settings {
        let value = if setting.value.is_null() { "none".to_owned() } else { setting.value.to_string() };
        let taken = if setting.is_reloaded { "by SIGHUP" } else { "by a restart" };
        say!("{} = {value}  # {}, changed {taken}", setting.key, setting.source);
    }
    Ok(())
}

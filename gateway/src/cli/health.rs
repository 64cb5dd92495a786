use std::path::PathBuf;

use clap::Args;

use super::say::say;
use crate::check;
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct HealthArguments {
    /// The configuration file (TOML) that the gateway runs with.
    #[arg(long, value_name = "FILE", env = "MAPI_GATEWAY_CONFIG")]
    config: PathBuf,
}

pub(super) async fn run(arguments: HealthArguments) -> Result<(), String> {
    let config = Config::load(&arguments.config).map_err(|error| error.to_string())?;
    let address = check::health(&config).await.map_err(|error| error.to_string())?;
    say!("alive: greeted at {address}");
    Ok(())
}

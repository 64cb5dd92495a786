use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::Config;
use crate::service::{Service, StartError};

/// How long clients have to end when the gateway stops.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "MAPI_GATEWAY_CONFIG")]
    config: PathBuf,
}

pub(super) async fn run(arguments: RunArguments) -> Result<(), StartError> {
    let config = Config::load(&arguments.config)?;
    crate::telemetry::init(&config.log)?;
    let service = Service::start(&config).await?;
    super::asked_to_end().await;
    tracing::info!("stopping");
    service.stop(PATIENCE).await;
    Ok(())
}

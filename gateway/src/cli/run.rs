use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::Config;
use crate::service::{Service, StartError};

/// How long clients have to end when the gateway stops. A submission that is cut off may be sent twice, so this is close to
/// what service managers and container engines grant at most by default (30 s).
const PATIENCE: Duration = Duration::from_secs(25);

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
    super::signal::asked_to_end().await;
    tracing::info!("stopping");
    service.stop(PATIENCE).await;
    Ok(())
}

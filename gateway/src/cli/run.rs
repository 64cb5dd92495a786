use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::notify::Notify;
use super::signal::{Hangups, asked_to_end};
use crate::config::Config;
use crate::metric::Recorder;
use crate::service::{Service, StartError, take_handed_sockets};

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "MAPI_GATEWAY_CONFIG")]
    config: PathBuf,
}

pub(super) async fn run(arguments: RunArguments) -> Result<(), StartError> {
    let config = Config::load(&arguments.config)?;
    // Passwords and mail are in its memory.
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        eprintln!("core dumps could not be turned off: {error}");
    }
    let mut hangups = Hangups::new();
    let logging = crate::telemetry::init(&config.log)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        configuration = %arguments.config.display(),
        ledger = %config.ledger.directory.display(),
        "starting"
    );
    for address in take_handed_sockets() {
        tracing::info!(%address, "the service manager handed a socket over");
    }
    let recorder = Recorder::default();
    if config.admin.is_some()
        && let Err(error) = recorder.install()
    {
        tracing::warn!(error, "nothing is counted");
    }
    let mut service = Service::start(&config).await?;
    if let Some(admin) = &config.admin {
        let observed = service.observed(logging.recent().clone(), recorder);
        service.start_admin(admin, observed).await?;
    }
    let notify = Notify::from_environment();
    notify.say("READY=1");
    tokio::select! {
        () = asked_to_end() => {}
        () = notify.keep_alive() => {}
        () = service.keep_reloading(&arguments.config, &logging, async || hangups.next().await) => {}
    }
    let seconds = service.config().limits.stop_seconds;
    notify.say("STOPPING=1");
    tracing::info!("stopping: commands under way are answered for up to {seconds} seconds");
    service.stop(Duration::from_secs(seconds)).await;
    tracing::info!("stopped");
    Ok(())
}

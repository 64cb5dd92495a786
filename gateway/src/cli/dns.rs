use std::path::PathBuf;

use clap::Args;

use super::say::say;
use crate::autoconfig::{Offer, records};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct DnsArguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "MAPI_GATEWAY_CONFIG")]
    config: PathBuf,
}

pub(super) fn run(DnsArguments { config }: &DnsArguments) -> Result<(), String> {
    let config = Config::load(config).map_err(|error| error.to_string())?;
    if !config.autoconfig.is_set() {
        return Err("autoconfig.imap_host: expected the name by which clients reach this gateway".to_owned());
    }
    let offer = Offer::of(&config);
    records(&offer).iter().for_each(|record| say!("{record}"));
    if !config.autoconfig.listener.is_empty() {
        for domain in &offer.domains {
            say!("autoconfig.{domain}. 3600 IN CNAME {}.", config.autoconfig.imap_host);
        }
    }
    Ok(())
}

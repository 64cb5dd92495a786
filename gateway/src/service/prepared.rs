use std::sync::Arc;

use mapi_core::client::Tls;
use rustls::sign::CertifiedKey;

use crate::config::{Config, ConfigError};
use crate::device::Devices;
use crate::line::settings::roots;
use crate::login::fixed::FixedAccount;
use crate::telemetry;

/// Everything that a configuration names beside itself, read and found good.
pub struct Prepared {
    pub(super) certificate: Option<Arc<CertifiedKey>>,
    pub(super) devices: Devices,
    pub(super) fixed: Arc<[FixedAccount]>,
    pub(super) roots: Tls,
}

impl Prepared {
    /// Reads it, as the start of the gateway does; blocks.
    ///
    /// # Errors
    /// What is wrong, with its key.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        Self::after(config, &Devices::default(), &[])
    }

    pub(super) fn after(config: &Config, devices: &Devices, fixed: &[FixedAccount]) -> Result<Self, ConfigError> {
        telemetry::filter(&config.log)?;
        config.spool.try_out()?;
        if let Some(token) = config.admin.as_ref().and_then(|admin| admin.token_file.as_deref()) {
            crate::admin::read_token(token)?;
        }
        Ok(Self {
            certificate: config.tls.as_ref().map(crate::tls::certified_key).transpose()?,
            devices: Devices::after(&config.smtp, devices)?,
            fixed: FixedAccount::all(&config.account, fixed)?,
            roots: roots(&config.upstream)?,
        })
    }
}

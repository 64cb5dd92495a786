use std::sync::Arc;

use crate::config::Config;
use crate::line::settings::UpstreamSettings;

/// A configuration that was found good.
pub struct Checked {
    /// The configuration.
    pub config: Config,
    pub(super) settings: Arc<UpstreamSettings>,
}

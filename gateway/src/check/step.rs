//! The names of the steps, in their order.

pub(super) const CONFIGURATION: &str = "configuration";
pub(super) const AUTODISCOVER: &str = "Autodiscover";
pub(super) const CONNECTION: &str = "connection and TLS";
pub(super) const AUTHENTICATION: &str = "authentication";
pub(super) const CONNECT: &str = "Connect";
pub(super) const LOGON: &str = "Logon";
pub(super) const FOLDERS: &str = "folders";
pub(super) const MESSAGE: &str = "message";
pub(super) const NOTIFICATION: &str = "notification";
pub(super) const LEDGER: &str = "ledger storage";
pub(super) const SPOOL: &str = "spool";
pub(super) const CLIENT_SETTINGS: &str = "client settings";

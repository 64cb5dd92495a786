use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use mail_core::listener::Gate;
use mail_core::work::ByteBudget;

use crate::device::Devices;
use crate::login::Accounts;
use crate::metric::Recorder;
use crate::telemetry::Recent;

/// What the pages are about: the parts of a running gateway.
pub struct Observed {
    /// The accounts, and with them the upstream.
    pub accounts: Arc<Accounts>,
    /// The room on the disk for messages that come in.
    pub disk: Arc<ByteBudget>,
    /// By protocol, who is connected.
    pub gates: Vec<ListenerGate>,
    /// The devices as they are now.
    pub devices: Box<dyn Fn() -> Arc<Devices> + Send + Sync>,
    /// Keys of the configuration that have changed and need a restart.
    pub restart: Box<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Where the ledgers are.
    pub ledger: PathBuf,
    /// The last warnings and errors.
    pub recent: Recent,
    /// What was counted.
    pub recorder: Recorder,
    /// Since when.
    pub started: SystemTime,
}

/// Who is connected by a protocol.
pub struct ListenerGate {
    /// The protocol.
    pub name: &'static str,
    /// Its connections.
    pub gate: Arc<Gate>,
}

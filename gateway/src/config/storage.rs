use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Where folder state is kept.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerConfig {
    /// A directory on durable storage; one file per mailbox. If it is lost, clients download everything again.
    pub directory: PathBuf,
    /// Bytes of each file that are cached while it is open.
    pub cache_bytes: usize,
    /// Seconds after which a file that nobody uses is closed; it is opened again when it is needed.
    pub idle_seconds: u64,
    /// Files that are open at once, about; those that were used least lately are closed.
    pub open_files: usize,
    /// For how many days a folder remembers which messages went.
    pub tombstone_days: u32,
    /// Of how many messages that went a folder remembers this at most, about.
    pub tombstones: u32,
    /// Keeps what lists of messages need of them (headers and structures) on disk beside the ledger: content, so only if wanted.
    pub envelopes: bool,
    /// Bytes that this takes of each mailbox at most, about.
    pub envelope_bytes: u64,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            directory: "/var/lib/mapi-gateway".into(),
            cache_bytes: 512 * 1024,
            idle_seconds: 120,
            open_files: 256,
            tombstone_days: 90,
            tombstones: 10_000,
            envelopes: false,
            envelope_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What is kept in memory.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Bytes of rendered messages, all accounts together.
    pub rendering_bytes: u64,
    /// Bytes of what listings need of messages, all accounts together.
    pub outline_bytes: u64,
    /// Seconds for which a password that the upstream accepted is accepted without asking again.
    pub credential_seconds: u64,
    /// Seconds after which an account that nobody uses is shut down.
    pub account_idle_seconds: u64,
    /// Accounts that nobody uses and that are kept open for so long: beyond these, those that were used least lately are shut
    /// down at once.
    pub idle_accounts: usize,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            rendering_bytes: 128 * 1024 * 1024,
            outline_bytes: 32 * 1024 * 1024,
            credential_seconds: 600,
            account_idle_seconds: 900,
            idle_accounts: 500,
        }
    }
}

/// Where large messages lie while they come in.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolConfig {
    /// A directory, which may be in memory (tmpfs). The files in it have no names and are gone with the process.
    pub dir: PathBuf,
    /// Messages up to this many bytes stay in memory.
    pub memory_bytes: usize,
    /// Bytes of all files there at a time. Messages for which there is no room wait, and are refused after
    /// `limits.wait_seconds`.
    pub max_bytes: u64,
    /// The same of one user.
    pub max_bytes_per_user: u64,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self { dir: std::env::temp_dir(), memory_bytes: 128 * 1024, max_bytes: 4 << 30, max_bytes_per_user: 1 << 30 }
    }
}

impl SpoolConfig {
    /// Whether messages can be kept there; blocks.
    ///
    /// # Errors
    /// The directory can't be written.
    pub fn try_out(&self) -> Result<(), ConfigError> {
        let unusable = |error: std::io::Error| {
            let expected = "expected a directory in which the gateway may write";
            ConfigError::invalid("spool.dir", format!("{}: {error}: {expected}", self.dir.display()))
        };
        tempfile::tempfile_in(&self.dir).map(drop).map_err(unusable)
    }

    /// For the servers.
    pub fn shared(&self) -> Arc<mail_core::spool::SpoolConfig> {
        let (directory, memory_bytes) = (self.dir.clone(), self.memory_bytes);
        Arc::new(mail_core::spool::SpoolConfig { directory, memory_bytes })
    }
}

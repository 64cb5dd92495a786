use std::path::PathBuf;

use thiserror::Error;

/// Why a configuration can't be used. Each names the key and what is expected there.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("configuration {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file isn't TOML, or a key or value is wrong.
    #[error("{key}: {problem}")]
    Invalid {
        /// The key's path, e.g. `imap.listener[0].address`.
        key: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// Several of them.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<ConfigError>),
}

impl ConfigError {
    /// A wrong value at `key`.
    pub fn invalid(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { key: key.into(), problem: problem.into() }
    }
}
